"""White box: change a part of the network, with the effect predicted from the code beforehand."""

from relubloom.evidence.interventions.intervene import intervene as intervene
