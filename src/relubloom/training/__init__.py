"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import (
    TrainedNetwork,
    TrainingProgress,
    check_network,
    initialise,
    train,
    train_stack,
)
from relubloom.training.recipe import Recipe

__all__ = [
    "Recipe",
    "TrainedNetwork",
    "TrainingProgress",
    "check_network",
    "initialise",
    "train",
    "train_stack",
]
