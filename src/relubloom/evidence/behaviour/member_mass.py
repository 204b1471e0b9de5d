"""How much of the mass lies on the members, and how evenly it is spread over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores
from relubloom.records.behaviour import MemberMass, Uniformity


def measure_member_mass(scores: SetScores) -> MemberMass:
    """Sum up. A percentile is the least value that this share of the sets does not exceed."""
    p01, p50 = percentiles(scores.member_mass, scores.copies, (0.01, 0.5))
    (even,) = percentiles(scores.uniformity, scores.copies, (0.01,))
    return MemberMass(
        mean=scores.mean(scores.member_mass),
        least=float(scores.member_mass.min()),
        p01=p01,
        p50=p50,
        uniformity=Uniformity(
            mean=scores.mean(scores.uniformity), p01=even, least=float(scores.uniformity.min())
        ),
    )


def percentiles(
    values: NDArray[np.float64], copies: NDArray[np.float64], shares: tuple[float, ...]
) -> list[float]:
    """The least value that each share of the values, copies counted, does not exceed."""
    weights = None if np.ptp(copies) == 0 else copies  # without weights nothing need be sorted
    return np.quantile(values, shares, weights=weights, method="inverted_cdf").tolist()
