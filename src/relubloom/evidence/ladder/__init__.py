"""How much of the network each explanation reproduces, at which length in bits."""

from relubloom.evidence.ladder.climb import best_explanation, climb_ladder
from relubloom.evidence.ladder.evaluator import evaluate
from relubloom.evidence.ladder.rung import Program, Rung
from relubloom.records.ladder import Agreement, Kind, Ladder, ScoredRung

__all__ = [
    "Agreement",
    "Kind",
    "Ladder",
    "Program",
    "Rung",
    "ScoredRung",
    "best_explanation",
    "climb_ladder",
    "evaluate",
]
