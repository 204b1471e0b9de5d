"""How much of the network each explanation reproduces, at which length in bits."""

from relubloom.evidence.ladder.climb import best_explanation as best_explanation
from relubloom.evidence.ladder.climb import climb as climb
from relubloom.evidence.ladder.climb import sets_for_ladder as sets_for_ladder
from relubloom.evidence.ladder.ladder_sets import LadderSets as LadderSets
