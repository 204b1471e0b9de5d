"""`Recipe`: everything that training depends on besides the task, the width and the seed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Literal, TypeGuard, get_args

from relubloom.errors import UsageError, check_choice, check_dict, described, whole
from relubloom.theory import best_constant_weight
from relubloom.theory.arguments import check_sizes

Objective = Literal["mse", "kl"]
ObjectiveName = Literal["mse", "kl", "kl-then-mse"]
Activation = Literal["relu", "none"]
Initialisation = Literal["normal", "pytorch"]
OptimiserName = Literal["adam", "sgd"]
Products = Literal["float32", "tf32"]
Softmax = Literal["all", "batch"]
FEW_TOKENS = 8192  # to which `Recipe.for_sizes` can afford a softmax over all tokens
WIDE = 256  # units in which small batches give tokens too many bits: docs/scale-recipe.md
LEARNING_RATES = {"mse": 2e-2, "kl": 3e-2, "kl-then-mse": 3e-2}  # docs/results/recipes.md


CHOICES = {
    "objective": ObjectiveName,
    "activation": Activation,
    "initialisation": Initialisation,
    "optimiser": OptimiserName,
    "products": Products,
    "softmax": Softmax,
}
LATER_FIELDS = (  # see `describe`
    *("activation", "initialisation", "optimiser"),
    *("adam_beta2", "weight_decay", "products", "softmax"),
)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one objective and one warm-up-and-cosine schedule."""

    objective: Objective
    steps: int
    learning_rate: float


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: linear warm-up, then cosine decay to zero.

    Args:
        objective: "mse" (sum over tokens of (p - target)^2), "kl" (cross-entropy minus ln k), or
            "kl-then-mse" (kl first, then `polish_share` of the steps with mse).
        steps: optimiser steps in all.
        batch_size: sets per step.
        learning_rate: the peak; None takes 2e-2 for mse and 3e-2 for the others.
        polish_share: the part of the steps that "kl-then-mse" spends on mse.
        polish_learning_rate: the peak there.
        warmup: the part of a phase's steps in which the rate rises.
        init_scale_in, init_scale_out: weights start normal with sd = scale / sqrt(width); biases 0.
        activation: "relu", or "none" for a linear network of the same shape: the control that
            shows what the ReLU is good for. It is saved as a network whose units are above 0 on
            all sets of the task.
        initialisation: "normal" as above, or "pytorch": that of `torch.nn.Linear`, uniform within
            1/sqrt(N) for W_in and b_in and within 1/sqrt(width) for W_out and b_out, where the
            scales play no part.
        optimiser: "adam" (.9, `adam_beta2`), or "sgd": gradient descent with momentum 0.9.
        adam_beta2: what Adam keeps of the mean square gradient from one step to the next.
        weight_decay: before each step every weight and bias is multiplied by
            1 - rate * weight_decay, as `torch.optim.AdamW` does.
        products: how matrices are multiplied: in "float32", or in "tf32", which rounds what goes
            into a product to 11 significant bits, adds up in float32, and is about twice as fast;
            NVIDIA GPUs since 2020 have it.
        softmax: over which tokens the softmax of a step goes: "all", or those of the sets of its
            "batch", where each that is not in a set counts as often as it stands for. That is
            cheaper where a batch holds a small part of the vocabulary; the objective is then kl.

    Raises:
        UsageError: a value lies outside its range, a name is unknown, or mse is asked for with a
            softmax over a batch.
    """

    objective: ObjectiveName = "mse"
    steps: int = 5000
    batch_size: int = 512
    learning_rate: float | None = None
    polish_share: float = 0.3
    polish_learning_rate: float = 1e-2
    warmup: float = 0.02
    init_scale_in: float = 3.0
    init_scale_out: float = 0.5
    activation: Activation = "relu"
    initialisation: Initialisation = "normal"
    optimiser: OptimiserName = "adam"
    adam_beta2: float = 0.999
    weight_decay: float = 0.0
    products: Products = "float32"
    softmax: Softmax = "all"

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, Real) and not isinstance(value, int | float):  # NumPy's
                plain = int(value) if isinstance(value, Integral) else float(value)
                object.__setattr__(self, name, plain)
        for name, known in CHOICES.items():
            check_choice(name, getattr(self, name), *get_args(known))
        for name in ("steps", "batch_size"):
            if whole(name, getattr(self, name)) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}: at least 1; raise it")
        for name in ("polish_share", "warmup", "adam_beta2"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 <= value < 1):
                raise UsageError(f"{name} is {value}: a share is in [0, 1); change it")
        rates = ("learning_rate", "polish_learning_rate")
        for name in (*rates, "init_scale_in", "init_scale_out", "weight_decay"):
            value = getattr(self, name)
            if value is None and name == "learning_rate":
                continue
            least = "0 or more" if name == "weight_decay" else "positive"
            fits = _is_number(value) and 0 <= value < math.inf
            if not fits or (value == 0 and least == "positive"):
                raise UsageError(f"{name} is {value}: it must be {least} and finite; change it")
        if self.softmax == "batch" and self.objective != "kl":
            raise UsageError(
                f"softmax is 'batch' and objective is {self.objective!r}: mse asks for the "
                "probability of every token; take objective 'kl', or a recipe or preset with "
                "softmax 'all'"
            )

    @classmethod
    def for_sizes(cls, vocab_size: int, width: int, set_size: int) -> Recipe:
        """The recipe for sets drawn uniformly from a vocabulary of 1,000 tokens and more.

        It was found by trying (docs/scale-recipe.md), not derived: kl at a peak rate of 0.01,
        batches of N / 40 sets, 256 at least, and 1,500 N sets in all, in 32,000 steps at least.

        Where the best random code's mse is below 0.001, weight decay takes needless bits away. If
        N is at most 8,192, the width below 256 and 256 k / N below 0.75, batches are small there:
        the largest of N / (20 k), 50 and 0.4 times the width, in 200,000 steps. Else the softmax
        goes over the batch where k times its size is below N / 2.

        Raises:
            UsageError: as `theory.best_constant_weight`.
        """
        vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
        batch = max(256, round(vocab_size / 40))
        steps = 1000 * max(32, round(1.5 * vocab_size / batch))
        usual = cls("kl", steps, batch, learning_rate=1e-2)
        if best_constant_weight(vocab_size, width, set_size).mse >= 1e-3:
            return usual
        share = set_size * batch / vocab_size  # of the steps, that a token is in
        if vocab_size <= FEW_TOKENS and width < WIDE and share < 0.75:
            small = max(50, round(0.4 * width), round(vocab_size / (20 * set_size)))
            return replace(usual, steps=200_000, batch_size=small, weight_decay=0.0195)
        return replace(
            usual,
            weight_decay=round(min(0.02, 0.05 * math.sqrt(share)), 3),
            softmax="batch" if 2 * set_size * batch < vocab_size else "all",
        )

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The schedule as phases; their steps add up to `steps`."""
        rate = self.learning_rate or LEARNING_RATES[self.objective]
        if self.objective != "kl-then-mse":
            return (Phase(self.objective, self.steps, rate),)
        polish = round(self.polish_share * self.steps)
        both = (
            Phase("kl", self.steps - polish, rate),
            Phase("mse", polish, self.polish_learning_rate),
        )
        return tuple(phase for phase in both if phase.steps)

    def at(self, step: int) -> tuple[Objective, float]:
        """The objective and learning rate of step number `step`, counted from 0.

        Raises:
            UsageError: the recipe has no such step.
        """
        start, step = 0, whole("step", step)
        for phase in self.phases:
            if start <= step < start + phase.steps:
                scale = _schedule(step - start, phase.steps, self.warmup)
                return phase.objective, scale * phase.learning_rate
            start += phase.steps
        raise UsageError(f"step is {step}: the recipe has steps 0 to {self.steps - 1}")

    def describe(self) -> dict[str, Any]:
        """The fields as JSON values; those that came later only where they are not the default.

        So what was written before there was a choice describes the same recipe as now, and its
        studies and checkpoints go on.
        """
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in LATER_FIELDS or value != defaults[name]
        }

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> Recipe:
        """The inverse of `describe`.

        `skip_below` is passed over: earlier versions could leave out improbable tokens' gradients.

        Raises:
            UsageError: it is no dict, or a key is unknown.
        """
        check_dict("recipe", described)
        described = {key: value for key, value in described.items() if key != "skip_below"}
        known = {field.name for field in fields(cls)}
        if unknown := sorted(described.keys() - known):
            raise UsageError(
                f"recipe has no {unknown[0]!r}: its keys are {', '.join(sorted(known))}"
            )
        return cls(**described)


def as_recipe(recipe: object) -> Recipe:
    """The recipe itself, or the default one for None.

    Raises:
        UsageError: it is something else.
    """
    if recipe is None:
        return Recipe()
    if isinstance(recipe, Recipe):
        return recipe
    raise UsageError(
        f"recipe is {described(recipe)}: give a Recipe, such as Recipe(objective='kl')"
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _schedule(step: int, steps: int, warmup: float) -> float:
    rising = max(1, int(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
