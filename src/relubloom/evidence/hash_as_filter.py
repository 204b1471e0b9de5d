"""The extracted hash run as a Bloom filter: does it say where the network fails?"""

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores
from relubloom.measure.statistics import f1
from relubloom.records.mechanism import ExtractedFilter, HashAsFilter


def measure_hash_as_filter(scores: SetScores) -> HashAsFilter:
    """Compare the code's false positives with the network's failures, set by set."""
    return HashAsFilter(
        extracted=ExtractedFilter(
            mse=scores.mean(scores.code_mse),
            kl=scores.mean(scores.code_kl),
            p_exact=scores.mean(~scores.code_failure),
            loss_failure_f1=f1(scores.code_failure, scores.loss_failure, scores.copies),
        ),
        code_failure_share=scores.mean(scores.code_failure),
        failures_explained=_share_inside(scores, scores.ranking_failure),
        failures_explained_by_loss=_share_inside(scores, scores.loss_failure),
        union_skill=union_skill(float(scores.unit_agreement.mean()), float(scores.unit_on.mean())),
        failures_told_apart=_told_apart(scores),
    )


def union_skill(agreement: float, on: float) -> float:
    """1 - (disagreements of the union) / (disagreements of the better constant answer), or 0.

    Over (set, unit) pairs, of which the share `on` is above 0: a constant answer ("every unit is
    on", or "is off") errs on min(on, 1 - on) of them. Where nearly all units are off, agreement is
    high whatever they compute; this is not. 1 where the union never errs.
    """
    errors, constant = 1 - agreement, min(on, 1 - on)
    if errors == 0:
        return 1.0
    return max(0.0, 1 - errors / constant) if constant > 0 else 0.0


def _told_apart(scores: SetScores) -> float | None:
    failing = _share_inside(scores, scores.loss_failure)
    others = _share_inside(scores, ~scores.loss_failure)
    return None if failing is None or others is None else failing - others


def _share_inside(scores: SetScores, failure: NDArray[np.bool_]) -> float | None:
    total = scores.copies[failure].sum()
    return float(scores.copies[failure & scores.code_failure].sum() / total) if total else None
