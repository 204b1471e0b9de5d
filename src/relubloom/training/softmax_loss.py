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
class Sample:
    """The tokens of a network are `held` ones of `of`, drawn uniformly.

    Each that is not in a set counts as often as it stands for: (of - size) / (held - size) times.
    Columns of logits that are minus infinity are no tokens.
    """

    of: int
    held: Int64[Tensor, "instances 1 1"]


@dataclass(frozen=True)
class Targets:
    """What a softmax is compared with: `share` is y of each member, and 0 where an id is padding.

    There `members` holds any token, and `real` is 0 and not 1. `real` is None where it is known
    that no id is padding. `shift`, where there is one, is added to the members' logits.
    """

    members: Int64[Tensor, "instances batch set_size"]
    real: Float[Tensor, "instances batch set_size"] | None
    share: Float[Tensor, "instances batch set_size"]
    shift: Float[Tensor, "instances batch set_size"] | None = None

    @classmethod
    def of(
        cls,
        sets: Int64[Tensor, "instances batch set_size"],
        vocab: int,
        dtype: torch.dtype,
        sample: Sample | None = None,
    ) -> Targets:
        """The targets of sets, padded with `vocab`.

        Where the tokens are a sample, how often one stands for others is in the shift: minus its
        logarithm.
        """
        if known_unpadded(sets, vocab):
            real, size = None, torch.tensor(float(sets.shape[-1]), dtype=dtype)
            share = size.reciprocal().expand(sets.shape)
        else:
            real = (sets < vocab).to(dtype)
            size = real.sum(-1, keepdim=True)
            share = real / size
        shift = None
        if sample is not None:
            each = (sample.of - size).clamp(min=1) / (sample.held - size).clamp(min=1)
            shift = torch.where(share > 0, -each.log(), 0.0)
        return cls(sets.clamp(max=vocab - 1), real, share, shift)

    def rows(self, chunk: slice) -> Targets:
        """Those of some rows of the batch."""
        real = None if self.real is None else self.real[:, chunk]
        shift = None if self.shift is None else self.shift[:, chunk]
        return Targets(self.members[:, chunk], real, self.share[:, chunk], shift)


def known_unpadded(sets: Int64[Tensor, "instances batch set_size"], vocab: int) -> bool:
    """Whether no id is padding; asked on a CPU only, since an accelerator is waited for."""
    return sets.device.type == "cpu" and int(sets.max()) < vocab


def softmax_loss_(
    logits: Float[Tensor, "instances rows vocab"],
    targets: Targets,
    objective: Objective,
    room: Float[Tensor, "instances rows vocab"],
) -> tuple[Float[Tensor, " instances"], Float[Tensor, "instances rows vocab"]]:
    """Sum of the sets' losses, and its gradient in the logits over `GRADIENT_FACTOR[objective]`.

    The logits are written over, and so is `room`; the gradient is in one of the two. For mse
    e is made, and what softmax does to a gradient, p (e - sum p e), is half of its own gradient.

    Cost: one softmax, and for mse three passes more.
    """
    if targets.shift is not None:
        logits.scatter_add_(-1, targets.members, targets.shift)
    p = torch.softmax(logits, -1, out=logits)
    if objective == "mse":
        e = room.copy_(p).scatter_add_(-1, targets.members, -targets.share)
        loss = torch.linalg.vector_norm(e, dim=(1, 2)).square_()
        return loss, _through_softmax_(e, p)
    p_members = p.gather(-1, targets.members)
    log_p = p_members.clamp(min=torch.finfo(p.dtype).tiny).log_()
    # y = 1/k on k members, so that -ln k is sum y ln y.
    log_y = targets.share.clamp(min=torch.finfo(p.dtype).tiny).log_()
    loss = (log_y.sub_(log_p).mul_(targets.share)).sum((1, 2))
    return loss, p.scatter_add_(-1, targets.members, -targets.share)


def _through_softmax_(
    gradient: Float[Tensor, "instances rows vocab"], p: Float[Tensor, "instances rows vocab"]
) -> Float[Tensor, "instances rows vocab"]:
    """p (gradient - sum p gradient), written over the gradient, in one pass.

    It is autograd's own kernel, which has no public name; by public ones it takes two passes more.
    """
    kernel = torch._softmax_backward_data  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
    return kernel(gradient, p, -1, p.dtype, grad_input=gradient)
