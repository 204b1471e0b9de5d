"""The section of docs/results/width.md on the number of training steps."""

from collections.abc import Mapping

from relubloom.report.numbers import count, decimal, figure, percent
from width_law.curves import AtWidth
from width_law.fits import LawFit
from width_law.records import Cell
from width_law.steps import Doubling, StepStudy, reach

STEPS = """Networks that differ from the law's own only in how many steps they were trained for. The
rate of the exponential is fitted anew for each number of steps, over the widths that a number and
its double share (least squares, all widths alike). The rule: the steps are enough for the law when
doubling them moves its rate by less than the law's own misfit interval reaches to either side, the
95 % interval of the change (over seeds) included. A law that fits badly has a wide interval and
passes easily. The level of the error may still fall where the rate does not move; the tables say by
how much.
"""
Fits = Mapping[Cell, LawFit | None]


def steps_section(studies: list[StepStudy], fits: Fits) -> str:
    """Whether the steps are enough, and every figure it rests on; empty where there are none."""
    if not studies:
        return ""
    lines = ["## Are the steps enough?\n", STEPS]
    lines += [
        f"- **{_title(each.cell)}.** {_outcome(each, fits.get(each.cell))}" for each in studies
    ]
    lines += [
        "",
        "| N | k | objective | steps doubled | widths of both | k × rate before | after | "
        "change [95 %, seeds] | the law’s misfit interval, to either side |",
        "|" + "---|" * 9,
    ]
    for study in studies:
        found = (study.doubling(steps) for steps, _ in study.by_steps)
        lines += [_rate_row(study.cell, each, fits.get(study.cell)) for each in found if each]
    lines += [
        "",
        "| N | k | objective | d | steps | seeds | mse, median | worst | fall by doubling |",
        "|" + "---|" * 9,
    ]
    lines += [row for study in studies for row in _level_rows(study)]
    return "\n".join([*lines, ""])


def _title(cell: Cell) -> str:
    linear = "" if cell.activation == "relu" else ", without ReLU"
    return f"N = {cell.vocab_size}, k = {cell.set_size}, objective {cell.objective}{linear}"


def _outcome(study: StepStudy, fit: LawFit | None) -> str:
    steps = study.law_steps
    doubled = study.doubling(steps)
    if doubled is None:
        return (
            f"Whether {count(steps)} steps are enough cannot be said: networks of as many and of "
            "twice as many share fewer than two widths that a rate can be fitted to."
            f"{_lower(_level_falls(study))}"
        )
    if fit is None:
        said = f"Whether {count(steps)} steps are enough cannot be said, since no law was fitted"
    else:
        said = {
            "enough": f"{count(steps)} steps are enough for the law",
            "not enough": f"{count(steps)} steps are not enough for the law",
            "cannot be said": f"Whether {count(steps)} steps are enough cannot be said: the change "
            "is not told apart from the reach of the misfit interval",
        }[study.judge(fit)]
    size = study.cell.set_size
    room = "" if fit is None else f" (the misfit interval reaches {decimal(size * reach(fit))})"
    return (
        f"{said}: doubling them moves rate × k over widths {_widths(doubled)} from "
        f"{decimal(size * doubled.before)} to {decimal(size * doubled.after)}{room}."
        f"{_lower(list(doubled.falls))}"
    )


def _widths(doubled: Doubling) -> str:
    return ", ".join(map(str, doubled.widths))


def _level_falls(study: StepStudy) -> list[float]:
    """Median mse with the law's steps over that with twice as many, at every width of both."""
    found = dict(study.by_steps)
    if 2 * study.law_steps not in found:
        return []
    after = {point.width: point.median for point in found[2 * study.law_steps].points}
    return [
        point.median / after[point.width]
        for point in found[study.law_steps].points
        if after.get(point.width)
    ]


def _lower(falls: list[float]) -> str:
    """How far the error itself falls on doubling."""
    if not falls:
        return ""
    low, high = (1 - 1 / fall for fall in (min(falls), max(falls)))
    if low < 0:
        return f" The median error itself changes by factors of {1 - high:.2f} to {1 - low:.2f}."
    ends = dict.fromkeys(percent(each, 0) for each in (low, high))
    return f" The median error itself still falls, by {' to '.join(ends)}."


def _rate_row(cell: Cell, doubled: Doubling, fit: LawFit | None) -> str:
    size = cell.set_size
    change = f"{size * (doubled.after - doubled.before):+.3f}"
    if doubled.change is not None:
        low, high = (size * each for each in doubled.change)
        change += f" [{low:+.3f}, {high:+.3f}]"
    room = "no law" if fit is None else f"{size * reach(fit):.3f}"
    return (
        f"| {cell.vocab_size} | {size} | {cell.objective} | {count(doubled.steps)} → "
        f"{count(2 * doubled.steps)} | {_widths(doubled)} | {size * doubled.before:.3f} | "
        f"{size * doubled.after:.3f} | {change} | {room} |"
    )


def _level_rows(study: StepStudy) -> list[str]:
    points = {
        (point.width, steps): point for steps, curve in study.by_steps for point in curve.points
    }
    return [
        _level_row(study.cell, steps, points[width, steps], points.get((width, 2 * steps)))
        for width, steps in sorted(points)
    ]


def _level_row(cell: Cell, steps: int, point: AtWidth, doubled: AtWidth | None) -> str:
    fall = "–"
    if doubled is not None and doubled.median:
        fall = f"× {point.median / doubled.median:.2f}"
    return (
        f"| {cell.vocab_size} | {cell.set_size} | {cell.objective} | {point.width} | "
        f"{count(steps)} | {len(point.networks)} | {figure(point.median)} | "
        f"{figure(max(point.errors))} | {fall} |"
    )
