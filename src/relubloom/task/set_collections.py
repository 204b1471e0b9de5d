"""Collections of sets to evaluate on: all of them, a seeded draw, or a list with copies."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from relubloom.errors import UsageError, check_fits, described, whole
from relubloom.task.sampling import (
    GeneratorName,
    addressed_sets,
    draw_sets,
    seeded_generator,
)
from relubloom.task.sets_file import SetsFile

BLOCK = 4096  # a drawn block is seeded by its number, so chunks of any size see the same sets


class SetCollection(ABC):
    """Sets that can be read in chunks.

    `method` says how they came about: "all" (every set, nothing left out), "drawn" (a seeded
    sample of the source), "held-out" (lines of a file that were never trained on) or "listed"
    (every line of a file, or every set of a list).
    """

    method: str

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(map(_alike, vars(self).values(), vars(other).values()))

    def __hash__(self) -> int:
        return hash((type(self), self.method))

    @property
    @abstractmethod
    def source(self) -> str:
        """What they are sets of, "uniform", "zipf", "file", or "given" in Python."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def chunk(self, start: int, stop: int) -> Int64[Tensor, "batch set_size"]:
        """Sets number `start` up to `stop`, on the CPU."""

    def weights(self, start: int, stop: int) -> Float64[Tensor, " batch"]:
        """How often each of these sets counts: once, where they are no list with copies."""
        return torch.ones(stop - start, dtype=torch.float64)

    def unseen(self, start: int, stop: int) -> Bool[Tensor, " batch"]:
        """Which of these sets hold a token that no training set holds: none, but of a list."""
        return torch.zeros(stop - start, dtype=torch.bool)


@dataclass(frozen=True, eq=False)
class AllSets(SetCollection):
    """All C(vocab_size, set_size) sets, in colexicographic order.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """

    vocab_size: int
    set_size: int
    method: str = "all"

    def __post_init__(self) -> None:
        for name in ("vocab_size", "set_size"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        check_fits(self.set_size, self.vocab_size)

    @property
    def source(self) -> str:
        """All count alike."""
        return "uniform"

    def __len__(self) -> int:
        return math.comb(self.vocab_size, self.set_size)

    def chunk(self, start: int, stop: int) -> Int64[Tensor, "batch set_size"]:
        """The sets of ranks start..stop, tokens ascending (combinatorial number system).

        Cost: O((stop - start) set_size log vocab).
        """
        rank = np.arange(start, stop, dtype=np.int64)
        sets = np.empty((len(rank), self.set_size), dtype=np.int64)
        for size in range(self.set_size, 0, -1):
            below = _binomials(self.vocab_size, size)
            sets[:, size - 1] = np.searchsorted(below, rank, side="right") - 1
            rank -= below[sets[:, size - 1]]
        return torch.from_numpy(sets)


@dataclass(frozen=True, eq=False)
class DrawnSets(SetCollection):
    """`count` sets drawn from a source; the n-th is the same in every reading."""

    vocab_size: int
    sizes: tuple[int, int]
    cumulative: Int64[Tensor, " vocab"] | None
    stream: str
    count: int
    generator: GeneratorName = "torch"
    method: str = "drawn"

    @property
    def source(self) -> str:
        """The law of the draw."""
        return "uniform" if self.cumulative is None else "zipf"

    def __len__(self) -> int:
        return self.count

    def chunk(self, start: int, stop: int) -> Int64[Tensor, "batch set_size"]:
        """Sets number start..stop."""
        law = self.vocab_size, self.sizes, self.cumulative
        if self.generator == "philox":
            return addressed_sets([(0, self.stream, 0)], range(start, stop), *law)[0]
        first, last = start // BLOCK, -(-stop // BLOCK)
        blocks = [
            draw_sets(seeded_generator(0, self.stream, block), BLOCK, *law)
            for block in range(first, max(last, first + 1))
        ]
        return torch.cat(blocks)[start - first * BLOCK : stop - first * BLOCK]


@dataclass(frozen=True, repr=False, eq=False)
class ListedSets(SetCollection):
    """Sets of a list or a file.

    `copies` is how often each stands there; `has_unseen`, whether it holds a token that no training
    set holds.

    Sets shorter than the longest are padded with vocab_size, the number of tokens; None where that
    is not known. `file` is what they are lines of.
    """

    sets: Int64[Tensor, "sets set_size"]
    copies: Int64[Tensor, " sets"]
    has_unseen: Bool[Tensor, " sets"]
    method: str = "held-out"
    file: SetsFile | None = None
    vocab_size: int | None = None

    @classmethod
    def of(cls, sets: Iterable[Sequence[int]], vocab_size: int) -> ListedSets:
        """The sets of a list, as token ids; a set that stands there n times counts n times.

        Raises:
            UsageError: they are no lists of whole numbers, there is no set, a set is empty or holds
                a token twice, or an id is not in 0..vocab_size - 1.
        """
        vocab_size = whole("vocab_size", vocab_size, 1)
        try:
            counts = Counter(tuple(sorted(map(index, tokens))) for tokens in sets)
        except TypeError:
            raise UsageError(
                f"sets are {described(sets)}: they must be lists of token ids; give such as "
                "[[0, 4, 7], [1, 2, 3]]"
            ) from None
        if not counts:
            raise UsageError("the list holds no sets: figures are over at least 1; give some")
        for tokens in counts:
            if not tokens or len(set(tokens)) < len(tokens):
                raise UsageError(f"a set is {list(tokens)}: it holds each of its tokens once")
            if tokens[0] < 0 or tokens[-1] >= vocab_size:
                raise UsageError(
                    f"a set is {list(tokens)}: ids are 0 to {vocab_size - 1}; mend the set"
                )
        copies = torch.tensor(list(counts.values()), dtype=torch.int64)
        none_unseen = torch.zeros(len(copies), dtype=torch.bool)
        sets_of = padded(counts, vocab_size)
        return cls(sets_of, copies, none_unseen, "listed", vocab_size=vocab_size)

    def __repr__(self) -> str:
        lines = int(self.copies.sum())
        return f"ListedSets({len(self):,} sets, {lines:,} with copies, method={self.method!r})"

    @property
    def source(self) -> str:
        """A file, or what was given."""
        return "given" if self.file is None else "file"

    def __len__(self) -> int:
        return len(self.sets)

    def chunk(self, start: int, stop: int) -> Int64[Tensor, "batch set_size"]:
        """Sets number start..stop."""
        return self.sets[start:stop]

    def weights(self, start: int, stop: int) -> Float64[Tensor, " batch"]:
        """The copies of each set."""
        return self.copies[start:stop].double()

    def unseen(self, start: int, stop: int) -> Bool[Tensor, " batch"]:
        """As given."""
        return self.has_unseen[start:stop]


def _alike(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


def padded(sets: Iterable[tuple[int, ...]], padding: int) -> Int64[Tensor, "sets set_size"]:
    """Sets of several sizes as one int64 matrix, padded with `padding`."""
    rows = [torch.tensor(tokens, dtype=torch.int64) for tokens in sets]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)


@functools.cache
def _binomials(vocab_size: int, size: int) -> Int64[np.ndarray, " vocab"]:
    largest = np.iinfo(np.int64).max  # above every rank, which is all that is asked of it
    counts = [min(math.comb(n, size), largest) for n in range(vocab_size + 1)]
    return np.array(counts, dtype=np.int64)
