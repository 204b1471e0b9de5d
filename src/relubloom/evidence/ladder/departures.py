"""How each entry departs from its unit's level, on the bits and elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.ladder.subject import Reals, Subject, mean_where

Mask = NDArray[np.bool_]
SWEEPS = 100  # of alternating means; a level changes in its last digits by then
TOKENS = 1024  # at a time
ROUNDING = 1e-9  # what is smaller next to its like counts as nothing
PRESSURES: tuple[Callable[[Reals, float], Reals], ...] = (
    lambda overlap, most: overlap.copy(),
    lambda overlap, most: overlap**3,
    lambda overlap, most: np.exp(overlap - most),
)


class Departures:
    """The weights of a subject as unit levels and what is left, all arrays [vocab, width].

    `of_input` and `of_output` are W_in and W_out (transposed) minus their unit's mean over the
    entries of the same kind (bit or not).
    """

    def __init__(self, subject: Subject) -> None:
        W_in, self.b_in, W_out, b_out = subject.weights
        self.bits: Mask = subject.code.bits
        self.b_out = b_out - b_out.mean()
        self.level_in = unit_levels(W_in, self.bits)
        self.level_out = unit_levels(W_out.T, self.bits)
        self.of_input = W_in - self.level_in
        self.of_output = W_out.T - self.level_out

    @cached_property
    def pressures(self) -> list[Reals]:
        """What the hash alone says of an entry: how many tokens near in code have the unit's bit.

        For token t and unit i: the sum over other tokens s with bit i of f(overlap of t and s),
        f the identity, the cube and exp (over its value at the greatest weight, which keeps it
        finite); and how often i is set together with the bits of t.
        Cost: 4 vocab^2 width FLOPs for each of them, 1,024 tokens at a time.
        """
        bits = self.bits.astype(np.float64)
        together = bits.T @ bits
        np.fill_diagonal(together, 0)
        found = [bits @ together, *(np.empty_like(bits) for _ in PRESSURES)]
        most = bits.sum(1).max()
        for start in range(0, len(bits), TOKENS):
            overlap = bits[start : start + TOKENS] @ bits.T
            for f, pressure in zip(PRESSURES, found[1:], strict=True):
                near = f(overlap, most)
                np.fill_diagonal(near[:, start:], 0)
                pressure[start : start + TOKENS] = near @ bits
        return found


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
