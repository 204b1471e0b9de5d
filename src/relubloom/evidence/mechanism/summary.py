"""White box: the weights, the hash, the units against the union, and the logits read from it."""

import torch

from relubloom.code import Code
from relubloom.evidence.mechanism.duplicates import duplicate_hashes
from relubloom.evidence.mechanism.hash_weight import measure_hash_weight
from relubloom.evidence.mechanism.hidden_layer import run_hidden_layer
from relubloom.evidence.mechanism.input_modes import measure_input_modes
from relubloom.evidence.mechanism.overlaps import measure_overlaps
from relubloom.evidence.mechanism.readout import measure_readout
from relubloom.evidence.mechanism.unit_and_union import summarise_units
from relubloom.evidence.mechanism.units import measure_units
from relubloom.evidence.reading import read_as_bloom
from relubloom.evidence.scores import OnSets, SetScores
from relubloom.network.modes import TwoModes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Mechanism, Spread
from relubloom.records.verdict import judge
from relubloom.task import SetCollection


def measure_mechanism(
    net: ReluNet,
    code: Code,
    unit_modes: TwoModes,
    sets: SetCollection,
    scores: SetScores,
    *,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Mechanism:
    """Read the weights, compare each unit with the union, fit the readout, and judge.

    `unit_modes` is the mixture fitted to each column, from `extraction.extract_with_modes`;
    `scores` are those of `sets`. Units are compared on all the sets, the readout on at most
    100,000 of them. `on_sets(done, total)` is called through the former.

    Cost: the hidden layer on all sets, the logits on the fewer, and the overlaps of all pairs of
    at most 10,000 tokens. Memory: a few arrays of the size of W_in, and chunks of about 2 MB.
    """
    exact = ReluNet(*(value.detach().to("cpu", torch.float64) for value in net.parameters()))
    W_in = exact.W_in.detach().numpy()
    layer = run_hidden_layer(exact, code, sets, workers, on_sets)
    modes, reading = measure_input_modes(W_in), read_as_bloom(scores)
    agreement = float(scores.unit_agreement.mean())
    return Mechanism(
        **vars(modes),
        **vars(reading),
        verdict=judge(
            two_modes=modes.two_modes,
            unit_agreement=agreement,
            near_threshold=modes.near_threshold,
            loss_failure_f1=reading.extracted.loss_failure_f1,
            union_skill=reading.union_skill,
        ),
        bits_per_token=Spread(float(code.weights.mean()), float(code.weights.std())),
        unit_agreement=agreement,
        units=measure_units(W_in, code, unit_modes, layer),
        hash_weight=measure_hash_weight(code),
        overlaps=measure_overlaps(code),
        unit_and_union=summarise_units(layer, sets.method, len(sets)),
        readout=measure_readout(exact, code, sets, workers),
        duplicate_hashes=duplicate_hashes(code),
        constant_units=int((unit_modes.distinct == 1).sum()),
    )
