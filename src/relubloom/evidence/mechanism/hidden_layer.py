"""The hidden layer against the union: each unit where its bit is covered, and where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.code.bit_slices import pack_bits, unpack_bits
from relubloom.measure.one_pass import Chunk
from relubloom.measure.statistics import group_sums, spread
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import UnitAndUnion, WeaklyOn

Sums = dict[str, NDArray[np.float64]]
LEVELS = 1000  # steps of the histogram that percentiles are read off
ABOVE_P95 = 0.05  # of the sets
TINY = 1e-300  # a unit that is never on still has steps


@dataclass(frozen=True)
class HiddenLayer:
    """Sums over the sets, copies counted; each [width], `total` the number of sets.

    A unit is *covered* when some token of the set has its bit, and *full* when every token has.
    `..._on` are the sets among those on which the unit is above 0. The `..._sum` and
    `..._squares` add up its activation ("level") where it is not covered, and where it is.
    `reversed` marks units that a bit turns on, bool [width]. `covered_p95` is the 95th percentile
    of the latter levels, zeros included, to a thousandth of the largest level that the unit can
    reach (0 exactly where at least 95 % are zeros, or where no set covers the unit).
    """

    total: float
    reversed: NDArray[np.bool_]
    on: NDArray[np.float64]
    covered: NDArray[np.float64]
    covered_on: NDArray[np.float64]
    full: NDArray[np.float64]
    full_on: NDArray[np.float64]
    uncovered_sum: NDArray[np.float64]
    uncovered_squares: NDArray[np.float64]
    covered_sum: NDArray[np.float64]
    covered_squares: NDArray[np.float64]
    covered_p95: NDArray[np.float64]

    @property
    def uncovered(self) -> NDArray[np.float64]:
        """Sets on which no token has the unit's bit."""
        return self.total - self.covered

    @property
    def uncovered_on(self) -> NDArray[np.float64]:
        """Of those, the sets on which the unit is above 0."""
        return self.on - self.covered_on

    @property
    def as_said(self) -> NDArray[np.float64]:
        """Sets on which the unit is as the union says."""
        apart = self.uncovered_on + self.covered - self.covered_on
        return np.where(self.reversed, self.total - apart, apart)


class HiddenLayerSums:
    """Compares each unit with the union on the sets of a pass: a consumer of `one_pass`.

    Cost: some 8 passes over one number per (set, unit), and for a reversed unit as much again on
    the sets that cover it.
    """

    def __init__(self, net: ReluNet, code: Code, largest_set: int) -> None:
        W_in, b_in = (value.detach().to("cpu", torch.float64) for value in (net.W_in, net.b_in))
        largest = W_in.topk(min(largest_set, net.vocab_size), dim=0).values.clamp(min=0).sum(0)
        reach = (largest + b_in).clamp(min=TINY)  # no set takes a unit higher
        self._step = reach.numpy() / LEVELS
        padding = pack_bits(np.ones((1, code.width), dtype=np.bool_))
        self._hashes = np.concatenate([code.packed, padding])
        self._reversed = reversed_units(net, code)
        self._sums = Sums()

    def work(self, chunk: Chunk) -> Sums:
        """What one chunk adds."""
        post, copies = chunk.post.numpy(), chunk.copies.numpy()
        on, covered, both, _ = chunk.unit_counts
        weak = np.flatnonzero(chunk.on & chunk.union)  # few in a Bloom filter
        without_bit = post.copy()
        without_bit.ravel()[weak] = 0
        return {
            "total": copies.sum(keepdims=True),
            "on": on,
            "covered": covered,
            "covered_on": both,
            "uncovered_sum": copies @ without_bit,
            "uncovered_squares": copies @ np.square(without_bit, out=without_bit),
            **self._full(chunk),
            **self._weakly_on(weak, post, copies),
        }

    def take(self, found: Sums) -> None:
        """Add a chunk's."""
        for name, values in found.items():
            if name in self._sums:
                self._sums[name] += values
            else:
                self._sums[name] = values

    def layer(self) -> HiddenLayer:
        """What was found, when the pass is over."""
        sums = dict(self._sums)
        levels = sums.pop("levels").reshape(-1, LEVELS)
        p95 = _percentile(levels, sums["covered"], self._step)
        total = float(sums.pop("total")[0])
        return HiddenLayer(total=total, reversed=self._reversed, **sums, covered_p95=p95)

    def _full(self, chunk: Chunk) -> Sums:
        """Units whose bit every token has: on few sets there is any."""
        first, *others = chunk.sets.numpy().T
        hashes = self._hashes.take(first, axis=0)
        for tokens in others:
            hashes &= self._hashes.take(tokens, axis=0)
        rows = np.flatnonzero(hashes.any(1))
        full = unpack_bits(hashes[rows], chunk.post.shape[1])
        copies = chunk.copies.numpy()[rows]
        return {"full": copies @ full, "full_on": copies @ (chunk.on[rows] & full)}

    def _weakly_on(
        self, where: NDArray[np.int64], post: NDArray[np.float64], copies: NDArray[np.float64]
    ) -> Sums:
        """Covered units above 0: few in a Bloom filter, so these are gone through one by one."""
        width = post.shape[1]
        row, unit = np.divmod(where, width)
        level, copies = post.ravel()[where], copies[row]
        step = np.minimum(level / self._step[unit], LEVELS - 1).astype(np.int64)
        return {
            "covered_sum": group_sums(unit, copies * level, width),
            "covered_squares": group_sums(unit, copies * level**2, width),
            "levels": group_sums(unit * LEVELS + step, copies, width * LEVELS),
        }


def _percentile(
    levels: NDArray[np.float64], covered: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The middle of the step in which the 95th percentile lies; 0 where it is below them all."""
    above = levels[:, ::-1].cumsum(1)[:, ::-1]  # sets at this step or a higher one
    steps = (above > ABOVE_P95 * covered[:, None]).sum(1)
    return np.where(steps > 0, (steps - 0.5) * step, 0.0)


def summarise_units(layer: HiddenLayer, method: str, sets: int) -> UnitAndUnion:
    """Add up the units; `sets` is the number of distinct sets the layer was run on.

    A reversed unit counts with on and off exchanged, and its levels with covered and not covered
    exchanged: so a union and its complement add up to the same.
    """
    pairs = layer.total * len(layer.on)
    turned = layer.reversed
    covered, uncovered = float(layer.covered.sum()), float(layer.uncovered.sum())
    covered_on = _sum(turned, layer.covered_on, layer.covered - layer.covered_on)
    uncovered_on = _sum(turned, layer.uncovered_on, layer.uncovered - layer.uncovered_on)
    free = _sum(turned, layer.uncovered, layer.covered)
    level = spread(
        free,
        _sum(turned, layer.uncovered_sum, layer.covered_sum),
        _sum(turned, layer.uncovered_squares, layer.covered_squares),
    )
    weakly_on = _sum(turned, layer.covered_on, layer.uncovered_on)
    relative = None
    if weakly_on > 0 and level is not None and level.mean > 0:
        relative = _sum(turned, layer.covered_sum, layer.uncovered_sum) / weakly_on / level.mean
    return UnitAndUnion(
        covered_off=(covered - covered_on) / pairs,
        covered_on=covered_on / pairs,
        uncovered_on=uncovered_on / pairs,
        uncovered_off=(uncovered - uncovered_on) / pairs,
        level_uncovered=level,
        weakly_on=WeaklyOn(weakly_on / (pairs - free) if pairs > free else None, relative),
        method=method,
        sets=sets,
    )


def _sum(
    turned: NDArray[np.bool_], direct: NDArray[np.float64], of_reversed: NDArray[np.float64]
) -> float:
    """Over the units, each by its polarity."""
    return float(np.where(turned, of_reversed, direct).sum())
