"""What the network answers on a batch of sets: calls, misses, errors, and the members' share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from relubloom.evidence.token_counts import Listed

CALL_MARGIN = float(np.log(2))  # a token is called when its p is at least half of the largest


@dataclass(frozen=True)
class Outputs:
    """Logits, the members' apart from the others'.

    `members` [batch, set_size] where `real` (the rest is padding); `others` [batch, vocab] with
    the members at -infinity; `best_other` [batch] the largest of these, and `top` [batch, 1] the
    largest of all.
    """

    real: Bool[Tensor, "batch set_size"]
    members: Float64[Tensor, "batch set_size"]
    others: Float64[Tensor, "batch vocab"]
    best_other: Float64[Tensor, " batch"]
    top: Float64[Tensor, "batch 1"]


def split_logits(
    logits: Float64[Tensor, "batch vocab"], sets: Int64[Tensor, "batch set_size"]
) -> Outputs:
    """Set the members apart; overwrites the logits."""
    real = sets < logits.shape[1]
    first = sets.gather(1, real.int().argmax(1, keepdim=True))
    ids = torch.where(real, sets, first)  # padding stands for a member, which counts once
    members = logits.gather(1, ids)
    others = logits.scatter_(1, ids, -torch.inf)
    best_other = others.amax(1)
    top = torch.maximum(best_other, members.amax(1))[:, None]
    return Outputs(real, members, others, best_other, top)


def missed_members(outputs: Outputs) -> Bool[Tensor, "batch set_size"]:
    """Which members are not called."""
    return (outputs.members < outputs.top - CALL_MARGIN) & outputs.real


def called_others(outputs: Outputs) -> Listed:
    """The called non-members. Cost: O(batch + vocab times the sets that have any)."""
    threshold = (outputs.top - CALL_MARGIN).numpy()
    rows = np.flatnonzero(outputs.best_other.numpy() >= threshold[:, 0])
    called = outputs.others.numpy()[rows] >= threshold[rows]
    found, tokens = np.divmod(np.flatnonzero(called), called.shape[1])
    return Listed(rows[found], tokens)


def output_figures(outputs: Outputs) -> dict[str, Tensor]:
    """set_size, mse, kl, margin, member_mass and uniformity of each set; overwrites `others`.

    `uniformity` is set_size times the least member's p, divided by the members' sum.
    """
    real, top = outputs.real, outputs.top
    size = real.sum(1)
    low = outputs.members.masked_fill(~real, torch.inf).amin(1, keepdim=True)
    high = outputs.members.amax(1, keepdim=True)
    among = (outputs.members - high).exp().masked_fill(~real, 0.0).sum(1)  # relative to the largest
    masses = (outputs.members - top).exp().masked_fill(~real, 0.0)
    other_masses = outputs.others.sub_(top).exp_()
    total = masses.sum(1) + other_masses.sum(1)
    error = (masses / total[:, None] - 1 / size.double()[:, None]).masked_fill(~real, 0.0)
    other_error = torch.linalg.vector_norm(other_masses, dim=1) / total
    surprise = (top + total.log()[:, None] - outputs.members).masked_fill(~real, 0.0).sum(1)
    return {
        "set_size": size,
        "mse": error.square().sum(1) + other_error.square(),
        "kl": surprise / size - size.double().log(),
        "margin": low[:, 0] - outputs.best_other,
        "member_mass": masses.sum(1) / total,
        "uniformity": size * (low - high).exp()[:, 0] / among,
    }
