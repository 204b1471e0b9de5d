"""`interventions.json`: changes to a network, predicted and in fact."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.records.ladder import Agreement


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
