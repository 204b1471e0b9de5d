"""Shared by tests: mechanism_of, network."""

import json
from dataclasses import asdict

import numpy as np
import torch

from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.scores import score_sets
from relubloom.network.extract import extract_with_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Mechanism
from relubloom.task import SetCollection


def network(W_in: object, b_in: object, W_out: object, b_out: object) -> ReluNet:
    given = (W_in, b_in, W_out, b_out)
    return ReluNet(*(torch.as_tensor(np.asarray(each, dtype=np.float64)) for each in given))


def mechanism_of(net: ReluNet, sets: SetCollection, workers: int = 1) -> Mechanism:
    """As `gather_evidence` has it; every figure must be fit for JSON."""
    code, modes = extract_with_modes(net)
    scores = score_sets(net, code, sets)
    found = measure_mechanism(net, code, modes, sets, scores, workers=workers)
    json.dumps(asdict(found), allow_nan=False)
    return found
