"""How many non-members the network calls, against its code's prediction and against theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.behaviour.random_codes import RandomCodes
from relubloom.evidence.correlation import pearson
from relubloom.evidence.scores import SetScores

MANY = 4  # the last count stands for itself and more


@dataclass(frozen=True)
class CountShare:
    """Shares of the sets with `count` false positives; the count 4 stands for 4 or more."""

    count: int
    network: float
    code: float


@dataclass(frozen=True)
class FalsePositives:
    """Called non-members per set beside the code's covered non-members.

    `theory_mean`: the expectation over the best random constant-weight codes; null for sets of
    several sizes. `correlation`: Pearson over the sets; null where one side is constant.
    """

    network_mean: float
    code_mean: float
    theory_mean: float | None
    correlation: float | None
    by_count: list[CountShare]


@dataclass(frozen=True)
class Calls:
    """Shares of the sets with a miss, with a false positive, and with both."""

    sets_with_misses: float
    sets_with_false_positives: float
    sets_with_both: float


def measure_false_positives(scores: SetScores, random: RandomCodes | None) -> FalsePositives:
    """Compare counts set by set. `random`: the best random codes for the sets' one size."""
    network, code = scores.false_positives, scores.code_false_positives
    expected = random and random.at(int(scores.set_size[0]))
    return FalsePositives(
        network_mean=scores.mean(network),
        code_mean=scores.mean(code),
        theory_mean=expected and expected.false_positives,
        correlation=pearson(network.astype(float), code.astype(float), scores.copies),
        by_count=[
            CountShare(count, share, code_share)
            for count, (share, code_share) in enumerate(
                zip(_shares(scores, network), _shares(scores, code), strict=True)
            )
        ],
    )


def measure_calls(scores: SetScores) -> Calls:
    """Misses against false positives, by the calling rule."""
    missing, false = scores.misses > 0, scores.false_positives > 0
    return Calls(scores.mean(missing), scores.mean(false), scores.mean(missing & false))


def _shares(scores: SetScores, counts: NDArray[np.int32]) -> list[float]:
    capped = np.minimum(counts, MANY)
    found = np.bincount(capped, weights=scores.copies, minlength=MANY + 1)
    return (found / found.sum()).tolist()
