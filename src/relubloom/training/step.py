"""The inner step: loss and exact gradients of a stack on one batch of sets per instance.

`training.loop` knows nothing of this but `Step`; a faster step takes its place behind the same
signature. Cost per instance: three GEMMs of 2 batch width vocab FLOPs (logits, and the two of the
backward pass), and three arrays of batch x vocab.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.network import NetStack
from relubloom.training.recipe import Activation, Objective


@dataclass(frozen=True)
class StepResult:
    """Mean loss over the batch [instances], and the gradient of each parameter, by name."""

    loss: Float[Tensor, " instances"]
    gradients: dict[str, Tensor]


@runtime_checkable
class Step(Protocol):
    """Loss and gradients of `objective` on `sets` (int64 [instances, batch, set_size])."""

    def __call__(
        self,
        stack: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
    ) -> StepResult:
        """Do it; the stack is left as it is."""
        ...


def dense_step(
    stack: NetStack, sets: Int64[Tensor, "instances batch set_size"], objective: Objective
) -> StepResult:
    """The plain step, with the gradient written out (checked against autograd in the tests)."""
    return _written_out(stack, sets, objective, "relu")


def linear_step(
    stack: NetStack, sets: Int64[Tensor, "instances batch set_size"], objective: Objective
) -> StepResult:
    """The same without the ReLU: the network is linear, post = pre."""
    return _written_out(stack, sets, objective, "none")


STEPS: dict[Activation, Step] = {"relu": dense_step, "none": linear_step}


def _written_out(
    stack: NetStack,
    sets: Int64[Tensor, "instances batch set_size"],
    objective: Objective,
    activation: Activation,
) -> StepResult:
    instances, vocab, width = stack.W_in.shape
    real = sets < vocab
    ids = sets.clamp(max=vocab - 1)
    rows = (ids + vocab * torch.arange(instances, device=ids.device)[:, None, None]).flatten()
    table = stack.W_in.reshape(instances * vocab, width)
    gathered = table[rows].view(*sets.shape, width) * real[..., None]
    pre = gathered.sum(2) + stack.b_in[:, None]  # (instances, batch, width)
    post = pre.relu() if activation == "relu" else pre
    logits = torch.baddbmm(stack.b_out[:, None], post, stack.W_out)
    loss, d_logits = loss_and_gradient(logits, ids, real, objective)

    d_pre = torch.bmm(d_logits, stack.W_out.mT)
    if activation == "relu":
        d_pre *= pre > 0
    d_rows = (d_pre[:, :, None] * real[..., None]).reshape(-1, width)
    d_table = torch.zeros_like(table).index_add_(0, rows, d_rows)
    gradients = {
        "W_in": d_table.view_as(stack.W_in),
        "b_in": d_pre.sum(1),
        "W_out": torch.bmm(post.mT, d_logits),
        "b_out": d_logits.sum(1),
    }
    return StepResult(loss, gradients)


def loss_and_gradient(
    logits: Float[Tensor, "instances batch vocab"],
    ids: Int64[Tensor, "instances batch set_size"],
    real: Tensor,
    objective: Objective,
) -> tuple[Float[Tensor, " instances"], Float[Tensor, "instances batch vocab"]]:
    """Mean loss of each instance, and its gradient in the logits.

    With p = softmax(logits), y the target and e = p - y: the gradient of kl is e, that of
    mse is 2 p (e - sum p e); both over the batch size. `real` is False where an id is padding.
    """
    batch = logits.shape[1]
    target = real.to(logits.dtype) / real.sum(-1, keepdim=True)
    p = logits.softmax(-1)
    if objective == "kl":
        members = p.gather(-1, ids).clamp(min=torch.finfo(p.dtype).tiny).log()
        sizes = real.sum(-1).to(logits.dtype)
        loss = (-(target * members).sum(-1) - sizes.log()).mean(-1)
        return loss, p.scatter_add_(-1, ids, -target).div_(batch)
    error = p.scatter_add(-1, ids, -target)
    loss = error.square().sum(-1).mean(-1)
    slope = (p * error).sum(-1, keepdim=True)
    return loss, error.sub_(slope).mul_(p).mul_(2 / batch)
