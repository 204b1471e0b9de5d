"""Covered tokens by table: eight units of the union at a time."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bit_slices import WORD, pack_bits, unpack_bits
from relubloom.code.bits import Code, distinct_tokens

OCTET = 8


class CoverTable:
    """For each octet of units and each of its 256 states, the tokens with a bit outside it.

    A token is covered when no octet has a bit of it outside the union, so a set costs one row of
    packed tokens per octet, where testing each token costs words per token (the method of four
    Russians). For many sets it is some ten times as fast as `Code.false_positives`, which needs
    no table.

    Memory: 4 width vocab bytes. Cost of making it: about that many byte operations.
    """

    def __init__(self, code: Code) -> None:
        self._code, self._vocab_size = code, code.vocab_size
        octets = -(-code.width // OCTET)
        units = np.zeros((octets * OCTET, code.vocab_size), dtype=np.bool_)
        units[: code.width] = code.bits.T
        holders = pack_bits(units)
        states = np.arange(1 << OCTET)
        self._outside = np.zeros((octets, len(states), holders.shape[1]), dtype=np.uint64)
        for unit, tokens in enumerate(holders):
            self._outside[unit // OCTET, (states >> unit % OCTET) & 1 == 0] |= tokens

    def covered(self, sets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of covered tokens, members among them, of each set: int64 [batch].

        Sets are ids [batch, set_size]; an id equal to vocab_size is padding.
        Cost: batch width vocab / 512 word operations.
        """
        unions = self._code.packed_unions(sets)
        outside = self._having_bits_outside(unions.astype("<u8").view(np.uint8))
        words = np.bitwise_count(outside).astype(np.float32)  # exact: a GEMM adds them up fastest
        uncovered = words @ np.ones(words.shape[1], dtype=np.float32)
        return self._vocab_size - uncovered.astype(np.int64)

    def false_positives(self, sets: NDArray[np.int64]) -> NDArray[np.int64]:
        """As `Code.false_positives`, int64 [batch]; sets and cost as `covered`."""
        return self.covered(sets) - distinct_tokens(sets, self._vocab_size)

    def decoded(self, unions: NDArray[np.bool_]) -> NDArray[np.uint64]:
        """The covered tokens of unions (bool [batch, width]) as bits of words: [batch, words].

        Cost: as `covered`; `bit_slices.unpack_bits` unpacks it.
        """
        covered = np.invert(self._having_bits_outside(_octets(unions)))
        covered[:, -1] &= np.uint64((1 << (self._vocab_size - 1) % WORD + 1) - 1)
        return covered

    def listed(self, unions: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The covered tokens of unions (bool [batch, width]): rows of the batch, and tokens.

        Ordered by row, then token. Cost: as `covered`, and batch vocab byte operations.
        """
        outside = self._having_bits_outside(_octets(unions))
        covered = np.flatnonzero(unpack_bits(np.invert(outside, out=outside), self._vocab_size))
        return np.divmod(covered, self._vocab_size)

    def _having_bits_outside(self, octets: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Packed tokens with a bit outside unions given as octets: uint64 [batch, words]."""
        states = octets.astype(np.intp)
        outside = np.zeros((len(octets), self._outside.shape[2]), dtype=np.uint64)
        for octet, table in enumerate(self._outside):
            outside |= np.take(table, states[:, octet], axis=0)
        return outside


def _octets(unions: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(unions, axis=1, bitorder="little")
