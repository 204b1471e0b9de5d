"""Traces: what the other tokens' hashes leave on one token's bits, as integers and their sums.

The *trace* of token s on token t is s's hash seen only on the units of t's hash, read as an
integer: bit j is set if s has the j-th unit of t. Every exact count below needs no more than how
many tokens leave which trace.
"""

import numpy as np
from numpy.typing import NDArray

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


def subset_sums(tables: NDArray[np.uint16 | np.uint32]) -> None:
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


def _add_strided(flat: NDArray[np.uint16 | np.uint32 | np.uint64], step: int) -> None:
    for offset in range(step):
        flat[step + offset :: 2 * step] += flat[offset :: 2 * step]
