"""How much of the network each explanation reproduces, at which length in bits."""

from relubloom.evidence.ladder.agreement import Agreement, Score
from relubloom.evidence.ladder.evaluate import evaluate
from relubloom.evidence.ladder.rung import Kind, Program, Rung

__all__ = ["Agreement", "Kind", "Program", "Rung", "Score", "evaluate"]
