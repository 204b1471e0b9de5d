"""White box: change a part of the network, with the effect predicted from the code beforehand."""

from relubloom.evidence.interventions.intervene import OnCases, intervene
from relubloom.evidence.interventions.results import Agreement
from relubloom.records.interventions import Control, Explained, Intervened, Interventions, Match

__all__ = [
    "Agreement",
    "Control",
    "Explained",
    "Intervened",
    "Interventions",
    "Match",
    "OnCases",
    "intervene",
]
