"""Fitting a rung's numbers by Adam, on sets that are not scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from relubloom.network.relu_net import ReluNet
from relubloom.threads import intra_op_threads
from relubloom.training.recipe import Objective

FIT_UP_TO = 1 << 17  # entries of W_in; a fit takes about half a minute there
MOST_TOKENS = 1 << 13  # in the vocabulary: a batch's logits take 32 MB there
BATCH = 1024
HAIR = 0.1  # logits: about twice the median margin of a set that a trained network ranks wrongly
FAR = 10.0  # logits: a margin beyond it is certain
Weights = tuple[Tensor, Tensor, Tensor, Tensor]
"""W_in [vocab, width], b_in [width], W_out [width, vocab], b_out [vocab]."""


def can_fit(net: ReluNet) -> bool:
    """Whether the network is small enough to fit rungs to."""
    return net.W_in.numel() <= FIT_UP_TO and net.vocab_size <= MOST_TOKENS


def logits(weights: Weights, sets: Int64[Tensor, "batch set_size"]) -> Float[Tensor, "batch vocab"]:
    """The network of these weights on the sets; padding counts as nothing."""
    W_in, b_in, W_out, b_out = weights
    rows = torch.cat([W_in, W_in.new_zeros(1, W_in.shape[1])])
    pre = nn.functional.embedding_bag(sets, rows, mode="sum") + b_in
    return torch.addmm(b_out, pre.relu(), W_out)


def task_loss(
    logits: Float[Tensor, "batch vocab"],
    sets: Int64[Tensor, "batch set_size"],
    objective: Objective,
) -> Tensor:
    """Mean of the objective, without its constant."""
    vocab = logits.shape[1]
    real = sets < vocab
    ids, size = sets.clamp(max=vocab - 1), real.sum(1)
    if objective == "kl":
        members = logits.log_softmax(1).gather(1, ids)
        return -((members * real).sum(1) / size).mean()
    p = logits.softmax(1)
    return (p.square().sum(1) - 2 * (p.gather(1, ids) * real).sum(1) / size).mean()


def divergence(of: Float[Tensor, "batch vocab"], true: Float[Tensor, "batch vocab"]) -> Tensor:
    """Mean over sets of KL(true || of), both given as logits."""
    wanted = true.log_softmax(1)
    return (wanted.exp() * (wanted - of.log_softmax(1))).sum(1).mean()


def ranking_divergence(
    of: Float[Tensor, "batch vocab"],
    true: Float[Tensor, "batch vocab"],
    sets: Int64[Tensor, "batch set_size"],
) -> Tensor:
    """Mean over sets of the KL between the two's chances that the set is ranked right.

    The chance is the logistic function of the margin over `HAIR`: which sets fail by ranking is
    decided by margins of hundredths of a logit, which no divergence of outputs sees.
    """
    wanted = margins(true, sets) / HAIR
    cross = nn.functional.binary_cross_entropy_with_logits
    return cross(margins(of, sets) / HAIR, wanted.sigmoid()) - cross(wanted, wanted.sigmoid())


def margins(
    logits: Float[Tensor, "batch vocab"], sets: Int64[Tensor, "batch set_size"]
) -> Float[Tensor, " batch"]:
    """The least member's logit minus the greatest other's, within +-`FAR`; padding is no member."""
    vocab = logits.shape[1]
    padded = nn.functional.pad(logits, (0, 1), value=torch.inf)
    others = padded.scatter(1, sets, -torch.inf)[:, :vocab]
    return (padded.gather(1, sets).amin(1) - others.amax(1)).clamp(-FAR, FAR)


def fit(
    parameters: Sequence[Tensor],
    loss: Callable[[Int64[Tensor, "batch set_size"]], Tensor],
    batches: Callable[[torch.Generator], Int64[Tensor, "batch set_size"]],
    *,
    steps: int,
    learning_rate: float,
) -> None:
    """Lower the loss in place: Adam, cosine decay to 0, one thread, always the same batches."""
    optimiser = torch.optim.Adam(parameters, lr=learning_rate)
    generator = torch.Generator().manual_seed(0)
    with intra_op_threads(1), torch.enable_grad():
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = (
                learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
            )
            optimiser.zero_grad()
            loss(batches(generator)).backward()
            optimiser.step()


def drawn_from(
    sets: Int64[Tensor, "sets set_size"], count: int, generator: torch.Generator
) -> Int64[Tensor, "count set_size"]:
    """`count` of the sets, with replacement."""
    return sets[torch.randint(len(sets), (count,), generator=generator)]


def weights_of(net: ReluNet) -> Weights:
    """The network's weights in float32."""
    W_in, b_in, W_out, b_out = (value.detach().cpu().float() for value in net.parameters())
    return W_in, b_in, W_out, b_out
