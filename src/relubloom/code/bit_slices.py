"""Bits in 64-bit words; and a code turned on its side: bitmaps of the tokens that have a bit."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Bits = NDArray[np.bool_]
Words = NDArray[np.uint64]

WORD = 64
QUAD = 4  # units to a table: eight would halve the rows to OR, at eight times the memory
STATES = 1 << QUAD
BLOCK = 1 << 16  # tokens to a block: the rows that a union needs stay in a core's second cache
ENOUGH = math.log(256)  # a sieve leaves one token in 256 to the packed hashes


def pack_bits(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack bool [rows, width] into uint64 [rows, ceil(width / 64)], bit i in word i // 64."""
    words = -(-bits.shape[1] // WORD)
    padded = np.zeros((len(bits), words * WORD), dtype=np.bool_)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def unpack_bits(packed: NDArray[np.uint64], width: int) -> NDArray[np.bool_]:
    """The inverse of `pack_bits`."""
    octets = np.ascontiguousarray(packed.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=width, bitorder="little").view(np.bool_)


class BitSlices:
    """Finds, among many tokens, those that a union covers.

    For each four units and each subset of them it holds the bitmap of the tokens with a bit
    there. A token is covered when no unit outside the union has it, so the complement of an OR of
    such bitmaps is the answer: 64 tokens to a word, and no product. A part of the units settles
    most tokens: the OR takes the fullest bitmaps, until they should leave one token in 256 open,
    and the packed hashes of these decide.

    Args:
        bits: bool [vocab, width].
        packed: the same as words, `pack_bits(bits)`.
        block: tokens to a block.
        enough: the bitmaps taken should leave a share of e^-enough to the packed hashes.

    Memory: vocab width / 2 bytes, beside `packed`. For batches of sets of a small vocabulary
    `CoverTable` is quicker.
    """

    def __init__(
        self, bits: Bits, packed: Words, block: int = BLOCK, enough: float = ENOUGH
    ) -> None:
        self._vocab_size = len(bits)
        self._packed, self._block, self._enough = packed, block, enough
        with np.errstate(divide="ignore"):  # a unit whose bit every token has settles them all
            thinning = -np.log1p(-bits.mean(0))
        quads = -(-bits.shape[1] // QUAD)
        self._first = np.arange(quads) * STATES
        self._losses = np.zeros(quads * STATES)  # ln of the share of tokens not in the row
        for unit, thinned in enumerate(thinning):
            self._losses[_rows_with(unit)] -= thinned
        self._tables = [_table(bits[start : start + block]) for start in range(0, len(bits), block)]

    def covered(self, union: Bits) -> Ids:
        """The tokens with no bit outside the union (bool [width]), ascending.

        Cost: rows vocab / 64 word operations, `rows` about 2 over the density of the code (one
        for each four units, where they are fewer); then width / 64 for each token still open.
        """
        outside = pack_bits(~union[None])[0]
        rows = self._first + _states(outside, len(self._first))
        losses = self._losses.take(rows)
        fullest_first = losses.argsort(kind="stable")
        enough = np.add.accumulate(-losses[fullest_first]).searchsorted(self._enough) + 1
        sieve = rows.take(fullest_first[:enough])
        parts = [self._open(place, sieve) for place in range(len(self._tables))]
        tokens = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if enough >= len(rows):
            return tokens
        hashes = self._packed.take(tokens, axis=0)
        hashes &= outside
        return tokens[~hashes.any(1)]

    def each(self, unions: Bits) -> Iterator[Ids]:
        """`covered` of each union of a batch (bool [batch, width]), one at a time."""
        return map(self.covered, unions)

    def _open(self, place: int, rows: NDArray[np.intp]) -> Ids:
        """The tokens of a block that are in none of the rows."""
        held = np.bitwise_or.reduce(self._tables[place].take(rows, axis=0), axis=0)
        start = place * self._block
        tokens = min(self._block, self._vocab_size - start)
        return np.flatnonzero(unpack_bits(~held[None], tokens)[0]) + start


def _rows_with(unit: int) -> NDArray[np.intp]:
    """Rows of the table whose subset of four units holds this one."""
    states = np.arange(STATES)
    return unit // QUAD * STATES + states[(states >> unit % QUAD) & 1 == 1]


def _table(bits: Bits) -> Words:
    """The table of a block of tokens, [quads x 16, words]."""
    columns = pack_bits(bits.T)
    table = np.zeros((-(-len(columns) // QUAD) * STATES, columns.shape[1]), dtype=np.uint64)
    for unit, tokens in enumerate(columns):
        table[_rows_with(unit)] |= tokens
    return table


def _states(words: Words, quads: int) -> NDArray[np.intp]:
    """Which of its four units each quad has among the packed ones, as a number from 0 to 15."""
    octets = words.astype("<u8", copy=False).view(np.uint8)
    states = np.empty(2 * len(octets), dtype=np.intp)
    np.bitwise_and(octets, STATES - 1, out=states[::2])
    np.right_shift(octets, QUAD, out=states[1::2])
    return states[:quads]
