"""What the steps of a stack write to, and the views of it that they use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import embedding_bag

from relubloom.network.relu_net import NetStack
from relubloom.training.softmax_loss import Targets

CHUNK_LOGITS = 1 << 18  # 1 MiB of float32: a chunk and its squares stay in the caches of a core
CHUNK_ROWS = 128  # or more: fewer rows do not pay for reading and writing W_out's gradient
ACCELERATOR_CHUNK_LOGITS = 1 << 26  # where a call costs more than the memory that a chunk takes


def chunk_rows(batch: int, vocab: int, instances: int = 1, device_type: str = "cpu") -> int:
    """Rows of a chunk: the chunks of a batch are alike, as few as the limits above allow."""
    limit = CHUNK_LOGITS if device_type == "cpu" else ACCELERATOR_CHUNK_LOGITS
    most = max(CHUNK_ROWS, limit // (instances * vocab))
    chunks = -(-batch // most)
    return -(-batch // chunks)


def instances_together(instances: int, device_type: str) -> int:
    """How many go through the same operations: one on a CPU, elsewhere all."""
    return 1 if device_type == "cpu" else instances


def _numbered_on(
    tokens: Int64[Tensor, "instances batch set_size"], rows: int
) -> Int64[Tensor, "instances batch set_size"]:
    """Tokens as rows of the instances' tables of `rows` rows, one under the other."""
    if len(tokens) == 1:
        return tokens
    return tokens + rows * torch.arange(len(tokens), device=tokens.device)[:, None, None]


class Workspace:
    """What a stack's steps write to, and views of it and of the stack.

    Made once: fresh memory costs more than it holds, and at small sizes a view costs as much as a
    pass.
    """

    def __init__(self, stack: NetStack, batch: int, rows: int | None) -> None:
        instances, vocab, _ = stack.W_in.shape
        device = stack.W_in.device.type
        self.together = instances_together(instances, device)
        self._of, self._batch = tuple(stack.parameters().values()), batch
        whole = Gradients.like(stack)
        self.gradients = whole.by_name()
        parts = zip(
            *(value.split(self.together) for value in self._of),
            whole.split(self.together),
            strict=True,
        )
        self.parts = [StackPart(*part) for part in parts]
        rows = rows or chunk_rows(batch, vocab, self.together, device)
        self.rooms = Rooms.of(self.parts[0], batch, rows)

    def fits(self, stack: NetStack, batch: int) -> bool:
        """Whether it is of these very tensors, and of batches of this size."""
        now = stack.parameters().values()
        return batch == self._batch and all(a is b for a, b in zip(now, self._of, strict=True))


class StackPart:
    """Instances that go through the same operations: views of their parameters and gradients."""

    def __init__(
        self,
        W_in: Float[Tensor, "instances vocab width"],
        b_in: Float[Tensor, "instances width"],
        W_out: Float[Tensor, "instances width vocab"],
        b_out: Float[Tensor, "instances vocab"],
        gradients: Gradients,
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
class BatchChunk:
    """Some rows of the batch, and what they write to."""

    rows: slice
    units: Float[Tensor, "instances rows width"]
    d_units: Float[Tensor, "instances rows width"]
    logits: Float[Tensor, "instances rows vocab"]
    room: Float[Tensor, "instances rows vocab"]


@dataclass(frozen=True)
class Rooms:
    """What a batch writes to besides gradients; the chunks share their logits and room."""

    post: Float[Tensor, "instances batch width"]
    d_pre: Float[Tensor, "instances batch width"]
    chunks: list[BatchChunk]

    @classmethod
    def of(cls, part: StackPart, batch: int, rows: int) -> Rooms:
        """Room for batches of `batch` sets in chunks of `rows`, for parts like this one."""
        instances, width, vocab = part.W_out.shape
        post, d_pre = (part.b_in.new_empty(instances, batch, width) for _ in range(2))
        logits, room = (part.b_in.new_empty(instances * min(rows, batch) * vocab) for _ in range(2))
        chunks: list[BatchChunk] = []
        for start in range(0, batch, rows):
            cut = slice(start, min(start + rows, batch))
            shape = instances, cut.stop - start, vocab
            own = (each[: math.prod(shape)].view(shape) for each in (logits, room))
            chunks.append(BatchChunk(cut, post[:, cut], d_pre[:, cut], *own))
        return cls(post, d_pre, chunks)


@dataclass(frozen=True)
class Gradients:
    """Room for the gradients of a stack; `table` is that of W_in and a last row for padding."""

    table: Float[Tensor, "instances rows width"]
    b_in: Float[Tensor, "instances width"]
    W_out: Float[Tensor, "instances width vocab"]
    b_out: Float[Tensor, "instances vocab"]

    @classmethod
    def like(cls, stack: NetStack) -> Gradients:
        """Room for the gradients of this stack."""
        instances, vocab, width = stack.W_in.shape
        return cls(
            stack.W_in.new_empty(instances, vocab + 1, width),
            *(torch.empty_like(value) for value in (stack.b_in, stack.W_out, stack.b_out)),
        )

    def split(self, together: int) -> list[Gradients]:
        """Views of it, each of `together` instances."""
        every = (self.table, self.b_in, self.W_out, self.b_out)
        return [
            Gradients(*part)
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
        """Views by the parameters' names, without the row for padding."""
        return {
            "W_in": self.table[:, :-1],
            "b_in": self.b_in,
            "W_out": self.W_out,
            "b_out": self.b_out,
        }
