"""The network under study, and what interventions put into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.measure.forward import in_float64, placed
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import HookPoint, ReluNet
from relubloom.network.strengths import mean_where


@dataclass(frozen=True)
class PreparedNetwork:
    """The network in float64, its code, and its hidden layer on random sets.

    `net` and `two_level` are where the given weights were, and so are the logits; arrays are not.

    `two_level`: the network with each entry of W_in at the mean of its unit's entries of the same
    strength, that is, of its bits or of the rest where all bits are full.
    `sources`: `hook_post` float64 [sets, width] on random sets, unit by unit in an order of its
    own, sets that leave the unit in a lower state first. `counts`: int64 [levels + 1, width], how
    many leave it in each state. `reversed`: the units that a bit turns on, bool [width].
    """

    net: ReluNet
    two_level: ReluNet
    code: GradedCode
    sources: NDArray[np.float64]
    counts: NDArray[np.int64]
    reversed: NDArray[np.bool_]

    @staticmethod
    def of(
        net: ReluNet, code: GradedCode, sets: NDArray[np.int64], random: np.random.Generator
    ) -> PreparedNetwork:
        """Run the hidden layer on the random sets. Cost: O(sets set_size width)."""
        exact = in_float64(net)
        states = code.states(sets)
        lots = random.random(states.shape) + states
        sources = np.take_along_axis(hidden(exact, sets), np.argsort(lots, axis=0), axis=0)
        return PreparedNetwork(
            placed(exact, net.W_in.device),
            placed(_two_level(exact, code), net.W_in.device),
            code,
            sources,
            np.stack([(states == state).sum(0) for state in range(code.levels + 1)]),
            reversed_units(exact, Code(code.bits)),
        )

    @cached_property
    def uncovered_levels(self) -> NDArray[np.float64]:
        """Mean activation of each unit over the random sets that leave it untouched, [width].

        A unit in which each of them has a bit has the mean level of the other units of its
        polarity; 0 if there is none.
        """
        free = np.arange(len(self.sources))[:, None] < self.counts[0]
        return self._mean_levels(free, self.counts[0])

    @cached_property
    def covered_levels(self) -> NDArray[np.float64]:
        """What covers a unit: 0, or of a reversed unit its mean over the sets that cover it."""
        count = self.counts[-1]
        covered = np.arange(len(self.sources))[:, None] >= len(self.sources) - count
        levels = self._mean_levels(covered, count)
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
        """`hook_post` of the sets, each unit's value taken from a source of the same state.

        `draws`: int64 [batch], a random number each; it picks from every unit's own shuffled
        sources. A unit whose state no source has keeps its value.
        """
        states = self.code.states(sets).astype(np.intp)
        count = np.take_along_axis(self.counts, states, axis=0)
        first = np.take_along_axis(self.counts.cumsum(0) - self.counts, states, axis=0)
        pick = np.where(count > 0, first + draws[:, None] % count.clip(min=1), 0)
        drawn = np.take_along_axis(self.sources, pick, axis=0)
        return np.where(count > 0, drawn, hidden(self.net, sets))

    def patched(
        self, sets: NDArray[np.int64], post: NDArray[np.float64]
    ) -> Float[Tensor, "batch vocab"]:
        """Logits of the sets with the hidden layer replaced by `post`, float64 [batch, width]."""

        def patch(activation: Tensor, hook: HookPoint) -> Tensor:
            return torch.from_numpy(post).to(activation.device)

        return self.net.run_with_hooks(torch.from_numpy(sets), [("hook_post", patch)])

    def with_unit_at(
        self, sets: NDArray[np.int64], units: NDArray[np.int64], levels: NDArray[np.float64]
    ) -> Float[Tensor, "batch vocab"]:
        """Logits of the sets with one unit of each ([batch, 1]) set to a level ([batch, 1])."""
        chosen, value = (
            torch.from_numpy(each).to(self.net.W_in.device) for each in (units, levels)
        )

        def force(post: Tensor, hook: HookPoint) -> Tensor:
            return post.scatter(1, chosen, value)

        return self.net.run_with_hooks(torch.from_numpy(sets), [("hook_post", force)])


def hidden(net: ReluNet, sets: NDArray[np.int64]) -> NDArray[np.float64]:
    """`hook_post` of the sets, float64 [batch, width], without the readout."""
    W_in, b_in = (value.detach().cpu().numpy() for value in (net.W_in, net.b_in))
    pre = b_in + np.zeros((len(sets), 1))
    for column in sets.T:
        real = column < net.vocab_size
        pre[real] += W_in[column[real]]
    return pre.clip(min=0)


def _two_level(net: ReluNet, code: GradedCode) -> ReluNet:
    W_in = net.W_in.detach().numpy()
    levels = np.empty_like(W_in)
    for strength in range(code.levels + 1):
        chosen = code.strengths == strength
        levels = np.where(chosen, mean_where(W_in, chosen), levels)
    return ReluNet(torch.from_numpy(levels), net.b_in, net.W_out, net.b_out)
