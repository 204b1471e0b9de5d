"""The two objectives on the logits of some sets: the loss of each, and its gradient in place.

With p = softmax(logits), y the target (1/k on each of the k members) and e = p - y: mse is the sum
of e^2, its gradient 2 p (e - sum p e); kl is -sum y ln p - ln k, its gradient e. The target
is never made: y is taken off at the k members of each row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.training.recipe import Objective

GRADIENT_FACTOR: dict[Objective, float] = {"mse": 2.0, "kl": 1.0}


@dataclass(frozen=True)
class Targets:
    """What a softmax is compared with: `share` is y of each member, and 0 where an id is padding.

    There `members` holds any token, and `real` is 0 and not 1.
    """

    members: Int64[Tensor, "instances batch set_size"]
    real: Float[Tensor, "instances batch set_size"]
    share: Float[Tensor, "instances batch set_size"]

    @classmethod
    def of(
        cls, sets: Int64[Tensor, "instances batch set_size"], vocab: int, dtype: torch.dtype
    ) -> Targets:
        """The targets of sets, padded with `vocab`."""
        real = (sets < vocab).to(dtype)
        return cls(sets.clamp(max=vocab - 1), real, real / real.sum(-1, keepdim=True))

    def rows(self, chunk: slice) -> Targets:
        """Those of some rows of the batch."""
        return Targets(self.members[:, chunk], self.real[:, chunk], self.share[:, chunk])


def softmax_loss_(
    logits: Float[Tensor, "instances rows vocab"],
    targets: Targets,
    objective: Objective,
    room: Float[Tensor, "instances rows vocab"],
) -> tuple[Float[Tensor, " instances"], Float[Tensor, "instances rows vocab"]]:
    """Sum of the sets' losses, and its gradient in the logits over `GRADIENT_FACTOR[objective]`.

    The logits are written over, and so is `room`; the gradient is in one of the two. For mse
    p e = p^2 - p y is summed and p sum p e taken off, so that the loss, sum p e - sum y e, is a
    difference of small numbers where the network is good.

    Cost: one softmax, and for mse three passes more.
    """
    p = torch.softmax(logits, -1, out=logits)
    p_members = p.gather(-1, targets.members)
    if objective == "kl":
        log_p = p_members.clamp(min=torch.finfo(p.dtype).tiny).log_()
        # y = 1/k on k members, so that -ln k is sum y ln y.
        log_y = targets.share.clamp(min=torch.finfo(p.dtype).tiny).log_()
        loss = (log_y.sub_(log_p).mul_(targets.share)).sum((1, 2))
        return loss, p.scatter_add_(-1, targets.members, -targets.share)
    p_error = torch.mul(p, p, out=room)
    p_error.scatter_add_(-1, targets.members, (p_members * targets.share).neg_())
    slope = p_error.sum(-1, keepdim=True)
    loss = slope.sum((1, 2)) - p_members.sub_(targets.share).mul_(targets.share).sum((1, 2))
    return loss, p_error.addcmul_(p, slope, value=-1.0)
