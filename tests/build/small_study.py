"""Shared by tests: small_study."""

from relubloom import KSparseTask
from relubloom.study.settings import Study, quick_recipe
from relubloom.training import Recipe


def small_study(labels: tuple[str, ...]) -> Study:
    recipe = quick_recipe(Recipe(steps=3, batch_size=8))
    return Study(KSparseTask(12, 2), 4, recipe, labels)
