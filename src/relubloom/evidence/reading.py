"""The Bloom reading put to the test: does the extracted hash, run as a Bloom filter, say where the
network fails?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.mechanism import Mechanism
from relubloom.evidence.scores import SetScores
from relubloom.verdict_rule import AGREEMENT_BLOOM, AGREEMENT_NOT, F1_BLOOM, NEAR_BLOOM

Verdict = Literal["bloom", "partly", "not-bloom"]


@dataclass(frozen=True)
class ExtractedFilter:
    """The extracted code as a textbook Bloom filter on the same sets as the network.

    `loss_failure_f1`: how well its false positives predict the network's loss failures; null
    when neither side has any.
    """

    mse: float
    kl: float
    p_exact: float
    loss_failure_f1: float | None


@dataclass(frozen=True)
class Reading:
    """The extracted filter beside the network.

    `code_failure_share`: sets on which the code has a false positive. `failures_explained`: of
    the network's ranking failures (`failures_explained_by_loss`: loss failures) the share inside
    those; null when there are none.
    """

    extracted: ExtractedFilter
    code_failure_share: float
    failures_explained: float | None
    failures_explained_by_loss: float | None


def read_as_bloom(scores: SetScores) -> Reading:
    """Compare the code's false positives with the network's failures, set by set."""
    return Reading(
        extracted=ExtractedFilter(
            mse=scores.mean(scores.code_mse),
            kl=scores.mean(scores.code_kl),
            p_exact=scores.mean(~scores.code_failure),
            loss_failure_f1=f1(scores.code_failure, scores.loss_failure, scores.copies),
        ),
        code_failure_share=scores.mean(scores.code_failure),
        failures_explained=_share_inside(scores, scores.ranking_failure),
        failures_explained_by_loss=_share_inside(scores, scores.loss_failure),
    )


def f1(
    predicted: NDArray[np.bool_], actual: NDArray[np.bool_], copies: NDArray[np.float64]
) -> float | None:
    """2 |both| / (|predicted| + |actual|), copies counted; null when both are empty."""
    either = copies[predicted].sum() + copies[actual].sum()
    return float(2 * copies[predicted & actual].sum() / either) if either else None


def judge(mechanism: Mechanism, reading: Reading) -> Verdict:
    """The verdict of one network.

    *bloom*: unit agreement >= .97, at most 3 % of the entries near the threshold, and the bare
    hash predicts loss failures with F1 >= .8 (no failure on either side counts as agreement).
    *not-bloom*: unit agreement < .8, or no two modes. *partly*: the rest.
    """
    if mechanism.unit_agreement < AGREEMENT_NOT or not mechanism.two_modes:
        return "not-bloom"
    predicted = reading.extracted.loss_failure_f1
    agrees = predicted is None or predicted >= F1_BLOOM
    binarised = mechanism.near_threshold <= NEAR_BLOOM
    if mechanism.unit_agreement >= AGREEMENT_BLOOM and binarised and agrees:
        return "bloom"
    return "partly"


def _share_inside(scores: SetScores, failure: NDArray[np.bool_]) -> float | None:
    total = scores.copies[failure].sum()
    return float(scores.copies[failure & scores.code_failure].sum() / total) if total else None
