"""The forward pass in float64, and its readout in float32.

What is as large as the logits is worked out where the network's weights lie, on CUDA as on a CPU;
all else is of the CPU, and so is what is known of a set in the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache, cached_property

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from relubloom.measure.answers import Batch, Listed
from relubloom.measure.error_bound import RoundingError
from relubloom.measure.shares import LN2, ListedCalls, Shares, called_of
from relubloom.network.relu_net import ReluNet

BLOCK_BYTES = 1 << 20  # of float32 logits, so that they stay in a core's cache
MIN_BLOCK = 64  # sets


def evidence_device(device: torch.device | str) -> torch.device:
    """Where evidence on weights of a device is computed: there on CUDA, elsewhere on the CPU, for
    MPS has no float64."""
    device = torch.device(device)
    return device if device.type == "cuda" else torch.device("cpu")


def placed(net: ReluNet, device: torch.device | str, dtype: torch.dtype | None = None) -> ReluNet:
    """The network for evidence on a device; the weights are shared where they need no copy."""
    there = evidence_device(device)
    return ReluNet(*(value.detach().to(there, dtype) for value in net.parameters()))


def in_float64(net: ReluNet) -> ReluNet:
    """A copy on the CPU whose arithmetic is the truth: float64 evaluation of the weights."""
    return placed(net, "cpu", torch.float64)


def holds_float32(net: ReluNet) -> bool:
    """Whether the weights are float32 numbers, and torch multiplies in full float32, not TF32."""
    try:
        full = torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # set for one kind of device alone: torch has no one answer
        full = False
    if not full:
        return False
    return all(torch.equal(value.float().to(value.dtype), value) for value in net.parameters())


@cache
def samples_products() -> bool:
    """Whether torch works out chosen entries of a product on this machine, which needs MKL.

    It says of its sparse matrices, at the first one, that they are new: that is kept quiet.
    """
    one = torch.ones(1, 1, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.sparse.sampled_addmm(one.to_sparse_csr(), one, one)
        except RuntimeError:
            return False
    return True


class InFloat64:
    """The forward pass in float64."""

    def __init__(self, net: ReluNet) -> None:
        self._W_in, self._b_in, self._W_out, self._b_out = (
            value.detach() for value in in_float64(net).parameters()
        )
        there = evidence_device(net.W_out.device)
        self._readout = self._b_out.to(there), self._W_out.to(there)

    def hidden(self, batch: Batch) -> Float64[Tensor, "batch width"]:
        """The hidden layer."""
        return _summed(batch, self._W_in).add_(self._b_in).relu_()

    def logits(self, post: Float64[Tensor, "batch width"]) -> Float64[Tensor, "batch vocab"]:
        """All of them, where the weights are."""
        b_out, W_out = self._readout
        return torch.addmm(b_out, post.to(W_out.device), W_out)

    def members(
        self, batch: Batch, post: Float64[Tensor, "batch width"]
    ) -> Float64[Tensor, "set_size batch"]:
        """The members' logits alone, which costs little."""
        ids = batch.ids.T
        if not samples_products():
            parts = zip(self._by_token[ids], self._b_out[ids], strict=True)
            return torch.stack([bias + (rows * post).sum(1) for rows, bias in parts])
        starts = torch.arange(0, batch.ids.numel() + 1, len(ids))
        wanted = torch.sparse_csr_tensor(
            starts,
            batch.ids.flatten(),
            self._b_out[batch.ids].flatten(),
            (len(post), len(self._by_token)),
            check_invariants=False,
        )
        found = torch.sparse.sampled_addmm(wanted, post, self._by_token.T).values()
        return found.view(batch.ids.shape).T.contiguous()

    @cached_property
    def _by_token(self) -> Float64[Tensor, "vocab width"]:
        return self._W_out.T.contiguous()


class InFloat32:
    """The readout in float32, in units of ln 2; the biases are those of a unit that is always 1."""

    def __init__(self, net: ReluNet, error: RoundingError) -> None:
        self.error = error
        self._W_in, self._b_in, W_out, b_out = (value.detach().cpu() for value in net.parameters())
        there = evidence_device(net.W_out.device)
        self._W_out = torch.cat([W_out, b_out[None]]).float().div_(LN2).to(there)

    def shares(
        self,
        batch: Batch,
        post: Float64[Tensor, "batch width"],
        members: Float64[Tensor, "set_size batch"],
        members_error: float,
    ) -> Shares:
        """The shares of a batch; `members` are logits in float64, in nats."""
        return Shares.of(
            batch,
            members.div_(LN2),
            self._blocks(_with_one(post)),
            self.error,
            fine=False,
            members_error=members_error,
        )

    def calls(
        self,
        batch: Batch,
        post: Float64[Tensor, "batch width"],
        shares: Shares,
        rows: Int64[Tensor, " rows"],
    ) -> ListedCalls:
        """The calls on these sets of a batch; none on its others."""
        logits = _with_one(post[rows]).to(self._W_out.device) @ self._W_out
        logits.scatter_(1, batch.ids[rows].to(logits.device), -torch.inf)
        found = called_of(
            logits,
            shares.best_other[rows].float(),
            shares.top[rows].float(),
            shares.unit,
            shares.band,
        )
        low, high = (torch.zeros(len(batch), dtype=torch.int64) for _ in range(2))
        low[rows], high[rows] = found.low, found.high
        listed = Listed(rows.numpy()[found.listed.rows], found.listed.tokens)
        return ListedCalls(listed, low, high)

    def losses(self, batch: Batch) -> Shares:
        """The shares of a batch with the hidden layer and the members in float32, in half the
        time."""
        W_in, b_in = self._input
        post = _summed(batch, W_in).add_(b_in).relu_()
        logits = post.to(self._W_out.device) @ self._W_out
        return Shares.of_logits(batch, logits, self.error, fine=False)

    def _blocks(self, post: Float[Tensor, "batch units"]) -> Iterable[Tensor]:
        """Logits in blocks that stay in a core's cache, each in the place of the last; elsewhere
        in one."""
        post = post.to(self._W_out.device)
        size = max(MIN_BLOCK, BLOCK_BYTES // (4 * self._W_out.shape[1]))
        size = size if post.device.type == "cpu" else len(post)
        block = post.new_empty(min(size, len(post)), self._W_out.shape[1])
        for part in post.split(size):
            yield torch.mm(part, self._W_out, out=block[: len(part)])

    @cached_property
    def _input(self) -> tuple[Tensor, Tensor]:
        """W_in and b_in with a unit that is always 1."""
        more = (0, 1)
        W_in = nn.functional.pad(self._W_in.float(), more)
        return W_in, nn.functional.pad(self._b_in.float(), more, value=1.0)


def _summed(batch: Batch, W_in: Float[Tensor, "vocab width"]) -> Float[Tensor, "batch width"]:
    """Sums of the members' rows; padding is a token that counts 0 times."""
    times = None if batch.ids is batch.sets else batch.real.T.to(W_in.dtype).contiguous()
    return nn.functional.embedding_bag(batch.ids, W_in, mode="sum", per_sample_weights=times)


def _with_one(post: Float64[Tensor, "batch width"]) -> Float[Tensor, "batch width+1"]:
    """In float32, and a unit that is always 1."""
    with_one = post.new_ones(len(post), post.shape[1] + 1, dtype=torch.float32)
    with_one[:, :-1] = post
    return with_one
