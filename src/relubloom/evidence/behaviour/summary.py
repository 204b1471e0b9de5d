"""Black box: what the network answers, seen from its inputs and outputs alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores


@dataclass(frozen=True)
class Behaviour:
    """Means over the sets, copies counted; shares are of sets.

    `p_exact`: all members strictly above all others. `ranking_failures`, `loss_failures`: shares
    by the two definitions of failing. `miss_share`, `false_positive_share`: sets with a member
    not called, and with a called non-member (`one_sided` when there are false positives and no
    misses).
    `unseen_tokens`: the figures over sets with a token never trained on, null where there are none.
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
    unseen_tokens: dict[str, Any] | None


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
        by_set_size=[
            {"set_size": int(size)} | _figures(scores, scores.set_size == size)
            for size in np.unique(scores.set_size)
        ],
        unseen_tokens=_figures(scores, scores.unseen) if scores.unseen.any() else None,
    )


def _figures(scores: SetScores, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    copies = scores.copies[chosen]
    return {
        "sets": int(chosen.sum()),
        "mse": float(np.average(scores.mse[chosen], weights=copies)),
        "p_exact": float(np.average(~scores.ranking_failure[chosen], weights=copies)),
    }
