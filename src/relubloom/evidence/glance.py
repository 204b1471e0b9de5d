"""The figures of a network that a sweep keeps: one pass over the sets and a look at the weights."""

import numpy as np

from relubloom.evidence.graded_hash import by_strength
from relubloom.evidence.hash_as_filter import measure_hash_as_filter
from relubloom.evidence.mechanism import measure_input_modes, verdict_of
from relubloom.evidence.scores import Scoring, SetScores
from relubloom.measure.one_pass import one_pass
from relubloom.network.extract import extract_code, reversed_units
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.records.sweep_row import Glance
from relubloom.task import SetCollection


def glance(net: ReluNet, sets: SetCollection, workers: int = 1) -> Glance:
    """Extract the code and its strengths, score network and codes on the sets, and judge.

    Raises:
        UsageError: the weights hold NaN or infinity.

    Cost: that of `scores.score_sets`, and of a mixture over all entries of W_in.
    """
    code = extract_code(net)
    scoring, (graded, grading) = Scoring(code, sets), by_strength(net, code, sets)
    consumers = [scoring] if grading is None else [scoring, grading]
    one_pass(net, sets, consumers, code=code, workers=workers)
    scores = scoring.scores()
    strengths = None if grading is None else grading.strengths(scores)
    as_filter = measure_hash_as_filter(scores)
    modes = measure_input_modes(as_array(net.W_in), reversed_units(net, code))
    agreement = float(scores.unit_agreement.mean())
    sampled = sets.method != "all"
    return Glance(
        sets=len(sets),
        sampled=sampled,
        mse=scores.mean(scores.mse),
        mse_se=standard_error(scores) if sampled else 0.0,
        kl=scores.mean(scores.kl),
        p_exact=scores.mean(~scores.ranking_failure),
        verdict=verdict_of(modes, as_filter, agreement, strengths),
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
        dead_tokens=int(scores.tokens.dead.sum()),
        levels=graded.levels,
        half_share=0.0 if strengths is None else strengths.half_share,
        state_agreement=None if strengths is None else strengths.state_agreement,
        graded_mse=None if strengths is None else strengths.extracted.mse,
        graded_loss_failure_f1=None if strengths is None else strengths.extracted.loss_failure_f1,
    )


def standard_error(scores: SetScores) -> float:
    """Of the mean mse over sets drawn independently: sd / sqrt(sets), copies counted."""
    mean = scores.mean(scores.mse)
    spread = scores.mean(np.square(scores.mse - mean))
    return float(np.sqrt(spread / scores.copies.sum()))
