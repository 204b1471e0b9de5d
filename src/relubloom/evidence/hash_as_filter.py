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
        union_skill=skill(float(scores.unit_agreement.mean()), float(scores.unit_on.mean())),
        failure_skill=skill(
            scores.mean(scores.code_failure == scores.loss_failure),
            scores.mean(scores.loss_failure),
        ),
    )


def skill(agreement: float, share: float) -> float:
    """1 - (errors of an answer) / (errors of the better constant answer), or 0.

    Of yes and no, where a share is yes: a constant answer errs on min(share, 1 - share). Where
    nearly all units are off, or nearly all sets fail, agreement is high whatever is answered; this
    is not. 1 where the answer never errs.
    """
    errors, constant = 1 - agreement, min(share, 1 - share)
    if errors == 0:
        return 1.0
    return max(0.0, 1 - errors / constant) if constant > 0 else 0.0


def _share_inside(scores: SetScores, failure: NDArray[np.bool_]) -> float | None:
    total = scores.copies[failure].sum()
    return float(scores.copies[failure & scores.code_failure].sum() / total) if total else None
