"""The one evaluation of a network on sets: float32 first, float64 where that leaves a doubt.

Truth is the network in exact arithmetic, on the weights as they are stored. `Evaluator.answers`
says of each set what the rounding errors allow to be said; `Evaluator.losses` says less, sooner.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from relubloom.measure.answers import Answers, Batch, Losses, reach
from relubloom.measure.error_bound import RoundingError, float32_error, rounding_error
from relubloom.measure.forward import InFloat32, InFloat64, holds_float32
from relubloom.measure.shares import Shares, losses_of
from relubloom.network.relu_net import ReluNet

COARSE_LOGIT = 0.05  # a float32 logit error beyond which float64 would see most sets again
COARSE_SHARE = 0.2  # and a relative error of a share


class Evaluator:
    """A network, evaluated in float64, or in float32 with float64 for whatever that leaves open.

    In float32 the hidden layer and the members' logits stay float64, but for `losses`. Left open is
    a set whose margin, calls, or distance of mse from the threshold are within the bound on the
    error: so failures and calls are those of float64, and the other figures are off by about 1e-7
    of them, those of `losses` by 1e-6.

    Logits, their exponentials and sums are worked out where the weights are, on CUDA as on a CPU;
    sets come from the CPU and answers go there.

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
        self._net, self._or_fewer = net, not one_size
        self._coarse: InFloat32 | None = None
        if float32 and holds_float32(net):
            error = float32_error(net, largest_set, or_fewer=self._or_fewer)
            if error.logit <= COARSE_LOGIT and error.share <= COARSE_SHARE:
                self._coarse = InFloat32(net, error)

    @cached_property
    def fine_error(self) -> RoundingError:
        """Bounds on float64's error; the losses of float32 go without."""
        return rounding_error(self._net, self.largest_set, or_fewer=self._or_fewer)

    @cached_property
    def _fine(self) -> InFloat64:
        return InFloat64(self._net)

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
            return losses_of(self._fine.logits(self.hidden(batch)), batch)
        shares = self._coarse.losses(batch)
        found = shares.losses()
        in_doubt = (found.margin.abs() <= shares.band) | (
            (found.mse - batch.threshold).abs() <= reach(found.mse, shares.error)
        )
        rows = in_doubt.nonzero().squeeze(1)
        if len(rows):
            again = batch[rows]
            better = losses_of(self._fine.logits(self.hidden(again)), again)
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
            kept = None if wanted is None else logits[wanted].cpu()
            return self._answers(batch, logits), kept
        members = self._fine.members(batch, post)
        shares = self._coarse.shares(batch, post, members, 2 * self.fine_error.share)
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
        kept = None if wanted is None else logits[torch.searchsorted(rows, wanted)].cpu()
        return found.replaced(rows, self._answers(batch[rows], logits)), kept

    def _answers(self, batch: Batch, logits: Float64[Tensor, "batch vocab"]) -> Answers:
        """From float64 logits, which are overwritten."""
        return Shares.of_logits(batch, logits, self.fine_error, calls=True).answers()

    def _in_doubt(self, batch: Batch, found: Answers, tight: bool) -> Bool[Tensor, " batch"]:
        threshold = batch.threshold
        near = (found.mse - threshold).abs() <= found.mse_error
        doubt = near | ~(found.exact | found.failing)
        return doubt | (found.mse > threshold / 4) if tight else doubt
