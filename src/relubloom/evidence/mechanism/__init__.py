"""White box: are the weights of two values, is each unit the complement of a union, and are the
logits a line in the missing bits?"""

from relubloom.evidence.mechanism.summary import measure_mechanism, verdict_of
from relubloom.evidence.mechanism.units import measure_input_modes

__all__ = ["measure_input_modes", "measure_mechanism", "verdict_of"]
