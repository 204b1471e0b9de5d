"""Networks trained on a fixed number of distinct sets: error and agreement by that number."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relubloom.report.charts.drawing import Drawing, draw
from relubloom.report.charts.series import log_ticks, power
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, PANEL, PAPER, plain_number
from width_law.records import Measured

WIDE, TALL, TOP, UNDER = 880.0, 200.0, 44.0, 66.0
FRESH_APART = 10.0  # fresh sets stand so much, as a factor, to the right of the largest number
LOOKS: dict[str, dict[str, Any]] = {
    "mse": {"color": BIT, "marker": "o"},
    "kl": {"color": ACCENT, "marker": "s", "mfc": PAPER},
    "kl-then-mse": {"color": INK, "marker": "^"},
}
DOT: dict[str, Any] = {"ms": 4, "mew": 0.9, "lw": 0}


def draw_training_pool(
    name: str, networks: list[Measured], random_mse: float, description: str
) -> Drawing:
    """Every seed: mse on held-out sets, gap of the modes, unit agreement."""
    return Drawing(
        name,
        _draw(f"{name}-wide", networks, random_mse, WIDE, 3, description),
        _draw(f"{name}-narrow", networks, random_mse, PANEL, 1, description),
    )


def _draw(
    name: str,
    networks: list[Measured],
    random_mse: float,
    width: float,
    columns: int,
    description: str,
) -> Any:
    height = TOP + (3 // columns) * (TALL + UNDER) - 22
    limited = [n.cell.training_pool for n in networks if n.cell.training_pool is not None]
    fresh = max(limited, default=1) * FRESH_APART

    def paint(figure: Figure) -> None:
        left, gap = 52.0, 50.0
        across = (width - left - 10 - gap * (columns - 1)) / columns
        panels: tuple[tuple[str, Callable[[Measured], float]], ...] = (
            ("mse (line: best random code)", lambda each: each.mse),
            (
                "gap between the modes, in standard deviations",
                lambda each: math.nan if each.mode_gap is None else each.mode_gap,
            ),
            ("unit agrees with the union", lambda each: each.unit_agreement),
        )
        for index, (title, value) in enumerate(panels):
            down, place = divmod(index, columns)
            x, y = left + place * (across + gap), height - TOP - down * (TALL + UNDER) - TALL
            axes = figure.add_axes((x / width, y / height, across / width, TALL / height))
            _paint(axes, networks, value, fresh)
            axes.set_title(title, fontsize=10, loc="left", pad=5, color=INK)
            if index == 0:
                axes.axhline(random_mse, color=INK, lw=1, ls=(0, (4, 3)))
                log_ticks(axes)
            else:
                axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        _legend(figure, networks)

    return draw(name, description, (width, height), paint)


def _paint(
    axes: Axes, networks: list[Measured], value: Callable[[Measured], float], fresh: float
) -> None:
    axes.set_xscale("log")
    for objective, look in LOOKS.items():
        own = [each for each in networks if each.cell.objective == objective]
        x = [fresh if each.cell.training_pool is None else each.cell.training_pool for each in own]
        axes.plot(x, [value(each) for each in own], clip_on=False, **look, **DOT)
    numbers = sorted({each.cell.training_pool or fresh for each in networks})
    low, high = min(numbers), max(numbers)
    decades = [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    shown = [tick for tick in decades if tick < fresh / 2]
    axes.set_xticks([*shown, fresh], [*map(power, shown), "fresh"])
    axes.minorticks_off()
    axes.axvline(fresh / math.sqrt(FRESH_APART), color=MUTED, lw=0.8, ls=":")
    axes.set_xlabel("distinct training sets (log scale)", labelpad=2)


def _legend(figure: Figure, networks: list[Measured]) -> None:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    present = {each.cell.objective for each in networks}
    for objective in (each for each in LOOKS if each in present):
        label = f"objective {objective}, a dot a seed"
        axes.plot([math.nan], [math.nan], label=label, **LOOKS[objective], **DOT)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.6,
        borderpad=0.2,
        ncol=len(present),
        frameon=False,
        fontsize=9.2,
        handlelength=1.2,
    )
