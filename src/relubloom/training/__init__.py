"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import (
    Progress,
    TrainedNetwork,
    check_network,
    initialise,
    train,
    train_stack,
)
from relubloom.training.recipe import Recipe

__all__ = [
    "Progress",
    "Recipe",
    "TrainedNetwork",
    "check_network",
    "initialise",
    "train",
    "train_stack",
]
