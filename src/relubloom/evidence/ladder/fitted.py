"""Fitting a rung's numbers on sets that are not scored; and the readout that does the task best.

Given the hidden layer, the best readout has nothing of the network's own: it is fitted to the
task's target, from the hash's own readout; what the network answers plays no part in the fit, but
in the choice between the two objectives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.optim.adam import adam

from relubloom.evidence.ladder.by_strength import (
    graded_levels_length,
    levels_by_strength,
    strengths_of,
)
from relubloom.evidence.ladder.read_network import ReadNetwork, Reals
from relubloom.evidence.ladder.read_off import find_weak_bits, levels, levels_length, listed_bits
from relubloom.evidence.ladder.rung import REAL, Written, as_network, rung
from relubloom.measure.answers import Batch
from relubloom.network.relu_net import ReluNet
from relubloom.threads import intra_op_threads
from relubloom.training.recipe import Objective

FIT_UP_TO = 1 << 17  # entries of W_in; a fit takes about half a minute there
MOST_TOKENS = 1 << 13  # in the vocabulary: a batch's logits take 32 MB there
BATCH = 1024
STEPS = 700
STEP_SHARE = 0.006  # learning rate over the size of the entries that the fit starts from
DROP = 4.0  # logits that a missing bit costs at the start
JUDGED = 10_000  # sets, at most, on which the objectives are compared: every n-th
WHICH_OBJECTIVE = 1  # bit: mse or kl
FACTORS = 16  # of non-bit entries; a network that was trained to the end has 10 to 16 uneven units
OBJECTIVES: tuple[Objective, ...] = ("mse", "kl")
LEAST_LEVEL = 1e-3  # of the greatest: a unit below it counts as never on at the start

Weights = tuple[Tensor, Tensor, Tensor, Tensor]
"""W_in [vocab, width], b_in [width], W_out [width, vocab], b_out [vocab]."""
Start = tuple[Tensor, Tensor, float]
"""W_out, b_out, and the size of the entries that count."""
Logits = Float[Tensor, "batch vocab"]
Sets = Int64[Tensor, "sets set_size"]


def can_fit(net: ReluNet) -> bool:
    """Whether the network is small enough to fit rungs to."""
    return net.W_in.numel() <= FIT_UP_TO and net.vocab_size <= MOST_TOKENS


@rung("weak-bits-best-readout", "Weak bits, best readout")
def weak_bits_best_readout(read: ReadNetwork, sets: Sets, steps: int = STEPS) -> Written:
    """The hash, levels and weak bits of W_in; the readout follows."""
    weak = find_weak_bits(read)
    W_in = np.where(weak, read.weights[0], levels(read, read.weights[0]))
    net, objective = with_best_readout(read, W_in, sets, steps)
    meaning = (
        f"W_in as a level per token and per unit, on the bits and elsewhere, b_in, and "
        f"{int(weak.sum())} weak bits; W_out and b_out follow: fitted, from the hash's own, to the "
        f"task's {objective} on sets that are not scored."
    )
    length = levels_length(read) + read.length(read.net.width) + read.mixed_bits
    return meaning, length + listed_bits(read, weak, numbers=1) + WHICH_OBJECTIVE, net


@rung("graded-levels-best-readout", "Levels by strength, best readout")
def graded_levels_best_readout(read: ReadNetwork, sets: Sets, steps: int = STEPS) -> Written:
    """The graded hash and its levels in W_in; the readout follows."""
    return _graded_best_readout(read, sets, steps, 0)


@rung("graded-factors-best-readout", "+ factors of the non-bit entries, best readout")
def graded_factors_best_readout(read: ReadNetwork, sets: Sets, steps: int = STEPS) -> Written:
    """The same, with several numbers a token for its non-bit entries, which tell members apart."""
    return _graded_best_readout(read, sets, steps, min(FACTORS, *read.weights[0].shape))


def _graded_best_readout(read: ReadNetwork, sets: Sets, steps: int, factors: int) -> Written:
    W_in, other = read.weights[0], strengths_of(read).strengths == 0
    by_levels = levels_by_strength(read, W_in)
    token, sizes, unit = np.linalg.svd(np.where(other, W_in - by_levels, 0), full_matrices=False)
    carried = (token[:, :factors] * sizes[:factors]) @ unit[:factors]
    net, objective = with_best_readout(
        read, np.where(other, by_levels + carried, by_levels), sets, steps, _by_strength(read)
    )
    more = f", and {factors} more such products for non-bit entries" if factors else ""
    meaning = (
        "For each strength, non-bit entries among them, a level per unit and a factor per token, "
        f"whose product is the entry of W_in{more}; b_in; W_out and b_out follow: fitted, from "
        f"such levels of their own, to the task's {objective} on sets that are not scored."
    )
    length = graded_levels_length(read) + REAL * factors * sum(W_in.shape)
    return meaning, length + WHICH_OBJECTIVE, net


@rung("best-readout", "W_in, best readout", "network")
def best_readout(read: ReadNetwork, sets: Sets, steps: int = STEPS) -> Written:
    """All of W_in; the readout follows."""
    W_in = read.weights[0]
    net, objective = with_best_readout(read, W_in, sets, steps)
    meaning = (
        "W_in and b_in as stored (the hash is in them); W_out and b_out follow: fitted, "
        f"from the hash's own, to the task's {objective} on sets that are not scored."
    )
    return meaning, REAL * (W_in.size + read.net.width) + WHICH_OBJECTIVE, net


def with_best_readout(
    read: ReadNetwork, W_in: Reals, sets: Sets, steps: int, begin: Start | None = None
) -> tuple[ReluNet, Objective]:
    """The network of W_in and its best readout by mse or by kl, whichever answers more alike.

    `begin`: where the fits start, by default from the hash alone.
    Cost: `steps` on batches of 1,024 sets; each runs the hidden layer once, and for either
    objective two GEMMs, one softmax and some four passes over the logits.
    """
    own = weights_of(read.net)
    judged = sets[:: -(-len(sets) // JUDGED)]
    fixed = torch.from_numpy(W_in).float(), torch.from_numpy(read.weights[1]).float()
    found: list[tuple[float, ReluNet, Objective]] = []
    for objective, readout in zip(
        OBJECTIVES, _fitted_readouts(read, fixed, sets, steps, begin or _by_hash(read)), strict=True
    ):
        unlike = sum(_unlike(own, (*fixed, *readout), part) for part in judged.split(BATCH))
        W_out, b_out = (value.double().numpy() for value in readout)
        found.append((unlike, as_network(W_in, read.weights[1], W_out.T, b_out), objective))
    _, net, objective = min(found, key=lambda each: each[0])
    return net, objective


def _unlike(one: Weights, other: Weights, sets: Sets) -> float:
    """Squared distance of the two networks' outputs, summed over the sets."""
    distance = logits(one, sets).softmax(1) - logits(other, sets).softmax(1)
    return float(distance.square().sum())


def _fitted_readouts(
    read: ReadNetwork, fixed: tuple[Tensor, Tensor], sets: Sets, steps: int, begin: Start
) -> list[tuple[Tensor, Tensor]]:
    """W_out and b_out by each of the objectives, fitted side by side on the same batches."""
    start, bias, scale = begin
    readouts = [(start.clone(), bias.clone()) for _ in OBJECTIVES]

    def gradients(chosen: Sets) -> list[Tensor]:
        batch, post = Batch.of(chosen, read.net.vocab_size), hidden(*fixed, chosen)
        found: list[Tensor] = []
        for objective, (W_out, b_out) in zip(OBJECTIVES, readouts, strict=True):
            by_logits = loss_gradient(torch.addmm(b_out, post, W_out), batch, objective)
            found += [post.T @ by_logits, by_logits.sum(0)]
        return found

    fit(
        [value for readout in readouts for value in readout],
        gradients,
        lambda generator: drawn_from(sets, BATCH, generator),
        steps=steps,
        learning_rate=STEP_SHARE * scale,
    )
    return readouts


def _by_strength(read: ReadNetwork) -> Start:
    """The levels of each strength; the size is that of the weakest bits."""
    by_token, code = levels_by_strength(read, read.weights[2].T), strengths_of(read)
    kinds = [np.abs(by_token[code.strengths == step]) for step in range(1, code.levels + 1)]
    weakest = min((float(kind.mean()) for kind in kinds if kind.any()), default=1.0)
    W_out, b_out = (torch.from_numpy(each).float() for each in (by_token.T, read.weights[3]))
    return W_out, b_out, weakest


def _by_hash(read: ReadNetwork) -> Start:
    """Each missing bit costs the same."""
    units = read.units
    on = (units.level > 0) & (units.level >= LEAST_LEVEL * units.level.max())
    drop = np.divide(DROP, units.level, out=np.zeros_like(units.level), where=on)
    by_bit = np.where(read.code.bits, np.where(read.reversed, drop, -drop), 0)
    start = torch.from_numpy(by_bit.T).float()
    gain = np.where(read.reversed, by_bit * units.level, 0).sum(1)  # of a token with all its bits
    bias = torch.from_numpy(-gain).float()
    scale = float(drop[drop > 0].mean()) if (drop > 0).any() else 1.0
    return start, bias, scale


def fit(
    parameters: Sequence[Tensor],
    gradients: Callable[[Sets], Sequence[Tensor]],
    batches: Callable[[torch.Generator], Sets],
    *,
    steps: int,
    learning_rate: float,
) -> None:
    """Lower a loss in place, by its gradients in the parameters on each batch.

    Adam with cosine decay to 0, on one thread, always on the same batches.
    """
    values = list(parameters)
    first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
    counts = [torch.zeros(()) for _ in values]
    generator = torch.Generator().manual_seed(0)
    with intra_op_threads(1):
        for step in range(steps):
            found = list(gradients(batches(generator)))
            with torch.no_grad():
                adam(
                    values,
                    found,
                    first,
                    second,
                    [],
                    counts,
                    foreach=False,
                    amsgrad=False,
                    beta1=0.9,
                    beta2=0.999,
                    lr=learning_rate * (1 + math.cos(math.pi * step / steps)) / 2,
                    weight_decay=0.0,
                    eps=1e-8,
                    maximize=False,
                )


def loss_gradient(logits: Logits, batch: Batch, objective: Objective) -> Logits:
    """Gradient of the mean of the objective over the batch, [batch, vocab].

    By the kernels that autograd runs, without its passes over arrays of zeros.
    """
    share = (batch.real.T.float() / batch.size.float()[:, None]).div_(len(batch))
    if objective == "kl":
        target = torch.zeros_like(logits).scatter_add_(1, batch.ids, -share)
        return through_log_softmax(target, logits.log_softmax(1))
    p = logits.softmax(1)
    by_p = (p * (2 / len(batch))).scatter_add_(1, batch.ids, -2 * share)
    kernel = torch._softmax_backward_data  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
    return kernel(by_p, p, 1, p.dtype, grad_input=by_p)


def through_log_softmax(gradient: Logits, log_p: Logits) -> Logits:
    """A gradient by ln p, as one by the logits: autograd's kernel, which has no public name."""
    kernel = torch._log_softmax_backward_data  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
    return kernel(gradient, log_p, 1, log_p.dtype)


def hidden(
    W_in: Float[Tensor, "vocab width"], b_in: Float[Tensor, " width"], sets: Sets
) -> Float[Tensor, "batch width"]:
    """The hidden layer of these weights on the sets; padding counts as nothing."""
    rows = torch.cat([W_in, W_in.new_zeros(1, W_in.shape[1])])
    return (nn.functional.embedding_bag(sets, rows, mode="sum") + b_in).relu()


def logits(weights: Weights, sets: Sets) -> Logits:
    """The network of these weights on the sets."""
    W_in, b_in, W_out, b_out = weights
    return torch.addmm(b_out, hidden(W_in, b_in, sets), W_out)


def drawn_from(
    sets: Sets, count: int, generator: torch.Generator
) -> Int64[Tensor, "count set_size"]:
    """`count` of the sets, with replacement."""
    return sets[torch.randint(len(sets), (count,), generator=generator)]


def weights_of(net: ReluNet) -> Weights:
    """The network's weights in float32."""
    W_in, b_in, W_out, b_out = (value.detach().cpu().float() for value in net.parameters())
    return W_in, b_in, W_out, b_out
