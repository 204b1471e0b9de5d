"""What to study: a task, a width, a recipe and seeds; some of them under one word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from relubloom.errors import UsageError
from relubloom.task import KSparseTask, hash_of
from relubloom.training.recipe import Recipe


@dataclass(frozen=True)
class Study:
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names; `quick` trades steps and sets for an answer within seconds.
    """

    task: KSparseTask
    width: int
    recipe: Recipe
    labels: tuple[str, ...]
    seed: int = 0
    seeds: int = 1
    quick: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width is {self.width}: at least 1 hidden unit; raise it")
        if self.seeds < 1:
            raise UsageError(f"seeds is {self.seeds}: at least 1 network is trained; raise it")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}: seeds are 0 or more; raise it")
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
