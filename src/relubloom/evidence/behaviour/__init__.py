"""Black box: what the network answers, seen from its inputs and outputs alone."""

from relubloom.evidence.behaviour.summary import Behaviour, measure_behaviour

__all__ = ["Behaviour", "measure_behaviour"]
