"""The network that a ladder explains, read by its hash: levels, and departures from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.evidence.ladder.rung import REAL, hash_bits
from relubloom.network.extract import reversed_units
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import mean_where

Reals = NDArray[np.float64]
Mask = NDArray[np.bool_]

SWEEPS = 100  # of alternating means; a level changes in its last digits by then
ROUNDING = 1e-9  # what is smaller next to its like counts as nothing
PRESSURES: tuple[Callable[[Reals, float], Reals], ...] = (
    lambda overlap, most: overlap.copy(),
    lambda overlap, most: overlap**3,
    lambda overlap, most: np.exp(overlap - most),
)


@dataclass(frozen=True)
class Units:
    """What the hash lets us read off each unit's weights, [width].

    `bit_in` and `other_in` are the means of the unit's entries in W_in over the tokens with its
    bit and over the others; `other_out` is the latter in W_out, and `gap` how far below it the
    former is. `level` is the unit's value when no token of a set of mean size has the
    bit, or of a reversed unit when one has. `cost` is what a missing bit takes off a logit, in
    units of gap: level times gap, of a reversed unit with the sign changed, as there the missing
    level is a gain forgone. A mean over no tokens is 0, and so is the gap of a unit whose bit no
    token has.
    """

    bit_in: Reals
    other_in: Reals
    level: Reals
    other_out: Reals
    gap: Reals
    cost: Reals


@dataclass(frozen=True)
class ReadNetwork:
    """A network, its extracted code, and the mean size of the sets that the ladder is over.

    `graded`: its code with strengths, where it has bits of several.
    """

    net: ReluNet
    code: Code
    set_size: float
    graded: GradedCode | None = None

    @cached_property
    def hash_bits(self) -> int:
        """Description length of the code."""
        return hash_bits(self.code)

    def length(self, reals: int) -> int:
        """Description length of the code and so many numbers."""
        return self.hash_bits + REAL * reals

    @cached_property
    def weights(self) -> tuple[Reals, Reals, Reals, Reals]:
        """W_in, b_in, W_out, b_out in float64."""
        W_in, b_in, W_out, b_out = map(as_array, self.net.parameters())
        return W_in, b_in, W_out, b_out

    @cached_property
    def reversed(self) -> Mask:
        """The units that a bit turns on, [width]."""
        return reversed_units(self.net, self.code)

    @cached_property
    def mixed_bits(self) -> int:
        """Description length of which units are reversed: nothing where all are alike."""
        return 0 if self.reversed.all() or not self.reversed.any() else self.net.width

    @cached_property
    def polarities(self) -> list[Mask]:
        """Direct and reversed units, each [width]; one of them where all are alike."""
        return [each for each in (~self.reversed, self.reversed) if each.any()]

    @cached_property
    def units(self) -> Units:
        """The two modes of each unit, by the hash."""
        W_in, b_in, W_out, _ = self.weights
        bits = self.code.bits
        other_in, other_out = mean_where(W_in, ~bits, 0), mean_where(W_out.T, ~bits, 0)
        bit_in, bit_out = mean_where(W_in, bits, 0), mean_where(W_out.T, bits, 0)
        one_bit = np.where(self.reversed, bit_in - other_in, 0)
        level = np.maximum(0, b_in + self.set_size * other_in + one_bit)
        gap = np.where(bits.any(0), other_out - bit_out, 0)
        return Units(
            bit_in=bit_in,
            other_in=other_in,
            level=level,
            other_out=other_out,
            gap=gap,
            cost=level * np.where(self.reversed, -gap, gap),
        )

    @cached_property
    def departures(self) -> Departures:
        """The weights as unit levels and what is left."""
        W_in, _, W_out, _ = self.weights
        bits = self.code.bits
        level_in, level_out = unit_levels(W_in, bits), unit_levels(W_out.T, bits)
        return Departures(level_in, level_out, W_in - level_in, W_out.T - level_out)


@dataclass(frozen=True)
class Departures:
    """The weights as unit levels and what is left, all arrays [vocab, width].

    `level_in` and `level_out` are each entry's unit's mean over the entries of its kind (bit or
    not), `of_input` and `of_output` are W_in and W_out (transposed) minus that.
    """

    level_in: Reals
    level_out: Reals
    of_input: Reals
    of_output: Reals

    @property
    def any(self) -> bool:
        """Whether some unit has more than two values in W_in or in W_out."""
        return bool(self.of_input.any() or self.of_output.any())


def unit_levels(by_token: Reals, bits: Mask) -> Reals:
    """Each entry's unit's mean over the entries of its kind, [vocab, width]."""
    return np.where(bits, mean_where(by_token, bits, 0), mean_where(by_token, ~bits, 0))


def token_and_unit_levels(by_token: Reals, mask: Mask) -> Reals:
    """The least-squares sum of a number per token and one per unit over the entries in `mask`.

    Float64 [vocab, width], of all entries; a token or a unit without entries in the mask has 0.
    Cost: 400 vocab width FLOPs.
    """
    values, chosen = np.where(mask, by_token, 0), mask.astype(np.float64)
    of_token, of_unit = values.sum(1), values.sum(0)
    per_token, per_unit = np.maximum(1, chosen.sum(1)), np.maximum(1, chosen.sum(0))
    token, unit = np.zeros(len(of_token)), np.zeros(len(of_unit))
    for _ in range(SWEEPS):
        unit = (of_unit - token @ chosen) / per_unit
        token = (of_token - chosen @ unit) / per_token
    return token[:, None] + unit


def token_times_unit_levels(by_token: Reals, mask: Mask) -> Reals:
    """The least-squares product of a factor per token and a level per unit over the entries in
    `mask`, found by going round.

    Float64 [vocab, width], of all entries; a token or a unit without entries in the mask has 0.
    Cost: 800 vocab width FLOPs.
    """
    values, chosen = np.where(mask, by_token, 0), mask.astype(np.float64)
    token, unit = np.ones(len(values)), np.zeros(values.shape[1])
    for _ in range(SWEEPS):
        unit = _quotient(token @ values, token**2 @ chosen)
        token = _quotient(values @ unit, chosen @ unit**2)
    return token[:, None] * unit


def _quotient(over: Reals, under: Reals) -> Reals:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def overlap_pressures(bits: Mask, tokens: int = 1024) -> list[Reals]:
    """What the hash alone says of an entry: how many tokens near in code have the unit's bit.

    For token t and unit i: how often i is set together with the bits of t; and the sum over other
    tokens s with bit i of f(overlap of t and s), f the identity, the cube and exp (over its value
    at the greatest weight, which keeps it finite). Each is [vocab, width].
    Cost: 4 vocab^2 width FLOPs for each of them, `tokens` at a time.
    """
    matrix = bits.astype(np.float64)
    together = matrix.T @ matrix
    np.fill_diagonal(together, 0)
    found = [matrix @ together, *(np.empty_like(matrix) for _ in PRESSURES)]
    most = matrix.sum(1).max()
    for start in range(0, len(matrix), tokens):
        overlap = matrix[start : start + tokens] @ matrix.T
        for f, pressure in zip(PRESSURES, found[1:], strict=True):
            near = f(overlap, most)
            np.fill_diagonal(near[:, start:], 0)
            pressure[start : start + tokens] = near @ matrix
    return found


def slopes(source: Reals, target: Reals, mask: Mask, axis: int) -> Reals:
    """Least-squares slope through 0 of `target` on `source` over the mask, along the axis.

    0 where the source is up to a billionth of the target: it is rounding, or there is none.
    """
    x, y = np.where(mask, source, 0), np.where(mask, target, 0)
    squares = (x * x).sum(axis)
    enough = squares > ROUNDING**2 * (y * y).sum(axis)
    return np.divide((x * y).sum(axis), squares, out=np.zeros_like(squares), where=enough)


def predicted(target: Reals, features: list[Reals], mask: Mask) -> tuple[Reals, int]:
    """Least-squares prediction of `target` over the mask from features centred unit by unit.

    Features that do not vary within their units are left out. Returns the prediction (0 outside
    the mask) and its number of coefficients.
    """
    if not mask.any():
        return np.zeros_like(target), 0
    centred = [np.where(mask, each - mean_where(each, mask, 0), 0) for each in features]
    columns = np.stack([each[mask] for each in centred], 1)
    spread = columns.std(0)
    varies = spread > [ROUNDING * np.abs(each[mask]).max() for each in features]
    if not varies.any():
        return np.zeros_like(target), 0
    columns = columns[:, varies] / spread[varies]
    weights = np.linalg.lstsq(columns, target[mask], rcond=None)[0] / spread[varies]
    kept = [each for each, by in zip(centred, varies, strict=True) if by]
    return np.tensordot(weights, np.stack(kept), 1), len(kept)
