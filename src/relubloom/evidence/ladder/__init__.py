"""How much of the network each explanation reproduces, at which length in bits."""

from relubloom.evidence.ladder.agreement import Agreement
from relubloom.evidence.ladder.climb import Ladder, best_explanation, climb_ladder
from relubloom.evidence.ladder.evaluator import ScoredRung, evaluate
from relubloom.evidence.ladder.rung import Kind, Program, Rung

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
