"""What a program does on each set of a chunk: its loss, and whether it fails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor, nn

from relubloom.code import Code
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.ladder.rung import Program
from relubloom.measure.error_bound import (
    FLOAT32,
    rounding_error,
    share_of,
    top_sums,
)
from relubloom.network.relu_net import ReluNet

COARSE_LOGIT = 0.05  # a float32 logit error beyond which float64 would see most sets again


class Outcomes(NamedTuple):
    """Per set: mse, kl, and failure by loss and by ranking, as `evidence.scores` defines them."""

    mse: NDArray[np.float64]
    kl: NDArray[np.float64]
    loss_failure: NDArray[np.bool_]
    ranking_failure: NDArray[np.bool_]

    def part(self, start: int, stop: int) -> Outcomes:
        """Of sets number `start` up to `stop`."""
        sets = slice(start, stop)
        return Outcomes(
            self.mse[sets], self.kl[sets], self.loss_failure[sets], self.ranking_failure[sets]
        )

    def chosen(self, sets: NDArray[np.int64]) -> Outcomes:
        """Of the sets of these numbers."""
        return Outcomes(
            self.mse[sets], self.kl[sets], self.loss_failure[sets], self.ranking_failure[sets]
        )

    def put(self, start: int, part: Outcomes) -> None:
        """Write the part's outcomes from set number `start` on."""
        for everywhere, here in zip(self, part, strict=True):
            everywhere[start : start + len(here)] = here


@dataclass(frozen=True)
class Chunk:
    """Sets [batch, set_size], and what every program needs of them.

    `ids` are the sets with padding replaced by the set's least token, `real` is 1 where there is
    no padding (transposed, [set_size, batch]: long rows are quick), `size` the number of tokens,
    `threshold` 1/(2k(k+1)).
    """

    sets: Int64[Tensor, "batch set_size"]
    ids: Int64[Tensor, "batch set_size"]
    real: Float64[Tensor, "set_size batch"]
    size: Float64[Tensor, " batch"]
    threshold: Float64[Tensor, " batch"]

    @classmethod
    def of(cls, sets: Int64[Tensor, "batch set_size"], vocab_size: int) -> Chunk:
        """Of sets with at least one token each; padding is `vocab_size`."""
        real = sets < vocab_size
        size = real.sum(1).double()
        ids = torch.where(real, sets, sets.amin(1, keepdim=True))
        return cls(sets, ids, real.T.double().contiguous(), size, 1 / (2 * size * (size + 1)))

    def __getitem__(self, rows: Int64[Tensor, " rows"]) -> Chunk:
        return Chunk(
            self.sets[rows],
            self.ids[rows],
            self.real[:, rows],
            self.size[rows],
            self.threshold[rows],
        )


class CodeJudge:
    """A code as a Bloom filter: with F false positives it fails by both definitions if F > 0."""

    def __init__(self, code: Code) -> None:
        self._table = CoverTable(code)

    def outcomes(self, chunk: Chunk) -> Outcomes:
        """mse F/(k(k + F)) and kl ln(1 + F/k), F false positives; see `CoverTable.covered`."""
        return filter_outcomes(self._table.covered(chunk.sets.numpy()), chunk)


def filter_outcomes(covered: NDArray[np.int64] | int, chunk: Chunk) -> Outcomes:
    """Of a filter that lets through that many tokens, the members among them."""
    k = chunk.size.numpy()
    F = covered - k
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
        self._fine = _Forward(net, torch.float64)
        self._coarse = None
        if not (float32 and _holds_float32(net)):
            return
        logit, self._share_error = _float32_error(net, largest_set)
        if logit <= COARSE_LOGIT:
            self._coarse = _Forward(net, torch.float32)
            self._margin_band = 2 * logit

    @property
    def in_float32(self) -> bool:
        """Whether float32 judges first: it holds the weights, and its error is small."""
        return self._coarse is not None

    @torch.no_grad()
    def outcomes(self, chunk: Chunk) -> Outcomes:
        """The figures of each set of the chunk."""
        if self._coarse is None:
            return _decided(chunk, *self._fine.figures(chunk))
        mse, kl, margin = self._coarse.figures(chunk)
        rows = self._doubtful(chunk, mse, margin).nonzero().squeeze(1)
        if len(rows):
            fine = self._fine.figures(chunk[rows])
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


def program_bytes(program: Program) -> int:
    """Memory of a program's judge."""
    if isinstance(program, Code):
        return 4 * program.width * program.vocab_size
    return 12 * sum(value.numel() for value in program.parameters())


Figures = tuple[Float64[Tensor, " batch"], Float64[Tensor, " batch"], Float64[Tensor, " batch"]]


class _Forward:
    """The network in one arithmetic, with the biases as a unit that is always 1.

    In float32 W_out and b_out are divided by ln 2, because powers of 2 take half the time of those
    of e; `_float32_error` counts the two roundings.
    """

    def __init__(self, net: ReluNet, dtype: torch.dtype) -> None:
        W_in, b_in, W_out, b_out = (value.detach().to("cpu", dtype) for value in net.parameters())
        self._powers_of_2 = dtype == torch.float32
        self._unit = math.log(2) if self._powers_of_2 else 1.0
        self._W_in = nn.functional.pad(W_in, (0, 1, 0, 1))  # padding is a token of zeros
        self._b_in = nn.functional.pad(b_in, (0, 1), value=1.0)
        self._W_out = torch.cat([W_out, b_out[None]]).div_(self._unit)

    def figures(self, chunk: Chunk) -> Figures:
        """mse, kl and margin of each set."""
        post = nn.functional.embedding_bag(chunk.sets, self._W_in, mode="sum")
        logits = post.add_(self._b_in).relu_() @ self._W_out
        members = logits.gather(1, chunk.ids).T.contiguous()
        best_other = logits.scatter_(1, chunk.ids, -torch.inf).amax(1)
        top = torch.maximum(members.amax(0), best_other)
        margin = members.amin(0) - best_other

        shares = self._exp_(logits.sub_(top[:, None]))  # of the largest; members at 0
        members -= top
        total = shares.sum(1)
        others = torch.linalg.vector_norm(shares, dim=1)
        real, size = chunk.real, chunk.size
        members, total, others = members.double(), total.double(), others.double()
        own = self._exp_(members.clone()) * real
        total += own.sum(0)
        mse = (own / total - real / size).square_().sum(0) + (others / total).square_()
        kl = (total / size).log_() - (members * real).sum(0) / size * self._unit
        return mse, kl, margin.double() * self._unit

    def _exp_(self, values: Tensor) -> Tensor:
        return values.exp2_() if self._powers_of_2 else values.exp_()


def _float32_error(net: ReluNet, largest_set: int) -> tuple[float, float]:
    """Bounds on float32's error of a logit, and on its relative error of a share."""
    W_in, b_in, W_out, b_out = (
        value.detach().to("cpu", torch.float64) for value in net.parameters()
    )
    # With tokens of zeros, what holds for sets of exactly that many tokens holds for smaller ones.
    more = (0, 0, 0, largest_set)
    W_in = nn.functional.pad(W_in, more)
    W_out, b_out = nn.functional.pad(W_out.T, more).T, nn.functional.pad(b_out, more[2:])
    error = rounding_error(ReluNet(W_in, b_in, W_out, b_out), largest_set, FLOAT32)
    level = np.maximum(0, top_sums(W_in.numpy(), largest_set) + b_in.numpy())
    largest = float((level @ W_out.abs().numpy() + b_out.abs().numpy()).max())
    scaling = 4 * FLOAT32.roundoff * largest
    return error.logit + scaling, share_of(math.log1p(error.share) + 2 * scaling)


def _decided(
    chunk: Chunk,
    mse: Float64[Tensor, " batch"],
    kl: Float64[Tensor, " batch"],
    margin: Float64[Tensor, " batch"],
) -> Outcomes:
    return Outcomes(
        mse.numpy(), kl.numpy(), (mse > chunk.threshold).numpy(), (~(margin > 0)).numpy()
    )


def _holds_float32(net: ReluNet) -> bool:
    if torch.get_float32_matmul_precision() != "highest":
        return False
    return all(torch.equal(value.float().to(value.dtype), value) for value in net.parameters())
