"""White box: the weights, the hash, the units against the union, and the logits read from it."""

import numpy as np

from relubloom.code import Code
from relubloom.evidence.hash_as_filter import measure_hash_as_filter
from relubloom.evidence.mechanism.hashes import (
    duplicate_hashes,
    measure_hash_weight,
    measure_overlaps,
)
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer, summarise_units
from relubloom.evidence.mechanism.units import measure_input_modes, measure_units
from relubloom.evidence.reading import measure_reading_figures, take_reading
from relubloom.evidence.scores import SetScores
from relubloom.network.given_weights import as_array
from relubloom.network.modes import TwoModes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import (
    HashAsFilter,
    InputModes,
    Mechanism,
    Readout,
    Spread,
    Strengths,
)
from relubloom.records.verdict import Verdict, judge


def measure_mechanism(
    net: ReluNet,
    code: Code,
    unit_modes: TwoModes,
    scores: SetScores,
    layer: HiddenLayer,
    readout: Readout,
    strengths: Strengths | None = None,
) -> Mechanism:
    """Read the weights, compare each unit with the union, and judge.

    `unit_modes` is the mixture fitted to each column, from `extraction.extract_with_modes`;
    `scores`, `layer`, `readout` and `strengths` are what one pass over the sets found. Cost: the
    mixture over all entries of W_in, and the overlaps of all pairs of at most 10,000 tokens.
    """
    W_in = as_array(net.W_in)
    modes, as_filter = measure_input_modes(W_in, layer.reversed), measure_hash_as_filter(scores)
    agreement = float(scores.unit_agreement.mean())
    verdict = verdict_of(modes, as_filter, agreement, strengths)
    figures = measure_reading_figures(net, scores, layer)
    return Mechanism(
        **vars(modes),
        **vars(as_filter),
        **vars(figures),
        **vars(take_reading(net, scores, figures, verdict)),
        verdict=verdict,
        bits_per_token=Spread(float(code.weights.mean()), float(code.weights.std())),
        unit_agreement=agreement,
        units=measure_units(W_in, code, unit_modes, layer, strengths),
        hash_weight=measure_hash_weight(code),
        overlaps=measure_overlaps(code),
        unit_and_union=summarise_units(layer, scores.method, len(scores.mse)),
        readout=readout,
        duplicate_hashes=duplicate_hashes(code),
        constant_units=int((unit_modes.distinct == 1).sum()),
        reversed_units=np.flatnonzero(layer.reversed).tolist(),
        strengths=strengths,
    )


def verdict_of(
    modes: InputModes, as_filter: HashAsFilter, agreement: float, strengths: Strengths | None
) -> Verdict:
    """The verdict rule on what was found; `agreement` is that of the units with the union."""
    return judge(
        two_modes=modes.two_modes,
        unit_agreement=agreement,
        near_threshold=modes.near_threshold,
        loss_failure_f1=as_filter.extracted.loss_failure_f1,
        union_skill=as_filter.union_skill,
        failures_told_apart=as_filter.failures_told_apart,
        graded=None if strengths is None else strengths.judged,
    )
