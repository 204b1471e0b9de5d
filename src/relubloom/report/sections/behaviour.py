"""What the network answers, seen from outside, and what its own hash predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from relubloom.records.behaviour import (
    Behaviour,
    CountShare,
    FilterFigures,
    GrownSets,
    SaidByStrengths,
    SizeFigures,
    TheoryFigures,
)
from relubloom.records.mechanism import GradedFalsePositives
from relubloom.records.shortfall import POOR
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.evidence import draw_tokens
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

MANY = 4  # the last class of the counts: so many false positives or more
NEAR = 2.0  # errors within this factor count as alike, and so do errors that are both
NEGLIGIBLE = 1e-4  # at most this
MEAN = "mean per set (log scale)"
HASH, GRADED, ALL_FULL = "its hash", "its graded hash", "its bits, all full"
WORST = 6  # pairs of confused tokens that are listed


def behaviour(contents: Contents) -> SectionData:
    """Everything that can be said of the network without opening it."""
    found, graded = contents.featured.behaviour, _graded(contents)
    if found is None:
        return SectionData()
    sizes = [_by_strengths(contents, row) for row in found.set_sizes]
    by_strengths = all(row.said for row in sizes)
    confused = [] if found.confusion is None else found.confusion.pairs
    bare = ALL_FULL if contents.featured.graded is not None else HASH
    of_sizes = GRADED if by_strengths else bare
    values = {
        "sizes": sizes,
        "by_strengths": by_strengths,
        "alike": [row.set_size for row in sizes if _is_near(row.mse, (row.said or row.code).mse)],
        "graded": graded,
        "poor": POOR,
        "confused": [pair for pair in confused if pair.called > 0][:WORST],
    }
    drawings = (
        *_counts(found.false_positives.by_count, graded),
        *_by_token(found, graded),
        _by_size(sizes, "set-sizes", "False positives", "false_positives", MEAN, of_sizes),
        _by_size(sizes, "set-sizes-mse", "Error", "mse", "mse (log scale)", of_sizes),
        *_growth(found.growth.by_size, bare),
    )
    return SectionData(values, drawings)


def _by_strengths(contents: Contents, row: SizeFigures) -> SizeFigures:
    """A row with what the graded hash says at the network's own size, too."""
    found, mechanism = contents.featured.behaviour, contents.featured.mechanism
    strengths = mechanism and mechanism.strengths
    if found is None or not strengths or not strengths.false_positives:
        return row
    if row.said is not None or found.sizes != (row.set_size, row.set_size):
        return row
    said = SaidByStrengths(strengths.extracted.mse, strengths.false_positives.mean, 0)
    return replace(row, said=said)


def _is_near(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high <= NEAR * low or high <= NEGLIGIBLE


def _graded(contents: Contents) -> GradedFalsePositives | None:
    """What the graded hash predicts, where bits have several strengths."""
    found = contents.featured.mechanism
    return None if found is None or found.strengths is None else found.strengths.false_positives


def _counts(rows: list[CountShare], graded: GradedFalsePositives | None) -> list[Drawing]:
    """None where no set has a false positive, of the network or of the hash."""
    code = [row.code for row in rows] if graded is None else graded.by_count
    if not any(row.network or share for row, share in zip(rows, code, strict=True) if row.count):
        return []
    x = [float(row.count) for row in rows]
    series = _both(x, [row.network for row in rows], code, HASH if graded is None else GRADED)
    marks = {value: f"{value:g}" + (" or more" if value == MANY else "") for value in x}
    axis = Axis("false positives on a set", "share of sets (log scale)", log=True, marks=marks)
    said = "Share of sets by number of false positives, of the network and as its hash predicts"
    return [draw_series("false-positives", said, series, axis)]


def _by_token(found: Behaviour, graded: GradedFalsePositives | None) -> list[Drawing]:
    """None where the rates are not listed, as for large vocabularies, or are all 0."""
    rates, predicted = found.tokens.false_positive_rate, found.tokens.code_false_positive_rate
    if graded is not None:
        predicted = graded.by_token
    of = "hash" if graded is None else "graded hash"
    if rates is None or predicted is None or len(rates) != len(predicted) or not any(rates):
        return []
    both = np.array([predicted, rates], dtype=np.float64)
    known = ~np.isnan(both).any(0)
    drawn = draw_tokens(
        "false-positives-by-token",
        f"Each token a dot: false positive rate as its {of} predicts against that of the network",
        both[0, known],
        both[1, known],
        (f"predicted by the {of} (% of sets without it)", "the network calls it (%)"),
    )
    return [drawn]


def _by_size(
    rows: list[SizeFigures], name: str, heading: str, key: str, y: str, bare: str
) -> Drawing:
    """A figure of the network by set size, beside its hash's and that of random codes."""

    def values(
        found: Sequence[SizeFigures | FilterFigures | SaidByStrengths | TheoryFigures],
    ) -> list[float]:
        return [getattr(each, key) for each in found]

    x = [float(row.set_size) for row in rows]
    series = _both(x, values(rows), values([row.said or row.code for row in rows]), bare)
    theory = {row.set_size: row.theory for row in rows if row.theory is not None}
    if theory:
        sizes = list(map(float, theory))
        series.append(Series("random codes", "theory", sizes, values([*theory.values()])))
    return draw_series(name, f"{heading} by set size", series, Axis("set size", y, log=True))


def _growth(rows: list[GrownSets], bare: str) -> list[Drawing]:
    x = [float(row.set_size) for row in rows]
    of_hash = [row.code_false_positives for row in rows]
    wrong = _both(x, [row.false_positives for row in rows], of_hash, bare)
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


def _both(x: list[float], network: list[float], code: list[float], name: str) -> list[Series]:
    return [Series("network", "network", x, network), Series(name, "code", x, code)]
