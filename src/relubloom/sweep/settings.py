"""`RunSettings`: all that one run depends on; their hash is the run's identity."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any

from relubloom.errors import UsageError, check_seed
from relubloom.task import KSparseTask
from relubloom.training import Recipe
from relubloom.training.batch_softmax import check_softmax

POLISH = ("polish_share", "polish_learning_rate")
IDENTITY_DIGITS = 16  # hexadecimal, 64 bits: a million runs collide with a chance of 3e-8


@dataclass(frozen=True)
class RunSettings:
    """One network to train and measure.

    Args:
        task: what it learns.
        width: hidden units.
        recipe: how it is trained.
        seed: of its initialisation and its sets.
        figure_sets: the most sets that its figures are over; all of them where there are no more.

    Raises:
        UsageError: a value is out of range, or the recipe's softmax does not go with the sets.
    """

    task: KSparseTask
    width: int
    recipe: Recipe
    seed: int
    figure_sets: int

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_softmax(self.task, self.recipe)
        for name, least in (("width", 1), ("figure_sets", 1)):
            if getattr(self, name) < least:
                raise UsageError(
                    f"{name} is {getattr(self, name)}: it is at least {least}; raise it"
                )

    def describe(self) -> dict[str, Any]:
        """What identifies the run, as flat JSON values.

        Left out is what changes no figure: the path of a sets file (its SHA-256 counts) and what
        the objective does not use; a learning rate that was left open is the one it comes to.
        """
        described = {key: value for key, value in self.task.describe().items() if key != "sets"}
        recipe = self.recipe.describe() | {"activation": self.recipe.activation}
        recipe["learning_rate"] = self.recipe.phases[0].learning_rate
        if self.recipe.objective != "kl-then-mse":
            for key in POLISH:
                recipe.pop(key)
        described.setdefault("training_pool", None)
        return (
            described
            | {"width": self.width, **recipe, "figure_sets": self.figure_sets}
            | {"seed": self.seed}
        )

    @property
    def identity(self) -> str:
        """A hash of `describe()`: the same settings have the same one, on any machine."""
        return identity_of(self.describe())

    @property
    def enumerated(self) -> bool:
        """Whether the figures are over all the sets there are."""
        size = self.task.set_size
        if not self.task.enumerable or not isinstance(size, int):
            return False
        return math.comb(self.task.vocab_size, size) <= self.figure_sets

    def with_seed(self, seed: int) -> RunSettings:
        """The same with another seed."""
        return replace(self, seed=seed)


def identity_of(described: Any) -> str:
    """A hash of JSON values, whatever the order of their keys."""
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:IDENTITY_DIGITS]
