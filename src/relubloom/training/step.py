"""The inner step: loss and exact gradients of a stack on one batch of sets per instance.

`training.loop` knows nothing of this but `Step`; another step takes its place behind the same
signature.

The batch is worked through in chunks of rows: the logits of a chunk are made, turned into their
own gradient in place, and used for both products of the backward pass while a cache holds them.

Cost model, per instance, with L = batch x vocab logits:

- three products of 2 L width FLOPs: the logits, the gradient of the units, that of W_out;
- passes over a chunk's logits (one read, one write of 4 bytes each): the bias, the softmax (its
  exponential is most of the time), and for mse p^2, the sum of p e and the gradient; then the sum
  for b_out. No array of batch x vocab is made, only two of rows x vocab;
- W_out's gradient is read and written once a chunk, 8 width vocab bytes, against 2 rows FLOPs for
  each of its entries: hence at least `CHUNK_ROWS` rows in a chunk;
- set_size batch rows of W_in gathered, as many rows added to its gradient, and that zeroed before.

With 1.2 ns for a logit of softmax and mse and 80 GFLOPS for the products, a step takes
1 + 16 / width times the products alone, and what calls cost (about 40 calls and 5 a chunk).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import embedding_bag

from relubloom.network import NetStack
from relubloom.training.recipe import Activation, Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Targets, softmax_loss_

CHUNK_LOGITS = 1 << 18  # 1 MiB of float32: a chunk and its squares stay in the caches of a core
CHUNK_ROWS = 128  # or more: fewer rows do not pay for reading and writing W_out's gradient
ACCELERATOR_CHUNK_LOGITS = 1 << 26  # where a call costs more than the memory that a chunk takes


@dataclass(frozen=True)
class StepResult:
    """Mean loss over the batch [instances], and the gradient of each parameter, by name.

    The gradients are lent: the next step on the same stack may write over them.
    """

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


def chunk_rows(batch: int, vocab: int, instances: int = 1, device_type: str = "cpu") -> int:
    """Rows of a chunk: the chunks of a batch are alike, as few as the limits above allow."""
    limit = CHUNK_LOGITS if device_type == "cpu" else ACCELERATOR_CHUNK_LOGITS
    most = max(CHUNK_ROWS, limit // (instances * vocab))
    chunks = -(-batch // most)
    return -(-batch // chunks)


def instances_together(instances: int, device_type: str) -> int:
    """How many go through the same operations: one on a CPU, elsewhere all."""
    return 1 if device_type == "cpu" else instances


class ChunkedStep:
    """A step in chunks of rows, with the gradient written out (tested against autograd).

    On a CPU one instance after the other: then what it computes for a network does not depend on
    the stack to the last bit, and products are as fast. Elsewhere all instances at once.

    What the steps of a stack write to is allocated once and kept as long as the stack.

    Args:
        activation: "relu", or "none" for a linear network, post = pre.
        rows: rows of a chunk; None takes `chunk_rows`.
    """

    def __init__(self, activation: Activation, rows: int | None = None) -> None:
        self._activation, self._rows = activation, rows
        self._spaces: WeakKeyDictionary[NetStack, _Workspace] = WeakKeyDictionary()

    def __call__(
        self,
        stack: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
    ) -> StepResult:
        """Loss and gradients; the stack, of float32 or float64, is left as it is."""
        together = instances_together(len(stack), sets.device.type)
        if stack not in self._spaces:
            self._spaces[stack] = _Workspace(stack, together)
        space = self._spaces[stack]
        losses = [
            self._differentiate(part, own, objective, gradients, space)
            for part, own, gradients in zip(
                _parts(stack, together), sets.split(together), space.parts, strict=True
            )
        ]
        return StepResult(torch.cat(losses), space.gradients)

    def _differentiate(
        self,
        stack: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
        gradients: _Gradients,
        space: _Workspace,
    ) -> Float[Tensor, " instances"]:
        """Write the gradients of a stack whose instances go together; returns their losses."""
        instances, batch, _ = sets.shape
        vocab, width = stack.W_in.shape[1:]
        rows = self._rows or chunk_rows(batch, vocab, instances, sets.device.type)
        scale = GRADIENT_FACTOR[objective] / batch
        targets = Targets.of(sets, vocab, stack.W_in.dtype)
        post = space.room("post", instances, batch, width)
        d_pre = space.room("d_pre", instances, batch, width)
        torch.add(_gathered(stack.W_in, targets), stack.b_in[:, None], out=post)
        if self._activation == "relu":
            post.relu_()
        gradients.b_out.zero_()
        loss = torch.zeros_like(stack.b_in[:, 0])
        for start in range(0, batch, rows):
            chunk = slice(start, min(start + rows, batch))
            units = post[:, chunk]
            shape = instances, units.shape[1], vocab
            logits, room = space.room("logits", *shape), space.room("products", *shape)
            torch.baddbmm(stack.b_out[:, None], units, stack.W_out, out=logits)
            losses, d_logits = softmax_loss_(logits, targets.rows(chunk), objective, room)
            loss += losses
            d_pre[:, chunk].baddbmm_(d_logits, stack.W_out.mT, beta=0.0, alpha=scale)
            gradients.W_out.baddbmm_(units.mT, d_logits, beta=float(start > 0), alpha=scale)
            gradients.b_out.add_(d_logits.sum(1), alpha=scale)
        if self._activation == "relu":
            d_pre.mul_(post.sign_())
        torch.sum(d_pre, 1, out=gradients.b_in)
        gradients.fill_table(d_pre, sets)
        return loss / batch


dense_step: Step = ChunkedStep("relu")
linear_step: Step = ChunkedStep("none")
STEPS: dict[Activation, Step] = {"relu": dense_step, "none": linear_step}


def _parts(stack: NetStack, together: int) -> list[NetStack]:
    if len(stack) == together:
        return [stack]
    parts = zip(*(value.split(together) for value in stack.parameters().values()), strict=True)
    return [NetStack(*part) for part in parts]


def _gathered(
    W_in: Float[Tensor, "instances vocab width"], targets: Targets
) -> Float[Tensor, "instances batch width"]:
    """The sum of each set's rows of W_in."""
    instances, vocab, width = W_in.shape
    gathered = embedding_bag(
        _numbered_on(targets.members, vocab).flatten(0, 1),
        W_in.reshape(instances * vocab, width),
        mode="sum",
        per_sample_weights=targets.real.flatten(0, 1),
    )
    return gathered.view(instances, -1, width)


def _numbered_on(
    tokens: Int64[Tensor, "instances batch set_size"], rows: int
) -> Int64[Tensor, "instances batch set_size"]:
    """Tokens as rows of the instances' tables of `rows` rows, one under the other."""
    if len(tokens) == 1:
        return tokens
    return tokens + rows * torch.arange(len(tokens), device=tokens.device)[:, None, None]


class _Workspace:
    """What a stack's steps write to, allocated once: fresh memory costs more than it holds."""

    def __init__(self, stack: NetStack, together: int) -> None:
        whole = _Gradients.like(stack)
        self.gradients = whole.by_name()
        self.parts = whole.split(together)
        self._rooms: dict[str, Tensor] = {}

    def room(self, name: str, *shape: int) -> Tensor:
        """A tensor with anything in it, the same at each call where the shape allows."""
        size = math.prod(shape)
        if name not in self._rooms or self._rooms[name].numel() < size:
            self._rooms[name] = self.gradients["b_in"].new_empty(size)
        return self._rooms[name][:size].view(shape)


@dataclass(frozen=True)
class _Gradients:
    """Room for the gradients of a stack; `table` is that of W_in and a last row for padding."""

    table: Float[Tensor, "instances rows width"]
    b_in: Float[Tensor, "instances width"]
    W_out: Float[Tensor, "instances width vocab"]
    b_out: Float[Tensor, "instances vocab"]

    @classmethod
    def like(cls, stack: NetStack) -> _Gradients:
        instances, vocab, width = stack.W_in.shape
        return cls(
            stack.W_in.new_empty(instances, vocab + 1, width),
            *(torch.empty_like(value) for value in (stack.b_in, stack.W_out, stack.b_out)),
        )

    def split(self, together: int) -> list[_Gradients]:
        every = (self.table, self.b_in, self.W_out, self.b_out)
        return [
            _Gradients(*part)
            for part in zip(*(value.split(together) for value in every), strict=True)
        ]

    def fill_table(
        self,
        d_pre: Float[Tensor, "instances batch width"],
        sets: Int64[Tensor, "instances batch set_size"],
    ) -> None:
        """The gradient of W_in: each set's row of d_pre added to the rows of its tokens."""
        table, d_rows = self.table.zero_().flatten(0, 1), d_pre.flatten(0, 1)
        tokens = _numbered_on(sets, self.table.shape[1]).flatten(0, 1)
        for column in tokens.T.contiguous().unbind(0):
            table.index_add_(0, column, d_rows)

    def by_name(self) -> dict[str, Tensor]:
        return {
            "W_in": self.table[:, :-1],
            "b_in": self.b_in,
            "W_out": self.W_out,
            "b_out": self.b_out,
        }
