"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import HistoryRow as HistoryRow
from relubloom.training.loop import TrainedNetwork as TrainedNetwork
from relubloom.training.loop import TrainingProgress as TrainingProgress
from relubloom.training.loop import train as train
from relubloom.training.loop import train_stack as train_stack
from relubloom.training.recipe import Recipe as Recipe
from relubloom.training.start import initialise as initialise
