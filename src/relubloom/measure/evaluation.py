"""The one evaluation of a network on sets: float32 first, float64 where that leaves a doubt.

Truth is the network in exact arithmetic, on the weights as they are stored. `Evaluator.answers`
says of each set what the rounding errors allow to be said; `Evaluator.losses` says less, sooner.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor, nn

from relubloom.measure.error_bound import (
    FLOAT32,
    FLOAT64,
    RoundingError,
    rounding_error,
    share_of,
    top_sums,
)
from relubloom.network.relu_net import ReluNet

LN2 = math.log(2)
CALL_MARGIN = float(np.log(2))  # a token is called when its p is at least half of the largest
COARSE_LOGIT = 0.05  # a float32 logit error beyond which float64 would see most sets again
COARSE_SHARE = 0.2  # and a relative error of a share
OWN_ENOUGH = 1e-200  # members' shares of the largest that nothing is lost of by underflow
SAFE = 1 + 2.0**-20  # covers the rounding of the bounds' own evaluation
BLOCK_BYTES = 1 << 20  # of float32 logits, so that they stay in a core's cache
MIN_BLOCK = 64  # sets
FINE = (torch.float64, 1.0, Tensor.exp_)  # a type of logits, their unit, and the way back
COARSE = (torch.float32, LN2, Tensor.exp2_)  # powers of 2 take half the time of those of e
NOTHING = np.zeros(0, dtype=np.int64)


def in_float64(net: ReluNet) -> ReluNet:
    """A copy on the CPU whose arithmetic is the truth: float64 evaluation of the weights."""
    return ReluNet(*(value.detach().to("cpu", torch.float64) for value in net.parameters()))


@dataclass(frozen=True)
class Batch:
    """Sets [batch, set_size], and what every evaluation needs of them.

    `ids` are the sets with padding replaced by the set's least token, `real` is 1 where there is
    no padding (transposed, [set_size, batch]: long rows are quick), `size` the number of tokens.
    """

    sets: Int64[Tensor, "batch set_size"]
    ids: Int64[Tensor, "batch set_size"]
    real: Float64[Tensor, "set_size batch"]
    size: Float64[Tensor, " batch"]

    @classmethod
    def of(cls, sets: Int64[Tensor, "batch set_size"], vocab_size: int) -> Batch:
        """Of sets with at least one token each; padding is `vocab_size`."""
        real = (sets < vocab_size).T.double().contiguous()
        ids = sets if bool(real.all()) else torch.where(real.T > 0, sets, sets.amin(1)[:, None])
        return cls(sets, ids, real, real.sum(0))

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, rows: Int64[Tensor, " rows"]) -> Batch:
        return Batch(self.sets[rows], self.ids[rows], self.real[:, rows], self.size[rows])

    @property
    def threshold(self) -> Float64[Tensor, " batch"]:
        """1/(2k(k+1)): the mse from which on a set is a loss failure."""
        return 1 / (2 * self.size * (self.size + 1))


@dataclass(frozen=True)
class Listed:
    """Non-members that were called (or covered): token `tokens[i]` on set `rows[i]` of a batch."""

    rows: NDArray[np.int64]
    tokens: NDArray[np.int64]

    def per_set(self, sets: int) -> NDArray[np.int64]:
        """How many are listed for each set of the batch, int64 [sets]."""
        return np.bincount(self.rows, minlength=sets)

    def replaced(self, rows: NDArray[np.int64], other: Listed) -> Listed:
        """With what `other` lists, for these rows of the batch, instead."""
        if not len(self.rows) and not len(other.rows):
            return self
        gone = np.zeros(max(rows.max(), self.rows.max(initial=0)) + 1, dtype=np.bool_)
        gone[rows] = True
        kept = ~gone[self.rows]
        both = np.concatenate([self.rows[kept], rows[other.rows]])
        tokens = np.concatenate([self.tokens[kept], other.tokens])
        order = np.argsort(both, kind="stable")
        return Listed(both[order], tokens[order])


@dataclass(frozen=True)
class Losses:
    """Of each set: mse and kl, and margin, the least member logit minus the greatest other."""

    mse: Float64[Tensor, " batch"]
    kl: Float64[Tensor, " batch"]
    margin: Float64[Tensor, " batch"]


@dataclass(frozen=True)
class Answers(Losses):
    """What the network answers on each set of a batch ([batch] each), and how surely.

    `member_p` [batch, set_size] are the members' p, 0 at padding, `member_mass` their sum,
    `uniformity` set_size times the least of them, divided by their sum. `missed` [batch, set_size]
    marks members that are not called, `called` lists the called non-members. `exact` sets surely
    have all members strictly above all others, `failing` sets surely do not; a set that is neither
    is undecided. Called non-members number at least `called_low` and at most `called_high`. `error`
    bounds the Euclidean distance of the computed p from the true one (inf where nothing can be
    said), the rounding of its norm counted. `fine` sets were evaluated in float64.
    """

    member_p: Float64[Tensor, "batch set_size"]
    member_mass: Float64[Tensor, " batch"]
    uniformity: Float64[Tensor, " batch"]
    missed: Bool[Tensor, "batch set_size"]
    called: Listed
    exact: Bool[Tensor, " batch"]
    failing: Bool[Tensor, " batch"]
    called_low: Int64[Tensor, " batch"]
    called_high: Int64[Tensor, " batch"]
    error: Float64[Tensor, " batch"]
    fine: Bool[Tensor, " batch"]

    @property
    def mse_error(self) -> Float64[Tensor, " batch"]:
        """Bound on |mse - true mse| of each set."""
        return _reach(self.mse, self.error)

    def replaced(self, rows: Int64[Tensor, " rows"], better: Answers) -> Answers:
        """With better answers on these sets."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if name != "called":
                value[rows] = getattr(better, name)
        values["called"] = self.called.replaced(rows.numpy(), better.called)
        return Answers(**values)


class Evaluator:
    """A network, evaluated in float64, or in float32 with float64 for whatever that leaves open.

    In float32 the hidden layer and the members' logits stay float64, but for `losses`. Left open is
    a set whose margin, calls, or distance of mse from the threshold are within the bound on the
    error: so failures and calls are those of float64, and the other figures are off by about 1e-7
    of them, those of `losses` by 1e-6.

    Args:
        net: finite weights, any floating-point type.
        largest_set: the most tokens that a set has.
        one_size: whether every set has that many, which makes the bounds a little tighter.
        float32: whether float32 may come first. It does where it holds the weights and errs little.

    Cost of a set: 2 width vocab FLOPs, one exponential and about five passes a token.
    """

    def __init__(
        self, net: ReluNet, largest_set: int, *, one_size: bool = False, float32: bool = True
    ) -> None:
        self.largest_set = largest_set
        padded = net if one_size else _with_empty_tokens(net, largest_set)
        self.fine_error: RoundingError = rounding_error(padded, largest_set, FLOAT64)
        self._fine = _Forward(net, self.fine_error, powers_of_2=False)
        self._coarse: _Forward | None = None
        if float32 and holds_float32(net):
            error = _float32_error(padded, largest_set)
            if error.logit <= COARSE_LOGIT and error.share <= COARSE_SHARE:
                members_error = 2 * self.fine_error.share
                self._coarse = _Forward(net, error, powers_of_2=True, members_error=members_error)

    @property
    def in_float32(self) -> bool:
        """Whether float32 comes first."""
        return self._coarse is not None

    def hidden(self, batch: Batch) -> Float64[Tensor, "batch width"]:
        """The hidden layer after its ReLU."""
        return self._fine.hidden(batch)

    @torch.no_grad()
    def losses(self, batch: Batch) -> Losses:
        """The figures that a comparison of losses and failures needs."""
        if self._coarse is None:
            return self._fine.shares(batch, self.hidden(batch)).losses()
        shares = self._coarse.all_in_float32(batch)
        found = shares.losses()
        in_doubt = (found.margin.abs() <= shares.band) | (
            (found.mse - batch.threshold).abs() <= _reach(found.mse, shares.error)
        )
        rows = in_doubt.nonzero().squeeze(1)
        if len(rows):
            again = batch[rows]
            better = self._fine.shares(again, self.hidden(again)).losses()
            for name in ("mse", "kl", "margin"):
                getattr(found, name)[rows] = getattr(better, name)
        return found

    @torch.no_grad()
    def answers(
        self,
        batch: Batch,
        post: Float64[Tensor, "batch width"],
        wanted: Int64[Tensor, " rows"] | None = None,
        *,
        tight: bool = False,
    ) -> tuple[Answers, Float64[Tensor, "rows vocab"] | None]:
        """The answers, and the float64 logits of the sets `wanted`.

        `post` is the batch's hidden layer. `tight`: sets with a large mse are evaluated in float64
        too, as their error would weigh most in a bound on the mean.
        """
        count = 0 if wanted is None else len(wanted)
        if self._coarse is None or 2 * count > len(batch):
            logits = self._fine.logits(post)
            kept = None if wanted is None else logits[wanted]
            return self._fine.shares(batch, post, logits, calls=True).answers(), kept
        shares = self._coarse.shares(batch, post)
        found = shares.answers()
        again = shares.misses_in_doubt | self._in_doubt(batch, found, tight)
        callers = (shares.may_call & ~again).nonzero().squeeze(1)
        if len(callers):
            calls = self._coarse.calls(batch, post, shares, callers)
            found = replace(
                found, called=calls.listed, called_low=calls.low, called_high=calls.high
            )
            again |= calls.low != calls.high
        if wanted is not None:
            again[wanted] = True
        rows = again.nonzero().squeeze(1)
        if not len(rows):
            return found, None
        logits = self._fine.logits(post[rows])
        kept = None if wanted is None else logits[torch.searchsorted(rows, wanted)]
        better = self._fine.shares(batch[rows], post[rows], logits, calls=True).answers()
        return found.replaced(rows, better), kept

    def _in_doubt(self, batch: Batch, found: Answers, tight: bool) -> Bool[Tensor, " batch"]:
        threshold = batch.threshold
        near = (found.mse - threshold).abs() <= found.mse_error
        doubt = near | ~(found.exact | found.failing)
        return doubt | (found.mse > threshold / 4) if tight else doubt


def losses_of(logits: Float64[Tensor, "batch vocab"], batch: Batch) -> Losses:
    """Of float64 logits that are given, such as those of a changed network; overwrites them."""
    members = logits.gather(1, batch.ids).T.contiguous()
    return _Shares.of(batch, members, [logits], RoundingError(0.0, 0.0)).losses()


def holds_float32(net: ReluNet) -> bool:
    """Whether the weights are float32 numbers, and torch multiplies in full float32."""
    if torch.get_float32_matmul_precision() != "highest":
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


@dataclass(frozen=True)
class _Calls:
    """The called non-members, and bounds on their number."""

    listed: Listed
    low: Int64[Tensor, " batch"]
    high: Int64[Tensor, " batch"]


@dataclass(frozen=True)
class _Shares:
    """A batch's answers half-way: what is left of [batch, vocab] once it was gone through.

    `members` [set_size, batch] and `best_other` are logits in float64, in units of `unit` nats;
    `own` are the members' shares of the largest p, 0 at padding, and `least_own` the least of them;
    `other_sum` and `other_norm` are those of the non-members together. Logits are known to within
    `band / 2`; `error` bounds the Euclidean error of p, and `rounding` the relative one of a norm.
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
    calls: _Calls | None
    band: float
    error: Float64[Tensor, " batch"]
    rounding: float
    fine: bool

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
    ) -> _Shares:
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
            best_other = logits.scatter_(1, batch.ids[start:stop], -torch.inf).amax(1)
            top = torch.maximum(best_member[start:stop], best_other)
            if calls:
                found = _called(logits, best_other, top, unit, band)
            shares = exp_(logits.sub_(top[:, None]))  # of the largest; members at 0
            norm = torch.linalg.vector_norm(shares, dim=1)
            parts.append((best_other, top, shares.sum(1), norm))
            start = stop
        best_other, top, other_sum, other_norm = (
            torch.cat(part).double() for part in zip(*parts, strict=True)
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
        calls = self.calls or _Calls(Listed(NOTHING, NOTHING), none, none.clone())
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


class _Forward:
    """The forward pass in one arithmetic; the hidden layer is float64 in both."""

    def __init__(
        self, net: ReluNet, error: RoundingError, *, powers_of_2: bool, members_error: float = 0.0
    ) -> None:
        self.error = error
        W_in, b_in, W_out, b_out = in_float64(net).parameters()
        self._W_in = nn.functional.pad(W_in.detach(), (0, 0, 0, 1))  # padding is a token of zeros
        self._b_in, self._b_out = b_in.detach(), b_out.detach()
        self._W_out, self._by_token = W_out.detach(), W_out.detach().T.contiguous()
        self._members_error = members_error
        self._samples = samples_products()
        self._coarse_W_out: Tensor | None = None
        if powers_of_2:  # the biases are a unit that is always 1
            together = torch.cat([self._W_out, self._b_out[None]])
            self._coarse_W_out = together.float().div_(LN2)
            self._coarse_W_in = nn.functional.pad(self._W_in.float(), (0, 1))
            self._coarse_b_in = nn.functional.pad(self._b_in.float(), (0, 1), value=1.0)

    def hidden(self, batch: Batch) -> Float64[Tensor, "batch width"]:
        """The hidden layer."""
        pre = nn.functional.embedding_bag(batch.sets, self._W_in, mode="sum")
        return pre.add_(self._b_in).relu_()

    def logits(self, post: Float64[Tensor, "batch width"]) -> Float64[Tensor, "batch vocab"]:
        """In float64."""
        return torch.addmm(self._b_out, post, self._W_out)

    def shares(
        self,
        batch: Batch,
        post: Float64[Tensor, "batch width"],
        logits: Float64[Tensor, "batch vocab"] | None = None,
        *,
        calls: bool = False,
    ) -> _Shares:
        """The shares of a batch; float64 `logits` that are known already are overwritten."""
        if self._coarse_W_out is None:
            logits = self.logits(post) if logits is None else logits
            members = logits.gather(1, batch.ids).T.contiguous()
            return _Shares.of(batch, members, [logits], self.error, calls=calls)
        return _Shares.of(
            batch,
            self._members(batch, post).div_(LN2),
            self._coarse_blocks(_with_one(post), self._coarse_W_out),
            self.error,
            fine=False,
            members_error=self._members_error,
        )

    def calls(
        self,
        batch: Batch,
        post: Float64[Tensor, "batch width"],
        shares: _Shares,
        rows: Int64[Tensor, " rows"],
    ) -> _Calls:
        """The calls on these sets of a batch, from float32; none on its others."""
        assert self._coarse_W_out is not None
        logits = _with_one(post[rows]) @ self._coarse_W_out
        logits.scatter_(1, batch.ids[rows], -torch.inf)
        found = _called(
            logits,
            shares.best_other[rows].float(),
            shares.top[rows].float(),
            shares.unit,
            shares.band,
        )
        low, high = (torch.zeros(len(batch), dtype=torch.int64) for _ in range(2))
        low[rows], high[rows] = found.low, found.high
        listed = Listed(rows.numpy()[found.listed.rows], found.listed.tokens)
        return _Calls(listed, low, high)

    @staticmethod
    def _coarse_blocks(post: Tensor, W_out: Tensor) -> Iterable[Tensor]:
        """float32 logits in blocks that stay in a core's cache, each in the place of the last."""
        size = max(MIN_BLOCK, BLOCK_BYTES // (4 * W_out.shape[1]))
        block = post.new_empty(min(size, len(post)), W_out.shape[1])
        for part in post.split(size):
            yield torch.mm(part, W_out, out=block[: len(part)])

    def all_in_float32(self, batch: Batch) -> _Shares:
        """The shares of a batch with the hidden layer and the members in float32, in half the
        time."""
        assert self._coarse_W_out is not None
        post = nn.functional.embedding_bag(batch.sets, self._coarse_W_in, mode="sum")
        logits = post.add_(self._coarse_b_in).relu_() @ self._coarse_W_out
        members = logits.gather(1, batch.ids).T.double().contiguous()
        return _Shares.of(batch, members, [logits], self.error, fine=False)

    def _members(
        self, batch: Batch, post: Float64[Tensor, "batch width"]
    ) -> Float64[Tensor, "set_size batch"]:
        """The members' logits in float64, which costs little."""
        ids = batch.ids.T
        if not self._samples:
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


def _called(
    logits: Float[Tensor, "batch vocab"],
    best_other: Float[Tensor, " batch"],
    top: Float[Tensor, " batch"],
    unit: float,
    band: float,
) -> _Calls:
    """Who is called. Cost: O(batch + vocab times the sets that may have a false positive)."""
    threshold = top - CALL_MARGIN / unit
    reach = _call_reach(top, unit, band, logits.dtype)
    vocab = logits.shape[1]
    rows = (best_other >= threshold - reach).nonzero().squeeze(1)
    lowest, reach = threshold[rows, None], reach[rows, None]
    chosen = logits[rows]
    found, tokens = np.divmod(np.flatnonzero((chosen >= lowest - reach).numpy()), vocab)
    values = chosen.numpy()[found, tokens]
    called = values >= lowest.numpy()[found, 0]
    surely = values >= (lowest + reach).numpy()[found, 0]
    in_batch = rows.numpy()[found]
    return _Calls(
        Listed(in_batch[called], tokens[called]),
        low=torch.from_numpy(np.bincount(in_batch[surely], minlength=len(logits))),
        high=torch.from_numpy(np.bincount(in_batch, minlength=len(logits))),
    )


def _call_reach(
    top: Float[Tensor, " batch"], unit: float, band: float, dtype: torch.dtype
) -> Float[Tensor, " batch"]:
    """How far from the calling threshold a logit may be called or not, in logits of this type."""
    return band / unit + 8 * torch.finfo(dtype).eps * (top.abs() + 2)


def _with_one(post: Float64[Tensor, "batch width"]) -> Float[Tensor, "batch width+1"]:
    """In float32, and a unit that is always 1."""
    with_one = post.new_ones(len(post), post.shape[1] + 1, dtype=torch.float32)
    with_one[:, :-1] = post
    return with_one


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


def _reach(
    mse: Float64[Tensor, " batch"], error: Float64[Tensor, " batch"]
) -> Float64[Tensor, " batch"]:
    """How far the true mse can be: 2 error sqrt(mse) + error^2, error that of the vector."""
    return error * (2.01 * mse.sqrt() + 1.01 * error)


def _with_empty_tokens(net: ReluNet, count: int) -> ReluNet:
    """With tokens of zeros what holds for sets of one size holds for all smaller ones."""
    W_in, b_in, W_out, b_out = (value.detach() for value in in_float64(net).parameters())
    more = (0, count)
    return ReluNet(
        nn.functional.pad(W_in, (0, 0, *more)),
        b_in,
        nn.functional.pad(W_out, more),
        nn.functional.pad(b_out, more),
    )


def _float32_error(net: ReluNet, largest_set: int) -> RoundingError:
    """Bounds on float32's error of a logit and of a share, where logits are in units of ln 2.

    Two more roundings of each weight: the division, and the multiplication back.
    """
    error = rounding_error(net, largest_set, FLOAT32)
    W_in, b_in, W_out, b_out = (value.detach().numpy() for value in in_float64(net).parameters())
    level = np.maximum(0, top_sums(W_in, largest_set) + b_in)
    largest = float((level @ np.abs(W_out) + np.abs(b_out)).max())
    scaling = 4 * FLOAT32.roundoff * largest
    share = share_of(math.log1p(error.share) + 2 * scaling)
    return RoundingError(error.logit + scaling, share)
