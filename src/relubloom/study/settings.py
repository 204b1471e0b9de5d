"""What to study: a task, a width, a recipe and seeds; some of them under one word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from relubloom import reading
from relubloom.errors import UsageError, check_seed, described, whole
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import WEIGHTS
from relubloom.records.run_folder import (
    TOKENS,
    default_labels,
    given_labels,
    refuse_sizes,
    sha256_of,
)
from relubloom.task import KSparseTask, as_task, hash_of
from relubloom.training.recipe import Recipe, as_recipe
from relubloom.training.start import check_start

CHOSEN = "chosen"  # the share of swapped tokens in a description, before it is known


@dataclass(frozen=True)
class Study:
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names: where none are given those of the task's file, else words.
    `quick` trades steps and sets for an answer within seconds. `init_from` is a run folder whose
    network training starts from. With `choose_swaps` the share of swapped tokens of a file's sets
    is chosen (`study.swaps`), and not the task's.

    Raises:
        UsageError: a value breaks its rule, or is of another kind.
        FileError: `init_from` is no run folder, or is damaged.
    """

    task: KSparseTask
    width: int
    recipe: Recipe = field(default_factory=Recipe)
    labels: tuple[str, ...] = ()
    seed: int = 0
    seeds: int = 1
    quick: bool = False
    init_from: Path | str | None = None
    choose_swaps: bool = False

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
        return Start.of(Path(self.init_from), self.task.sizes, self.labels)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(range(self.seed, self.seed + self.seeds))

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
        return cls(net, folder.resolve().name, sha256_of(folder / WEIGHTS, reading.ARRAYS))

    def describe(self) -> dict[str, str]:
        """What names it, as JSON values."""
        return {"dir": self.name, "sha256": self.sha256}


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
INIT_FROM_LEARNING_RATE = 3e-3  # keeps what the network knows: docs/real-sets.md
QUICK_LEARNING_RATE = 4e-2  # binarises within 2,000 steps, at a higher mse: docs/results/recipes.md


def quick_recipe(recipe: Recipe, steps: int = QUICK_STEPS) -> Recipe:
    """A recipe for an answer within seconds: few steps, and a high rate unless one was chosen."""
    rate = QUICK_LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    return replace(recipe, steps=min(recipe.steps, steps), learning_rate=rate)
