"""How much of a known mechanism a method found, and what chance finds."""

from relubloom.evidence.recovery.controls import ControlScores, controls_of
from relubloom.evidence.recovery.score import Score, Truth, score_against

__all__ = ["ControlScores", "Score", "Truth", "controls_of", "score_against"]
