"""How much of a known mechanism a method found, and what chance finds."""

from relubloom.evidence.recovery.controls import ControlScores as ControlScores
from relubloom.evidence.recovery.controls import controls_of as controls_of
from relubloom.evidence.recovery.score import Score as Score
from relubloom.evidence.recovery.score import Truth as Truth
from relubloom.evidence.recovery.score import score_against as score_against
