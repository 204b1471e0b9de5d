"""Two networks on the same sets: do they fail together?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores, score_sets
from relubloom.measure.statistics import f1
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.study.compare_matching import CodeMatch, match_codes
from relubloom.task import SetCollection


@dataclass(frozen=True)
class SharedFailures:
    """Failing sets: shares of `a`, of `b` and of `both`; `f1` = 2 both / (a + b).

    `f1_by_chance`: what independent failures at these shares come to, 2 a b / (a + b). Both are
    null where neither network fails.
    """

    a: float
    b: float
    both: float
    f1: float | None
    f1_by_chance: float | None


@dataclass(frozen=True)
class Agreement:
    """What two networks of one vocabulary have in common, over `sets` sets (float64).

    `a`, `b`: mse, kl and p_exact of each there. `loss_correlation`: Pearson over per-set mse,
    copies counted; null where one has no variance. `code`: their extracted codes with the units
    matched.
    """

    sets: int
    method: str
    a: dict[str, float]
    b: dict[str, float]
    loss_failures: SharedFailures
    ranking_failures: SharedFailures
    loss_correlation: float | None
    code: CodeMatch


def measure_agreement(
    first: ReluNet,
    second: ReluNet,
    sets: SetCollection,
    workers: int = 1,
    on_sets: Callable[[int, int], Any] | None = None,
) -> Agreement:
    """Score both networks on the sets, and compare set by set.

    `on_sets(done, total)` counts the sets of both. Cost: twice that of `scores.score_sets`.

    Raises:
        UsageError: the networks have different numbers of tokens.
    """
    codes = extract_code(first), extract_code(second)
    match = match_codes(*codes)
    scores: list[SetScores] = []
    for net, code in zip((first, second), codes, strict=True):
        before = len(scores) * len(sets)

        def count(done: int, total: int, before: int = before) -> None:
            if on_sets is not None:
                on_sets(before + done, 2 * total)

        scores.append(score_sets(net, code, sets, workers, count))
    a, b = scores
    return Agreement(
        sets=len(sets),
        method=sets.method,
        a=_figures(a),
        b=_figures(b),
        loss_failures=_shared(a, a.loss_failure, b.loss_failure),
        ranking_failures=_shared(a, a.ranking_failure, b.ranking_failure),
        loss_correlation=_correlation(a.mse, b.mse, a.copies),
        code=match,
    )


def _figures(scores: SetScores) -> dict[str, float]:
    return {
        "mse": scores.mean(scores.mse),
        "kl": scores.mean(scores.kl),
        "p_exact": scores.mean(~scores.ranking_failure),
    }


def _shared(
    scores: SetScores, first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> SharedFailures:
    a, b, both = scores.mean(first), scores.mean(second), scores.mean(first & second)
    return SharedFailures(
        a=a,
        b=b,
        both=both,
        f1=f1(first, second, scores.copies),
        f1_by_chance=2 * a * b / (a + b) if a + b else None,
    )


def _correlation(
    first: NDArray[np.float64], second: NDArray[np.float64], copies: NDArray[np.float64]
) -> float | None:
    """Pearson with weights; null at zero variance."""
    if not (np.ptp(first) and np.ptp(second)):
        return None
    x = first - np.average(first, weights=copies)
    y = second - np.average(second, weights=copies)
    scale = np.sqrt(np.average(x * x, weights=copies) * np.average(y * y, weights=copies))
    covariance = np.average(x * y, weights=copies)
    return float(np.clip(covariance / scale, -1, 1)) if scale else None
