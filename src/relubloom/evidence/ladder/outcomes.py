"""What a program does on each set of a chunk: its loss, and whether it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.certificate.error_bound import FLOAT32, rounding_error
from relubloom.evidence.ladder.rung import Program
from relubloom.network import ReluNet

COARSE_LOGIT = 0.05  # a float32 logit error beyond which float64 would see most sets again


class Outcomes(NamedTuple):
    """Per set: mse, kl, and failure by loss and by ranking, as `evidence.scores` defines them."""

    mse: NDArray[np.float64]
    kl: NDArray[np.float64]
    loss_failure: NDArray[np.bool_]
    ranking_failure: NDArray[np.bool_]


@dataclass(frozen=True)
class Chunk:
    """Sets [batch, set_size], and what every program needs of them.

    `ids` are the sets with padding replaced by the set's least token, `real` is 1 where there is
    no padding, `size` the number of tokens, `threshold` 1/(2k(k+1)).
    """

    sets: Int64[Tensor, "batch set_size"]
    ids: Int64[Tensor, "batch set_size"]
    real: Float64[Tensor, "batch set_size"]
    size: Float64[Tensor, " batch"]
    threshold: Float64[Tensor, " batch"]

    @classmethod
    def of(cls, sets: Int64[Tensor, "batch set_size"], vocab_size: int) -> Chunk:
        """Of sets with at least one token each; padding is `vocab_size`."""
        real = sets < vocab_size
        size = real.sum(1).double()
        ids = torch.where(real, sets, sets.amin(1, keepdim=True))
        return cls(sets, ids, real.double(), size, 1 / (2 * size * (size + 1)))

    def __getitem__(self, rows: Int64[Tensor, " rows"]) -> Chunk:
        return Chunk(
            self.sets[rows],
            self.ids[rows],
            self.real[rows],
            self.size[rows],
            self.threshold[rows],
        )


class CodeJudge:
    """A code as a Bloom filter: with F false positives it fails by both definitions if F > 0."""

    def __init__(self, code: Code) -> None:
        self._table = CoverTable(code)

    def outcomes(self, chunk: Chunk) -> Outcomes:
        """mse F/(k(k + F)) and kl ln(1 + F/k). Cost: see `CoverTable.covered`."""
        k = chunk.size.numpy()
        F = self._table.covered(chunk.sets.numpy()) - k
        failing = F > 0
        return Outcomes(F / (k * (k + F)), np.log1p(F / k), failing, failing)


class NetworkJudge:
    """A network, judged in float64, or in float32 with float64 for whatever that leaves in doubt.

    In doubt is a set whose float32 margin or distance of mse from the threshold is within the
    bound on float32's forward error (`certificate.error_bound`), so the failing sets are those of
    float64. mse and kl of the other sets keep float32's error, about 1e-6 of their size.

    Cost: 2 batch width vocab FLOPs, one exponential and some six passes per (set, token).
    """

    def __init__(self, net: ReluNet, largest_set: int, *, float32: bool) -> None:
        self._fine = _as(net, torch.float64)
        self._coarse = None
        if not (float32 and _holds_float32(net)):
            return
        error = rounding_error(_with_padding(self._fine, largest_set), largest_set, FLOAT32)
        if error.logit <= COARSE_LOGIT:
            self._coarse = _as(net, torch.float32)
            self._margin_band = 2 * error.logit * (1 + 2.0**-20)
            self._share_error = error.share

    @torch.no_grad()
    def outcomes(self, chunk: Chunk) -> Outcomes:
        """The figures of each set of the chunk."""
        if self._coarse is None:
            return _decided(chunk, *_figures(self._fine, chunk))
        mse, kl, margin = _figures(self._coarse, chunk)
        rows = self._doubtful(chunk, mse, margin).nonzero().squeeze(1)
        if len(rows):
            fine = _figures(self._fine, chunk[rows])
            for coarse, better in zip((mse, kl, margin), fine, strict=True):
                coarse[rows] = better
        return _decided(chunk, mse, kl, margin)

    def _doubtful(
        self, chunk: Chunk, mse: Float64[Tensor, " batch"], margin: Float64[Tensor, " batch"]
    ) -> Bool[Tensor, " batch"]:
        """The error vector is within `share` of the true one, so mse is within
        2 share sqrt(mse) + share^2 of it."""
        reach = self._share_error * (2.01 * mse.sqrt() + 1.01 * self._share_error)
        clear = (margin.abs() > self._margin_band) & ((mse - chunk.threshold).abs() > reach)
        return ~clear


def judge_of(program: Program, largest_set: int) -> CodeJudge | NetworkJudge:
    """The judge of a program, on sets of up to `largest_set` tokens."""
    if isinstance(program, Code):
        return CodeJudge(program)
    return NetworkJudge(program, largest_set, float32=True)


Figures = tuple[Float64[Tensor, " batch"], Float64[Tensor, " batch"], Float64[Tensor, " batch"]]


def _figures(net: ReluNet, chunk: Chunk) -> Figures:
    """mse, kl and margin of each set, in the network's arithmetic."""
    real, size = chunk.real.to(net.W_in.dtype), chunk.size.to(net.W_in.dtype)
    logits = net(chunk.sets)
    members = logits.gather(1, chunk.ids)
    best_other = logits.scatter_(1, chunk.ids, -torch.inf).amax(1)
    margin = members.amin(1) - best_other
    top = torch.maximum(members.amax(1), best_other)[:, None]

    shares = logits.sub_(top).exp_()  # of the largest; members at 0
    members -= top
    own = members.exp() * real
    total = shares.sum(1) + own.sum(1)
    others = torch.linalg.vector_norm(shares, dim=1) / total
    off_target = own / total[:, None] - real / size[:, None]
    mse = off_target.square().sum(1) + others.square()
    kl = total.log() - (members * real).sum(1) / size - size.log()
    return mse.double(), kl.double(), margin.double()


def _decided(
    chunk: Chunk,
    mse: Float64[Tensor, " batch"],
    kl: Float64[Tensor, " batch"],
    margin: Float64[Tensor, " batch"],
) -> Outcomes:
    return Outcomes(
        mse.numpy(), kl.numpy(), (mse > chunk.threshold).numpy(), (~(margin > 0)).numpy()
    )


def _as(net: ReluNet, dtype: torch.dtype) -> ReluNet:
    return ReluNet(*(value.detach().to("cpu", dtype) for value in net.parameters()))


def _holds_float32(net: ReluNet) -> bool:
    if torch.get_float32_matmul_precision() != "highest":
        return False
    return all(torch.equal(value.float().to(value.dtype), value) for value in net.parameters())


def _with_padding(net: ReluNet, tokens: int) -> ReluNet:
    """The network with `tokens` more tokens of zeros: bounds over sets of exactly that many
    tokens then hold for smaller sets too."""
    W_in, b_in, W_out, b_out = (value.detach() for value in net.parameters())
    zeros: Float[Tensor, "tokens width"] = W_in.new_zeros(tokens, net.width)
    return ReluNet(
        torch.cat([W_in, zeros]),
        b_in,
        torch.cat([W_out, zeros.T], dim=1),
        torch.cat([b_out, zeros[:, 0]]),
    )
