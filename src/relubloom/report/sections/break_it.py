"""Change a part of the network; the code says beforehand what will happen."""

from __future__ import annotations

from relubloom.records.interventions import Match
from relubloom.report.charts.evidence import Result, draw_interventions
from relubloom.report.numbers import decimal, optional
from relubloom.report.read import Contents
from relubloom.report.render import SectionData


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
