"""How many non-members the network calls, against its code's prediction and against theory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.behaviour.random_codes import RandomCodes
from relubloom.evidence.scores import SetScores
from relubloom.measure.correlation import pearson
from relubloom.records.behaviour import Calls, CountShare, FalsePositives

MANY = 4  # the last count stands for itself and more


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
