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

    What the steps of a stack write to, and their views of it, are made once and kept as long as
    the stack.

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
        space = self._spaces.get(stack)
        if space is None or not space.fits(stack, sets.shape[1]):
            space = self._spaces[stack] = _Workspace(stack, sets.shape[1], self._rows)
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
        part: _Part,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
        rooms: _Rooms,
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
            kept = float(len(losses) > 0)
            losses.append(loss)
            sums.append(d_logits.sum(1))
            chunk.d_units.baddbmm_(d_logits, part.W_out.mT, beta=0.0, alpha=scale)
            gradients.W_out.baddbmm_(chunk.units.mT, d_logits, beta=kept, alpha=scale)
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


def _numbered_on(
    tokens: Int64[Tensor, "instances batch set_size"], rows: int
) -> Int64[Tensor, "instances batch set_size"]:
    """Tokens as rows of the instances' tables of `rows` rows, one under the other."""
    if len(tokens) == 1:
        return tokens
    return tokens + rows * torch.arange(len(tokens), device=tokens.device)[:, None, None]


class _Workspace:
    """What a stack's steps write to, and views of it and of the stack.

    Made once: fresh memory costs more than it holds, and at small sizes a view costs as much as a
    pass.
    """

    def __init__(self, stack: NetStack, batch: int, rows: int | None) -> None:
        instances, vocab, _ = stack.W_in.shape
        device = stack.W_in.device.type
        self.together = instances_together(instances, device)
        self._of, self._batch = tuple(stack.parameters().values()), batch
        whole = _Gradients.like(stack)
        self.gradients = whole.by_name()
        parts = zip(
            *(value.split(self.together) for value in self._of),
            whole.split(self.together),
            strict=True,
        )
        self.parts = [_Part(*part) for part in parts]
        rows = rows or chunk_rows(batch, vocab, self.together, device)
        self.rooms = _Rooms.of(self.parts[0], batch, rows)

    def fits(self, stack: NetStack, batch: int) -> bool:
        """Whether it is of these very tensors, and of batches of this size."""
        now = stack.parameters().values()
        return batch == self._batch and all(a is b for a, b in zip(now, self._of, strict=True))


class _Part:
    """Instances that go through the same operations: views of their parameters and gradients."""

    def __init__(
        self,
        W_in: Float[Tensor, "instances vocab width"],
        b_in: Float[Tensor, "instances width"],
        W_out: Float[Tensor, "instances width vocab"],
        b_out: Float[Tensor, "instances vocab"],
        gradients: _Gradients,
    ) -> None:
        self.instances, self.vocab, self.width = W_in.shape
        self._table = W_in.flatten(0, 1)
        self.b_in, self.W_out, self.b_out = b_in[:, None], W_out, b_out[:, None]
        self.gradients = gradients

    def gathered(self, targets: Targets) -> Float[Tensor, "instances batch width"]:
        """The sum of each set's rows of W_in."""
        gathered = embedding_bag(
            _numbered_on(targets.members, self.vocab).flatten(0, 1),
            self._table,
            mode="sum",
            per_sample_weights=None if targets.real is None else targets.real.flatten(0, 1),
        )
        return gathered.view(self.instances, -1, self.width)


@dataclass(frozen=True)
class _Chunk:
    """Some rows of the batch, and what they write to."""

    rows: slice
    units: Float[Tensor, "instances rows width"]
    d_units: Float[Tensor, "instances rows width"]
    logits: Float[Tensor, "instances rows vocab"]
    room: Float[Tensor, "instances rows vocab"]


@dataclass(frozen=True)
class _Rooms:
    """What a batch writes to besides gradients; the chunks share their logits and room."""

    post: Float[Tensor, "instances batch width"]
    d_pre: Float[Tensor, "instances batch width"]
    chunks: list[_Chunk]

    @classmethod
    def of(cls, part: _Part, batch: int, rows: int) -> _Rooms:
        instances, width, vocab = part.W_out.shape
        post, d_pre = (part.b_in.new_empty(instances, batch, width) for _ in range(2))
        logits, room = (part.b_in.new_empty(instances * min(rows, batch) * vocab) for _ in range(2))
        chunks: list[_Chunk] = []
        for start in range(0, batch, rows):
            cut = slice(start, min(start + rows, batch))
            shape = instances, cut.stop - start, vocab
            own = (each[: math.prod(shape)].view(shape) for each in (logits, room))
            chunks.append(_Chunk(cut, post[:, cut], d_pre[:, cut], *own))
        return cls(post, d_pre, chunks)


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
