"""Black box: what the network answers, seen from its inputs and outputs alone."""

from relubloom.evidence.behaviour.summary import measure_behaviour as measure_behaviour
