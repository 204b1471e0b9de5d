"""The code turned on its side: for each unit a bitmap of the tokens that have its bit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from relubloom.code.packing import pack_bits, unpack_bits

Ids = NDArray[np.int64]
Bits = NDArray[np.bool_]

BLOCK = 1 << 16  # tokens to a block: the bitmaps of a sieve's units fit a core's second cache
OPEN_SHARE = 1 / 256  # tokens a sieve leaves open: testing one costs as much as 256 bits of a slice


class BitSlices:
    """Finds the covered tokens of one union among many tokens.

    A token is covered when none of the units outside the union has it in its bitmap, so the
    complement of the OR of those bitmaps is the answer: 64 tokens to a word, and no product. A
    random half of the bits settles most tokens: the OR stops at the units, the fullest first,
    that should leave one token in 256 open, and the packed hashes of these decide.

    Args:
        bits: bool [vocab, width]; `packed`: the same as words, `pack_bits(bits)`.

    Memory: vocab width / 8 bytes, beside `packed`'s as many. For batches of small vocabularies
    `CoverTable` is quicker.
    """

    def __init__(self, bits: Bits, packed: NDArray[np.uint64]) -> None:
        self._vocab_size = len(bits)
        self._packed = packed
        loads = bits.mean(0)
        self._order = np.argsort(-loads, kind="stable")
        with np.errstate(divide="ignore"):  # a unit whose bit every token has settles them all
            self._thinning = -np.log1p(-loads[self._order])
        self._blocks = [
            pack_bits(bits[start : start + BLOCK, self._order].T)
            for start in range(0, len(bits), BLOCK)
        ]

    def covered(self, union: Bits) -> Ids:
        """The tokens with no bit outside the union (bool [width]), ascending.

        Cost: units width vocab / 64 word operations, `units` about ln 256 over the density of the
        code (or all units outside the union, where they are fewer), and for each token that is
        then open width / 64 more.
        """
        outside = np.flatnonzero(~union[self._order])
        settled = np.cumsum(self._thinning[outside])
        sieve = outside[: np.searchsorted(settled, -np.log(OPEN_SHARE)) + 1]
        open_tokens = np.concatenate(
            [self._open(place, sieve) for place in range(len(self._blocks))]
        )
        if len(sieve) == len(outside):
            return open_tokens
        hashes = self._packed.take(open_tokens, axis=0)
        hashes &= pack_bits(~union[None])
        return open_tokens[~hashes.any(1)]

    def each(self, unions: Bits) -> Iterator[Ids]:
        """`covered` of each union of a batch (bool [batch, width]), one at a time."""
        return map(self.covered, unions)

    def _open(self, place: int, units: NDArray[np.intp]) -> Ids:
        """Tokens of a block that have none of the units (as places in the order)."""
        held = np.bitwise_or.reduce(self._blocks[place].take(units, axis=0), axis=0)
        start = place * BLOCK
        tokens = min(BLOCK, self._vocab_size - start)
        return np.flatnonzero(unpack_bits(~held[None], tokens)[0]) + start
