"""Two networks side by side: their figures, and on which sets they fail together."""

from relubloom.comparison.agreement import Agreement, measure_agreement
from relubloom.comparison.figures import FIGURES, Figure, read_figures
from relubloom.comparison.matching import CodeMatch, match_codes
from relubloom.comparison.side_by_side import compare_runs

__all__ = [
    "FIGURES",
    "Agreement",
    "CodeMatch",
    "Figure",
    "compare_runs",
    "match_codes",
    "measure_agreement",
    "read_figures",
]
