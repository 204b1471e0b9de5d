"""The same scorer for every intervention: predicted against called tokens, by the calling rule."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.evidence.interventions.plan import Plan
from relubloom.evidence.interventions.prediction import indicator
from relubloom.evidence.interventions.results import Agreement, Match, agreement
from relubloom.evidence.interventions.subject import Subject
from relubloom.evidence.outputs import CALL_MARGIN

Counts = dict[str, NDArray[np.float64]]
"""Figures per case, each float64 [cases]."""


@torch.no_grad()
def score_chunk(plan: Plan, subject: Subject, start: int, stop: int) -> tuple[Counts, Counts]:
    """Run cases start..stop, and count for the prediction and for the control.

    Cost: one forward pass, two where calls should change; one exponential per (case, token).
    """
    vocab = subject.net.vocab_size
    cases, sealed = plan.cases[start:stop], plan.sealed.part(start, stop)
    members = indicator(cases.members, vocab)
    logits = plan.intervention.run(subject, cases)
    called = _called(logits)
    loss = _mse(logits, members)
    changed = None
    if plan.intervention.changes:
        changed = called ^ _called(subject.net(torch.from_numpy(cases.sets)))
    before = _unpacked(sealed.before, vocab)
    counted: list[Counts] = []
    for packed in (sealed.right, sealed.wrong):
        predicted = _unpacked(packed, vocab)
        counts = _against(predicted, called, members) | {"loss": loss}
        if changed is not None:
            changes = predicted ^ before
            counts |= {
                "changes_both": _per_case(changes & changed),
                "changes_predicted": _per_case(changes),
                "changes_actual": _per_case(changed),
            }
        counted.append(counts)
    return counted[0], counted[1]


def matched(counts: Counts, weight: NDArray[np.float64]) -> Match:
    """Pool the cases."""
    size = counts["members"]
    failing = counts["loss"] > 1 / (2 * size * (size + 1))
    predicted = counts["hard_loss"] > 0  # not exactly the members
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


def _against(
    predicted: NDArray[np.bool_], called: NDArray[np.bool_], members: NDArray[np.bool_]
) -> Counts:
    size, named = _per_case(members), _per_case(predicted)
    hit = _per_case(predicted & members)
    false, wrong = predicted & ~members, called & ~members
    return {
        "members": size,
        "both": _per_case(false & wrong),
        "predicted": named - hit,
        "actual": _per_case(wrong),
        "exact": (predicted == called).all(1).astype(np.float64),
        "hard_loss": hit * (1 / size - 1 / named) ** 2
        + (size - hit) / size**2
        + (named - hit) / named**2,
    }


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
