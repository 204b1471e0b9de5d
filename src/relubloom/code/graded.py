"""`GradedCode`: bits of several strengths, and the graded Bloom filter that they make.

A unit is in state 0 when no token of a set has a bit there, in the bit's strength when one has,
and in state L, the largest strength, when two or more have. A token is covered when every unit is
in a state of at least the token's strength there. With L = 1 this is a Bloom filter.

Each strength has a *layer* of its own, a row of d places for "the state is at least this". A bit
asks for one place only, in the layer of its strength. So a graded code decodes as a `Code` of L d
units does, and everything that finds covered tokens for a `Code` does so here.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relubloom import atomic
from relubloom.code.bit_slices import pack_bits, unpack_bits
from relubloom.code.bits import (
    Code,
    as_given,
    check_version,
    distinct_tokens,
    frozen,
    stored_code,
    stored_number,
)
from relubloom.errors import UsageError, as_path, whole
from relubloom.shown import Shown

if TYPE_CHECKING:
    from relubloom.task import KSparseTask, SetCollection

MOST_LEVELS = 255
SCHEMA_VERSION = 2  # of code.npz; 1 holds the bits of a `Code`
CHUNK_PAIRS = 1 << 24  # (set, token) pairs decoded at a time


@dataclass(frozen=True, eq=False, init=False, repr=False)
class GradedCode(Shown):
    """The hashes of a vocabulary: `strengths[t, i]` is the strength of token t's bit in unit i.

    Args:
        strengths: integers 0 to `levels` [vocab, width], kept as uint8: 0 no bit; with two levels
            1 is a half bit and 2 a full bit. A bool array has full bits only.
        levels: the largest strength, L; by default the largest that occurs, at least 1.

    Sets are as for `Code`: ids [batch, set_size], `vocab_size` is padding, and a token listed
    twice counts once.

    Raises:
        UsageError: the strengths are no matrix of whole numbers in 0..levels, or `levels` is not
            in 1..255.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("vocab_size", "width", "bits_by_strength")

    strengths: NDArray[np.uint8]
    levels: int

    def __init__(self, strengths: ArrayLike, levels: int | None = None) -> None:
        given = as_given(strengths)
        if given.ndim != 2 or 0 in given.shape:
            raise UsageError(
                f"strengths have shape {given.shape}: a code needs at least one token (row) and "
                "one unit (column); give a matrix [vocab, width]"
            )
        if given.dtype.kind not in "bui":
            raise UsageError(
                f"strengths are of type {given.dtype}: they are whole numbers; give uint8"
            )
        largest = max(1, int(given.max())) if levels is None else whole("levels", levels)
        if not 1 <= largest <= MOST_LEVELS:
            name = "the largest strength" if levels is None else "levels"
            raise UsageError(f"{name} is {largest}: a code has 1 to {MOST_LEVELS}; give fewer")
        wrong = given[(given < 0) | (given > largest)]
        if wrong.size:
            raise UsageError(
                f"a strength is {wrong[0]}: with {largest} levels strengths are 0 to {largest}; "
                "mend it or raise levels"
            )
        object.__setattr__(self, "strengths", frozen(given.astype(np.uint8)))
        object.__setattr__(self, "levels", largest)

    def __reduce__(self) -> tuple[Any, ...]:
        """As `Code`."""
        return GradedCode, (self.strengths, self.levels)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, N."""
        return self.strengths.shape[0]

    @property
    def width(self) -> int:
        """Number of units, d."""
        return self.strengths.shape[1]

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """Bits per token, of any strength, int64 [vocab]."""
        return frozen((self.strengths > 0).sum(1, dtype=np.int64))

    @cached_property
    def bits(self) -> NDArray[np.bool_]:
        """Where a token has a bit of any strength, bool [vocab, width]."""
        return frozen(self.strengths > 0)

    def of_strength(self, strength: int) -> NDArray[np.int64]:
        """Bits of exactly this strength per token, int64 [vocab]."""
        return (self.strengths == whole("strength", strength)).sum(1, dtype=np.int64)

    @cached_property
    def layers(self) -> Code:
        """What each bit asks for, a `Code` of L d units in which strength s has (s - 1) d + i."""
        asked = [self.strengths == strength for strength in range(1, self.levels + 1)]
        return Code(np.concatenate(asked, axis=1))

    def states(self, sets: ArrayLike) -> NDArray[np.uint8]:
        """State of each unit on each set, 0..L: uint8 [batch, width]."""
        reached = self.reached(sets).reshape(-1, self.levels, self.width)
        return reached.sum(1, dtype=np.uint8)

    def reached(self, sets: ArrayLike) -> NDArray[np.bool_]:
        """The places that each set reaches, bool [batch, levels * width]: the union of `layers`.

        Place (s - 1) d + i is true where unit i is in a state of at least s. With two levels the
        first d say *covered or half*, the last d *covered*. What takes a union of a `Code`
        (`decode_unions`, `slices.each`) takes these for `layers`.

        Cost: O(batch set_size (levels + 1) width / 64), and batch levels width bytes.
        """
        ids = _without_repeats(self.layers.checked(sets), self.vocab_size)
        words = self._at_least.shape[2]
        reached = np.zeros((len(ids), self.levels, words), dtype=np.uint64)
        several = np.zeros((len(ids), 1, words), dtype=np.uint64)
        for column in range(ids.shape[1]):
            member = np.take(self._at_least, ids[:, column], axis=0)
            several |= reached[:, :1] & member[:, :1]
            reached |= member
        reached |= several
        flat = unpack_bits(reached.reshape(-1, words), self.width)
        return flat.reshape(len(ids), self.levels * self.width)

    def decode(self, sets: ArrayLike) -> NDArray[np.bool_]:
        """Tokens that come out, members and false positives: bool [batch, vocab].

        Cost: O(batch vocab levels width / 64).
        """
        return self.layers.decode_unions(self.reached(sets))

    def missing_bits(self, sets: ArrayLike) -> NDArray[np.int64]:
        """Bits of each token whose unit is in a lower state, int64 [batch, vocab]."""
        outside = (~self.reached(sets)).astype(np.float32)  # float32: BLAS, exact on small counts
        return (outside @ self.layers.bits.T.astype(np.float32)).astype(np.int64)

    def false_positives(self, sets: ArrayLike | SetCollection | KSparseTask) -> NDArray[np.int64]:
        """Number of covered non-members of each set, int64 [batch]; sets are those of
        `Code.false_positives`. Cost: as `decode`."""
        ids = self.layers.checked_sets(sets)
        counts = np.empty(len(ids), dtype=np.int64)
        size = max(1, CHUNK_PAIRS // self.vocab_size)
        for start in range(0, len(ids), size):
            chunk = slice(start, start + size)
            counts[chunk] = np.count_nonzero(self.decode(ids[chunk]), axis=1)
        return counts - distinct_tokens(ids, self.vocab_size)

    def save(self, path: Path | str) -> None:
        """Write the code as `.npz` (strengths and levels), atomically."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            strengths=self.strengths,
            levels=np.int64(self.levels),
            schema_version=np.int64(SCHEMA_VERSION),
        )
        atomic.write_bytes(as_path("path", path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> GradedCode:
        """Read a code written by `save`, or by `Code.save` (one level); nothing is executed.

        Raises:
            FileError: the file is missing or is no such archive.
        """
        with stored_code(path) as arrays:
            if "strengths" not in arrays:
                return cls(Code.load(path).bits)
            check_version(path, arrays, SCHEMA_VERSION)
            return cls(arrays["strengths"], stored_number(arrays, "levels"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GradedCode):
            return NotImplemented
        return self.levels == other.levels and np.array_equal(self.strengths, other.strengths)

    def __hash__(self) -> int:
        return hash((self.levels, self.strengths.shape, self.strengths.tobytes()))

    @property
    def bits_by_strength(self) -> str:
        """Mean bits per token, as `2.10 of 1, 3.55 of 2`."""
        return ", ".join(
            f"{self.of_strength(strength).mean():.2f} of {strength}"
            for strength in range(1, self.levels + 1)
        )

    def _picture(self) -> NDArray[np.int64]:
        return -self.strengths.astype(np.int64)

    @cached_property
    def _at_least(self) -> NDArray[np.uint64]:
        """Each token's own state in words, the last row padding: [vocab + 1, levels, words]."""
        padded = np.concatenate([self.strengths, np.zeros((1, self.width), np.uint8)])
        rows = [pack_bits(padded >= strength) for strength in range(1, self.levels + 1)]
        return np.stack(rows, axis=1)


def as_graded(code: Code | GradedCode) -> GradedCode:
    """The code itself, or a `Code` as one whose bits are all full."""
    return code if isinstance(code, GradedCode) else GradedCode(code.bits)


def _without_repeats(ids: NDArray[np.int64], padding: int) -> NDArray[np.int64]:
    """The sets with each token once, in order, and padding for what was repeated."""
    ordered = np.sort(ids, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = padding
    return ordered
