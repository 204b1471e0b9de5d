"""Black box: what the network answers, seen from its inputs and outputs alone."""

from relubloom.evidence.behaviour.summary import measure_behaviour
from relubloom.records.behaviour import Behaviour

__all__ = ["Behaviour", "measure_behaviour"]
