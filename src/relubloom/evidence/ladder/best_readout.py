"""The readout that does the task best, given the hidden layer: W_out has nothing of its own.

Fitted to the task's target on sets that are not scored, from the hash's own readout; what the
network answers plays no part in the fit, but in the choice between the two objectives.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.fit import (
    BATCH,
    Weights,
    drawn_from,
    fit,
    logits,
    task_loss,
    weights_of,
)
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Reals, Subject
from relubloom.evidence.ladder.weak_bits import find_weak_bits, levels, listed_bits
from relubloom.network.relu_net import ReluNet
from relubloom.training.recipe import Objective

STEPS = 700
STEP_SHARE = 0.006  # learning rate over the size of the entries that the fit starts from
DROP = 4.0  # logits that a missing bit costs at the start
JUDGED = 10_000  # sets, at most, on which the objectives are compared: every n-th
WHICH_OBJECTIVE = 1  # bit: mse or kl
LEAST_LEVEL = 1e-3  # of the greatest: a unit below it counts as never on at the start


def weak_bits_best_readout(subject: Subject, sets: Int64[Tensor, "sets set_size"]) -> Rung:
    """The hash, levels and weak bits of W_in; the readout follows."""
    vocab, width = subject.net.vocab_size, subject.net.width
    weak = find_weak_bits(subject)
    W_in = np.where(weak, subject.weights[0], levels(subject.weights[0], subject.code.bits))
    net, objective = with_best_readout(subject, W_in, sets)
    return Rung(
        name="weak-bits-best-readout",
        title="Weak bits, best readout",
        meaning=f"W_in as a level per token and per unit, on the bits and elsewhere, b_in, and "
        f"{int(weak.sum())} weak bits; W_out and b_out follow: fitted, from the hash's own, to the "
        f"task's {objective} on sets that are not scored.",
        kind="explanation",
        bits=subject.hash_bits
        + REAL * (2 * vocab + 3 * width)
        + listed_bits(subject, weak, numbers=1)
        + WHICH_OBJECTIVE,
        programs=(net,),
    )


def best_readout(subject: Subject, sets: Int64[Tensor, "sets set_size"]) -> Rung:
    """All of W_in; the readout follows."""
    W_in = subject.weights[0]
    net, objective = with_best_readout(subject, W_in, sets)
    return Rung(
        name="best-readout",
        title="W_in, best readout",
        meaning="W_in and b_in as stored (the hash is in them); W_out and b_out follow: fitted, "
        f"from the hash's own, to the task's {objective} on sets that are not scored.",
        kind="network",
        bits=REAL * (W_in.size + subject.net.width) + WHICH_OBJECTIVE,
        programs=(net,),
    )


def with_best_readout(
    subject: Subject, W_in: Reals, sets: Int64[Tensor, "sets set_size"]
) -> tuple[ReluNet, Objective]:
    """The network of W_in and its best readout by mse or by kl, whichever answers more alike.

    Cost: 2 fits of 700 steps on batches of 1,024 sets, each three GEMMs.
    """
    own = weights_of(subject.net)
    judged = sets[:: -(-len(sets) // JUDGED)]
    found: list[tuple[float, ReluNet, Objective]] = []
    objectives: tuple[Objective, Objective] = ("mse", "kl")
    for objective in objectives:
        fitted = _fitted(subject, W_in, sets, objective)
        unlike = sum(_unlike(own, fitted, part) for part in judged.split(BATCH))
        W_out, b_out = (value.double().numpy() for value in fitted[2:])
        net = as_network(W_in, subject.weights[1], W_out.T, b_out)
        found.append((unlike, net, objective))
    _, net, objective = min(found, key=lambda each: each[0])
    return net, objective


def _unlike(one: Weights, other: Weights, sets: Int64[Tensor, "sets set_size"]) -> float:
    """Squared distance of the two networks' outputs, summed over the sets."""
    distance = logits(one, sets).softmax(1) - logits(other, sets).softmax(1)
    return float(distance.square().sum())


def _fitted(
    subject: Subject, W_in: Reals, sets: Int64[Tensor, "sets set_size"], objective: Objective
) -> Weights:
    units = subject.units
    on = (units.level > 0) & (units.level >= LEAST_LEVEL * units.level.max())
    drop = np.divide(DROP, units.level, out=np.zeros_like(units.level), where=on)
    start = np.where(subject.code.bits, -drop, 0).T
    fixed_in = torch.from_numpy(W_in).float(), torch.from_numpy(subject.weights[1]).float()
    W_out = torch.from_numpy(start).float().requires_grad_()
    b_out = torch.zeros(subject.net.vocab_size).requires_grad_()

    def loss(batch: Int64[Tensor, "batch set_size"]) -> Tensor:
        return task_loss(logits((*fixed_in, W_out, b_out), batch), batch, objective)

    scale = float(drop[drop > 0].mean()) if (drop > 0).any() else 1.0
    fit(
        (W_out, b_out),
        loss,
        lambda generator: drawn_from(sets, BATCH, generator),
        steps=STEPS,
        learning_rate=STEP_SHARE * scale,
    )
    return (*fixed_in, W_out.detach(), b_out.detach())
