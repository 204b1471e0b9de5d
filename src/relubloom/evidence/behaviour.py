"""Black box: what the network answers, seen from its inputs and outputs alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from relubloom.evidence.scores import SetScores


@dataclass(frozen=True)
class Behaviour:
    """Means over the sets, copies counted; shares are of sets.

    `p_exact`: all members strictly above all others. `ranking_failures`, `loss_failures`: shares
    by the two definitions of failing. `miss_share`, `false_positive_share`: sets with a member
    not called, and with a called non-member (`one_sided` when there are false positives and no
    misses).
    `sets` counts what was evaluated; `method` says how they came about ("all" leaves none out).
    """

    sets: int
    method: str
    mse: float
    kl: float
    p_exact: float
    ranking_failures: float
    loss_failures: float
    miss_share: float
    false_positive_share: float
    one_sided: bool
    by_set_size: list[dict[str, Any]]


def measure_behaviour(scores: SetScores) -> Behaviour:
    """Sum up the scores of a network."""
    misses = scores.mean(scores.misses > 0)
    false_positives = scores.mean(scores.false_positives > 0)
    return Behaviour(
        sets=len(scores.mse),
        method=scores.method,
        mse=scores.mean(scores.mse),
        kl=scores.mean(scores.kl),
        p_exact=scores.mean(~scores.ranking_failure),
        ranking_failures=scores.mean(scores.ranking_failure),
        loss_failures=scores.mean(scores.loss_failure),
        miss_share=misses,
        false_positive_share=false_positives,
        one_sided=misses == 0 and false_positives > 0,
        by_set_size=_by_set_size(scores),
    )


def _by_set_size(scores: SetScores) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for size in np.unique(scores.set_size):
        at = scores.set_size == size
        copies = scores.copies[at]
        rows.append(
            {
                "set_size": int(size),
                "sets": int(at.sum()),
                "mse": float(np.average(scores.mse[at], weights=copies)),
                "p_exact": float(np.average(~scores.ranking_failure[at], weights=copies)),
            }
        )
    return rows
