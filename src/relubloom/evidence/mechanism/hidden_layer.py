"""One pass of the hidden layer over the sets: each unit, when its bit is in the union and not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from relubloom.code import Code
from relubloom.evidence.mechanism.chunks import chunk_size, map_chunks
from relubloom.evidence.mechanism.moments import group_sums
from relubloom.evidence.scores import OnSets
from relubloom.network.relu_net import ReluNet
from relubloom.task import SetCollection

Sums = dict[str, NDArray[np.float64]]
LEVELS = 1000  # steps of the histogram that percentiles are read off
ABOVE_P95 = 0.05  # of the sets
TINY = 1e-300  # a unit that is never on still has steps


@dataclass(frozen=True)
class HiddenLayer:
    """Sums over the sets, copies counted; each [width], `total` the number of sets.

    A unit is *covered* when some token of the set has its bit, and *full* when every token has.
    `..._on` are the sets among those on which the unit is above 0. `uncovered_sum` and
    `uncovered_squares` add up its activation ("level") where it is not covered, `covered_sum`
    where it is. `covered_p95` is the 95th percentile of the latter levels, zeros included, to
    a thousandth of the largest level that the unit can reach (0 exactly where at least 95 % are
    zeros, or where no set covers the unit).
    """

    total: float
    on: NDArray[np.float64]
    covered: NDArray[np.float64]
    covered_on: NDArray[np.float64]
    full: NDArray[np.float64]
    full_on: NDArray[np.float64]
    uncovered_sum: NDArray[np.float64]
    uncovered_squares: NDArray[np.float64]
    covered_sum: NDArray[np.float64]
    covered_p95: NDArray[np.float64]

    @property
    def uncovered(self) -> NDArray[np.float64]:
        """Sets on which no token has the unit's bit."""
        return self.total - self.covered

    @property
    def uncovered_on(self) -> NDArray[np.float64]:
        """Of those, the sets on which the unit is above 0."""
        return self.on - self.covered_on


def run_hidden_layer(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> HiddenLayer:
    """Compare each unit with the union, on every set of the collection, in float64.

    Cost: about 20 passes over one number per (set, unit); no logits. Chunks of about 2 MB go to
    `workers` threads; `on_sets(done, total)` is called as they come back.
    """
    layer = _Layer(net, code, set_size=sets.chunk(0, min(1, len(sets))).shape[1])
    size, count = chunk_size(net.width), len(sets)

    def sums(start: int, stop: int) -> Sums:
        return layer.sums(sets.chunk(start, stop), sets.weights(start, stop))

    found: Sums = {}
    for chunk, part in enumerate(map_chunks(sums, count, size, workers), 1):
        found = {name: found[name] + values if found else values for name, values in part.items()}
        if on_sets is not None:
            on_sets(min(count, chunk * size), count)
    levels = found.pop("levels").reshape(net.width, LEVELS)
    p95 = _percentile(levels, found["covered"], layer.step)
    return HiddenLayer(total=float(found.pop("total")[0]), **found, covered_p95=p95)


class _Layer:
    """The weights in the form that the pass wants: in float64, with a row of zeros for padding."""

    def __init__(self, net: ReluNet, code: Code, set_size: int) -> None:
        W_in = net.W_in.detach().to("cpu", torch.float64)
        self.W_in = torch.cat([W_in, W_in.new_zeros(1, net.width)])
        self.b_in = net.b_in.detach().to("cpu", torch.float64)
        self.code, self.without = code, Code(~code.bits)
        largest = W_in.topk(min(set_size, net.vocab_size), dim=0).values.clamp(min=0).sum(0)
        reach = (largest + self.b_in).clamp(min=TINY)  # no set takes a unit higher
        self.step = reach.numpy() / LEVELS

    def sums(self, ids: Int64[Tensor, "batch set_size"], copies: Float64[Tensor, " batch"]) -> Sums:
        """What one chunk adds."""
        post = embedding_bag(ids, self.W_in, mode="sum").add_(self.b_in).relu_().numpy()
        counts, sets = copies.numpy(), ids.numpy()
        on, covered, full = post > 0, self.code.union(sets), ~self.without.union(sets)
        without_bit = np.where(covered, 0.0, post)
        return {
            "total": counts.sum(keepdims=True),
            "on": counts @ on,
            "covered": counts @ covered,
            "full": counts @ full,
            "full_on": counts @ (on & full),
            "uncovered_sum": counts @ without_bit,
            "uncovered_squares": counts @ (without_bit * without_bit),
        } | self._weakly_on(np.flatnonzero(on & covered), post, counts)

    def _weakly_on(
        self, where: NDArray[np.int64], post: NDArray[np.float64], copies: NDArray[np.float64]
    ) -> Sums:
        """Covered units above 0: few in a Bloom filter, so these are gone through one by one."""
        width = post.shape[1]
        row, unit = np.divmod(where, width)
        level, copies = post.ravel()[where], copies[row]
        step = np.minimum(level / self.step[unit], LEVELS - 1).astype(np.int64)
        return {
            "covered_on": group_sums(unit, copies, width),
            "covered_sum": group_sums(unit, copies * level, width),
            "levels": group_sums(unit * LEVELS + step, copies, width * LEVELS),
        }


def _percentile(
    levels: NDArray[np.float64], covered: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The middle of the step in which the 95th percentile lies; 0 where it is below them all."""
    above = levels[:, ::-1].cumsum(1)[:, ::-1]  # sets at this step or a higher one
    steps = (above > ABOVE_P95 * covered[:, None]).sum(1)
    return np.where(steps > 0, (steps - 0.5) * step, 0.0)
