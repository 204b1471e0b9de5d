"""How much of the network each explanation reproduces, at which length in bits."""

from relubloom.evidence.ladder.climb import best_explanation, climb, sets_for_ladder
from relubloom.evidence.ladder.ladder_sets import LadderSets

__all__ = ["LadderSets", "best_explanation", "climb", "sets_for_ladder"]
