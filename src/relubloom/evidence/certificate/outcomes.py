"""What is certain about the network's answer on each set of a chunk, rounding errors counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from relubloom.measure.error_bound import FLOAT32, FLOAT64, Arithmetic, rounding_error
from relubloom.network.relu_net import ReluNet

Sets = Int64[Tensor, "batch set_size"]
COARSE_LOGIT = 0.05  # a float32 logit error beyond which the float64 pass would see most sets
CALL_SLACK = 0.8  # more than ln 2: rows whose best non-member is further below have no call


@dataclass(frozen=True)
class Outcomes:
    """Per set: surely exact, surely not, bounds on called non-members, and the computed mse.

    Sets neither `exact` nor `failing` are undecided.
    """

    exact: Bool[Tensor, " batch"]
    failing: Bool[Tensor, " batch"]
    called_low: Int64[Tensor, " batch"]
    called_high: Int64[Tensor, " batch"]
    mse: Float64[Tensor, " batch"]

    @property
    def doubtful(self) -> Bool[Tensor, " batch"]:
        """Sets on which something is undecided."""
        return ~(self.exact | self.failing) | (self.called_low != self.called_high)


class Judge:
    """Runs a network in one arithmetic and says of each set what its rounding errors allow.

    Cost: 2 batch width vocab FLOPs and about five passes over [batch, vocab].
    """

    def __init__(self, net: ReluNet, set_size: int, arithmetic: Arithmetic) -> None:
        self.error = rounding_error(net, set_size, arithmetic)
        self.roundoff = arithmetic.roundoff
        self._net = ReluNet(
            *(value.detach().to("cpu", arithmetic.dtype) for value in net.parameters())
        )

    @torch.no_grad()
    def outcomes(self, sets: Sets) -> Outcomes:
        """Judge sets of distinct tokens (no padding)."""
        logits = self._net(sets)
        members = logits.gather(1, sets)
        logits.scatter_(1, sets, -torch.inf)
        best_other = logits.amax(1)
        margin = (members.amin(1) - best_other).double()
        top = torch.maximum(members.amax(1), best_other)
        band = 2 * self.error.logit * (1 + 2.0**-20)

        shares = logits.sub_(top[:, None]).exp_()  # of the largest; members at 0
        called_low, called_high = self._called(shares, top - best_other)
        member_shares = (members - top[:, None]).exp()
        total = shares.sum(1) + member_shares.sum(1)
        others = torch.linalg.vector_norm(shares, dim=1) / total  # vecdot takes four times as long
        off_target = member_shares / total[:, None] - 1 / sets.shape[1]
        return Outcomes(
            exact=margin > band,
            failing=margin <= -band,
            called_low=called_low,
            called_high=called_high,
            mse=(off_target.square().sum(1) + others.square()).double(),
        )

    def _called(
        self, shares: Float[Tensor, "batch vocab"], gap: Float[Tensor, " batch"]
    ) -> tuple[Int64[Tensor, " batch"], Int64[Tensor, " batch"]]:
        """Bounds on the non-members with at least half of the largest share."""
        slack = 1.01 * self.error.share
        low = torch.zeros(len(shares), dtype=torch.int64)
        high = low.clone()
        near = gap < CALL_SLACK if slack < 0.05 else torch.ones_like(gap, dtype=torch.bool)
        rows = near.nonzero().squeeze(1)
        if len(rows):
            chosen = shares[rows]
            low[rows] = (chosen >= 0.5 * (1 + slack)).sum(1)
            high[rows] = (chosen >= max(0.0, 0.5 * (1 - slack))).sum(1)
            if slack >= 1:  # members stand at 0 and would be counted
                high[rows] = shares.shape[1]
        return low, high


class MixedJudge:
    """Judges in float32 first, and again in float64 whatever that leaves in doubt.

    Sets with a large mse are judged again too: their error would weigh most in the mean.
    `coarse` is None where float32 cannot hold the weights or errs too much.
    """

    def __init__(self, net: ReluNet, set_size: int, *, float32: bool) -> None:
        self.fine = Judge(net, set_size, FLOAT64)
        self.coarse = Judge(net, set_size, FLOAT32) if float32 and _holds_float32(net) else None
        if self.coarse is not None and not self.coarse.error.logit <= COARSE_LOGIT:
            self.coarse = None
        self._large_mse = 1 / (8 * set_size * (set_size + 1))

    def outcomes(self, sets: Sets) -> tuple[Outcomes, Bool[Tensor, " batch"]]:
        """The outcomes, and which of them come from float64."""
        if self.coarse is None:
            return self.fine.outcomes(sets), torch.ones(len(sets), dtype=torch.bool)
        rough = self.coarse.outcomes(sets)
        again = rough.doubtful | (rough.mse > self._large_mse)
        rows = again.nonzero().squeeze(1)
        if len(rows):
            better = self.fine.outcomes(sets[rows])
            for name in ("exact", "failing", "called_low", "called_high", "mse"):
                getattr(rough, name)[rows] = getattr(better, name)
        return rough, again


class MeanSquaredError:
    """Adds up computed mse and returns proven bounds on the true sum.

    The computed error vector is within eta of the true one in Euclidean norm, so a set's mse is
    off by at most 2 eta sqrt(mse) + eta^2, and the roots are summed too. Summing adds
    (vocab + chunk) roundoffs.
    """

    def __init__(self, judge: Judge, vocab_size: int, chunk: int) -> None:
        self._eta = judge.error.share
        self._relative = 2 * (vocab_size + 40) * judge.roundoff + 2 * (chunk + 8) * 2.0**-53
        self._parts: list[float] = []
        self._roots: list[float] = []
        self.sets = 0

    def add(self, mse: Float64[Tensor, " batch"]) -> None:
        """Count a chunk's computed mse."""
        self._parts.append(float(mse.sum()))
        self._roots.append(float(mse.sqrt().sum()))
        self.sets += len(mse)

    def sum_bounds(self) -> tuple[float, float]:
        """Bounds on the true sum; (0, inf) when the shares are unknown."""
        total = math.fsum(self._parts)
        if not (math.isfinite(self._eta) and math.isfinite(total)):
            return 0.0, math.inf if self.sets else 0.0
        roots = math.fsum(self._roots) * (1 + self._relative)
        slack = 2 * self._eta * roots + self.sets * self._eta * self._eta
        slack = 1.0001 * (slack + self._relative * total + 1e-15 * total)
        return max(0.0, total - slack), total + slack


def _holds_float32(net: ReluNet) -> bool:
    if torch.get_float32_matmul_precision() != "highest":
        return False
    return all(torch.equal(value.float().to(value.dtype), value) for value in net.parameters())
