"""The code turned on its side: for each unit a bitmap of the tokens that have its bit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammainccinv

from relubloom.code.packing import pack_bits, unpack_bits

Ids = NDArray[np.int64]
Bits = NDArray[np.bool_]
Words = NDArray[np.uint64]

BLOCK = 1 << 16  # tokens to a block: the bitmaps of a sieve's units fit a core's second cache
OPEN_SHARE = 1 / 256  # of the tokens, what a sieve leaves to the packed hashes


class BitSlices:
    """Finds, among many tokens, those that have none (or few) of some units' bits.

    A token is covered when none of the units outside the union has it in its bitmap, so the
    complement of the OR of those bitmaps is the answer: 64 tokens to a word, and no product. A
    part of the units settles most tokens: the OR stops at the units, the fullest first, that
    should leave one token in 256 open, and the packed hashes of these decide.

    Args:
        bits: bool [vocab, width].
        packed: the same as words, `pack_bits(bits)`.

    Memory: vocab width / 8 bytes, beside as many of `packed`. For batches of sets of a small
    vocabulary `CoverTable` is quicker.
    """

    def __init__(self, bits: Bits, packed: Words) -> None:
        self._vocab_size = len(bits)
        self._packed = packed
        loads = bits.mean(0)
        self._fullest_first = np.argsort(-loads, kind="stable")
        with np.errstate(divide="ignore"):  # a unit whose bit every token has settles them all
            self._thinning = -np.log1p(-loads)
        self._blocks = [
            pack_bits(bits[start : start + BLOCK].T) for start in range(0, len(bits), BLOCK)
        ]

    def covered(self, union: Bits) -> Ids:
        """The tokens with no bit outside the union (bool [width]), ascending.

        Cost: units vocab / 64 word operations, `units` about 5.5 over the density of the code
        (all units outside the union, where they are fewer); then, for each token that is still
        open, width / 64.
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

        Cost: as `covered`, with 2 count - 1 operations a word and some 2 (count - 1) over the
        density more units.
        """
        units = self._fullest_first[among[self._fullest_first]]
        enough = gammainccinv(count, OPEN_SHARE)
        sieve = units[: np.searchsorted(np.cumsum(self._thinning[units]), enough) + 1]
        tokens = np.concatenate(
            [self._open(place, sieve, count) for place in range(len(self._blocks))]
        )
        if len(sieve) == len(units):
            return tokens
        hashes = self._packed.take(tokens, axis=0)
        hashes &= pack_bits(among[None])
        if count == 1:
            return tokens[~hashes.any(1)]
        return tokens[np.bitwise_count(hashes).sum(1) < count]

    def expected_share(self, count: int, among: Bits) -> float:
        """About what share of the tokens `having_fewer` finds, were their bits independent."""
        return float(gammaincc(count, self._thinning[among].sum()))

    def _open(self, place: int, units: NDArray[np.intp], count: int) -> Ids:
        """The tokens of a block that have fewer than `count` of the units."""
        columns = self._blocks[place].take(units, axis=0)
        held = np.bitwise_or.reduce(columns, axis=0) if count == 1 else _at_least(count, columns)
        start = place * BLOCK
        tokens = min(BLOCK, self._vocab_size - start)
        return np.flatnonzero(unpack_bits(~held[None], tokens)[0]) + start


def _at_least(count: int, columns: Words) -> Words:
    """Positions that are set in at least `count` of the columns: a vertical unary counter."""
    levels = np.zeros((count, columns.shape[1]), dtype=np.uint64)  # levels[j]: in more than j
    for column in columns:
        for level in range(count - 1, 0, -1):
            levels[level] |= levels[level - 1] & column
        levels[0] |= column
    return levels[-1]
