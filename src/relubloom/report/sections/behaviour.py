"""What the network answers, seen from outside, and what its own hash predicts."""

from __future__ import annotations

import numpy as np

from relubloom.records.behaviour import (
    Behaviour,
    CountShare,
    FilterFigures,
    GrownSets,
    SizeFigures,
    TheoryFigures,
)
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.evidence import draw_tokens
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

MANY = 4  # the last class of the counts: so many false positives or more
NEAR = 2.0  # errors within this factor count as alike, and so do errors that are both
NEGLIGIBLE = 1e-4  # at most this
MEAN = "mean per set (log scale)"
WORST = 6  # pairs of confused tokens that are listed


def behaviour(contents: Contents) -> SectionData:
    """Everything that can be said of the network without opening it."""
    found = contents.featured.behaviour
    if found is None:
        return SectionData()
    sizes = found.set_sizes
    confused = [] if found.confusion is None else found.confusion.pairs
    values = {
        "alike": [row.set_size for row in sizes if _is_near(row.mse, row.code.mse)],
        "confused": [pair for pair in confused if pair.called > 0][:WORST],
    }
    drawings = (
        *_counts(found.false_positives.by_count),
        *_by_token(found),
        _by_size(sizes, "set-sizes", "False positives", "false_positives", MEAN),
        _by_size(sizes, "set-sizes-mse", "Error", "mse", "mse (log scale)"),
        *_growth(found.growth.by_size),
    )
    return SectionData(values, drawings)


def _is_near(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high <= NEAR * low or high <= NEGLIGIBLE


def _counts(rows: list[CountShare]) -> list[Drawing]:
    """None where no set has a false positive, of the network or of the hash."""
    if not any(row.network or row.code for row in rows if row.count):
        return []
    x = [float(row.count) for row in rows]
    series = _both(x, [row.network for row in rows], [row.code for row in rows])
    marks = {value: f"{value:g}" + (" or more" if value == MANY else "") for value in x}
    axis = Axis("false positives on a set", "share of sets (log scale)", log=True, marks=marks)
    said = "Share of sets by number of false positives, of the network and as its hash predicts"
    return [draw_series("false-positives", said, series, axis)]


def _by_token(found: Behaviour) -> list[Drawing]:
    """None where the rates are not listed, as for large vocabularies, or are all 0."""
    rates, predicted = found.tokens.false_positive_rate, found.tokens.code_false_positive_rate
    if rates is None or predicted is None or not any(rates):
        return []
    both = np.array([predicted, rates], dtype=np.float64)
    known = ~np.isnan(both).any(0)
    drawn = draw_tokens(
        "false-positives-by-token",
        "Each token a dot: false positive rate as its hash predicts against that of the network",
        both[0, known],
        both[1, known],
        ("predicted by the hash (% of sets without it)", "the network calls it (%)"),
    )
    return [drawn]


def _by_size(rows: list[SizeFigures], name: str, heading: str, key: str, y: str) -> Drawing:
    """A figure of the network by set size, beside its hash's and that of random codes."""

    def values(found: list[SizeFigures] | list[FilterFigures] | list[TheoryFigures]) -> list[float]:
        return [getattr(each, key) for each in found]

    x = [float(row.set_size) for row in rows]
    series = _both(x, values(rows), values([row.code for row in rows]))
    theory = {row.set_size: row.theory for row in rows if row.theory is not None}
    if theory:
        sizes = list(map(float, theory))
        series.append(Series("random codes", "theory", sizes, values([*theory.values()])))
    return draw_series(name, f"{heading} by set size", series, Axis("set size", y, log=True))


def _growth(rows: list[GrownSets]) -> list[Drawing]:
    x = [float(row.set_size) for row in rows]
    wrong = _both(
        x, [row.false_positives for row in rows], [row.code_false_positives for row in rows]
    )
    kept = [Series("network", "network", x, [100 * row.members_called for row in rows])]
    return [
        draw_series(
            "growth-false-positives",
            "Mean number of false positives by number of tokens put in",
            wrong,
            Axis("tokens put in so far", MEAN, log=True),
        ),
        draw_series(
            "growth-members",
            "Share of members called by number of tokens put in",
            kept,
            Axis("tokens put in so far", "members called (%)", top=100.0),
        ),
    ]


def _both(x: list[float], network: list[float], code: list[float]) -> list[Series]:
    return [Series("network", "network", x, network), Series("its hash", "code", x, code)]
