"""Shared by tests: what one pass finds of a network's mechanism."""

import json
from dataclasses import asdict

import numpy as np
import torch

from relubloom.code import Code
from relubloom.evidence.gather import look_at
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer
from relubloom.evidence.mechanism.readout import ReadoutLines
from relubloom.measure.one_pass import one_pass
from relubloom.network.extract import extract_code, extract_with_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Mechanism, Readout
from relubloom.task import SetCollection


def network(W_in: object, b_in: object, W_out: object, b_out: object) -> ReluNet:
    given = (W_in, b_in, W_out, b_out)
    return ReluNet(*(torch.as_tensor(np.asarray(each, dtype=np.float64)) for each in given))


def layer_of(net: ReluNet, code: Code, sets: SetCollection) -> HiddenLayer:
    return look_at(net, code, sets).layer


def readout_of(net: ReluNet, code: Code, sets: SetCollection, most_logits: int) -> Readout:
    """Of at most so many logits."""
    lines = ReadoutLines(net, code, sets, most_logits)
    one_pass(net, sets, [lines], code=code, exact=lines.numbers)
    return lines.readout()


def mechanism_against(
    net: ReluNet, code: Code, sets: SetCollection, workers: int = 1, chunk: int | None = None
) -> Mechanism:
    """Of a network held against a given code, its own or another."""
    seen = look_at(net, code, sets, workers, chunk=chunk)
    modes = extract_with_modes(net)[1]
    return measure_mechanism(net, code, modes, seen.scores, seen.layer, seen.readout)


def mechanism_of(
    net: ReluNet, sets: SetCollection, workers: int = 1, chunk: int | None = None
) -> Mechanism:
    """As `gather_evidence` has it; every figure must be fit for JSON."""
    found = mechanism_against(net, extract_code(net), sets, workers, chunk)
    json.dumps(asdict(found), allow_nan=False)
    return found
