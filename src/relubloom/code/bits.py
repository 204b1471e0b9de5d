"""`Code`: one sparse binary hash per token, and the Bloom filter that the hashes make."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relubloom import atomic
from relubloom.code.bit_slices import BitSlices, pack_bits, unpack_bits
from relubloom.errors import FileError, UsageError, as_path, described
from relubloom.reading import read_arrays
from relubloom.shown import Shown

if TYPE_CHECKING:
    from relubloom.task import KSparseTask, SetCollection

Number = TypeVar("Number", bound=np.generic)

CHUNK_BYTES = 1 << 21  # a chunk's words stay in a core's cache
SLICED_VOCAB = 1 << 15  # from here on `slices` decodes a union faster than word by word
SCHEMA_VERSION = 1
MOST_ENTRIES = 1 << 29  # of a code that is read: a byte each


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Code(Shown):
    """The hashes of a vocabulary: bit `bits[t, i]` says whether token t sets unit i.

    Args:
        bits: bool (or 0/1) array [vocab, width].

    Sets are integer ids [batch, set_size]; an id equal to `vocab_size` is padding. Everything
    here is exact integer work on packed 64-bit words.

    Raises:
        UsageError: `bits` is not a 0/1 matrix with at least one token and one unit.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("vocab_size", "width", "weight")

    bits: NDArray[np.bool_]

    def __init__(self, bits: ArrayLike) -> None:
        given = as_given(bits)
        if given.dtype.kind not in "biuf":
            raise UsageError(
                f"code is {described(bits)}: give a 0/1 matrix [vocab, width]; "
                "rb.extract_code(net) reads a network's"
            )
        if given.ndim != 2 or 0 in given.shape:
            raise UsageError(
                f"code has shape {given.shape}: it needs at least one token (row) and one unit "
                "(column); give a 0/1 matrix [vocab, width]"
            )
        if not is_binary(given):
            raise UsageError("code holds values other than 0 and 1; give a 0/1 matrix")
        object.__setattr__(self, "bits", frozen(given.astype(np.bool_)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies are made anew, so that theirs are frozen too."""
        return Code, (self.bits,)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, N."""
        return self.bits.shape[0]

    @property
    def width(self) -> int:
        """Number of units, d."""
        return self.bits.shape[1]

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """Bits per token, int64 [vocab]."""
        return frozen(self.bits.sum(1, dtype=np.int64))

    @cached_property
    def packed(self) -> NDArray[np.uint64]:
        """The hashes as little-endian 64-bit words, uint64 [vocab, words]."""
        return frozen(pack_bits(self.bits))

    def union(self, sets: ArrayLike) -> NDArray[np.bool_]:
        """Union of the hashes of each set's tokens, bool [batch, width]."""
        return unpack_bits(self.packed_unions(self.checked(sets)), self.width)

    @cached_property
    def slices(self) -> BitSlices:
        """The hashes unit by unit, which finds covered tokens among very many."""
        return BitSlices(self.bits, self.packed)

    def decode(self, sets: ArrayLike) -> NDArray[np.bool_]:
        """Tokens whose every bit is in the union, members and false positives: bool [batch, vocab].

        Cost: O(batch vocab width / 64).
        """
        return self.decode_unions(self.union(sets))

    def decode_unions(self, unions: ArrayLike) -> NDArray[np.bool_]:
        """Tokens covered by each given union (bool [batch, width]), bool [batch, vocab].

        `code.slices.each(unions)` gives the ids alone, without an array of batch x vocab.

        Raises:
            UsageError: they are no such array.
        """
        given = self.checked_unions(unions)
        if self.vocab_size < SLICED_VOCAB:
            return self._covered(pack_bits(given))
        covered = np.zeros((len(given), self.vocab_size), dtype=np.bool_)
        for row, tokens in zip(covered, self.slices.each(given), strict=True):
            row[tokens] = True
        return covered

    def missing_bits(self, sets: ArrayLike) -> NDArray[np.int64]:
        """Bits of each token outside the union of each set, int64 [batch, vocab]."""
        outside = ~self.packed_unions(self.checked(sets))
        missing = np.zeros((len(outside), self.vocab_size), dtype=np.int64)
        for word in range(outside.shape[1]):
            missing += np.bitwise_count(self.packed[:, word] & outside[:, word, None])
        return missing

    def false_positives(self, sets: ArrayLike | SetCollection | KSparseTask) -> NDArray[np.int64]:
        """Number of covered non-members of each set, int64 [batch].

        Of a task these are its `evaluation_sets()`; a set of several copies stands there as often,
        so that a mean counts them. A token listed twice in a set counts once.

        Cost: O(batch vocab width / 64) word operations, in chunks that fit a cache.
        """
        ids = self.checked_sets(sets)
        members = distinct_tokens(ids, self.vocab_size)
        counts = np.empty(len(ids), dtype=np.int64)
        size = max(1, CHUNK_BYTES // (8 * self.vocab_size))
        for chunk in (slice(start, start + size) for start in range(0, len(ids), size)):
            packed = self.packed_unions(ids[chunk])
            if self.vocab_size < SLICED_VOCAB:
                counts[chunk] = np.count_nonzero(self._covered(packed), axis=1)
            else:
                unions = unpack_bits(packed, self.width)
                counts[chunk] = [len(tokens) for tokens in self.slices.each(unions)]
        return counts - members

    def save(self, path: Path | str) -> None:
        """Write the code as `.npz` (packed bits and width), atomically."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            packed_bits=np.packbits(self.bits, axis=1),
            width=np.int64(self.width),
            schema_version=np.int64(SCHEMA_VERSION),
        )
        atomic.write_bytes(as_path("path", path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> Code:
        """Read a code written by `save`; nothing in the file is executed.

        Raises:
            FileError: the file is missing or is no such archive.
        """
        with stored_code(path) as arrays:
            if "strengths" in arrays:
                raise FileError(
                    f"{path} holds a code of several strengths; read it with GradedCode.load"
                )
            check_version(path, arrays, SCHEMA_VERSION)
            packed, width = arrays["packed_bits"], stored_number(arrays, "width")
            if packed.ndim != 2 or not 8 * packed.shape[1] - 8 < width <= 8 * packed.shape[1]:
                raise ValueError(f"width {width} beside packed bits of shape {packed.shape}")
            check_entries(path, len(packed), width)
            return cls(np.unpackbits(packed, axis=1, count=width).view(np.bool_))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Code):
            return NotImplemented
        return self.bits.shape == other.bits.shape and bool((self.bits == other.bits).all())

    def __hash__(self) -> int:
        return hash((self.bits.shape, self.bits.tobytes()))

    @property
    def weight(self) -> str:
        """Bits per token in words, as mean ± standard deviation; `weights` has each token's."""
        return f"{self.weights.mean():.2f} ± {self.weights.std():.2f}"

    def _picture(self) -> NDArray[np.int8]:
        return -self.bits.astype(np.int8)

    def checked(self, sets: ArrayLike) -> NDArray[np.int64]:
        """The sets as ids, int64 [batch, set_size].

        Raises:
            UsageError: they are no sets of ids or padding.
        """
        from relubloom.task import as_ids  # here: it loads torch, which a code does without

        return as_ids(sets, self.vocab_size).cpu().numpy()

    def checked_sets(self, sets: ArrayLike | SetCollection | KSparseTask) -> NDArray[np.int64]:
        """As `checked`; of a task or a collection each set as often as it counts."""
        from relubloom.task import all_ids

        return all_ids(sets, self.vocab_size).cpu().numpy()

    def checked_unions(self, unions: ArrayLike) -> NDArray[np.bool_]:
        """The unions as an array, bool [batch, width].

        Raises:
            UsageError: they are no such array.
        """
        given = as_given(unions)
        if given.ndim != 2 or given.shape[1] != self.width or not is_binary(given):
            raise UsageError(
                f"unions are {described(unions)}: they must be bool [batch, {self.width}]; "
                "make them with Code.union"
            )
        return given.astype(np.bool_)

    @cached_property
    def _packed_with_padding(self) -> NDArray[np.uint64]:
        empty = np.zeros((1, self.packed.shape[1]), dtype=np.uint64)
        return np.concatenate([self.packed, empty])

    def _covered(self, packed: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Each token against each packed union, word by word: bool [batch, vocab]."""
        covered = np.ones((len(packed), self.vocab_size), dtype=np.bool_)
        for word in range(packed.shape[1]):
            covered &= (self.packed[:, word] & ~packed[:, word, None]) == 0
        return covered

    def packed_unions(self, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Unions of sets known to be ids, as words: uint64 [batch, words]."""
        unions = np.zeros((len(ids), self.packed.shape[1]), dtype=np.uint64)
        for column in range(ids.shape[1]):
            unions |= np.take(self._packed_with_padding, ids[:, column], axis=0)
        return unions


def as_given(value: Any) -> NDArray[Any]:
    """An array or a tensor as an array; one of no numbers where it is neither and no lists."""
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):  # a type that NumPy lacks, ragged rows, no data
        return np.empty(0, dtype=object)


def is_binary(array: NDArray[Any]) -> bool:
    """Whether it holds 0 and 1, or false and true, alone."""
    kind = array.dtype.kind
    return kind == "b" or (kind in "uif" and bool(np.isin(array, (0, 1)).all()))


def frozen(array: NDArray[Number]) -> NDArray[Number]:
    """The array itself, which nobody can change any more."""
    array.flags.writeable = False
    return array


@contextmanager
def stored_code(path: Path | str) -> Generator[dict[str, NDArray[Any]]]:
    """The arrays of a code's file; what goes wrong with them is a FileError of one line."""
    path = as_path("path", path)
    try:
        yield read_arrays(path, MOST_ENTRIES)
    except FileNotFoundError:
        raise FileError(f"{path} is not there; `relubloom examine` writes it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"no {error} in it" if isinstance(error, KeyError) else error
        raise FileError(f"{path} is not a code ({said}); remake it with `examine`") from None


def stored_number(arrays: dict[str, NDArray[Any]], name: str) -> int:
    """A whole number of a code's file."""
    value = arrays[name]
    if value.shape or value.dtype.kind not in "iu":
        raise ValueError(f"{name} is {described(value)}")
    return int(value)


def check_version(path: Path | str, arrays: dict[str, NDArray[Any]], newest: int) -> None:
    """Refuse schemas that there are not.

    Raises:
        FileError: the version is not in 1..newest.
    """
    version = stored_number(arrays, "schema_version")
    if not 1 <= version <= newest:
        remedy = "install a newer relubloom" if version > newest else "remake it with `examine`"
        raise FileError(
            f"{path} has schema_version {version}: this relubloom reads 1 to {newest}; {remedy}"
        )


def check_entries(path: Path | str, vocab_size: int, width: int) -> None:
    """Refuse a code that unpacks to more than is read.

    Raises:
        FileError: it has more than `MOST_ENTRIES` pairs of a token and a unit.
    """
    if vocab_size * width > MOST_ENTRIES:
        raise FileError(
            f"{path} holds a code of {vocab_size:,} tokens and {width:,} units: at most "
            f"{MOST_ENTRIES:,} entries are read; give a smaller one"
        )


def distinct_tokens(ids: NDArray[np.int64], padding: int) -> NDArray[np.int64]:
    """Number of distinct non-padding ids of each set, int64 [batch]."""
    ordered = np.sort(ids, axis=1)
    fresh = ordered != padding
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    return fresh.sum(1, dtype=np.int64)
