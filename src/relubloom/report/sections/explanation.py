"""The explanation put to the test: what each rung reproduces of the network and its failures, and
what happens when a part of the network is changed, as the code says beforehand."""

from __future__ import annotations

import re

from relubloom.records.behaviour import Behaviour
from relubloom.records.interventions import Match
from relubloom.records.ladder import Agreement, ScoredRung
from relubloom.records.shortfall import always_f1
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.evidence import Point, Result, draw_interventions, draw_ladder
from relubloom.report.numbers import decimal, optional
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

LINES = re.compile(r"(.*)-(\d+)-bit")
FAILURES = ("loss failures", "ranking failures")
Best = tuple[str, ScoredRung, ScoredRung | None]


def ladder(contents: Contents) -> SectionData:
    """The rungs as points on two charts, the rows of the table, and who does best."""
    found = contents.featured.ladder
    if found is None:
        return SectionData()
    numbers = numbered(found.rungs)
    explanations = [rung for rung in found.rungs if rung.name in numbers]
    values = {
        "first": explanations[0] if explanations else None,
        "bests": [best for words in FAILURES for best in _best(found.rungs, words)],
        "bases": _bases(contents.featured.behaviour),
        "is_fitted": any("fitted" in rung.meaning for rung in found.rungs),
        "is_explained": any(rung.loss_failures.f1 in (None, 1) for rung in explanations),
        "rows": [
            (numbers.get(rung.name, ""), rung)
            for rung in found.rungs
            if not LINES.fullmatch(rung.name)
        ],
    }
    return SectionData(values, tuple(ladder_chart(found.rungs, words) for words in FAILURES))


def _bases(found: Behaviour | None) -> list[tuple[str, float]]:
    """The F1 of saying that every set fails: what an explanation has to beat."""
    if found is None:
        return []
    shares = zip(FAILURES, (found.loss_failures, found.ranking_failures), strict=True)
    known = [(words, always_f1(share)) for words, share in shares]
    return [(words, base) for words, base in known if base is not None]


def _best(rungs: list[ScoredRung], words: str) -> list[Best]:
    """The best explanation, and the shortest quantisation that does as well; none without F1."""
    told = [
        (f1, rung)
        for rung in rungs
        if rung.kind == "explanation" and (f1 := _failures(rung, words).f1) is not None
    ]
    if not told:
        return []
    most, best = max(told, key=lambda pair: pair[0])
    rivals = [
        rung
        for rung in rungs
        if rung.kind == "quantisation" and (_failures(rung, words).f1 or 0.0) >= most
    ]
    return [(words, best, min(rivals, key=lambda rung: rung.bits, default=None))]


def numbered(rungs: list[ScoredRung]) -> dict[str, str]:
    """What the explanations are called in the chart, by name: 1, 2, ..."""
    explanations = [rung for rung in rungs if rung.kind == "explanation"]
    return {rung.name: f"{index}" for index, rung in enumerate(explanations, 1)}


def ladder_chart(rungs: list[ScoredRung], words: str) -> Drawing:
    """The rungs' F1 on these failures, one of `FAILURES`, against their length."""
    numbers = numbered(rungs)
    points: list[Point] = []
    for rung in rungs:
        f1 = _failures(rung, words).f1
        if f1 is not None:
            found = LINES.fullmatch(rung.name)
            line = found.group(1) if found and rung.kind == "quantisation" else None
            points.append(Point(rung.bits, f1, rung.kind, numbers.get(rung.name, ""), line))
    return draw_ladder(
        f"ladder-{words.replace(' ', '-')}",
        f"F1 of predicting the {words} against description length, for every rung",
        points,
        f"F1 on {words}",
    )


def _failures(rung: ScoredRung, words: str) -> Agreement:
    return rung.loss_failures if words == "loss failures" else rung.ranking_failures


def break_it(contents: Contents) -> SectionData:
    """Predicted against actual for every intervention, with its control."""
    found = contents.featured.interventions
    if found is None:
        return SectionData()
    results = [
        Result(
            each.name.replace("-", " "),
            _f1(each),
            _f1(each.control),
            None if each.explained is None else _f1(each.explained),
        )
        for each in found.interventions
    ]
    said = "; ".join(
        f"{each.name}: F1 {optional(each.f1, decimal)}, control {optional(each.control, decimal)}"
        + ("" if each.explained is None else f", explanation {decimal(each.explained)}")
        for each in results
    )
    values = {"is_explained": any(each.explained is not None for each in results)}
    return SectionData(values, (draw_interventions(results, said),))


def _f1(match: Match) -> float | None:
    """Of the false positives; of the changes where there are none to compare."""
    if match.f1 is None and match.changes is not None:
        return match.changes.f1
    return match.f1
