"""Two networks of one vocabulary: do they fail on the same sets, and have they the same code?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.measure.statistics import f1, pearson
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.task import SetCollection


@dataclass(frozen=True)
class CodeMatch:
    """Two codes with their units matched so that as few entries as possible differ.

    `differing` of `entries` = vocab x width entries (the larger width; the narrower code gets
    units that no token has, which change nothing in a Bloom filter). `equal_up_to_units`: none
    differs. `units`: for each unit of the first code its partner in the second, null where that
    is an added one. `shuffled_differing`: the same count after the second code's hashes were
    dealt to other tokens (one seeded shuffle): what unrelated codes with these hashes come to.
    """

    entries: int
    differing: int
    equal_up_to_units: bool
    units: list[int | None]
    shuffled_differing: int


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
class Likeness:
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
) -> Likeness:
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
    return Likeness(
        sets=len(sets),
        method=sets.method,
        a=_figures(a),
        b=_figures(b),
        loss_failures=_shared(a, a.loss_failure, b.loss_failure),
        ranking_failures=_shared(a, a.ranking_failure, b.ranking_failure),
        loss_correlation=pearson(a.mse, b.mse, a.copies),
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


def match_codes(first: Code, second: Code) -> CodeMatch:
    """Match the units of two codes over the same tokens.

    The best matching by the number of tokens on which two units disagree, exact
    (`scipy.optimize.linear_sum_assignment`). Cost: O(vocab width^2 + width^3).

    Raises:
        UsageError: the codes have different numbers of tokens.
    """
    if first.vocab_size != second.vocab_size:
        raise UsageError(
            f"the codes have {first.vocab_size} and {second.vocab_size} tokens: units are matched "
            "over the same tokens; give codes of one vocabulary"
        )
    width = max(first.width, second.width)
    ours, theirs = _filled(first, width), _filled(second, width)
    partners, differing = _best_matching(ours, theirs)
    order = np.random.default_rng(0).permutation(second.vocab_size)
    _, by_chance = _best_matching(ours, theirs[order])
    return CodeMatch(
        entries=first.vocab_size * width,
        differing=differing,
        equal_up_to_units=differing == 0,
        units=[int(unit) if unit < second.width else None for unit in partners[: first.width]],
        shuffled_differing=by_chance,
    )


def _filled(code: Code, width: int) -> NDArray[np.float64]:
    """The bits with empty units added up to `width`; float64 counts them exactly, and by GEMM."""
    bits = np.zeros((code.vocab_size, width))
    bits[:, : code.width] = code.bits
    return bits


def _best_matching(
    ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> tuple[NDArray[np.int64], int]:
    """The partner of each of our units, and the entries that differ in all."""
    differ = ours.sum(0)[:, None] + theirs.sum(0) - 2 * ours.T @ theirs
    rows, partners = linear_sum_assignment(differ)
    return partners, round(differ[rows, partners].sum())
