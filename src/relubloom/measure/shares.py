"""From the logits of a batch, block by block, to its answers: shares of the largest probability."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from relubloom.measure.answers import Answers, Batch, Listed, Losses
from relubloom.measure.error_bound import RoundingError

LN2 = math.log(2)
CALL_MARGIN = float(np.log(2))  # a token is called when its p is at least half of the largest
OWN_ENOUGH = 1e-200  # members' shares of the largest that nothing is lost of by underflow
SAFE = 1 + 2.0**-20  # covers the rounding of the bounds' own evaluation
FINE = (torch.float64, 1.0, Tensor.exp_)  # a type of logits, their unit, and the way back
COARSE = (torch.float32, LN2, Tensor.exp2_)  # powers of 2 take half the time of those of e
NOTHING = np.zeros(0, dtype=np.int64)


def losses_of(logits: Float64[Tensor, "batch vocab"], batch: Batch) -> Losses:
    """Of float64 logits that are given, such as those of a changed network; overwrites them."""
    return Shares.of_logits(batch, logits, RoundingError(0.0, 0.0)).losses()


def are_called(logits: Float[Tensor, "batch vocab"]) -> Bool[Tensor, "batch vocab"]:
    """Which tokens are called, by logits that are taken as they are."""
    return logits >= logits.amax(1, keepdim=True) - CALL_MARGIN


@dataclass(frozen=True)
class ListedCalls:
    """The called non-members, and bounds on their number."""

    listed: Listed
    low: Int64[Tensor, " batch"]
    high: Int64[Tensor, " batch"]


@dataclass(frozen=True)
class Shares:
    """A batch's answers half-way: what is left of [batch, vocab] once it was gone through.

    `members` [set_size, batch] and `best_other` are logits in float64, in units of `unit` nats;
    `own` are the members' shares of the largest p, 0 at padding, and `least_own` the least of them;
    `other_sum` and `other_norm` are those of the non-members together. Logits are known to within
    `band / 2`; `error` bounds the Euclidean error of p, and `rounding` the relative one of a norm.
    All of it lies on the CPU, wherever the logits do.
    """

    batch: Batch
    unit: float
    members: Float64[Tensor, "set_size batch"]
    best_other: Float64[Tensor, " batch"]
    top: Float64[Tensor, " batch"]
    own: Float64[Tensor, "set_size batch"]
    least_own: Float64[Tensor, " batch"]
    other_sum: Float64[Tensor, " batch"]
    other_norm: Float64[Tensor, " batch"]
    calls: ListedCalls | None
    band: float
    error: Float64[Tensor, " batch"]
    rounding: float
    fine: bool

    @classmethod
    def of_logits(
        cls,
        batch: Batch,
        logits: Float[Tensor, "batch vocab"],
        error: RoundingError,
        *,
        fine: bool = True,
        calls: bool = False,
    ) -> Shares:
        """From all logits, which are overwritten."""
        members = logits.gather(1, batch.ids.to(logits.device)).T.cpu().double().contiguous()
        return cls.of(batch, members, [logits], error, fine=fine, calls=calls)

    @classmethod
    def of(
        cls,
        batch: Batch,
        members: Float64[Tensor, "set_size batch"],
        blocks: Iterable[Float[Tensor, "rows vocab"]],
        error: RoundingError,
        *,
        fine: bool = True,
        calls: bool = False,
        members_error: float = 0.0,
    ) -> Shares:
        """From the members' logits and all logits, block by block, which are overwritten.

        Calls are listed where the batch is one block.

        `members_error` is the relative error of a member's share, where the members' logits are
        known better than the others'.

        Logits in float32 are in units of ln 2: powers of 2 take half the time of those of e.
        """
        dtype, unit, exp_ = FINE if fine else COARSE
        band = 2 * error.logit * SAFE
        best_member = members.amax(0).to(dtype)
        parts: list[tuple[Tensor, ...]] = []
        found, start, vocab = None, 0, 0
        for logits in blocks:
            stop, vocab = start + len(logits), logits.shape[1]
            ids = batch.ids[start:stop].to(logits.device)
            best_other = logits.scatter_(1, ids, -torch.inf).amax(1)
            top = torch.maximum(best_member[start:stop].to(logits.device), best_other)
            if calls:
                found = called_of(logits, best_other, top, unit, band)
            shares = exp_(logits.sub_(top[:, None]))  # of the largest; members at 0
            norm = torch.linalg.vector_norm(shares, dim=1)
            parts.append((best_other, top, shares.sum(1), norm))
            start = stop
        best_other, top, other_sum, other_norm = (
            torch.cat(part).cpu().double() for part in zip(*parts, strict=True)
        )
        own = exp_(members - top)
        least_own = own.amin(0)
        own *= batch.real
        return cls(
            batch=batch,
            unit=unit,
            members=members,
            best_other=best_other,
            top=top,
            own=own,
            least_own=least_own,
            other_sum=other_sum,
            other_norm=other_norm,
            calls=found,
            band=band,
            error=_p_error(error.share, members_error, own, other_sum, other_norm)
            if members_error
            else torch.full_like(other_sum, error.share),
            rounding=(vocab + 40) * torch.finfo(dtype).eps / 2,
            fine=fine,
        )

    @property
    def total(self) -> Float64[Tensor, " batch"]:
        """Sum of all shares of the largest."""
        return self.own.sum(0) + self.other_sum

    def losses(self) -> Losses:
        """mse, kl and margin."""
        return self._losses(self.own / self.total)

    def _losses(self, member_p: Float64[Tensor, "set_size batch"]) -> Losses:
        real, size, total = self.batch.real, self.batch.size, self.total
        off_target = (member_p - real / size).square_().sum(0)
        mse = off_target + (self.other_norm / total).square_()
        mean = ((self.members - self.top) * real).sum(0) / size * self.unit
        margin = (self.members.amin(0) - self.best_other) * self.unit
        return Losses(mse, (total / size).log_() - mean, margin)

    def _uniformity(self) -> Float64[Tensor, " batch"]:
        own_sum = self.own.sum(0)
        if bool((own_sum > OWN_ENOUGH).all()):
            return self.batch.size * self.least_own / own_sum
        low, high = self.members.amin(0), self.members.amax(0)
        among = ((self.members - high) * self.unit).exp_().mul_(self.batch.real).sum(0)
        return self.batch.size * ((low - high) * self.unit).exp_() / among

    @property
    def misses_in_doubt(self) -> Bool[Tensor, " batch"]:
        """Sets with a member so near the calling threshold that it may be missed or not."""
        least = self.top - CALL_MARGIN / self.unit
        return ((self.members - least).abs() <= self.band / self.unit).any(0)

    @property
    def may_call(self) -> Bool[Tensor, " batch"]:
        """Sets that may have a called non-member."""
        dtype = torch.float64 if self.fine else torch.float32
        lowest = self.top - CALL_MARGIN / self.unit
        return self.best_other >= lowest - _call_reach(self.top, self.unit, self.band, dtype)

    def answers(self) -> Answers:
        """All that is said of a set; no called non-members where they were not listed."""
        none = torch.zeros(len(self.batch), dtype=torch.int64)
        calls = self.calls or ListedCalls(Listed(NOTHING, NOTHING), none, none.clone())
        member_p = self.own / self.total
        losses = self._losses(member_p)
        missed = (self.members < self.top - CALL_MARGIN / self.unit) & (self.batch.real > 0)
        return Answers(
            mse=losses.mse,
            kl=losses.kl,
            margin=losses.margin,
            member_p=member_p.T,
            member_mass=member_p.sum(0),
            uniformity=self._uniformity(),
            missed=missed.T,
            called=calls.listed,
            exact=losses.margin > self.band,
            failing=losses.margin <= -self.band,
            called_low=calls.low,
            called_high=calls.high,
            error=self.error + self.rounding * losses.mse.sqrt(),
            fine=torch.full_like(self.top, self.fine, dtype=torch.bool),
        )


def called_of(
    logits: Float[Tensor, "batch vocab"],
    best_other: Float[Tensor, " batch"],
    top: Float[Tensor, " batch"],
    unit: float,
    band: float,
) -> ListedCalls:
    """Who is called. Cost: O(batch + vocab times the sets that may have a false positive)."""
    best_other, top = best_other.cpu(), top.cpu()
    threshold = top - CALL_MARGIN / unit
    reach = _call_reach(top, unit, band, logits.dtype)
    vocab = logits.shape[1]
    rows = (best_other >= threshold - reach).nonzero().squeeze(1)
    lowest, reach = threshold[rows, None], reach[rows, None]
    chosen = logits[rows]
    at = np.flatnonzero((chosen >= (lowest - reach).to(chosen.device)).cpu().numpy())
    found, tokens = np.divmod(at, vocab)
    values = chosen.take(torch.from_numpy(at).to(chosen.device)).cpu().numpy()
    called = values >= lowest.numpy()[found, 0]
    surely = values >= (lowest + reach).numpy()[found, 0]
    in_batch = rows.numpy()[found]
    return ListedCalls(
        Listed(in_batch[called], tokens[called]),
        low=torch.from_numpy(np.bincount(in_batch[surely], minlength=len(logits))),
        high=torch.from_numpy(np.bincount(in_batch, minlength=len(logits))),
    )


def _call_reach(
    top: Float[Tensor, " batch"], unit: float, band: float, dtype: torch.dtype
) -> Float[Tensor, " batch"]:
    """How far from the calling threshold a logit may be called or not, in logits of this type."""
    return band / unit + 8 * torch.finfo(dtype).eps * (top.abs() + 2)


def _p_error(
    others_error: float,
    members_error: float,
    own: Float64[Tensor, "set_size batch"],
    other_sum: Float64[Tensor, " batch"],
    other_norm: Float64[Tensor, " batch"],
) -> Float64[Tensor, " batch"]:
    """Bound on the Euclidean error of p, the others' shares erring by more than the members'.

    The others' p err by `others_error` of themselves; the members' by that times the others' mass,
    which is all that it changes in the total.
    """
    total = own.sum(0) + other_sum
    relative = others_error / (1 - others_error) * SAFE * SAFE
    own_norm = own.square().sum(0).sqrt_()
    return relative * (other_norm + other_sum / total * own_norm) / total + members_error
