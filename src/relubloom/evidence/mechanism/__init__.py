"""White box: are the weights of two values, is each unit the complement of a union, and are the
logits a line in the missing bits?"""

from relubloom.evidence.mechanism.summary import measure_mechanism as measure_mechanism
from relubloom.evidence.mechanism.summary import verdict_of as verdict_of
from relubloom.evidence.mechanism.units import measure_input_modes as measure_input_modes
