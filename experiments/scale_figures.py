"""The figures of docs/scale.md: how much hashes err, and the width that an error takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, OTHER, PANEL, RULE, styled

HEIGHT = 236.0
TOKENS = {256: "256", 1_000: "1,000", 4_096: "4,096", 16_384: "16,384", 50_257: "50,257"}
SIZES: list[tuple[range, str, Look]] = [
    (range(1, 4), "sets of 3 or less", {"color": BIT, "marker": "o", "ms": 6}),
    (range(4, 6), "of 4 or 5", {"color": OTHER, "marker": "s", "ms": 5.5}),
    (range(6, 99), "of 6 or more", {"color": ACCENT, "marker": "^", "ms": 6.5}),
]
TRAINED, RANDOM = "trained", "best random code"
WIDTHS: dict[str, Look] = {
    TRAINED: {"color": BIT, "marker": "o", "ms": 5.5, "lw": 1.6},
    RANDOM: {"color": INK, "marker": "^", "ms": 4.5, "lw": 1.1, "ls": (0, (1, 1.6))},
}


@styled
def draw_hashes(points: Sequence[tuple[int, int, float]]) -> Drawing:
    """A dot a size: N, k, and the hash's mse over the best random code's."""
    chart = Chart(PANEL, HEIGHT)
    chart.axes.axhline(1, color=RULE, lw=1.2, zorder=0)
    for sizes, name, look in SIZES:
        own = [(math.log(vocab), ratio) for vocab, k, ratio in points if k in sizes]
        if own:
            chart.plot(*zip(*own, strict=True), label=name, lw=0, alpha=0.8, **look)
    top = max(1.0, *(ratio for *_, ratio in points))
    chart.x("tokens N", _span(), ticks=_marks())
    chart.y("hash's mse / best random code's", (0, 1.05 * top), ticks=5)
    chart.legend(3)
    description = "How much the hash of a trained network errs, in units of the best random code"
    return Drawing("scale-hashes", description, chart.figure)


@styled
def draw_widths(widths: Mapping[str, Mapping[int, float]]) -> Drawing:
    """The width of an error by N, of each of `WIDTHS`; d = c k ln N is a line through 0."""
    chart = Chart(PANEL, HEIGHT)
    for name, look in WIDTHS.items():
        own = sorted(widths[name].items())
        chart.plot([math.log(vocab) for vocab, _ in own], [d for _, d in own], label=name, **look)
    chart.x("tokens N", _span(), ticks=_marks())
    chart.y("width d", (0, None), ticks=5)
    chart.legend(2)
    description = "The width at which the mse is 0.001, against the number of tokens"
    return Drawing("scale-widths", description, chart.figure)


def _marks() -> dict[float, str]:
    return {math.log(vocab): words for vocab, words in TOKENS.items()}


def _span() -> tuple[float, float]:
    return math.log(min(TOKENS)) - 0.2, math.log(max(TOKENS)) + 0.2
