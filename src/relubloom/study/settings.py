"""What to study: a task, a width, a recipe and seeds; some of them under one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from relubloom.errors import UsageError, check_seed, described, whole
from relubloom.memory import refuse_too_large
from relubloom.records.run_folder import default_labels
from relubloom.shown import Shown
from relubloom.task import (
    KSparseTask,
    as_task,
    format_sizes,
    hash_of,
    parse_sizes,
    read_tokens,
)
from relubloom.task.k_sparse import SourceName
from relubloom.training.recipe import Activation, ObjectiveName, Recipe, as_recipe


@dataclass(frozen=True, repr=False)
class Study(Shown):
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names: where none are given those of the task's file, else words.
    `quick` trades steps and sets for an answer within seconds.

    Raises:
        UsageError: a value breaks its rule, or is of another kind.
    """

    MAIN = ("task", "width", "recipe.objective", "recipe.steps", "seed", "seeds", "quick")

    task: KSparseTask = field(default_factory=lambda: KSparseTask(256, 3))
    width: int = 48
    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    seed: int = 0
    seeds: int = 1
    quick: bool = False

    def __post_init__(self) -> None:
        as_task(self.task)
        as_recipe(self.recipe)
        for name in ("width", "seed", "seeds"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        object.__setattr__(self, "labels", _labels(self.task, self.labels))
        if self.width < 1:
            raise UsageError(f"width is {self.width}: at least 1 hidden unit; raise it")
        if self.seeds < 1:
            raise UsageError(f"seeds is {self.seeds}: at least 1 network is trained; raise it")
        check_seed(self.seed)
        if len(self.labels) != self.task.vocab_size:
            raise UsageError(
                f"{len(self.labels)} token labels for {self.task.vocab_size} tokens: give one "
                "label a token"
            )

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(range(self.seed, self.seed + self.seeds))

    @property
    def default_folder(self) -> Path:
        """Where the study goes if nobody says it: `runs` and a name made of the settings."""
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
            *(["quick"] if self.quick else []),
        ]
        return Path("runs") / "-".join(parts)

    def describe(self) -> dict[str, Any]:
        """What identifies the study, as JSON values."""
        return {
            "task": self.task.describe(),
            "tokens_sha256": hash_of(self.labels),
            "width": self.width,
            "recipe": self.recipe.describe(),
            "seeds": list(self.all_seeds),
            "quick": self.quick,
        }


def _labels(task: KSparseTask, given: Sequence[str]) -> tuple[str, ...]:
    """The given labels, or those of the task's file, or words."""
    if isinstance(given, str):
        raise UsageError(f"labels is {described(given)}: give a list with one label a token")
    if given:
        return tuple(given)
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
    """The sizes and the recipe of a named study."""

    vocab_size: int
    width: int
    set_size: int
    recipe: Recipe


PRESETS = {
    "article": Preset(256, 48, 3, Recipe()),
    "article-full": Preset(256, 48, 3, Recipe(steps=80_000, learning_rate=5e-3)),
    "wide": Preset(1000, 64, 3, Recipe(objective="kl-then-mse", steps=6500)),
}

CHANGES = ("objective", "steps", "batch_size", "learning_rate", "activation")  # of the recipe


class StudyOptions(TypedDict, total=False):
    """What a study may be asked for, by the names of the command's options; all may be left out."""

    preset: str
    """Sizes and recipe to start from: a name of `PRESETS`."""
    vocab_size: int | None
    """Number of tokens."""
    width: int | None
    """Number of hidden units."""
    set_size: int | tuple[int, int] | str | None
    """Tokens a set: k, (a, b) or "a..b"; of a file the lines of these sizes."""
    source: SourceName
    """How sets are drawn: uniform or zipf."""
    sets: Path | str | None
    """A file of real sets."""
    tokens: Path | str | Sequence[str] | None
    """The tokens' labels: a file, one a line, or a list."""
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
    seed: int
    """The first seed."""
    seeds: int
    """Networks to train."""
    quick: bool
    """An answer within seconds: at most 2,000 steps, figures over 20,000 drawn sets."""


def planned(**asked: Unpack[StudyOptions]) -> Study:
    """The study of a preset, with what was asked for.

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
    if preset not in PRESETS:
        raise UsageError(f"preset is {preset!r}: choose one of {', '.join(PRESETS)}")
    base, vocab_size, width = PRESETS[preset], asked.get("vocab_size"), asked.get("width")
    width = base.width if width is None else width
    refuse_too_large(base.vocab_size if vocab_size is None else vocab_size, width)
    task, labels = _task(base, asked)
    changes = {name: asked.get(name) for name in CHANGES}
    given = {name: value for name, value in changes.items() if value is not None}
    recipe, quick = replace(base.recipe, **given), asked.get("quick", False)
    return Study(
        *(task, width, quick_recipe(recipe) if quick else recipe, labels),
        *(asked.get("seed", 0), asked.get("seeds", 1), quick),
    )


def _task(base: Preset, asked: StudyOptions) -> tuple[KSparseTask, tuple[str, ...]]:
    """The task, and the tokens' labels."""
    said, sets, tokens = asked.get("set_size"), asked.get("sets"), asked.get("tokens")
    vocab_size, source = asked.get("vocab_size"), asked.get("source", "uniform")
    if isinstance(tokens, str | Path):
        labels = read_tokens(Path(tokens))
    else:
        labels = None if tokens is None else tuple(tokens)
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
        skip_bad = asked.get("skip_bad", False)
        task = KSparseTask.from_file(sets, sizes, labels, skip_bad=skip_bad)
        assert task.file is not None
        return task, task.file.tokens
    if asked.get("skip_bad"):
        raise UsageError("--skip-bad is given without --sets: it skips a file's bad lines")
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
QUICK_LEARNING_RATE = 4e-2  # binarises within 2,000 steps, at a higher mse: docs/results/recipes.md


def quick_recipe(recipe: Recipe, steps: int = QUICK_STEPS) -> Recipe:
    """A recipe for an answer within seconds: few steps, and a high rate unless one was chosen."""
    rate = QUICK_LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    return replace(recipe, steps=min(recipe.steps, steps), learning_rate=rate)
