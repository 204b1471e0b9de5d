"""Interventions: F1 of what code and explanation predict, against a prediction made wrongly."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from relubloom.report.series_figure import legend
from relubloom.report.style import (
    ACCENT,
    BIT,
    INK,
    OTHER,
    PANEL,
    PAPER,
    RULE,
    WIDE,
    Drawing,
    draw,
    plain_number,
    unclip,
)

ROW = 27.0
LOOKS: dict[str, dict[str, Any]] = {
    "control": {"marker": "s", "mfc": PAPER, "color": OTHER, "label": "made wrongly"},
    "code": {"marker": "o", "color": BIT, "label": "predicted by the code"},
    "explanation": {
        "marker": "D",
        "mfc": PAPER,
        "color": ACCENT,
        "label": "by the best explanation",
    },
}


@dataclass(frozen=True)
class Result:
    """One intervention: F1 of the code's prediction, of its control and of the explanation's, each
    None where untold."""

    name: str
    f1: float | None
    control: float | None
    explained: float | None = None


def draw_interventions(results: list[Result], description: str) -> Drawing:
    """A line for each intervention, from the control to the prediction."""
    wide, narrow = (
        _draw(f"interventions-{name}", results, name == "wide", description)
        for name in ("wide", "narrow")
    )
    return Drawing("interventions", wide, narrow)


def _draw(name: str, results: list[Result], wide: bool, description: str) -> Markup:
    width, left = (WIDE, 150.0) if wide else (PANEL, 128.0)
    over = 26 if wide else 58
    height = len(results) * ROW + 46 + over

    def paint(figure: Figure) -> None:
        bottom, top = 42 / height, over / height
        axes = figure.add_axes((left / width, bottom, 0.975 - left / width, 1 - bottom - top))
        for row, result in enumerate(results):
            axes.plot([0, 1], [row, row], color=RULE, lw=1, zorder=0)
            if result.f1 is not None and result.control is not None:
                axes.plot([result.control, result.f1], [row, row], color=OTHER, lw=1.6, zorder=1)
            axes.text(-0.03, row, result.name, ha="right", va="center", fontsize=10.5, color=INK)
            if result.f1 is None:
                axes.text(0.5, row - 0.22, "nothing to compare", ha="center", fontsize=9)
        wrong = [(row, each.control) for row, each in enumerate(results)]
        right = [(row, each.f1) for row, each in enumerate(results)]
        further = [(row, each.explained) for row, each in enumerate(results)]
        for points, look in ((wrong, "control"), (right, "code"), (further, "explanation")):
            x = [f1 for _, f1 in points if f1 is not None]
            y = [row for row, f1 in points if f1 is not None]
            if x:
                axes.plot(x, y, lw=0, ms=7.5, mew=1.4, **LOOKS[look])
        axes.set_xlim(0, 1.02)
        axes.set_ylim(len(results) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel("F1: predicted against actual")
        legend(axes, 3 if wide else 1)
        unclip(axes)

    return draw(name, description, (width, round(height)), paint)
