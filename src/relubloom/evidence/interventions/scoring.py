"""The same scorer for every intervention: predicted against called tokens, by the calling rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code.bit_slices import pack_bits
from relubloom.evidence.interventions.intervention import Cases, Intervention, Words, marked
from relubloom.evidence.interventions.plan import SealedPlan
from relubloom.evidence.interventions.prepared_network import PreparedNetwork
from relubloom.measure.answers import Batch
from relubloom.measure.shares import are_called, losses_of
from relubloom.measure.statistics import agreement, pearson
from relubloom.records.interventions import Control, Explained, Intervened, Match
from relubloom.records.ladder import Agreement

Figures = NDArray[np.float64]
Counts = dict[str, Figures]
"""Figures per case, each float64 [cases]."""


@torch.no_grad()
def score_chunk(
    plan: SealedPlan,
    net: PreparedNetwork,
    explanation: PreparedNetwork | None = None,
) -> tuple[Counts, ...]:
    """Run the cases, and count for the prediction, the control and the explanation.

    Cost: one forward pass, two where calls should change; one exponential per (case, token); as
    much again for an explanation.
    """
    members = marked(plan.cases.members, net.net.vocab_size)
    actual = _Answer.of(plan.intervention, net, plan.cases)
    predicted = [
        _Answer.by_code(called, plan.before, members) for called in (plan.right, plan.wrong)
    ]
    if explanation is not None:
        predicted.append(_Answer.of(plan.intervention, explanation, plan.cases))
    return tuple(_against(each, actual, members) for each in predicted)


@dataclass(frozen=True)
class _Answer:
    """What was called, or should be; `loss` is the mse of each case, to the intervened members.

    `changed`: the calls that differ from those without the intervention; None where they are not
    compared.
    """

    called: Words
    changed: Words | None
    loss: Figures

    @staticmethod
    def of(intervention: Intervention, net: PreparedNetwork, cases: Cases) -> _Answer:
        """Run the intervention on a network."""
        logits = intervention.run(net, cases)
        called, changed = _called(logits), None
        if intervention.changes:
            changed = called ^ _called(net.net(torch.from_numpy(cases.sets)))
        batch = Batch.of(torch.from_numpy(cases.members), net.net.vocab_size)
        return _Answer(called, changed, losses_of(logits, batch).mse.numpy())

    @staticmethod
    def by_code(called: Words, before: Words, members: Words) -> _Answer:
        """Of a hard filter that names these tokens, all alike."""
        size, named, hit = _per_case(members), _per_case(called), _per_case(called & members)
        loss = hit * (1 / size - 1 / named) ** 2 + (size - hit) / size**2 + (named - hit) / named**2
        return _Answer(called, called ^ before, loss)


def _against(predicted: _Answer, actual: _Answer, members: Words) -> Counts:
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
    if actual.changed is not None and predicted.changed is not None:
        counts |= {
            "changes_both": _per_case(predicted.changed & actual.changed),
            "changes_predicted": _per_case(predicted.changed),
            "changes_actual": _per_case(actual.changed),
        }
    return counts


def _per_case(tokens: Words) -> Figures:
    return np.bitwise_count(tokens).sum(1, dtype=np.float64)


def _called(logits: Float[Tensor, "batch vocab"]) -> Words:
    return pack_bits(are_called(logits).cpu().numpy())


def result(
    plan: SealedPlan, parts: list[tuple[Counts, ...]], explanation: str | None, levels: int = 1
) -> Intervened:
    """The figures of an intervention from the counts of all its chunks."""
    words = plan.intervention.words(levels)
    counts = [_joined(each) for each in zip(*parts, strict=True)]
    weight = plan.cases.weight
    right, wrong, *explained = [vars(matched(each, weight)) for each in counts]
    return Intervened(
        **right,
        name=plan.intervention.name,
        question=words["question"],
        prediction=words["prediction"],
        cases=len(plan.cases),
        predicted_share=_weighted_mean(counts[0]["predicted_loss"] > 0, weight),
        loss_correlation=pearson(counts[0]["predicted_loss"], counts[0]["loss"], weight),
        control=Control(**wrong, name=words["control"]),
        explained=None if explanation is None else Explained(**explained[0], name=explanation),
    )


def matched(counts: Counts, weight: Figures) -> Match:
    """Pool the cases."""
    failing, predicted = counts["failing"], counts["predicted_failing"]
    tokens = _pooled(counts["predicted"], counts["actual"], counts["both"], weight)
    changes: Agreement | None = None
    if "changes_both" in counts:
        changes = _pooled(
            counts["changes_predicted"], counts["changes_actual"], counts["changes_both"], weight
        )
    return Match(
        **vars(tokens),
        by_loss=_pooled(predicted, failing, predicted * failing, weight),
        exact_match=_weighted_mean(counts["exact"], weight),
        changes=changes,
    )


def _pooled(predicted: Figures, actual: Figures, both: Figures, weight: Figures) -> Agreement:
    said, there, hits = (float((weight * counts).sum()) for counts in (predicted, actual, both))
    return agreement(said, there, hits)


def _joined(parts: tuple[Counts, ...]) -> Counts:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _weighted_mean(values: NDArray[np.generic], weight: Figures) -> float | None:
    """Null without cases."""
    return float(np.average(values.astype(np.float64), weights=weight)) if len(values) else None
