"""The same scorer for every intervention: predicted against called tokens, by the calling rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.evidence.interventions.cases import Cases
from relubloom.evidence.interventions.plan import Plan
from relubloom.evidence.interventions.prediction import indicator
from relubloom.evidence.interventions.results import agreement
from relubloom.evidence.interventions.subject import Subject
from relubloom.measure.outputs import CALL_MARGIN
from relubloom.records.interventions import Match
from relubloom.records.ladder import Agreement

Counts = dict[str, NDArray[np.float64]]
"""Figures per case, each float64 [cases]."""


@torch.no_grad()
def score_chunk(
    plan: Plan, subject: Subject, start: int, stop: int, explanation: Subject | None = None
) -> tuple[Counts, ...]:
    """Run cases start..stop, and count for the prediction, the control and the explanation.

    Cost: one forward pass, two where calls should change; one exponential per (case, token); as
    much again for an explanation.
    """
    vocab = subject.net.vocab_size
    cases, sealed = plan.cases[start:stop], plan.sealed.part(start, stop)
    members = indicator(cases.members, vocab)
    actual = _Answer.of(plan, subject, cases, members)
    before = _unpacked(sealed.before, vocab)
    predicted = [
        _Answer.by_code(_unpacked(packed, vocab), before, members)
        for packed in (sealed.right, sealed.wrong)
    ]
    if explanation is not None:
        predicted.append(_Answer.of(plan, explanation, cases, members))
    return tuple(_against(each, actual, members) for each in predicted)


@dataclass(frozen=True)
class _Answer:
    """What was called, or should be: bool [batch, vocab]; `loss` is the mse of each case.

    `changed`: the calls that differ from those without the intervention.
    """

    called: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    loss: NDArray[np.float64]
    compares_changes: bool = True

    @staticmethod
    def of(plan: Plan, subject: Subject, cases: Cases, members: NDArray[np.bool_]) -> _Answer:
        """Run the intervention on a network."""
        logits = plan.intervention.run(subject, cases)
        called = _called(logits)
        changed, compared = called, plan.intervention.changes
        if compared:
            changed = called ^ _called(subject.net(torch.from_numpy(cases.sets)))
        return _Answer(called, changed, _mse(logits, members), compared)

    @staticmethod
    def by_code(
        called: NDArray[np.bool_], before: NDArray[np.bool_], members: NDArray[np.bool_]
    ) -> _Answer:
        """Of a hard filter that names these tokens, all alike."""
        size, named = _per_case(members), _per_case(called)
        hit = _per_case(called & members)
        loss = hit * (1 / size - 1 / named) ** 2 + (size - hit) / size**2 + (named - hit) / named**2
        return _Answer(called, called ^ before, loss)


def matched(counts: Counts, weight: NDArray[np.float64]) -> Match:
    """Pool the cases."""
    failing, predicted = counts["failing"] > 0, counts["predicted_failing"] > 0
    tokens = agreement(counts["both"], counts["predicted"], counts["actual"], weight)
    changes: Agreement | None = None
    if "changes_both" in counts:
        changes = agreement(
            counts["changes_both"], counts["changes_predicted"], counts["changes_actual"], weight
        )
    return Match(
        precision=tokens.precision,
        recall=tokens.recall,
        f1=tokens.f1,
        by_loss=agreement(predicted & failing, predicted, failing, weight),
        exact_match=weighted_mean(counts["exact"], weight),
        changes=changes,
    )


def weighted_mean(values: NDArray[np.generic], weight: NDArray[np.float64]) -> float | None:
    """Null without cases."""
    return float(np.average(values.astype(np.float64), weights=weight)) if len(values) else None


def correlation(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> float | None:
    """Pearson's, weighted; null without cases or where one side is constant."""
    if len(x) == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = (values - np.average(values, weights=weight) for values in (x, y))
    xy, xx, yy = (float((weight * product).sum()) for product in (x * y, x * x, y * y))
    return xy / math.sqrt(xx * yy)


def _against(predicted: _Answer, actual: _Answer, members: NDArray[np.bool_]) -> Counts:
    size = _per_case(members)
    threshold = 1 / (2 * size * (size + 1))
    false, wrong = predicted.called & ~members, actual.called & ~members
    counts = {
        "both": _per_case(false & wrong),
        "predicted": _per_case(false),
        "actual": _per_case(wrong),
        "exact": (predicted.called == actual.called).all(1).astype(np.float64),
        "loss": actual.loss,
        "predicted_loss": predicted.loss,
        "failing": (actual.loss > threshold).astype(np.float64),
        "predicted_failing": (predicted.loss > threshold).astype(np.float64),
    }
    if actual.compares_changes:
        counts |= {
            "changes_both": _per_case(predicted.changed & actual.changed),
            "changes_predicted": _per_case(predicted.changed),
            "changes_actual": _per_case(actual.changed),
        }
    return counts


def _per_case(marked: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.count_nonzero(marked, axis=1).astype(np.float64)


def _called(logits: Float[Tensor, "batch vocab"]) -> NDArray[np.bool_]:
    return (logits >= logits.amax(1, keepdim=True) - CALL_MARGIN).numpy()


def _mse(logits: Float[Tensor, "batch vocab"], members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """mse to the members, [batch]; overwrites the logits."""
    held = torch.from_numpy(members).double()
    p = logits.sub_(logits.amax(1, keepdim=True)).exp_()
    error = p.div_(p.sum(1, keepdim=True)).sub_(held.div_(held.sum(1, keepdim=True)))
    return error.square_().sum(1).numpy()


def _unpacked(packed: NDArray[np.uint8], vocab: int) -> NDArray[np.bool_]:
    return np.unpackbits(packed, axis=1, count=vocab).astype(np.bool_)
