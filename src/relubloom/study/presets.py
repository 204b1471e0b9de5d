"""Named studies: sizes and recipe under one word."""

from dataclasses import dataclass, replace

from relubloom.training.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """The sizes and the recipe of a named study."""

    vocab_size: int
    width: int
    set_size: int
    recipe: Recipe


PRESETS = {
    "article": Preset(256, 48, 3, Recipe()),
    "wide": Preset(1000, 64, 3, Recipe(objective="kl-then-mse", steps=6500)),
}

QUICK_STEPS = 2000
QUICK_LEARNING_RATE = 4e-2  # binarises within 2,000 steps, at a higher mse: docs/results/recipes.md


def quick_recipe(recipe: Recipe) -> Recipe:
    """A recipe for an answer within seconds: few steps, and a high rate unless one was chosen."""
    rate = QUICK_LEARNING_RATE if recipe.learning_rate is None else recipe.learning_rate
    return replace(recipe, steps=min(recipe.steps, QUICK_STEPS), learning_rate=rate)
