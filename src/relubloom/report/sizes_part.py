"""Sets of other sizes than the network was trained on."""

from __future__ import annotations

from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.contents import JsonObject, block, lacking, rows_of
from relubloom.report.numbers import count, figure, percent, spans
from relubloom.report.parts import Panel, Part, Table, absent

HEADING = "Sets of other sizes"
METHODS = {"all": "all", "held-out": "held out"}  # all other methods draw
NEAR = 2.0  # errors within this factor count as alike, and so do errors that are both
NEGLIGIBLE = 1e-4  # at most this


def sizes_part(behaviour: JsonObject, trained_on: str) -> Part:
    """Errors by set size, against the hash and against theory; of its own sizes where only those
    were measured."""
    rows = rows_of(behaviour, "set_sizes")
    if rows:
        return _by_size(rows, trained_on)
    own = rows_of(behaviour, "by_set_size")
    if len(own) < 2:
        return absent(lacking(behaviour, "set_sizes", "test of other set sizes"), HEADING)
    table = Table(
        ("set size", "distinct sets", "mse", "exact"),
        tuple(
            (f"{row['set_size']}", count(row["sets"]), figure(row["mse"]), percent(row["p_exact"]))
            for row in own
        ),
    )
    return Part("By set size", ("The sizes that the task has, one by one.",), tables=(table,))


def _by_size(rows: list[JsonObject], trained_on: str) -> Part:
    sizes = [row["set_size"] for row in rows]
    trained = f" It was made for sets of {trained_on}." if trained_on else ""
    said = (
        f"Sets of {min(sizes)} to {max(sizes)} tokens were put in.{trained} For a Bloom filter "
        "nothing changes but the union, which grows: its false positives follow from the hash at "
        "every size, and those of a random code from theory."
    )
    table = Table(
        ("set size", "sets", "mse", "exact", "false positives", "of its hash", "misses"),
        tuple(
            (
                f"{row['set_size']}",
                f"{count(row['sets'])} {METHODS.get(row['method'], 'drawn')}",
                figure(row["mse"]),
                percent(row["p_exact"]),
                figure(row["false_positives"]),
                figure(row["code"]["false_positives"]),
                figure(row["misses"]),
            )
            for row in rows
        ),
        note="False positives and misses are means per set. What is 0 has no mark on a log scale.",
    )
    panels = (
        _panel(rows, "set-sizes", "False positives", "false_positives", "mean per set (log scale)"),
        _panel(rows, "set-sizes-mse", "Error", "mse", "mse (log scale)"),
    )
    return Part(HEADING, (f"{said} {_followed(rows)}",), panels=panels, tables=(table,))


def _followed(rows: list[JsonObject]) -> str:
    """At which sizes the network's error is about that of its hash, and how far off it ends."""
    alike = [row["set_size"] for row in rows if _is_near(row["mse"], row["code"]["mse"])]
    last = rows[-1]
    if len(alike) == len(rows):
        where = "at every size"
    elif alike:
        where = f"at {spans(alike)} only"
    else:
        where = "at none of these sizes"
    return (
        f"The network’s error is within a factor of {NEAR:g} of its hash’s {where}. At "
        f"{last['set_size']} tokens it calls {figure(last['false_positives'])} too many and misses "
        f"{figure(last['misses'])} a set, where its hash has "
        f"{figure(last['code']['false_positives'])} too many and misses none."
    )


def _is_near(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high <= NEAR * low or high <= NEGLIGIBLE


def _panel(rows: list[JsonObject], name: str, heading: str, key: str, y: str) -> Panel:
    x = [float(row["set_size"]) for row in rows]
    series = [
        Series("network", "network", x, [row[key] for row in rows]),
        Series("its hash", "code", x, [row["code"][key] for row in rows]),
    ]
    known = [row for row in rows if (block(row, "theory") or {}).get(key) is not None]
    if known:
        places = [float(row["set_size"]) for row in known]
        values = [row["theory"][key] for row in known]
        series.append(Series("random codes", "theory", places, values))
    drawn = draw_series(name, f"{heading} by set size", series, Axis("set size", y, log=True))
    return Panel(heading, drawn)
