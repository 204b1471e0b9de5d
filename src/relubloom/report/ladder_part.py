"""The ladder: what share of the network, and of its failures, each explanation reproduces."""

from __future__ import annotations

import re

from relubloom.report.charts.evidence import Point, draw_ladder
from relubloom.report.contents import JsonObject, block, rows_of
from relubloom.report.numbers import count, decimal, figure, optional, percent, several
from relubloom.report.parts import Panel, Part, Table, absent

HEADING = "How much of it each explanation reproduces"
LINES = re.compile(r"(.*)-(\d+)-bit")
FAILURES = {"loss_failures": "loss failures", "ranking_failures": "ranking failures"}


UNFITTED = (
    "All rungs here are read off the weights. `relubloom examine` adds those whose numbers are "
    "fitted on sets that are not scored, which come closer."
)


def ladder_part(ladder: JsonObject | None) -> Part:
    """The rungs as points on two charts, and as a table."""
    rungs = rows_of(ladder, "rungs")
    if ladder is None or not rungs:
        return absent(
            "The folder holds no ladder of explanations; `relubloom examine` makes it.", HEADING
        )
    panels = tuple(
        Panel(
            f"Which sets fail: {words}",
            draw_ladder(
                f"ladder-{key.replace('_', '-')}",
                f"F1 of predicting the {words} against description length, for every rung",
                _points(rungs, key),
                f"F1 on {words}",
            ),
        )
        for key, words in FAILURES.items()
    )
    caption = (
        "Diamonds: explanations, numbered as in the table. Squares: the weights quantised, "
        "to 1 to 8 bits by matrix (line) and by mode (dashed), the line to beat. Crosses at the "
        "left edge: baselines of next to no bits. Stars: programs with a number of their own for "
        "each token and unit, the network last. A rung with an F1 that cannot be told has no mark."
    )
    text = [_opening(ladder), _compared(ladder, rungs)]
    if not any("fitted" in rung["meaning"] for rung in rungs) and not _is_explained(rungs):
        text.append(UNFITTED)
    return Part(
        HEADING, tuple(text), panels=panels, caption=caption, tables=(_table(ladder, rungs),)
    )


def _is_explained(rungs: list[JsonObject]) -> bool:
    """Whether some explanation says exactly which sets fail."""
    return any(
        rung["kind"] == "explanation" and (rung["loss_failures"]["f1"] in (None, 1))
        for rung in rungs
    )


def _opening(ladder: JsonObject) -> str:
    how = {"all": "all ", "held-out": "held-out "}.get(ladder.get("method", ""), "")
    drawn = " drawn at random" if ladder.get("method") == "drawn" else ""
    sets = f"{how}{several(ladder['sets'], 'set')}".replace("held-out\u00a0", "held-out ") + drawn
    return (
        "An explanation is a program that answers in the network’s place: a hash and a few further "
        "numbers, each with a meaning. The question is not only how close its error comes but "
        "whether it fails on the same sets, and at what length. Rounding every weight to a few "
        "bits explains nothing, so it is the rival: an explanation should do as well in fewer. "
        f"Every rung was judged on the same {sets}."
    )


def _compared(ladder: JsonObject, rungs: list[JsonObject]) -> str:
    """The bare hash, the best explanation, and what quantisation pays for as much."""
    explanations = [rung for rung in rungs if rung["kind"] == "explanation"]
    said: list[str] = []
    if explanations:
        bare = explanations[0]
        said.append(
            f"The first explanation, {_quoted(bare)}, takes {_bits(bare, ladder)} and has an F1 of "
            f"{_f1(bare, 'loss_failures')} on loss failures and {_f1(bare, 'ranking_failures')} on "
            "ranking failures."
        )
    for key, words in FAILURES.items():
        told = [rung for rung in explanations if rung[key]["f1"] is not None]
        if not told:
            continue
        best = max(told, key=lambda rung: rung[key]["f1"])
        found = (
            f"On {words} no further numbers help"
            if best is explanations[0]
            else f"On {words} the best explanation is {_quoted(best)}: an F1 of {_f1(best, key)} "
            f"in {_bits(best, ladder)}"
        )
        said.append(f"{found}; {_price(best, rungs, key, ladder)}.")
    return " ".join(said)


def _price(best: JsonObject, rungs: list[JsonObject], key: str, ladder: JsonObject) -> str:
    rivals = [
        rung
        for rung in rungs
        if rung["kind"] == "quantisation" and (rung[key]["f1"] or 0.0) >= best[key]["f1"]
    ]
    if not rivals:
        return "no quantisation does as well"
    cheapest = min(rivals, key=lambda rung: rung["bits"])
    return f"quantisation needs {_bits(cheapest, ladder)} to do as well"


def _quoted(rung: JsonObject) -> str:
    return f"“{rung['title'].removeprefix('+ ')}”"


def _bits(rung: JsonObject, ladder: JsonObject) -> str:
    whole = ladder.get("network_bits")
    share = f" ({percent(rung['bits'] / whole, 1)} of the network’s)" if whole else ""
    return f"{several(int(rung['bits']), 'bit')}{share}"


def _f1(rung: JsonObject, key: str) -> str:
    f1 = rung[key]["f1"]
    return "no failures on either side" if f1 is None else f"{f1:.2f}"


def _points(rungs: list[JsonObject], key: str) -> list[Point]:
    numbers = _numbers(rungs)
    points: list[Point] = []
    for rung in rungs:
        f1 = (block(rung, key) or {}).get("f1")
        if f1 is None:
            continue
        found = LINES.fullmatch(rung["name"])
        line = found.group(1) if found and rung["kind"] == "quantisation" else None
        points.append(Point(rung["bits"], f1, rung["kind"], numbers.get(rung["name"], ""), line))
    return points


def _numbers(rungs: list[JsonObject]) -> dict[str, str]:
    """Explanations by their number on the chart."""
    names = [rung["name"] for rung in rungs if rung["kind"] == "explanation"]
    return {name: f"{index}" for index, name in enumerate(names, 1)}


def _table(ladder: JsonObject, rungs: list[JsonObject]) -> Table:
    numbers = _numbers(rungs)
    rows = tuple(
        (
            f"{numbers[rung['name']]}. {rung['title']}"
            if rung["name"] in numbers
            else rung["title"],
            count(int(rung["bits"])),
            figure(rung["mse"]),
            optional(rung["log_gap_closed"], _tenths),
            optional(rung["loss_failures"]["f1"], decimal),
            optional(rung["ranking_failures"]["f1"], decimal),
            optional(rung["loss_correlation"], decimal),
            rung["meaning"],
        )
        for rung in rungs
        if not LINES.fullmatch(rung["name"])
    )
    headings = (
        "program",
        "bits",
        "mse",
        "log gap closed",
        "F1, loss",
        "F1, ranking",
        "correlation",
        "what its numbers are",
    )
    note = (
        "Log gap closed: how much of the way from uniform output to the network’s mse, on a log "
        "scale. F1: of predicting which sets fail. Correlation: of the mse set by set. A dash: "
        "nothing to compare. The quantised weights are in ladder.json and in the charts."
    )
    return Table(headings, rows, note, kind="wordy")


def _tenths(share: float) -> str:
    return percent(share, 1)
