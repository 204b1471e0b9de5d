"""White box: are the weights of two values, is each unit the complement of a union, and are the
logits a line in the missing bits?"""

from relubloom.evidence.mechanism.input_modes import measure_input_modes
from relubloom.evidence.mechanism.summary import measure_mechanism
from relubloom.records.mechanism import InputModes, Mechanism, Unit

__all__ = [
    "InputModes",
    "Mechanism",
    "Unit",
    "measure_input_modes",
    "measure_mechanism",
]
