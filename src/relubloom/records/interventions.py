"""`interventions.json`: changes to a network, predicted and in fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from relubloom.records.ladder import Agreement
from relubloom.shown import Shown


@dataclass(frozen=True)
class Match:
    """How well one prediction fits what the changed network called.

    Keys:
        precision, recall, f1: of the predicted false positives (called tokens that are not
            intervened members), token by token.
        by_loss: `precision`, `recall`, `f1` of whole cases: mse to the intervened members above
            1/(2k(k+1)), k their number, as predicted (of the code: any predicted error) against in
            fact.
        exact_match: share of cases whose called tokens are exactly the predicted ones.
        changes: `precision`, `recall`, `f1` of the tokens whose call changes: decode before
            against after, run before against after; null where nothing should change.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    by_loss: Agreement
    exact_match: float | None
    changes: Agreement | None


@dataclass(frozen=True)
class Control(Match):
    """A prediction that should fail.

    Keys:
        name: what was done wrongly on purpose.
    """

    name: str


@dataclass(frozen=True)
class Explained(Match):
    """The same intervention done to an explanation of the network.

    Keys:
        name: the ladder's rung.
    """

    name: str


@dataclass(frozen=True)
class Intervened(Match):
    """One intervention: what was asked, how it was predicted, and how that turned out.

    Each case weighs as its kind does among random cases. All figures are null without cases.

    Keys:
        name, question: which intervention, and what it asks.
        prediction: how the called tokens are predicted from the code: always the decode of a union;
            where a union covers no token, the tokens with the fewest missing bits. Where bits have
            several strengths, the decode of the units' states; of a set with a token more, of the
            states that bits write in sets of that size, where a full bit may leak.
        cases: how many were run: up to 20,000, and at least 1,000 where each costs much; 0 where
            the intervention cannot be done, and then all figures are null.
        predicted_share: share of cases with a predicted error: the called tokens would not be
            exactly the intervened members.
        loss_correlation: Pearson over the cases: the mse of a hard filter that names the predicted
            tokens, against the network's; null where one of them is constant.
        control: the same figures for a prediction made wrongly on purpose; its `name` says how.
        explained: the same figures for the prediction of an explanation, the rung `name` of the
            ladder: that network of few numbers has the same done to it, with its own hidden layer
            and its own levels, and its answer is held against the network's.
            `weak-bits-best-readout`; in a study, and where there is nothing to fit, `weak-bits`;
            `graded-levels` where bits have several strengths; null where no explanation was given.
    """

    name: str
    question: str
    prediction: str
    cases: int
    predicted_share: float | None
    loss_correlation: float | None
    control: Control
    explained: Explained | None


@dataclass(frozen=True, repr=False)
class Interventions(Shown):
    """All interventions on one network, on uniform random sets.

    Keys:
        set_size: tokens a set: one number, or `[smallest, largest]`.
        seed: what chose the cases.
        interventions: a row for each.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("set_size", "seed")

    set_size: int | list[int]
    seed: int
    interventions: list[Intervened]

    def _table(self) -> list[list[Any]]:
        rows = [[each.name, each.f1, each.control.f1] for each in self.interventions]
        return [["intervention", "F1", "F1 of its control"], *rows]
