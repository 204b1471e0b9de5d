"""The figures of a network that a sweep keeps: one pass over the sets and a look at the weights."""

import numpy as np
import torch

from relubloom.evidence.dead_tokens import dead_tokens
from relubloom.evidence.hash_as_filter import measure_hash_as_filter
from relubloom.evidence.mechanism import measure_input_modes
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.network.extract import extract_code, reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.records.sweep_row import Glance
from relubloom.records.verdict import judge
from relubloom.task import SetCollection


def glance(net: ReluNet, sets: SetCollection, workers: int = 1) -> Glance:
    """Extract the code, score network and code on the sets, and judge.

    Raises:
        UsageError: the weights hold NaN or infinity.

    Cost: that of `scores.score_sets`, and of a mixture over all entries of W_in.
    """
    code = extract_code(net)
    scores = score_sets(net, code, sets, workers)
    as_filter = measure_hash_as_filter(scores)
    W_in = net.W_in.detach().to("cpu", torch.float64).numpy()
    modes = measure_input_modes(W_in, reversed_units(net, code))
    agreement = float(scores.unit_agreement.mean())
    sampled = sets.method != "all"
    return Glance(
        sets=len(sets),
        sampled=sampled,
        mse=scores.mean(scores.mse),
        mse_se=standard_error(scores) if sampled else 0.0,
        kl=scores.mean(scores.kl),
        p_exact=scores.mean(~scores.ranking_failure),
        verdict=judge(
            two_modes=modes.two_modes,
            unit_agreement=agreement,
            near_threshold=modes.near_threshold,
            loss_failure_f1=as_filter.extracted.loss_failure_f1,
            union_skill=as_filter.union_skill,
        ),
        mode_gap=modes.mode_gap,
        two_modes=modes.two_modes,
        near_threshold=modes.near_threshold,
        unit_agreement=agreement,
        union_skill=as_filter.union_skill,
        bits_mean=float(code.weights.mean()),
        bits_sd=float(code.weights.std()),
        extracted_mse=as_filter.extracted.mse,
        extracted_kl=as_filter.extracted.kl,
        extracted_p_exact=as_filter.extracted.p_exact,
        loss_failure_f1=as_filter.extracted.loss_failure_f1,
        dead_tokens=int(dead_tokens(scores.tokens.sets, scores.tokens.misses).sum()),
    )


def standard_error(scores: SetScores) -> float:
    """Of the mean mse over sets drawn independently: sd / sqrt(sets), copies counted."""
    mean = scores.mean(scores.mse)
    spread = scores.mean(np.square(scores.mse - mean))
    return float(np.sqrt(spread / scores.copies.sum()))
