"""Traces: what the other tokens' hashes leave on one token's bits, and the sets that cover it.

The *trace* of token s on token t is s's hash seen only on the units of t's hash, read as an
integer: bit j is set if s has the j-th unit of t. Every exact count needs no more than how many
tokens leave which trace: in a table where the token is light, by branching on its scarcest unit
where it is heavy.
"""

import math

import numpy as np
from numpy.typing import NDArray

Tables = NDArray[np.unsignedinteger]  # uint16 or uint32 counts, as wide as the vocabulary asks
BRANCHING_LIMIT = 1 << 36  # multiply-adds for one token: about a minute
LANES = 8  # bytes in the machine word that several small counters share while being added


def unit_columns(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The transposed code, uint8 [width, vocab]: one contiguous row per unit."""
    return np.ascontiguousarray(bits.T).view(np.uint8)


def traces_on(columns: NDArray[np.uint8], units: NDArray[np.int64]) -> NDArray[np.intp]:
    """Traces of all tokens on several unit lists, intp [batch, vocab].

    Args:
        columns: `unit_columns` of the code.
        units: the units, [batch, weight]; weight at most 62.

    Cost: O(batch vocab weight) byte operations.
    """
    batch, weight = units.shape
    traces = np.zeros((batch, columns.shape[1]), dtype=np.intp)
    for start in range(0, weight, 8):
        octet = np.zeros(traces.shape, dtype=np.uint8)
        for place in range(start, min(start + 8, weight)):
            octet |= columns[units[:, place]] << np.uint8(place - start)
        traces |= octet.astype(np.intp) << start
    return traces


def counter_type(vocab_size: int) -> type[np.uint16] | type[np.uint32]:
    """The smallest unsigned type that counts up to `vocab_size` tokens."""
    return np.uint16 if vocab_size < 1 << 16 else np.uint32


def subset_sums(tables: Tables) -> None:
    """Replace each table by its sums over subsets, in place (the zeta transform).

    Args:
        tables: contiguous [batch, 2**weight]; entry T counts the tokens of trace T. Afterwards
            entry M counts the tokens whose trace is a subset of M. No sum may overflow.

    Counters are added four (or two) at a time inside 64-bit words: no carry crosses from one to
    the next because no sum overflows. Cost: O(batch weight 2**weight) additions.
    """
    flat = tables.reshape(-1)
    lanes = LANES // flat.itemsize
    for place in range(tables.shape[1].bit_length() - 1):
        step = 1 << place
        if step < lanes:
            _add_strided(flat, step)
        elif step < 16 * lanes:  # inner loops this short cost more than striding
            _add_strided(flat.view(np.uint64), step // lanes)
        else:
            halves = flat.view(np.uint64).reshape(-1, 2, step // lanes)
            halves[:, 1] += halves[:, 0]


def avoiding_tables(columns: NDArray[np.uint8], units: NDArray[np.int64]) -> Tables:
    """For each token's units, the other tokens that avoid a part of them: [batch, 2**weight].

    Args:
        columns: `unit_columns` of the code.
        units: the units of some tokens of one weight, [batch, weight].

    Entry M counts the tokens that have none of the units outside M. Cost: as `subset_sums`.
    """
    batch, weight = units.shape
    slots = traces_on(columns, units)
    slots += np.arange(batch)[:, None] << weight
    tables = np.zeros((batch, 1 << weight), dtype=counter_type(columns.shape[1]))
    np.add.at(tables.reshape(-1), slots.reshape(-1), tables.dtype.type(1))
    tables[:, -1] -= 1  # the token itself: its trace on itself is full
    subset_sums(tables)
    return tables


def _add_strided(flat: Tables, step: int) -> None:
    for offset in range(step):
        flat[step + offset :: 2 * step] += flat[offset :: 2 * step]


def covering_sets(rows: NDArray[np.bool_], set_size: int, limit: int = BRANCHING_LIMIT) -> int:
    """Number of sets of `set_size` rows whose union is every column, an exact integer.

    Args:
        rows: bool [tokens, units]: the traces of the other tokens on the token's units.
        set_size: rows per set, at least 0.
        limit: multiply-adds to spend at most.

    Every covering set holds a row that has the scarcest unit; sets are counted by the first such
    row. Sets whose largest traces cannot cover what is left are never visited.

    Cost: O(scarcity**(set_size - 1) tokens units) at worst, `scarcity` the rows with the scarcest
    unit; far less where overlaps are small.

    Raises:
        OverflowError: more than `limit` multiply-adds would be needed.
    """
    return _Branching(limit).count(rows, set_size)


class _Branching:
    """One count under one budget."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def count(self, rows: NDArray[np.bool_], set_size: int) -> int:
        tokens, units = rows.shape
        if units == 0:
            return math.comb(tokens, set_size)
        if set_size == 0 or tokens < set_size:
            return 0
        self._spend(rows.size)
        covered = rows.sum(1)
        if np.partition(covered, -set_size)[-set_size:].sum() < units:
            return 0
        if set_size == 1:
            return int((covered == units).sum())
        scarcest = int(rows.sum(0).argmin())
        having = rows[:, scarcest]
        first, rest = rows[having], rows[~having]
        if set_size == 2:
            return self._pairs(first, rest)
        total = 0
        for place, row in enumerate(first):
            later = np.concatenate([first[place + 1 :], rest])
            total += self.count(later[:, ~row], set_size - 1)
        return total

    def _pairs(self, first: NDArray[np.bool_], rest: NDArray[np.bool_]) -> int:
        """Covering pairs with one row of `first` and one of `rest`, or two of `first`."""
        self._spend(len(first) * (len(first) + len(rest)) * first.shape[1])
        lacking = (~first).astype(np.float32)
        with np.errstate(invalid="ignore"):  # BLAS may compute beyond an array's end, and drop it
            mixed = lacking @ (~rest).astype(np.float32).T  # units that both rows lack
            within = lacking @ lacking.T
        return int((mixed == 0).sum()) + int((np.triu(within == 0, 1)).sum())

    def _spend(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise OverflowError
