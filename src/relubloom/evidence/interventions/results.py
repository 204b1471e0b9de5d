"""What comes out of an intervention: predicted against actual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Agreement:
    """Precision, recall and F1 of what was predicted; all null when there is nothing on either
    side, all 0 when there is something on one side alone."""

    precision: float | None
    recall: float | None
    f1: float | None


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


@dataclass(frozen=True)
class Match:
    """How well one prediction fits what the changed network called.

    `precision`, `recall`, `f1`: of the predicted false positives (called tokens that are not
    intervened members), token by token. `by_loss`: of the cases whose mse to the intervened members
    exceeds 1/(2k(k+1)), k their number, as predicted (of a hard filter: any predicted error) and
    in fact. `exact_match`:
    the share of cases whose called tokens are exactly the predicted ones. `changes`: of the
    tokens whose call changes, predicted by decode against decode, actual by run against run;
    null for an intervention that should change nothing.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    by_loss: Agreement
    exact_match: float | None
    changes: Agreement | None


@dataclass(frozen=True)
class Control(Match):
    """A prediction that should fail; `name` says what was done wrongly on purpose."""

    name: str


@dataclass(frozen=True)
class Explained(Match):
    """The same intervention done to an explanation of the network, the ladder's rung `name`."""

    name: str


@dataclass(frozen=True)
class Intervened(Match):
    """One intervention: what was asked, how it was predicted, and how that turned out.

    `cases`: their number; all other figures weigh each case as its kind does among random cases.
    `predicted_share`: the cases with a predicted error. `loss_correlation`: Pearson over the
    cases, the mse of a hard filter that names the predicted tokens against the network's; null
    at zero variance. `explained`: null where no explanation was given. All figures are null
    without cases.
    """

    name: str
    question: str
    prediction: str
    cases: int
    predicted_share: float | None
    loss_correlation: float | None
    control: Control
    explained: Explained | None


@dataclass(frozen=True)
class Interventions:
    """All interventions on one network, on uniform random sets of `set_size` tokens (one size, or
    the smallest and the largest)."""

    set_size: int | list[int]
    seed: int
    interventions: list[Intervened]
