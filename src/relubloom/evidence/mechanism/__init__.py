"""White box: are the weights of two values, and is each unit the complement of a union?"""

from relubloom.evidence.mechanism.weights_and_units import (
    BitsPerToken,
    Mechanism,
    Unit,
    measure_mechanism,
)

__all__ = ["BitsPerToken", "Mechanism", "Unit", "measure_mechanism"]
