"""The figures of a network that a sweep keeps: one pass over the sets and a look at the weights."""

from dataclasses import dataclass

import numpy as np
import torch

from relubloom.evidence.dead_tokens import dead_tokens
from relubloom.evidence.mechanism import measure_input_modes
from relubloom.evidence.reading import Verdict, judge, read_as_bloom
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.extraction import extract_code
from relubloom.network import ReluNet
from relubloom.task import SetCollection


@dataclass(frozen=True)
class Glance:
    """Figures of one network, by the names that the other evidence has for them.

    `mse_se` is the standard error of `mse` where sets were drawn, and 0 where they are all there
    are; `sampled` says which. `dead_tokens` counts tokens that the network misses on more than
    half of the sets that hold them. `extracted_*` is the extracted code as a Bloom filter.
    """

    sets: int
    sampled: bool
    mse: float
    mse_se: float
    kl: float
    p_exact: float
    verdict: Verdict
    mode_gap: float | None
    two_modes: bool
    near_threshold: float
    unit_agreement: float
    union_skill: float
    bits_mean: float
    bits_sd: float
    extracted_mse: float
    extracted_kl: float
    extracted_p_exact: float
    loss_failure_f1: float | None
    dead_tokens: int


def glance(net: ReluNet, sets: SetCollection, workers: int = 1) -> Glance:
    """Extract the code, score network and code on the sets, and judge.

    Raises:
        UsageError: the weights hold NaN or infinity.

    Cost: that of `scores.score_sets`, and of a mixture over all entries of W_in.
    """
    code = extract_code(net)
    scores = score_sets(net, code, sets, workers)
    reading = read_as_bloom(scores)
    modes = measure_input_modes(net.W_in.detach().to("cpu", torch.float64).numpy())
    agreement = float(scores.unit_agreement.mean())
    sampled = sets.method != "all"
    return Glance(
        sets=len(sets),
        sampled=sampled,
        mse=scores.mean(scores.mse),
        mse_se=standard_error(scores) if sampled else 0.0,
        kl=scores.mean(scores.kl),
        p_exact=scores.mean(~scores.ranking_failure),
        verdict=judge(modes, agreement, reading),
        mode_gap=modes.mode_gap,
        two_modes=modes.two_modes,
        near_threshold=modes.near_threshold,
        unit_agreement=agreement,
        union_skill=reading.union_skill,
        bits_mean=float(code.weights.mean()),
        bits_sd=float(code.weights.std()),
        extracted_mse=reading.extracted.mse,
        extracted_kl=reading.extracted.kl,
        extracted_p_exact=reading.extracted.p_exact,
        loss_failure_f1=reading.extracted.loss_failure_f1,
        dead_tokens=int(dead_tokens(scores.tokens.sets, scores.tokens.misses).sum()),
    )


def standard_error(scores: SetScores) -> float:
    """Of the mean mse over sets drawn independently: sd / sqrt(sets), copies counted."""
    mean = scores.mean(scores.mse)
    spread = scores.mean(np.square(scores.mse - mean))
    return float(np.sqrt(spread / scores.copies.sum()))
