"""The inner step: loss and exact gradients of a stack on one batch of sets per instance.

`training.loop` knows nothing of this but `Step`; another step takes its place behind the same
signature.

The batch is worked through in chunks of rows: the logits of a chunk are made, turned into their
own gradient in place, and used for both products of the backward pass while a cache holds them.

Cost model, per instance, with L = batch x vocab logits:

- three products of 2 L width FLOPs: the logits, the gradient of the units, that of W_out;
- passes over a chunk's logits (one read, one write of 4 bytes each): the bias, the softmax (its
  exponential is most of the time), and for mse e, the loss and the gradient; then the sum for
  b_out. No array of batch x vocab is made, only two of rows x vocab;
- W_out's gradient is read and written once a chunk, 8 width vocab bytes, against 2 rows FLOPs for
  each of its entries: hence at least `CHUNK_ROWS` rows in a chunk;
- set_size batch rows of W_in gathered, as many rows added to its gradient, and that zeroed before.

With 2.2 ns for a logit in these passes and 60 GFLOPS for the products, a step takes
1 + 22 / width times the products alone, and what calls (about 45) and the parameters cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.network.relu_net import NetStack
from relubloom.training.recipe import Activation, Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Targets, softmax_loss_
from relubloom.training.workspace import Rooms, StackPart, Workspace


@dataclass(frozen=True)
class StepResult:
    """Mean loss over the batch [instances], and the gradient of each parameter, by name.

    The gradients are lent: the next step on the same stack may write over them.
    """

    loss: Float[Tensor, " instances"]
    gradients: dict[str, Tensor]


Step = Callable[[NetStack, Int64[Tensor, "instances batch set_size"], Objective], StepResult]
"""Loss and gradients of an objective on a batch of sets an instance; the stack stays as it is."""


class ChunkedStep:
    """A step in chunks of rows, with the gradient written out (tested against autograd).

    On a CPU one instance after the other: then what it computes for a network does not depend on
    the stack to the last bit, and products are as fast. Elsewhere all instances at once.

    What the steps of a stack write to, and their views of it, are made once and kept as long as
    the stack.

    Args:
        activation: "relu", or "none" for a linear network, post = pre.
        rows: rows of a chunk; None takes `chunk_rows`.
    """

    def __init__(self, activation: Activation, rows: int | None = None) -> None:
        self._activation, self._rows = activation, rows
        self._spaces: WeakKeyDictionary[NetStack, Workspace] = WeakKeyDictionary()

    def __call__(
        self,
        stack: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
    ) -> StepResult:
        """Loss and gradients; the stack, of float32 or float64, is left as it is."""
        space = self._spaces.get(stack)
        if space is None or not space.fits(stack, sets.shape[1]):
            space = self._spaces[stack] = Workspace(stack, sets.shape[1], self._rows)
        if len(space.parts) == 1:
            return StepResult(
                self._differentiate(space.parts[0], sets, objective, space.rooms), space.gradients
            )
        losses = [
            self._differentiate(part, own, objective, space.rooms)
            for part, own in zip(space.parts, sets.split(space.together), strict=True)
        ]
        return StepResult(torch.cat(losses), space.gradients)

    def _differentiate(
        self,
        part: StackPart,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
        rooms: Rooms,
    ) -> Float[Tensor, " instances"]:
        """Write the gradients of instances that go together; returns their losses."""
        batch = sets.shape[1]
        scale = GRADIENT_FACTOR[objective] / batch
        gradients, relu = part.gradients, self._activation == "relu"
        targets = Targets.of(sets, part.vocab, part.b_in.dtype)
        post, d_pre = rooms.post, rooms.d_pre
        torch.add(part.gathered(targets), part.b_in, out=post)
        if relu:
            post.relu_()
        losses: list[Tensor] = []
        sums: list[Tensor] = []
        for chunk in rooms.chunks:
            torch.baddbmm(part.b_out, chunk.units, part.W_out, out=chunk.logits)
            own = targets if len(rooms.chunks) == 1 else targets.rows(chunk.rows)
            loss, d_logits = softmax_loss_(chunk.logits, own, objective, chunk.room)
            further = float(len(sums) > 0)
            losses.append(loss)
            sums.append(d_logits.sum(1))
            chunk.d_units.baddbmm_(d_logits, part.W_out.mT, beta=0.0, alpha=scale)
            gradients.W_out.baddbmm_(chunk.units.mT, d_logits, beta=further, alpha=scale)
        torch.mul(_total(sums), scale, out=gradients.b_out)
        if relu:
            d_pre.mul_(post.sign_())
        torch.sum(d_pre, 1, out=gradients.b_in)
        gradients.fill_table(d_pre, sets)
        return _total(losses) / batch


dense_step: Step = ChunkedStep("relu")
linear_step: Step = ChunkedStep("none")
STEPS: dict[Activation, Step] = {"relu": dense_step, "none": linear_step}


def _total(terms: list[Tensor]) -> Tensor:
    return sum(terms[1:], terms[0])
