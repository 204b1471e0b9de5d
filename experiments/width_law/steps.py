"""Whether the law depends on how long its networks were trained: rates before and after doubling.

Networks that differ in the number of steps only are a curve for each number. Over the widths that
both numbers have, the rate of an exponential (least squares on the mean ln error of each width,
all widths alike) is set beside the rate with twice the steps. A law is known no better than the
misfit interval of its own fit; a change of the rate inside that interval is no news.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student_t

from width_law.curves import AtWidth, Curve, curves
from width_law.fits import LEVEL, Floats, Interval, LawFit
from width_law.records import Cell, Measured, Measurements, Recipe

Judgement = Literal["enough", "not enough", "cannot be said"]


@dataclass(frozen=True)
class Doubling:
    """The rate of one number of steps beside that of twice as many, over the widths of both.

    Attributes:
        steps: the fewer.
        widths: those of both, beyond saturation and resolved, ascending.
        before, after: rate of the exponential, 1 / units, with `steps` and with twice as many.
        change: 95 % interval of their difference from the spread of the seeds about the mean ln
            error of their width and number of steps (one variance for all; Student's t); None
            with one seed everywhere. Seeds of both numbers count as independent.
        falls: median mse with `steps` over that with twice as many, a width each.
    """

    steps: int
    widths: tuple[int, ...]
    before: float
    after: float
    change: Interval | None
    falls: tuple[float, ...]


@dataclass(frozen=True)
class StepStudy:
    """Networks of one cell and one recipe but for its steps, at the widths with several numbers.

    Attributes:
        cell: their cell.
        law_steps: the number of steps of the law's own networks.
        by_steps: a curve for each number of steps, ascending.
    """

    cell: Cell
    law_steps: int
    by_steps: tuple[tuple[int, Curve], ...]

    def doubling(self, steps: int) -> Doubling | None:
        """The rate at `steps` and at twice as many; None with fewer than two widths of both."""
        found = dict(self.by_steps)
        if steps not in found or 2 * steps not in found:
            return None
        low = {point.width: point for point in found[steps].range}
        high = {point.width: point for point in found[2 * steps].range}
        widths = sorted(low.keys() & high.keys())
        if len(widths) < 2:
            return None
        return _doubling(steps, [low[width] for width in widths], [high[width] for width in widths])

    def judge(self, fit: LawFit | None) -> Judgement:
        """Whether the law's steps are enough for the law that `fit` found in them.

        Enough: the whole interval of the change of the rate on doubling lies within half the
        width of the misfit interval of the law's rate. Not enough: it lies beyond it altogether.
        """
        doubled = self.doubling(self.law_steps)
        if fit is None or doubled is None or doubled.change is None:
            return "cannot be said"
        room = reach(fit)
        low, high = doubled.change
        if -room < low and high < room:
            return "enough"
        return "not enough" if low > room or high < -room else "cannot be said"


def reach(fit: LawFit) -> float:
    """Half the width of the misfit interval of the exponential's rate, 1 / units."""
    low, high = fit.exponential.by_misfit
    return (high - low) / 2


def step_studies(found: Measurements) -> list[StepStudy]:
    """One for each cell and recipe whose networks were trained for several numbers of steps."""
    places = {(each.cell, each.width) for each in found.other_steps}
    groups: dict[tuple[Cell, Recipe], tuple[list[Measured], list[Measured]]] = {}
    for index, networks in enumerate((found.networks, found.other_steps)):
        for each in networks:
            if (each.cell, each.width) in places:
                group = groups.setdefault((each.cell, each.but_for_steps), ([], []))
                group[index].append(each)
    order = [curve.cell for curve in curves(found.networks)]
    studies = [_study(cell, *groups[cell, recipe]) for cell, recipe in groups]
    return sorted(studies, key=lambda study: order.index(study.cell))


def _study(cell: Cell, law: list[Measured], others: list[Measured]) -> StepStudy:
    by_steps: dict[int, list[Measured]] = {}
    for network in (*law, *others):
        by_steps.setdefault(network.steps, []).append(network)
    counts = [network.steps for network in law]
    made = [(steps, curves(by_steps[steps])[0]) for steps in sorted(by_steps)]
    return StepStudy(cell, max(counts, key=counts.count), tuple(made))


def _doubling(steps: int, low: list[AtWidth], high: list[AtWidth]) -> Doubling:
    widths = np.array([float(point.width) for point in low])
    centred = widths - widths.mean()
    pull = -centred / (centred @ centred)  # rate = pull @ mean ln error
    before, after = (float(pull @ _means(points)) for points in (low, high))
    return Doubling(
        steps=steps,
        widths=tuple(point.width for point in low),
        before=before,
        after=after,
        change=_change(after - before, pull, [low, high]),
        falls=tuple(one.median / two.median for one, two in zip(low, high, strict=True)),
    )


def _means(points: list[AtWidth]) -> Floats:
    return np.array([point.sample().logs.mean() for point in points])


def _change(change: float, pull: Floats, sides: list[list[AtWidth]]) -> Interval | None:
    logs = [point.sample().logs for side in sides for point in side]
    freedom = sum(len(each) - 1 for each in logs)
    if freedom == 0:
        return None
    variance = math.fsum(float(((each - each.mean()) ** 2).sum()) for each in logs) / freedom
    shares = np.tile(pull, 2) ** 2 / np.array([len(each) for each in logs])
    error = math.sqrt(variance * float(shares.sum()))
    far = float(student_t.ppf((1 + LEVEL) / 2, freedom)) * error
    return change - far, change + far
