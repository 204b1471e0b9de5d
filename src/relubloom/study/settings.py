"""What to study: a task, a width, a recipe and seeds; some of them under one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from relubloom.errors import UsageError, check_seed, described, whole
from relubloom.records.run_folder import default_labels
from relubloom.task import KSparseTask, as_task, hash_of
from relubloom.training.recipe import Recipe, as_recipe


@dataclass(frozen=True)
class Study:
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names: where none are given those of the task's file, else words.
    `quick` trades steps and sets for an answer within seconds.

    Raises:
        UsageError: a value breaks its rule, or is of another kind.
    """

    task: KSparseTask
    width: int
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

QUICK_STEPS = 2000
QUICK_LEARNING_RATE = 4e-2  # binarises within 2,000 steps, at a higher mse: docs/results/recipes.md


def quick_recipe(recipe: Recipe, steps: int = QUICK_STEPS) -> Recipe:
    """A recipe for an answer within seconds: few steps, and a high rate unless one was chosen."""
    rate = QUICK_LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    return replace(recipe, steps=min(recipe.steps, steps), learning_rate=rate)
