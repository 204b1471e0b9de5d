"""The extracted hash run as a Bloom filter: does it say where the network fails?"""

import numpy as np
from numpy.typing import NDArray

from relubloom.code.worth import filter_losses
from relubloom.evidence.scores import SetScores
from relubloom.measure.statistics import f1
from relubloom.records.mechanism import ExtractedFilter, HashAsFilter


def measure_hash_as_filter(scores: SetScores) -> HashAsFilter:
    """Compare the code's false positives with the network's failures, set by set."""
    return HashAsFilter(
        extracted=run_as_filter(scores.code_false_positives, scores),
        code_failure_share=scores.mean(scores.code_failure),
        failures_explained=_share_inside(scores, scores.ranking_failure),
        failures_explained_by_loss=_share_inside(scores, scores.loss_failure),
        union_skill=union_skill(float(scores.unit_agreement.mean()), float(scores.unit_on.mean())),
        failures_told_apart=_told_apart(scores),
    )


def run_as_filter(false_positives: NDArray[np.int32], scores: SetScores) -> ExtractedFilter:
    """A code with so many false positives on each set, as an infinitely sharp filter."""
    fails, (mse, kl) = false_positives > 0, filter_losses(false_positives, scores.set_size)
    return ExtractedFilter(
        mse=scores.mean(mse),
        kl=scores.mean(kl),
        p_exact=scores.mean(~fails),
        loss_failure_f1=f1(fails, scores.loss_failure, scores.copies),
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
