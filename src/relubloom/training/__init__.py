"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import (
    HistoryRow,
    TrainedNetwork,
    TrainingProgress,
    train,
    train_stack,
)
from relubloom.training.recipe import Recipe
from relubloom.training.start import initialise

__all__ = [
    "HistoryRow",
    "Recipe",
    "TrainedNetwork",
    "TrainingProgress",
    "initialise",
    "train",
    "train_stack",
]
