"""White box: the weights, the hash, the units against the union, and the logits read from it."""

from dataclasses import asdict, dataclass

import torch

from relubloom.code import Code
from relubloom.evidence.mechanism.duplicates import duplicate_hashes
from relubloom.evidence.mechanism.hash_weight import HashWeight, measure_hash_weight
from relubloom.evidence.mechanism.hidden_layer import run_hidden_layer
from relubloom.evidence.mechanism.input_modes import InputModes, measure_input_modes
from relubloom.evidence.mechanism.overlaps import Overlaps, measure_overlaps
from relubloom.evidence.mechanism.readout import Readout, measure_readout
from relubloom.evidence.mechanism.unit_and_union import UnitAndUnion, summarise_units
from relubloom.evidence.mechanism.units import Unit, measure_units
from relubloom.evidence.scores import OnSets, SetScores
from relubloom.modes import TwoModes
from relubloom.network import ReluNet
from relubloom.task import SetCollection


@dataclass(frozen=True)
class BitsPerToken:
    """Mean and (population) standard deviation of the hashes' weights."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Mechanism(InputModes):
    """The weights' modes, the hash, the units' agreement with the union, and the readout.

    The modes are those of `InputModes`. `overlaps` is null for one token. `duplicate_hashes` are
    the groups of tokens with one hash, `constant_units` the number of units whose column of W_in
    holds a single value, and so no bit that tells tokens apart.
    """

    bits_per_token: BitsPerToken
    unit_agreement: float
    units: list[Unit]
    hash_weight: HashWeight
    overlaps: Overlaps | None
    unit_and_union: UnitAndUnion
    readout: Readout
    duplicate_hashes: list[list[int]]
    constant_units: int


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
    """Read the weights, compare each unit with the union, and fit the readout.

    `unit_modes` is the mixture fitted to each column, from `extraction.extract_with_modes`;
    `scores` are those of `sets`. Units are compared on all the sets, the readout on at most
    100,000 of them. `on_sets(done, total)` is called through the former.

    Cost: the hidden layer on all sets, the logits on the fewer, and the overlaps of all pairs of
    at most 10,000 tokens. Memory: a few arrays of the size of W_in, and chunks of about 2 MB.
    """
    exact = ReluNet(*(value.detach().to("cpu", torch.float64) for value in net.parameters()))
    W_in = exact.W_in.detach().numpy()
    layer = run_hidden_layer(exact, code, sets, workers, on_sets)
    return Mechanism(
        **asdict(measure_input_modes(W_in)),
        bits_per_token=BitsPerToken(float(code.weights.mean()), float(code.weights.std())),
        unit_agreement=float(scores.unit_agreement.mean()),
        units=measure_units(W_in, code, unit_modes, layer),
        hash_weight=measure_hash_weight(code),
        overlaps=measure_overlaps(code),
        unit_and_union=summarise_units(layer, sets.method, len(sets)),
        readout=measure_readout(exact, code, sets, workers),
        duplicate_hashes=duplicate_hashes(code),
        constant_units=int((unit_modes.distinct == 1).sum()),
    )
