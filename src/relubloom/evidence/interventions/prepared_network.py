"""The network under study, and what interventions put into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.measure.evaluation import in_float64
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import HookPoint, ReluNet


@dataclass(frozen=True)
class PreparedNetwork:
    """The network in float64, its code, and its hidden layer on random sets.

    `two_level`: the network with each entry of W_in at the mean of its unit's bits, or of the rest.
    `sources`: `hook_post` float64 [sets, width] on random sets, unit by unit in an order of its
    own, sets that leave the unit uncovered first. `uncovered`: int64 [width], how many do.
    `reversed`: the units that a bit turns on, bool [width].
    """

    net: ReluNet
    two_level: ReluNet
    code: Code
    sources: NDArray[np.float64]
    uncovered: NDArray[np.int64]
    reversed: NDArray[np.bool_]

    @staticmethod
    def of(
        net: ReluNet, code: Code, sets: NDArray[np.int64], random: np.random.Generator
    ) -> PreparedNetwork:
        """Run the hidden layer on the random sets. Cost: O(sets set_size width)."""
        exact = in_float64(net)
        covered = code.union(sets)
        lots = random.random(covered.shape) + covered
        sources = np.take_along_axis(hidden(exact, sets), np.argsort(lots, axis=0), axis=0)
        return PreparedNetwork(
            exact,
            _two_level(exact, code),
            code,
            sources,
            (~covered).sum(0, dtype=np.int64),
            reversed_units(exact, code),
        )

    @cached_property
    def uncovered_levels(self) -> NDArray[np.float64]:
        """Mean activation of each unit over the random sets that leave it uncovered, [width].

        A unit that all of them cover has the mean level of the other units of its polarity; 0 if
        there is none.
        """
        free = np.arange(len(self.sources))[:, None] < self.uncovered
        return self._mean_levels(free, self.uncovered)

    @cached_property
    def covered_levels(self) -> NDArray[np.float64]:
        """What covers a unit: 0, or of a reversed unit its mean over the sets that cover it."""
        covered = np.arange(len(self.sources))[:, None] >= self.uncovered
        levels = self._mean_levels(covered, len(self.sources) - self.uncovered)
        return np.where(self.reversed, levels, 0.0)

    def _mean_levels(
        self, chosen: NDArray[np.bool_], count: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Each unit's mean over its chosen sources, `count` of them."""
        levels = np.where(chosen, self.sources, 0).sum(0) / count.clip(min=1)
        for alike in (self.reversed, ~self.reversed):
            seen = alike & (count > 0)
            levels[alike & (count == 0)] = levels[seen].mean() if seen.any() else 0.0
        return levels

    def resampled(self, sets: NDArray[np.int64], draws: NDArray[np.int64]) -> NDArray[np.float64]:
        """`hook_post` of the sets, each unit's value taken from a source of the same status.

        `draws`: int64 [batch], a random number each; it picks from every unit's own shuffled
        sources. A unit whose status no source has keeps its value.
        """
        covered = self.code.union(sets)
        count = np.where(covered, len(self.sources) - self.uncovered, self.uncovered)
        first = np.where(covered, self.uncovered, 0)
        pick = np.where(count > 0, first + draws[:, None] % count.clip(min=1), 0)
        drawn = np.take_along_axis(self.sources, pick, axis=0)
        return np.where(count > 0, drawn, hidden(self.net, sets))

    def patched(
        self, sets: NDArray[np.int64], post: NDArray[np.float64]
    ) -> Float[Tensor, "batch vocab"]:
        """Logits of the sets with the hidden layer replaced by `post`, float64 [batch, width]."""

        def patch(activation: Tensor, hook: HookPoint) -> Tensor:
            return torch.from_numpy(post)

        return self.net.run_with_hooks(torch.from_numpy(sets), [("hook_post", patch)])

    def with_unit_at(
        self, sets: NDArray[np.int64], units: NDArray[np.int64], levels: NDArray[np.float64]
    ) -> Float[Tensor, "batch vocab"]:
        """Logits of the sets with one unit of each ([batch, 1]) set to a level ([batch, 1])."""
        chosen, value = torch.from_numpy(units), torch.from_numpy(levels)

        def force(post: Tensor, hook: HookPoint) -> Tensor:
            return post.scatter(1, chosen, value)

        return self.net.run_with_hooks(torch.from_numpy(sets), [("hook_post", force)])


def hidden(net: ReluNet, sets: NDArray[np.int64]) -> NDArray[np.float64]:
    """`hook_post` of the sets, float64 [batch, width], without the readout."""
    pre = net.b_in.detach().numpy() + np.zeros((len(sets), 1))
    W_in = net.W_in.detach().numpy()
    for column in sets.T:
        real = column < net.vocab_size
        pre[real] += W_in[column[real]]
    return pre.clip(min=0)


def _two_level(net: ReluNet, code: Code) -> ReluNet:
    W_in = net.W_in.detach().numpy()
    bits = code.bits
    ones = bits.sum(0)
    low = np.where(bits, W_in, 0).sum(0) / ones.clip(min=1)
    high = np.where(bits, 0, W_in).sum(0) / (code.vocab_size - ones).clip(min=1)
    levels = torch.from_numpy(np.where(bits, low, high))
    return ReluNet(levels, net.b_in, net.W_out, net.b_out)
