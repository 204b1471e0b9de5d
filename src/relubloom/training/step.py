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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import embedding_bag

from relubloom.network.relu_net import NetStack
from relubloom.training.products import biased_product, by_onednn, write_product
from relubloom.training.recipe import Activation, Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Sample, Targets, softmax_loss_

CHUNK_LOGITS = 1 << 18  # 1 MiB of float32: a chunk and its squares stay in the caches of a core
ONEDNN_CHUNK_LOGITS = 1 << 20  # where oneDNN multiplies, which takes longer in more calls
CHUNK_ROWS = 128  # or more: fewer rows do not pay for reading and writing W_out's gradient
ACCELERATOR_CHUNK_LOGITS = 1 << 26  # where a call costs more than the memory that a chunk takes
ALIGNED = 32  # numbers of float32: in TF32 rows of logits start at multiples of 128 bytes
MOST_COMPARED = 32  # members of a set, in the fused pass, which compares logits with each


@dataclass(frozen=True)
class StepResult:
    """Mean loss over the batch [instances], and the gradient of each parameter, by name.

    The gradients are lent: the next step on the same stack may write over them.
    """

    loss: Float[Tensor, " instances"]
    gradients: dict[str, Tensor]


Step = Callable[[NetStack, Int64[Tensor, "instances batch set_size"], Objective], StepResult]
"""Loss and gradients of an objective on a batch of sets an instance; the stack stays as it is."""


FusedPass = Callable[..., tuple[Tensor, Tensor]]
"""As `fused_loss.fused_loss_`."""


class ChunkedStep:
    """A step in chunks of rows, with the gradient written out (tested against autograd).

    On a CPU one instance after the other: then what it computes for a network on one thread does
    not depend on the stack to the last bit, and products are as fast. Elsewhere all at once.

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
        sample: Sample | None = None,
    ) -> StepResult:
        """Loss and gradients; the stack, of float32 or float64, is left as it is.

        Its tokens may be a sample of more.
        """
        plain = sample is not None or sets.shape[2] > MOST_COMPARED
        fused = None if plain else fused_pass(stack.W_in.device.type)
        space = self._spaces.get(stack)
        if space is None or not space.fits(stack, sets.shape[1], fused):
            space = self._spaces[stack] = Workspace(stack, sets.shape[1], self._rows, fused)
        if len(space.parts) == 1:
            loss = self._differentiate(space.parts[0], sets, objective, space, sample)
            return StepResult(loss, space.gradients)
        losses = [
            self._differentiate(part, own, objective, space, sample)
            for part, own in zip(space.parts, sets.split(space.together), strict=True)
        ]
        return StepResult(torch.cat(losses), space.gradients)

    def _differentiate(
        self,
        part: StackPart,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
        space: Workspace,
        sample: Sample | None,
    ) -> Float[Tensor, " instances"]:
        """Write the gradients of instances that go together; returns their losses."""
        batch = sets.shape[1]
        scale = GRADIENT_FACTOR[objective] / batch
        gradients, relu = part.gradients, self._activation == "relu"
        targets = Targets.of(sets, part.vocab, part.b_in.dtype, sample)
        post, d_pre = space.post, space.d_pre
        fused = space.fused
        gathered = embedding_bag(  # the sum of each set's rows of W_in
            _numbered_on(targets.members, part.vocab),
            part.table,
            mode="sum",
            per_sample_weights=None if targets.real is None else targets.real.flatten(0, 1),
        )
        torch.add(gathered.view_as(post), part.b_in, out=post)
        if relu:
            post.relu_()
        W_out, d_W_out = space.columns_of(part)
        losses: list[Tensor] = []
        sums: list[Tensor] = []
        for chunk in space.chunks:
            if fused is None:
                logits = biased_product(chunk.units, part.W_out, part.b_out, out=chunk.logits)
                own = targets if len(space.chunks) == 1 else targets.rows(chunk.rows)
                loss, d_logits = softmax_loss_(logits, own, objective, chunk.room)
                d_bias = d_logits.sum(1)
            else:
                d_logits = torch.bmm(chunk.units, W_out, out=chunk.logits)
                own = sets[:, chunk.rows].contiguous(), objective, chunk.room
                loss, d_bias = fused(d_logits, part.b_out[:, 0], *own)
            write_product(d_logits, W_out.mT, chunk.d_units, scale)
            write_product(chunk.units.mT, d_logits, d_W_out, scale, add=bool(sums))
            losses.append(loss)
            sums.append(d_bias)
        if d_W_out is not gradients.W_out:
            gradients.W_out.copy_(d_W_out[..., : part.vocab])
        torch.mul(_total(sums), scale, out=gradients.b_out)
        if relu:
            d_pre.mul_(post.sign_())
        torch.sum(d_pre, 1, out=gradients.b_in)
        d_table, d_rows = part.d_table.zero_().flatten(0, 1), d_pre.flatten(0, 1)
        for column in _numbered_on(sets, part.vocab + 1).T.contiguous().unbind(0):
            d_table.index_add_(0, column, d_rows)
        return _total(losses) / batch


dense_step: Step = ChunkedStep("relu")
linear_step: Step = ChunkedStep("none")
STEPS: dict[Activation, Step] = {"relu": dense_step, "none": linear_step}


def chunk_rows(batch: int, vocab: int, instances: int = 1, device_type: str = "cpu") -> int:
    """Rows of a chunk: the chunks of a batch are alike, as few as the limits above allow.

    An accelerator computes products in tiles of rows, so there several chunks have a multiple of
    `CHUNK_ROWS` rows, and only the last may have fewer.
    """
    limit = ACCELERATOR_CHUNK_LOGITS
    if device_type == "cpu":
        limit = ONEDNN_CHUNK_LOGITS if by_onednn() else CHUNK_LOGITS
    most = max(CHUNK_ROWS, limit // (instances * vocab))
    chunks = -(-batch // most)
    rows = -(-batch // chunks)
    if device_type == "cpu" or chunks == 1:
        return rows
    return min(-(-rows // CHUNK_ROWS), most // CHUNK_ROWS) * CHUNK_ROWS


def instances_together(instances: int, device_type: str) -> int:
    """How many go through the same operations: one on a CPU, elsewhere all."""
    return 1 if device_type == "cpu" else instances


def fused_pass(device_type: str) -> FusedPass | None:
    """`fused_loss.fused_loss_` on CUDA where Triton is installed, else None: the plain passes."""
    if device_type == "cuda":
        with suppress(ImportError):
            from relubloom.training.fused_loss import fused_loss_

            return fused_loss_
    return None


def product_columns(vocab: int) -> int:
    """Columns of logits, at least `vocab`, that the fused pass and the products go over.

    Products in TF32 take half as long where each row starts at a multiple of 128 bytes.
    """
    if torch.get_float32_matmul_precision() == "highest":
        return vocab
    return -(-vocab // ALIGNED) * ALIGNED


class Workspace:
    """What a stack's steps write to, and views of it and of the stack.

    Made once: fresh memory costs more than it holds, and at small sizes a view costs as much as a
    pass. The chunks of a batch share their logits and room.
    """

    def __init__(
        self, stack: NetStack, batch: int, rows: int | None, fused: FusedPass | None
    ) -> None:
        instances, vocab, width = stack.W_in.shape
        device = stack.W_in.device.type
        self.together: int = instances_together(instances, device)
        together = self.together
        self._of, self._batch = tuple(stack.parameters().values()), batch
        table = stack.W_in.new_empty(instances, vocab + 1, width)  # its last row is for padding
        whole = NetStack(table[:, :-1], *(torch.empty_like(value) for value in self._of[1:]))
        self.gradients: dict[str, Tensor] = whole.parameters()
        views = (each.split(together) for each in (stack, whole, table))
        self.parts: list[StackPart] = [StackPart(*view) for view in zip(*views, strict=True)]
        self.post: Tensor = table.new_empty(together, batch, width)
        self.d_pre: Tensor = torch.empty_like(self.post)
        rows = rows or chunk_rows(batch, vocab, together, device)
        self.fused: FusedPass | None = fused
        columns = vocab if fused is None else product_columns(vocab)
        self.chunks: list[BatchChunk] = self._chunks(columns, rows)
        self._wide: tuple[Tensor, Tensor] | None = None
        if columns > vocab:
            wide = table.new_zeros(together, width, columns)
            self._wide = wide, torch.empty_like(wide)

    def fits(self, stack: NetStack, batch: int, fused: FusedPass | None) -> bool:
        """Whether it is of these very tensors, of batches of this size, and for this pass."""
        now, alike = stack.parameters().values(), (batch, fused) == (self._batch, self.fused)
        return alike and all(a is b for a, b in zip(now, self._of, strict=True))

    def columns_of(self, part: StackPart) -> tuple[Tensor, Tensor]:
        """W_out and what its gradient is written to, both with as many columns as the logits."""
        if self._wide is None:
            return part.W_out, part.gradients.W_out
        self._wide[0][..., : part.vocab].copy_(part.W_out)
        return self._wide

    def _chunks(self, columns: int, rows: int) -> list[BatchChunk]:
        entries = self.together * min(rows, self._batch) * columns
        logits, room = (self.post.new_empty(entries) for _ in range(2))
        chunks: list[BatchChunk] = []
        for start in range(0, self._batch, rows):
            cut = slice(start, min(start + rows, self._batch))
            shape = self.together, cut.stop - start, columns
            own = (each[: math.prod(shape)].view(shape) for each in (logits, room))
            chunks.append(BatchChunk(cut, self.post[:, cut], self.d_pre[:, cut], *own))
        return chunks


class StackPart:
    """Instances that go through the same operations: views of their parameters and gradients.

    `table` is W_in, token by token; `d_table` its gradient and a last row for padding.
    """

    def __init__(
        self, own: NetStack, gradients: NetStack, d_table: Float[Tensor, "instances rows width"]
    ) -> None:
        self.vocab: int = own.W_in.shape[1]
        self.table: Tensor = own.W_in.flatten(0, 1)
        self.b_in: Tensor = own.b_in[:, None]
        self.W_out: Tensor = own.W_out
        self.b_out: Tensor = own.b_out[:, None]
        self.gradients: NetStack = gradients
        self.d_table: Tensor = d_table


@dataclass(frozen=True)
class BatchChunk:
    """Some rows of the batch, and what they write to."""

    rows: slice
    units: Float[Tensor, "instances rows width"]
    d_units: Float[Tensor, "instances rows width"]
    logits: Float[Tensor, "instances rows columns"]
    room: Float[Tensor, "instances rows columns"]


def _numbered_on(
    tokens: Int64[Tensor, "instances batch set_size"], rows: int
) -> Int64[Tensor, "sets set_size"]:
    """Tokens as rows of the instances' tables of `rows` rows, one under the other."""
    if len(tokens) > 1:
        tokens = tokens + rows * torch.arange(len(tokens), device=tokens.device)[:, None, None]
    return tokens.flatten(0, 1)


def _total(terms: list[Tensor]) -> Tensor:
    return sum(terms[1:], terms[0])
