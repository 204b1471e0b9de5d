"""`KSparseTask`: which sets there are, how they are drawn, and on which ones to evaluate."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom.errors import (
    FileError,
    UsageError,
    as_path,
    check_choice,
    check_dict,
    check_fits,
    check_seed,
    true_or_false,
    whole,
)
from relubloom.shown import Shown
from relubloom.task.philox import AddressedNumbers
from relubloom.task.sampling import (
    RANDOM_BITS,
    Below,
    GeneratorName,
    addressed_sets,
    draw_sets_of_each,
    seeded_generator,
    swap_tokens_,
    zipf_masses,
)
from relubloom.task.set_collections import (
    AllSets,
    DrawnSets,
    ListedSets,
    SetCollection,
    padded,
)
from relubloom.task.sets_file import TOKENS_FILE, SetsFile, read_sets
from relubloom.task.sizes import as_sizes, format_sizes, parse_sizes, simplest
from relubloom.tokens_file import as_labels

SourceName = Literal["uniform", "zipf", "file"]
ENUMERATE_UP_TO = 5_000_000
HELD_OUT_SETS = 100_000  # at most, and fewer of large vocabularies:
HELD_OUT_LOGITS = 1 << 30  # of all drawn sets together
FEWEST_SETS = 1_000
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, repr=False)
class KSparseTask(Shown):
    """The k-sparse distribution task: from a set of tokens to 1/k on each of them.

    Args:
        vocab_size: number of tokens, N; also the padding id.
        set_size: k, or (smallest, largest), also written "3..8", for sizes drawn uniformly between
            them.
        source: "uniform" over all sets of a size, or "zipf": tokens drawn one by one without
            replacement, token t with probability in proportion to 1 / (t + 1). For a file of real
            sets use `from_file`.
        split_seed: which distinct sets of a file are held out.
        training_pool: how many sets a network trains on, drawn once from the source by its seed;
            None draws fresh sets at every step.
        generator: "torch", which draws on the CPU and moves what it drew, or "philox", which draws
            the same integers on every device, faster for many networks on an
            accelerator. Held-out sets of either are drawn on the CPU, and a file is split alike
            by both.
        hold_out: whether a fifth of a file's distinct sets is held out and figures are over that.
            False: figures are over all its lines, and a network trained on it would see them all.
        swaps: of a file, the share of the sets trained on in which one member, each alike, gives
            way to a token drawn in proportion to the training lines that hold it, and half a line.
            A set that holds the drawn token already stays as it is. Figures are over sets as they
            are.

    Raises:
        UsageError: vocab_size, set_size or training_pool is below 1, a set cannot hold that many
            tokens, swaps is no share or not of a file, or there is no such source or generator.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        "vocab_size",
        "set_size",
        "source",
        "file.path",
        "training_pool",
    )

    vocab_size: int
    set_size: int | tuple[int, int]
    source: SourceName = "uniform"
    split_seed: int = 0
    file: SetsFile | None = field(default=None, repr=False)
    training_pool: int | None = None
    generator: GeneratorName = "torch"
    hold_out: bool = True
    swaps: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.vocab_size, str | Path):
            raise UsageError(
                f"vocab_size is {str(self.vocab_size)!r}: a file of sets is read by "
                f"KSparseTask.from_file({str(self.vocab_size)!r})"
            )
        object.__setattr__(self, "vocab_size", whole("vocab_size", self.vocab_size))
        object.__setattr__(self, "set_size", parse_sizes(self.set_size))
        object.__setattr__(self, "split_seed", check_seed(self.split_seed, "split_seed"))
        if self.vocab_size < 1:
            raise UsageError(
                f"vocab_size is {self.vocab_size}: a vocabulary has at least 1 token; raise it"
            )
        low, high = self.sizes
        if not 1 <= low <= high:
            raise UsageError(
                f"set_size is {format_sizes(self.sizes)}: sizes are at least 1 and ascending; "
                "give k or a..b"
            )
        check_fits(high, self.vocab_size)
        for name, known in (("source", SourceName), ("generator", GeneratorName)):
            check_choice(name, getattr(self, name), *get_args(known))
        if (self.source == "file") != (self.file is not None):
            raise UsageError(
                f"source is {self.source!r}: a file of sets is read by KSparseTask.from_file(path)"
            )
        if not true_or_false("hold_out", self.hold_out) and self.file is None:
            raise UsageError(
                f"hold_out is False and source is {self.source!r}: only a file has lines to hold "
                "out; leave it out"
            )
        if not (isinstance(self.swaps, Real) and 0 <= self.swaps <= (self.file is not None)):
            raise UsageError(
                f"swaps is {self.swaps} and source is {self.source!r}: it is a share from 0 to 1, "
                "of the sets of a file; change it, or leave it out"
            )
        object.__setattr__(self, "swaps", float(self.swaps))
        if self.training_pool is not None:
            object.__setattr__(self, "training_pool", whole("training_pool", self.training_pool))
        if self.training_pool is not None and (self.training_pool < 1 or self.file is not None):
            raise UsageError(
                f"training_pool is {self.training_pool}: it is the number of drawn sets to train "
                "on, at least 1, and a file has its own; mend it or leave it out"
            )

    @classmethod
    def from_file(
        cls,
        path: Path | str,
        set_size: int | tuple[int, int] | None = None,
        tokens: tuple[str, ...] | None = None,
        split_seed: int = 0,
        skip_bad: bool = False,
        generator: GeneratorName = "torch",
        hold_out: bool = True,
        named_by: str = TOKENS_FILE,
        swaps: float = 0.0,
    ) -> KSparseTask:
        """The task of a file of real sets; `set_size` keeps lines of those sizes only.

        `tokens` are the allowed ones in the order of their ids, else the tokens of the kept lines
        by first appearance; `named_by` is what says them, in the words of an error. `skip_bad`
        counts a bad line instead of refusing it. The others are the task's own: with
        `hold_out=False` its `evaluation_sets()` are all lines.

        Raises:
            UsageError: an argument breaks its rule.
            FileError: the file is missing, a line is bad, or there is nothing to hold out.
        """
        sizes = None if set_size is None else as_sizes(parse_sizes(set_size))
        tokens = None if tokens is None else as_labels("tokens", tokens)
        skip_bad = true_or_false("skip_bad", skip_bad)
        file = read_sets(as_path("path", path), sizes, tokens, skip_bad, named_by)
        if true_or_false("hold_out", hold_out) and len(file.counts) < 2:
            raise FileError(
                f"{path} has 1 distinct set: at least 2 are needed, one to train on and one held "
                "out; give more sets"
            )
        lengths = [len(tokens_of) for tokens_of in file.counts]
        spread = (min(lengths), max(lengths))
        law = len(file.tokens), simplest(spread), "file", split_seed, file
        return cls(*law, generator=generator, hold_out=hold_out, swaps=swaps)

    @classmethod
    def from_description(
        cls,
        described: dict[str, Any],
        tokens: tuple[str, ...] | None = None,
        skip_bad: bool = False,
    ) -> KSparseTask:
        """The task of JSON values: the inverse of `describe`.

        `set_size` may be a text, as `parse_sizes` takes it; with `sets` it may be left out. What
        else says where a file's sets came from is passed over; `tokens` and `skip_bad` are those
        of `from_file`.

        Raises:
            UsageError: `set_size` is missing, or a value breaks its rule.
            FileError: as `from_file`.
        """
        check_dict("task", described)
        size, generator = described.get("set_size"), described.get("generator", "torch")
        if "sets" in described:
            sizes = None if size is None else parse_sizes(size)
            split_seed, hold_out = described.get("split_seed", 0), described.get("hold_out", True)
            lines = described["sets"], sizes, tokens, split_seed, skip_bad, generator
            swaps = described.get("swaps", 0.0)
            return cls.from_file(*lines, hold_out is not False, swaps=swaps)
        pool, source = described.get("training_pool"), described.get("source", "uniform")
        law = whole("vocab_size", described.get("vocab_size")), parse_sizes(size), source
        return cls(*law, training_pool=pool, generator=generator)

    @property
    def sizes(self) -> tuple[int, int]:
        """Smallest and largest set size."""
        return as_sizes(self.set_size)

    def training_sets(
        self, seed: int, step: int, batch_size: int, device: torch.device | str = "cpu"
    ) -> Int64[Tensor, "batch set_size"]:
        """The batch of sets of one training step: a pure function of (seed, step, batch_size).

        With philox each row is one of (seed, step, row).

        Raises:
            UsageError: one is no whole number, or the seed, or the step, is below 0.
        """
        seed, step = check_seed(seed), whole("step", step, 0)
        batch_size = whole("batch_size", batch_size, 1)
        return self.training_batches([(seed, step)], batch_size, device)[0]

    def training_batches(
        self,
        addresses: Sequence[tuple[int, int]],
        batch_size: int,
        device: torch.device | str = "cpu",
    ) -> Int64[Tensor, "batches batch set_size"]:
        """`training_sets` of several (seed, step), in hardly more time than of one."""
        device = torch.device(device)
        if self.generator == "torch" and device.type != "cpu":
            drawn = self.training_batches(addresses, batch_size)
            if device.type == "cuda":  # so that the copy waits for no work there
                drawn = drawn.pin_memory()
            return drawn.to(device, non_blocking=True)
        if self.training_pool is not None:
            chosen = self._chosen(addresses, batch_size, self.training_pool, device)
            pools = [self._pool(seed).to(device) for seed, _ in addresses]
            return torch.stack([pool[own] for pool, own in zip(pools, chosen, strict=True)])
        if self.file is not None:
            running = self._running_copies.to(device)
            lines = self._chosen(addresses, batch_size, int(running[-1]), device)
            sets = self._split[0].sets.to(device)[torch.searchsorted(running, lines, right=True)]
            if self.swaps:
                numbers = self._swap_numbers(addresses, batch_size, device)
                swap_tokens_(sets, numbers, self.swaps, self._running_lines.to(device))
            return sets
        return self._drawn("training", addresses, batch_size, device)

    def evaluation_sets(self, draw: int | None = None) -> SetCollection:
        """The sets that figures are over.

        All C(N, k) where that is at most 5 million (uniform source, one size); the held-out
        lines of a file, of the task's sizes, or all its lines without `hold_out`; else 100,000
        drawn sets, or 2^30 / N above 10,737 tokens, at least 1,000. `draw` asks for that many drawn
        sets instead (a file keeps its lines), unless there are no more in all. Drawn sets are the
        same for every network.

        Raises:
            UsageError: no held-out line has one of the task's sizes, or `draw` is below 1.
        """
        draw = None if draw is None else whole("draw", draw, 1)
        if self.file is not None:
            return self._lines_of_its_sizes() if self.hold_out else self._all_lines()
        every = AllSets(self.vocab_size, self.sizes[0])
        if self.enumerable and (draw is None or len(every) <= draw):
            return every
        usual = min(HELD_OUT_SETS, max(FEWEST_SETS, HELD_OUT_LOGITS // self.vocab_size))
        return self.drawn_sets("held-out", draw or usual)

    def drawn_sets(self, stream: str, count: int) -> DrawnSets:
        """`count` sets of the source, a pure function of the stream's name.

        Raises:
            UsageError: the source is a file, which is listed and not drawn.
        """
        if self.file is not None:
            raise UsageError("source is 'file': its sets are listed, not drawn; use its lines")
        return DrawnSets(
            self.vocab_size, self.sizes, self._cumulative, stream, count, self.generator
        )

    def _all_lines(self) -> ListedSets:
        assert self.file is not None
        copies = torch.tensor(list(self.file.counts.values()), dtype=torch.int64)
        none_unseen = torch.zeros(len(copies), dtype=torch.bool)
        sets = padded(self.file.counts, self.vocab_size)
        return ListedSets(sets, copies, none_unseen, "listed", self.file, self.vocab_size)

    def _lines_of_its_sizes(self) -> ListedSets:
        """The held-out lines; of sizes narrower than the file's, those of these sizes."""
        held_out = self._split[1]
        low, high = self.sizes
        lengths = (held_out.sets < self.vocab_size).sum(1)
        kept = (low <= lengths) & (lengths <= high)
        if kept.all():
            return held_out
        if not kept.any():
            raise UsageError(
                f"set_size is {format_sizes(self.sizes)}: none of the {len(lengths)} held-out sets "
                f"has that size; give sizes from {int(lengths.min())} to {int(lengths.max())}"
            )
        columns = (held_out.sets[kept], held_out.copies[kept], held_out.has_unseen[kept])
        return ListedSets(*columns, held_out.method, self.file, self.vocab_size)

    @property
    def enumerable(self) -> bool:
        """Whether figures are over every set there is."""
        low, high = self.sizes
        few = min(low, self.vocab_size - low)
        return (
            self.source == "uniform"
            and low == high
            and few * math.log2(self.vocab_size / max(1, few)) <= math.log2(ENUMERATE_UP_TO)
            and math.comb(self.vocab_size, low) <= ENUMERATE_UP_TO
        )

    def training_lines(self) -> ListedSets:
        """The training side of a file's split.

        Raises:
            UsageError: the task has no file.
        """
        if self.file is None:
            raise UsageError(f"source is {self.source!r}: only a file of sets has training lines")
        return self._split[0]

    def describe(self) -> dict[str, Any]:
        """What identifies the task, as JSON values.

        A choice that earlier versions did not have is left out where it is as theirs was. So such
        a task describes itself as it did then, and its studies and checkpoints go on.
        """
        low, high = self.sizes
        described: dict[str, Any] = {
            "source": self.source,
            "vocab_size": self.vocab_size,
            "set_size": low if low == high else [low, high],
        }
        if self.file is not None:
            described |= {
                "sets": self.file.path,
                "sha256": self.file.sha256,
                "tokens_sha256": hash_of(self.file.tokens),
                "split_seed": self.split_seed,
                "lines": self.file.lines,
                "left_out": self.file.left_out,
                "bad_lines": self.file.bad_lines,
                "merged_duplicates": self.file.merged_duplicates,
            }
        if not self.hold_out:
            described["hold_out"] = False
        if self.swaps:
            described["swaps"] = self.swaps
        if self.training_pool is not None:
            described["training_pool"] = self.training_pool
        if self.generator != "torch":
            described["generator"] = self.generator
        return described

    def _drawn(
        self,
        stream: str,
        addresses: Sequence[tuple[int, int]],
        count: int,
        device: torch.device | str,
    ) -> Int64[Tensor, "batches batch set_size"]:
        law = self.vocab_size, self.sizes, self._cumulative
        if self.generator == "philox":
            named = [(seed, stream, step) for seed, step in addresses]
            return addressed_sets(named, range(count), *law, device)
        generators = [seeded_generator(seed, stream, step) for seed, step in addresses]
        return draw_sets_of_each(generators, count, *law)

    def _chosen(
        self,
        addresses: Sequence[tuple[int, int]],
        count: int,
        among: int,
        device: torch.device | str,
    ) -> Int64[Tensor, "batches batch"]:
        """Places of training sets among so many that are there."""
        if self.generator == "philox":
            named = [(seed, "training", step) for seed, step in addresses]
            return AddressedNumbers(named, range(count), 1, device).below(0, among)
        generators = [seeded_generator(seed, "training", step) for seed, step in addresses]
        return torch.stack([torch.randint(among, (count,), generator=g) for g in generators])

    def _swap_numbers(
        self, addresses: Sequence[tuple[int, int]], count: int, device: torch.device | str
    ) -> Below:
        """Whole numbers for the three draws of each row that swaps take."""
        named = [(seed, "swaps", step) for seed, step in addresses]
        if self.generator == "philox":
            return AddressedNumbers(named, range(count), 3, device).below
        random = torch.empty(len(named), 3, count, dtype=torch.int64)
        for numbers, address in zip(random, named, strict=True):
            numbers.random_(0, 1 << RANDOM_BITS, generator=seeded_generator(*address))
        return lambda draw, mass: random[:, draw] % mass

    def _pool(self, seed: int) -> Int64[Tensor, "sets set_size"]:
        """The sets that a seed trains on, drawn one by one: some may be there twice."""
        if seed not in self._pools:
            assert self.training_pool is not None
            (self._pools[seed],) = self._drawn(
                "training-pool", [(seed, 0)], self.training_pool, "cpu"
            )
        return self._pools[seed]

    @cached_property
    def _pools(self) -> dict[int, Tensor]:
        return {}

    @cached_property
    def _cumulative(self) -> Int64[Tensor, " vocab"] | None:
        return zipf_masses(self.vocab_size) if self.source == "zipf" else None

    @cached_property
    def _running_copies(self) -> Int64[Tensor, " sets"]:
        """Lines of the training side up to and with each distinct set."""
        return self._split[0].copies.cumsum(0)

    @cached_property
    def _running_lines(self) -> Int64[Tensor, " vocab"]:
        """Twice the training lines that hold each token up to and with it, and 1 for each token."""
        sets, copies = self._split[0].sets, self._split[0].copies
        held = sets < self.vocab_size
        lines = copies[:, None].expand(sets.shape)[held]
        masses = torch.ones(self.vocab_size, dtype=torch.int64)
        return masses.index_add_(0, sets[held], 2 * lines).cumsum(0)

    @cached_property
    def _split(self) -> tuple[ListedSets, ListedSets]:
        """Training and held-out sets: 20 % of the distinct sets are held out, copies together."""
        assert self.file is not None
        distinct = len(self.file.counts)
        sets = padded(self.file.counts, self.vocab_size)
        copies = torch.tensor(list(self.file.counts.values()), dtype=torch.int64)
        generator = seeded_generator(self.split_seed, "split", 0)
        order = torch.randperm(distinct, generator=generator)
        held = max(1, round(HELD_OUT_SHARE * distinct))
        held_out, training = order[:held].sort().values, order[held:].sort().values
        trained = torch.zeros(self.vocab_size + 1, dtype=torch.bool)
        trained[sets[training]] = True
        trained[self.vocab_size] = True  # padding
        unseen = ~trained[sets].all(1)

        def side(rows: Tensor, method: str, file: SetsFile | None) -> ListedSets:
            columns = sets[rows], copies[rows], unseen[rows]
            return ListedSets(*columns, method, file, self.vocab_size)

        return side(training, "training", None), side(held_out, "held-out", self.file)


def hash_of(tokens: tuple[str, ...]) -> str:
    """SHA-256 of the tokens in the order of their ids."""
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()
