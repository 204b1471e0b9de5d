"""What to study: a task, a width, a recipe and seeds; some of them under one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypedDict, Unpack

from relubloom import reading
from relubloom.errors import (
    UsageError,
    as_path,
    check_choice,
    check_seed,
    described,
    true_or_false,
    whole,
)
from relubloom.memory import refuse_too_large
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import WEIGHTS
from relubloom.records.folder_task import refuse_sizes
from relubloom.records.labels import default_labels, given_labels
from relubloom.records.run_folder import TOKENS
from relubloom.shown import Shown
from relubloom.task import (
    KSparseTask,
    as_task,
    format_sizes,
    hash_of,
    parse_sizes,
)
from relubloom.task.k_sparse import SourceName
from relubloom.task.sets_file import refuse_skip_bad
from relubloom.theory import class_width
from relubloom.tokens_file import as_labels, check_labels, read_tokens
from relubloom.training.batch_softmax import batch_stands_for_all, check_softmax
from relubloom.training.recipe import Activation, ObjectiveName, Recipe, as_recipe
from relubloom.training.start import check_start

CHOSEN = "chosen"  # the share of swapped tokens in a description, before it is known


@dataclass(frozen=True, repr=False)
class Study(Shown):
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names: where none are given those of the task's file, else words.
    `quick` has figures over 20,000 drawn sets and leaves out interventions and ladder; the steps
    are the recipe's (`rb.study(quick=True)` takes at most 2,000). `init_from` is a run folder whose
    network training starts from. With `choose_swaps` the share of swapped tokens of a file's sets
    is chosen on a part of the training sets, and is not the task's.

    Raises:
        UsageError: a value breaks its rule, or is of another kind.
        FileError: `init_from` is no run folder, or is damaged.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        "task",
        "width",
        "recipe.objective",
        "recipe.steps",
        "seed",
        "seeds",
        "quick",
    )

    task: KSparseTask = field(default_factory=lambda: KSparseTask(256, 3))
    width: int = 48
    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    seed: int = 0
    seeds: int = 1
    quick: bool = False
    init_from: Path | str | None = None
    choose_swaps: bool = False

    def __post_init__(self) -> None:
        as_task(self.task)
        check_softmax(self.task, as_recipe(self.recipe))
        for name in ("width", "seed", "seeds"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        object.__setattr__(self, "labels", _labels(self.task, self.labels))
        if self.width < 1:
            raise UsageError(f"width is {self.width}: at least 1 hidden unit; raise it")
        if self.seeds < 1:
            raise UsageError(f"seeds is {self.seeds}: at least 1 network is trained; raise it")
        refuse_too_large(self.task.vocab_size, self.width, self.seeds)
        check_seed(self.seed)
        check_labels(self.labels, self.task.vocab_size)
        for name in ("quick", "choose_swaps"):
            true_or_false(name, getattr(self, name))
        if self.choose_swaps and self.task.file is None:
            raise UsageError(
                f"choose_swaps is True and source is {self.task.source!r}: only sets of a file are "
                "swapped; leave it out"
            )
        if self.start is not None:
            check_start(self.start.net, self.task.vocab_size, self.width, self.recipe)

    @cached_property
    def start(self) -> Start | None:
        """The network that training starts from; None where weights are drawn."""
        if self.init_from is None:
            return None
        return Start.of(as_path("init_from", self.init_from), self.task.sizes, self.labels)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(range(self.seed, self.seed + self.seeds))

    @property
    def default_folder(self) -> Path:
        """Where the study goes if nobody says it, `runs` and a name made of the settings."""
        task, recipe = self.task, self.recipe
        parts = [
            f"N{task.vocab_size}" if task.file is None else Path(task.file.path).stem,
            *(["zipf"] if task.source == "zipf" else []),
            f"d{self.width}",
            f"k{format_sizes(task.sizes)}",
            recipe.objective,
            f"seed{self.seed}",
            *([f"x{self.seeds}"] if self.seeds > 1 else []),
            *(["linear"] if recipe.activation != "relu" else []),
            *([f"swaps{task.swaps:g}"] if task.swaps else []),
            *([] if self.start is None else [f"from-{self.start.name}"]),
            *(["quick"] if self.quick else []),
        ]
        return Path("runs") / "-".join(parts)

    def describe(self) -> dict[str, Any]:
        """What identifies the study, as JSON values."""
        task = self.task.describe() | ({"swaps": CHOSEN} if self.choose_swaps else {})
        started = {} if self.start is None else {"init_from": self.start.describe()}
        return started | {
            "task": task,
            "tokens_sha256": hash_of(self.labels),
            "width": self.width,
            "recipe": self.recipe.describe(),
            "seeds": list(self.all_seeds),
            "quick": self.quick,
        }


@dataclass(frozen=True)
class Start:
    """A run folder's network, to start training from; what names it is the folder's own name and
    the SHA-256 of its weights."""

    net: ReluNet
    name: str
    sha256: str

    @classmethod
    def of(cls, folder: Path, sizes: tuple[int, int], labels: tuple[str, ...]) -> Start:
        """Read it, for sets of these sizes of tokens with these labels.

        Raises:
            UsageError: `tokens.txt` has other labels, so that tokens would change places, or the
                network was brought in for other sizes.
            FileError: the folder is no run folder, or a file is damaged.
        """
        net = ReluNet.from_pretrained(folder)
        refuse_sizes(folder, sizes)
        own = given_labels(folder, net.vocab_size)
        if own not in (None, labels) and net.vocab_size == len(labels):
            raise UsageError(
                f"{folder / TOKENS} names other tokens than the task, or in another order: rows of "
                "its weights would change their tokens; give a network of the same tokens"
            )
        return cls(net, folder.resolve().name, reading.sha256_of(folder / WEIGHTS, reading.ARRAYS))

    def describe(self) -> dict[str, str]:
        """What names it, as JSON values."""
        return {"dir": self.name, "sha256": self.sha256}


def _labels(task: KSparseTask, given: Sequence[str]) -> tuple[str, ...]:
    """The given labels, or those of the task's file, or words."""
    if labels := as_labels("labels", given):
        return labels
    return default_labels(task.vocab_size) if task.file is None else task.file.tokens


def as_study(study: object) -> Study:
    """The study itself, where it is one.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(study, Study):
        return study
    raise UsageError(f"study is {described(study)}: give Study(task=..., width=...)")


@dataclass(frozen=True)
class Preset:
    """The sizes and the recipe of a named study; without one it is `Recipe.for_sizes`."""

    vocab_size: int
    width: int
    set_size: int
    fixed: Recipe | None = None

    @property
    def recipe(self) -> Recipe:
        """That of the preset's own sizes."""
        return self.fixed or Recipe.for_sizes(self.vocab_size, self.width, self.set_size)

    def recipe_for(
        self, task: KSparseTask, width: int, objective: ObjectiveName | None = None
    ) -> Recipe:
        """The recipe for a task, to which this objective can be given.

        Raises:
            UsageError: as `Recipe.for_sizes`.
        """
        if self.fixed is not None:
            return self.fixed
        recipe = Recipe.for_sizes(task.vocab_size, width, task.sizes[1])
        whole_softmax = objective not in (None, "kl") or not batch_stands_for_all(task)
        return replace(recipe, softmax="all") if whole_softmax else recipe


PRESETS = {
    "article": Preset(256, 48, 3, Recipe()),
    "article-full": Preset(256, 48, 3, Recipe(steps=80_000, learning_rate=5e-3)),
    "class": Preset(
        *(40, 34, 3),
        Recipe(steps=2000, batch_size=64, learning_rate=0.1, adam_beta2=0.99),
    ),
    "vocab-4096": Preset(4096, 64, 3),
    "vocab-50257": Preset(50257, 128, 4),
    "wide": Preset(1000, 64, 3, Recipe(objective="kl-then-mse", steps=6500)),
}

CHANGES = ("objective", "steps", "batch_size", "learning_rate", "activation")  # of the recipe


class StudyOptions(TypedDict, total=False):
    """What a study may be asked for, by the names of the command's options; all may be left out."""

    preset: str
    """Sizes and recipe to start from, by its name; `relubloom study --help` lists them."""
    vocab_size: int | None
    """Number of tokens."""
    width: int | None
    """Number of hidden units."""
    set_size: int | tuple[int, int] | str | None
    """Tokens a set, as k, (a, b) or "a..b"; of a file the lines of these sizes."""
    source: SourceName
    """How sets are drawn, uniform or zipf."""
    sets: Path | str | None
    """A file of real sets."""
    tokens: Path | str | Sequence[str] | None
    """The tokens' labels, as a file, one a line, or as a list."""
    skip_bad: bool
    """Skip bad lines of `sets`, and count them."""
    objective: ObjectiveName | None
    """What training minimises."""
    steps: int | None
    """Optimiser steps."""
    batch_size: int | None
    """Sets a step."""
    learning_rate: float | None
    """The peak."""
    activation: Activation | None
    """relu, or none for the linear control."""
    swaps: float | None
    """Share of the sets of `sets` trained on that have a token swapped; None chooses it."""
    init_from: Path | str | None
    """A run folder whose network training starts from."""
    seed: int
    """The first seed."""
    seeds: int
    """Networks to train."""
    quick: bool
    """An answer within seconds, of at most 2,000 steps and over 20,000 drawn sets."""


def planned(*, choose_swaps: bool = False, **asked: Unpack[StudyOptions]) -> Study:
    """The study of a preset, with what was asked for; with `choose_swaps` the share of swapped
    tokens is chosen, where there are sets and nothing says it.

    Raises:
        UsageError: there is no such option, or options contradict each other or break a rule.
        FileError: the sets file or the tokens file cannot be used.
    """
    if unknown := sorted(asked.keys() - StudyOptions.__annotations__.keys()):
        raise UsageError(
            f"a study has no option {unknown[0]!r}: it takes "
            f"{', '.join(StudyOptions.__annotations__)}; mend the name"
        )
    preset = asked.get("preset", "article")
    check_choice("preset", preset, *PRESETS)
    base, vocab_size, width = PRESETS[preset], asked.get("vocab_size"), asked.get("width")
    for name, size in (("vocab_size", vocab_size), ("width", width)):
        if size is not None:
            whole(name, size)
    refuse_too_large(vocab_size or base.vocab_size, base.width if width is None else width)
    task, labels = _task(base, asked)
    if width is None:
        known = class_width(task.vocab_size, base.set_size) if preset == "class" else None
        width = known or base.width
    changes = {name: asked.get(name) for name in CHANGES}
    given = {name: value for name, value in changes.items() if value is not None}
    if (start := asked.get("init_from")) is not None:
        given = {"learning_rate": INIT_FROM_LEARNING_RATE} | given
    recipe = replace(base.recipe_for(task, width, asked.get("objective")), **given)
    quick = true_or_false("quick", asked.get("quick", False))
    return Study(
        *(task, width, quick_recipe(recipe) if quick else recipe, labels),
        *(asked.get("seed", 0), asked.get("seeds", 1), quick, start),
        choose_swaps=choose_swaps and task.file is not None and asked.get("swaps") is None,
    )


def _task(base: Preset, asked: StudyOptions) -> tuple[KSparseTask, tuple[str, ...]]:
    """The task, and the tokens' labels."""
    said, sets, tokens = asked.get("set_size"), asked.get("sets"), asked.get("tokens")
    vocab_size, source = asked.get("vocab_size"), asked.get("source", "uniform")
    if isinstance(tokens, str | Path):
        labels = read_tokens(Path(tokens))
    else:
        labels = None if tokens is None else as_labels("tokens", tokens)
    sizes = None if said is None else parse_sizes(said, "--set-size")
    if sets is not None:
        if vocab_size is not None:
            raise UsageError(
                f"--vocab-size is {vocab_size} and --sets is given: the vocabulary is the "
                "file's tokens; leave --vocab-size out"
            )
        if source != "uniform":
            raise UsageError(
                f"--source is {source!r} and --sets is given: the file says which sets "
                "there are; leave one out"
            )
        task = KSparseTask.from_file(
            *(sets, sizes, labels),
            skip_bad=asked.get("skip_bad", False),
            swaps=asked.get("swaps") or 0.0,
        )
        assert task.file is not None
        return task, task.file.tokens
    refuse_skip_bad(asked.get("skip_bad", False), sets)
    if (swaps := asked.get("swaps")) is not None:
        raise UsageError(
            f"--swaps is {swaps:g} without --sets: only sets of a file are swapped; leave it out"
        )
    if vocab_size is None:
        vocab_size = len(labels) if labels else base.vocab_size
    task = KSparseTask(vocab_size, base.set_size if sizes is None else sizes, source)
    labels = labels or default_labels(vocab_size)
    if len(labels) != vocab_size:
        raise UsageError(
            f"{tokens} lists {len(labels)} tokens and --vocab-size is {vocab_size}: give "
            "one label a token"
        )
    return task, labels


QUICK_STEPS = 2000
INIT_FROM_LEARNING_RATE = 3e-3  # keeps what the network knows: docs/real-sets.md
QUICK_LEARNING_RATE = 4e-2  # binarises within 2,000 steps, at a higher mse: docs/results/recipes.md


def quick_recipe(recipe: Recipe, steps: int = QUICK_STEPS) -> Recipe:
    """A recipe for an answer within seconds: few steps, and a high rate unless one was chosen."""
    rate = QUICK_LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    return replace(recipe, steps=min(recipe.steps, steps), learning_rate=rate)
