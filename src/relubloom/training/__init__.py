"""Training: recipe, inner step, loop, checkpoint."""

from relubloom.training.loop import train as train
from relubloom.training.loop import train_stack as train_stack
from relubloom.training.recipe import Recipe as Recipe
from relubloom.training.run import HistoryRow as HistoryRow
from relubloom.training.run import TrainedNetwork as TrainedNetwork
from relubloom.training.run import TrainingProgress as TrainingProgress
from relubloom.training.start import initialise as initialise
