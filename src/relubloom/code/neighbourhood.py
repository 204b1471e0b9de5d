"""All one-bit changes of one hash at once, each with its exact effect on the false positives.

For every token s a table holds, for every part M of s's bits, how many sets of j other tokens
cover M (j below set_size). A change of token t's hash then moves the count of s by a difference
of two entries, and t's own count follows from one histogram of traces per unit. Nothing is
approximated: counts are integers in float64, exact below 2**53.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.traces import Tables, avoiding_tables, counter_type, subset_sums, traces_on
from relubloom.errors import UsageError

TABLE_BYTES = 1 << 30  # refuse to hold larger tables
CHUNK_ENTRIES = 1 << 14  # table entries moved together, to stay in a core's cache

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Neighbourhood:
    """A code under change, with its covering tables.

    Args:
        code: where to start.
        set_size: tokens per set, at least 1.
        max_weight: no hash may grow beyond it; at least the code's heaviest.

    Memory: 8 vocab (set_size - 1) 2**max_weight bytes.

    Raises:
        UsageError: the tables would exceed one GiB.
    """

    def __init__(self, code: Code, set_size: int, max_weight: int) -> None:
        needed = 8 * code.vocab_size * max(1, set_size - 1) << max_weight
        if needed > TABLE_BYTES:
            raise UsageError(
                f"hashes of weight up to {max_weight} need {needed / 2**30:.1f} GiB of covering "
                f"tables: the search holds up to {TABLE_BYTES / 2**30:.0f} GiB; "
                "lower the weight, the set size or the vocabulary"
            )
        self.bits: NDArray[np.bool_] = code.bits.copy()
        self.vocab_size: int = code.vocab_size
        self.width: int = code.width
        self.set_size = set_size
        self.max_weight = max_weight
        self._choose = [
            np.array([float(math.comb(n, size)) for n in range(self.vocab_size + 1)])
            for size in range(set_size + 1)
        ]
        self._units = np.full((self.vocab_size, max_weight), self.width)
        self._tables = np.zeros((set_size, self.vocab_size, 1 << max_weight))
        self._tables[0, :, 0] = 1  # the empty set covers the empty part only
        for token in range(self.vocab_size):
            self._rebuild(token)
        self.total = sum(self._own(token) for token in range(self.vocab_size))

    def units(self, token: int) -> Ints:
        """The units of a token's hash, ascending."""
        return np.flatnonzero(self.bits[token])

    def changes(self, token: int) -> Floats:
        """Change of the total for every one-bit change of a hash, [weight + 1, width + 1].

        Row i drops the hash's i-th unit (the last row none), column j adds unit j (the last
        column none). Entries that are no change or are not allowed are infinite.

        Cost: O(vocab weight + load weight**2 + width weight 2**weight), `load` tokens per unit.
        """
        held = self.units(token)
        effect = self._effect_on_others(token, held) + self._effect_on_itself(token, held)
        effect -= effect[-1, -1]
        effect[:, held] = np.inf
        effect[-1, -1] = np.inf
        if len(held) == self.max_weight:
            effect[-1] = np.inf
        return effect

    def apply(self, token: int, drop: int | None, add: int | None, change: float) -> None:
        """Drop a unit from a hash, add another, and record the total's change.

        Cost: O(touched set_size 2**max_weight), `touched` the tokens with either unit.
        """
        moved = [unit for unit in (drop, add) if unit is not None]
        touched = np.flatnonzero(self.bits[:, moved].any(1))
        touched = touched[touched != token]
        before = self._traces(token, touched)
        if drop is not None:
            self.bits[token, drop] = False
        if add is not None:
            self.bits[token, add] = True
        after = self._traces(token, touched)
        step = max(1, CHUNK_ENTRIES >> self.max_weight)
        for start in range(0, len(touched), step):
            part = slice(start, start + step)
            self._exchange(touched[part], before[part], after[part])
        self._rebuild(token)
        self.total += change

    def _traces(self, token: int, rows: Ints) -> Ints:
        """The token's trace on each row's bits."""
        padded = np.append(self.bits[token], False)
        return padded[self._units[rows]] @ (1 << np.arange(self.max_weight))

    def _covering(self, size: int, rows: Ints, parts: Ints, traces: Ints) -> Floats:
        """Sets of `size` others, the moving token left out, that cover `parts` of `rows`' bits."""
        if size == 0:
            return (parts == 0).astype(np.float64)
        with_token = self._covering(size - 1, rows, parts & ~traces, traces)
        return self._tables[size, rows, parts] - with_token

    def _effect_on_others(self, token: int, held: Ints) -> Floats:
        """Covering sets that hold the token, over all other tokens, for each changed hash."""
        width = self.width
        everyone = np.delete(np.arange(self.vocab_size), token)
        units = self._units[everyone]
        traces = self._traces(token, everyone)
        weights = self.bits[everyone].sum(1)
        lacking = ((1 << weights) - 1) & ~traces
        erasing = ~np.append(1 << np.arange(self.max_weight), 0)  # last column: add no unit
        size = self.set_size - 1
        kept = self._covering(
            size, everyone[:, None], lacking[:, None] & erasing, traces[:, None]
        )  # (vocab - 1, max_weight + 1)
        effect = np.zeros((len(held) + 1, width + 1))
        effect += kept[:, -1].sum()
        effect += np.bincount(units.ravel(), (kept[:, :-1] - kept[:, -1:]).ravel(), width + 1)
        row, place = np.nonzero(self.bits[np.ix_(everyone, held)])
        if len(row):
            local = (units[row] == held[place, None]).argmax(1)
            wider = (lacking[row] | (1 << local))[:, None] & erasing
            dropped = self._covering(size, everyone[row, None], wider, traces[row, None])
            dropped -= kept[row]
            base = np.bincount(place, dropped[:, -1], len(held))
            effect[:-1] += base[:, None]
            cell = place[:, None] * (width + 1) + units[row]
            spread = (dropped[:, :-1] - dropped[:, -1:]).ravel()
            effect[:-1] += np.bincount(cell.ravel(), spread, len(held) * (width + 1)).reshape(
                len(held), width + 1
            )
        return effect

    def _effect_on_itself(self, token: int, held: Ints) -> Floats:
        """Sets that cover each changed hash of the token, [weight + 1, width + 1]."""
        avoiding, choose = self._avoiding(held), self._choose[self.set_size]
        everyone = choose[avoiding]
        having = self._avoiding_with_unit(token, held)
        terms = everyone - choose[avoiding - having]  # some token has the added unit
        terms = np.concatenate([terms, everyone[None]])
        return (terms @ _signs(len(held))).T

    def _own(self, token: int) -> float:
        held = self.units(token)
        return float(self._choose[self.set_size][self._avoiding(held)] @ _signs(len(held))[:, -1])

    def _avoiding(self, held: Ints) -> Tables:
        """Tokens, but the one that holds `held`, whose trace on it lies in M: [2**weight]."""
        return avoiding_tables(self.bits.T.view(np.uint8), held[None])[0]

    def _avoiding_with_unit(self, token: int, held: Ints) -> Tables:
        """Of the other tokens whose trace lies in M, those with each unit: [width, 2**weight]."""
        entries = 1 << len(held)
        traces = traces_on(self.bits.T.view(np.uint8), held[None])[0]
        having, unit = np.nonzero(self.bits)
        having, unit = having[having != token], unit[having != token]
        counts = np.bincount(unit * entries + traces[having], minlength=self.width * entries)
        tables = counts.reshape(-1, entries).astype(counter_type(self.vocab_size))
        subset_sums(tables)
        return tables

    def _rebuild(self, token: int) -> None:
        """Make the token's own covering tables from its bits."""
        held = self.units(token)
        weight = len(held)
        self._units[token] = self.width
        self._units[token, :weight] = held
        avoiding = self._avoiding(held)
        signs = _signs(weight)[:, -1][::-1]
        for size in range(1, self.set_size):
            terms = signs * self._choose[size][avoiding[::-1]]  # entry J: tokens avoiding J
            _float_subset_sums(terms)
            self._tables[size, token, : len(terms)] = terms

    def _exchange(self, rows: Ints, before: Ints, after: Ints) -> None:
        """Let a token leave with one trace per row and come back with another."""
        entries = 1 << self.max_weight
        first = np.arange(len(rows))[:, None] * entries
        parts = np.arange(entries)
        left = (parts & ~before[:, None]) + first
        joined = (parts & ~after[:, None]) + first
        tables = [self._tables[size, rows] for size in range(self.set_size)]
        for size in range(1, self.set_size):
            tables[size] -= tables[size - 1].take(left)
        for size in range(self.set_size - 1, 0, -1):
            tables[size] += tables[size - 1].take(joined)
            self._tables[size, rows] = tables[size]


@lru_cache(maxsize=32)
def _signs(weight: int) -> Floats:
    """Signs of inclusion-exclusion, [2**weight, weight + 1], for entry M (J is its complement).

    Column i keeps the entries whose J spares bit i (the hash without that bit), the last all.
    """
    entries = np.arange(1 << weight)
    odd = (np.bitwise_count(entries) ^ weight) & 1
    sign = np.where(odd, -1.0, 1.0)[:, None]
    spared = (entries[:, None] >> np.arange(weight)) & 1
    return np.concatenate([sign * spared, sign], axis=1, dtype=np.float64)


def _float_subset_sums(table: Floats) -> None:
    for place in range(len(table).bit_length() - 1):
        halves = table.reshape(-1, 2, 1 << place)
        halves[:, 1] += halves[:, 0]
