"""The code turned on its side: bitmaps of the tokens that have a bit among some units."""

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from relubloom.code.packing import pack_bits, unpack_bits

Ids = NDArray[np.int64]
Bits = NDArray[np.bool_]
Words = NDArray[np.uint64]

QUAD = 4  # units to a table: eight would halve the rows to OR, at eight times the memory
STATES = 1 << QUAD
BLOCK = 1 << 16  # tokens to a block: the rows that a union needs stay in a core's second cache
ENOUGH = math.log(256)  # a sieve leaves one token in 256 to the packed hashes


class BitSlices:
    """Finds, among many tokens, those that have none (or few) of some units' bits.

    For each four units and each subset of them it holds the bitmap of the tokens with a bit
    there. A token is covered when no unit outside the union has it, so the complement of an OR of
    such bitmaps is the answer: 64 tokens to a word, and no product. A part of the units settles
    most tokens: the OR takes the fullest bitmaps, until they should leave one token in 256 open,
    and the packed hashes of these decide.

    Args:
        bits: bool [vocab, width].
        packed: the same as words, `pack_bits(bits)`.

    Memory: vocab width / 2 bytes, beside `packed`, and as many as `packed` again once bits are
    counted. For batches of sets of a small vocabulary `CoverTable` is quicker.
    """

    def __init__(self, bits: Bits, packed: Words) -> None:
        self._vocab_size = len(bits)
        self._packed = packed
        with np.errstate(divide="ignore"):  # a unit whose bit every token has settles them all
            self._thinning = -np.log1p(-bits.mean(0))
        quads = -(-bits.shape[1] // QUAD)
        self._first = np.arange(quads) * STATES
        self._losses = np.zeros(quads * STATES)  # ln of the share of tokens not in the row
        for unit, thinning in enumerate(self._thinning):
            self._losses[_rows_with(unit)] -= thinning
        self._blocks = [_block(bits[start : start + BLOCK]) for start in range(0, len(bits), BLOCK)]

    def covered(self, union: Bits) -> Ids:
        """The tokens with no bit outside the union (bool [width]), ascending.

        Cost: rows vocab / 64 word operations, `rows` about 2 over the density of the code (one
        for each four units, where they are fewer); then width / 64 for each token still open.
        """
        return self.having_fewer(1, ~union)

    def each(self, unions: Bits) -> Iterator[Ids]:
        """`covered` of each union of a batch (bool [batch, width]), one at a time."""
        return map(self.covered, unions)

    def having_fewer(self, count: int, among: Bits) -> Ids:
        """The tokens with fewer than `count` of their bits `among` the units, ascending.

        Args:
            count: at least 1.
            among: bool [width].

        Cost: for count 1, as `covered`; else the bits of every token are counted, 3 vocab
        width / 64 word operations.
        """
        words = pack_bits(among[None])[0]
        if count > 1:
            return np.flatnonzero(self._held(words) < count)
        rows = self._first + _states(words, len(self._first))
        losses = self._losses.take(rows)
        fullest_first = losses.argsort(kind="stable")
        enough = np.add.accumulate(-losses[fullest_first]).searchsorted(ENOUGH) + 1
        sieve = rows.take(fullest_first[:enough])
        blocks = [self._open(place, sieve) for place in range(len(self._blocks))]
        tokens = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
        if enough >= len(rows):
            return tokens
        hashes = self._packed.take(tokens, axis=0)
        hashes &= words
        return tokens[~hashes.any(1)]

    def expected_share(self, count: int, among: Bits) -> float:
        """About what share of the tokens `having_fewer` finds, were their bits independent."""
        return float(gammaincc(count, self._thinning[among].sum()))

    def _open(self, place: int, rows: NDArray[np.intp]) -> Ids:
        """The tokens of a block that are in none of the rows."""
        held = np.bitwise_or.reduce(self._blocks[place].take(rows, axis=0), axis=0)
        start = place * BLOCK
        tokens = min(BLOCK, self._vocab_size - start)
        return np.flatnonzero(unpack_bits(~held[None], tokens)[0]) + start

    @cached_property
    def _by_word(self) -> Words:
        """The packed hashes word by word, [words, vocab]."""
        return np.ascontiguousarray(self._packed.T)

    def _held(self, among: Words) -> NDArray[np.uint16]:
        """How many of the units (packed) each token has, [vocab]."""
        held = np.zeros(self._vocab_size, dtype=np.uint16)
        for word, mask in zip(self._by_word, among, strict=True):
            held += np.bitwise_count(word & mask)
        return held


def _rows_with(unit: int) -> NDArray[np.intp]:
    """Rows of the table whose subset of four units holds this one."""
    states = np.arange(STATES)
    return unit // QUAD * STATES + states[(states >> unit % QUAD) & 1 == 1]


def _block(bits: Bits) -> Words:
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
