"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import (
    TrainedNetwork,
    TrainingProgress,
    initialise,
    train,
    train_stack,
)
from relubloom.training.recipe import Recipe

__all__ = [
    "Recipe",
    "TrainedNetwork",
    "TrainingProgress",
    "initialise",
    "train",
    "train_stack",
]
