"""What comes out of an intervention: predicted against actual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.records.ladder import Agreement


def agreement(
    both: NDArray[np.generic],
    predicted: NDArray[np.generic],
    actual: NDArray[np.generic],
    weight: NDArray[np.float64],
) -> Agreement:
    """Pool what each case predicted, had, and had as predicted: numbers or truth values [cases]."""
    hits, said, there = (
        float((weight * counts.astype(np.float64)).sum()) for counts in (both, predicted, actual)
    )
    if not said and not there:
        return Agreement(None, None, None)
    if not said or not there:
        return Agreement(0.0, 0.0, 0.0)
    return Agreement(hits / said, hits / there, 2 * hits / (said + there))
