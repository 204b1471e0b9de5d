"""White box: are the weights of two values, is each unit the complement of a union, and are the
logits a line in the missing bits?"""

from relubloom.evidence.mechanism.input_modes import InputModes, measure_input_modes
from relubloom.evidence.mechanism.summary import BitsPerToken, Mechanism, measure_mechanism
from relubloom.evidence.mechanism.units import Unit

__all__ = [
    "BitsPerToken",
    "InputModes",
    "Mechanism",
    "Unit",
    "measure_input_modes",
    "measure_mechanism",
]
