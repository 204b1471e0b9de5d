"""The network that a ladder explains, and what its weights say once the hash is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.ladder.description_length import hash_bits
from relubloom.network.relu_net import ReluNet

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """What the hash lets us read off each unit's weights, [width].

    `bit_in` and `other_in` are the means of the unit's entries in W_in over the tokens with its
    bit and over the others; `other_out` is the latter in W_out, and `gap` how far below it the
    former is. `level` is the unit's value when no token of a set of the subject's size has the
    bit. A mean over no tokens is 0, and so is the gap of a unit whose bit no token has.
    """

    bit_in: Reals
    other_in: Reals
    level: Reals
    other_out: Reals
    gap: Reals


@dataclass(frozen=True)
class Subject:
    """A network, its extracted code, and the mean size of the sets that the ladder is over."""

    net: ReluNet
    code: Code
    set_size: float

    @cached_property
    def hash_bits(self) -> int:
        """Description length of the code."""
        return hash_bits(self.code)

    @cached_property
    def weights(self) -> tuple[Reals, Reals, Reals, Reals]:
        """W_in, b_in, W_out, b_out in float64."""
        W_in, b_in, W_out, b_out = (
            value.detach().to("cpu", torch.float64).numpy() for value in self.net.parameters()
        )
        return W_in, b_in, W_out, b_out

    @cached_property
    def units(self) -> Units:
        """The two modes of each unit, by the hash."""
        W_in, b_in, W_out, _ = self.weights
        bits = self.code.bits
        other_in, other_out = mean_where(W_in, ~bits, 0), mean_where(W_out.T, ~bits, 0)
        bit_out = mean_where(W_out.T, bits, 0)
        return Units(
            bit_in=mean_where(W_in, bits, 0),
            other_in=other_in,
            level=np.maximum(0, b_in + self.set_size * other_in),
            other_out=other_out,
            gap=np.where(bits.any(0), other_out - bit_out, 0),
        )


def mean_where(values: Reals, chosen: NDArray[np.bool_], axis: int) -> Reals:
    """Mean of the chosen entries along the axis; 0 where there are none."""
    return np.where(chosen, values, 0).sum(axis) / np.maximum(chosen.sum(axis), 1)
