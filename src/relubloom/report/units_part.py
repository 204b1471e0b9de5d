"""Every hidden unit: its class, and its level against the union."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from relubloom.report.charts.weights import draw_levels
from relubloom.report.contents import JsonObject, block, lacking, rows_of
from relubloom.report.numbers import count, figure, percent, several
from relubloom.report.parts import Panel, Part, absent

UNIT_KINDS = ("bit", "graded", "unclear", "always on", "dead")
KIND_MEANINGS = {
    "bit": "two modes at least 4 apart, and on at least 95\u00a0% of the sets 0 just where the "
    "union covers it",
    "graded": "its entries form one mode: no bit can be read off",
    "unclear": "neither of the others; an honest answer",
    "always on": "above 0 on every set",
    "dead": "0 on every set",
}
GLYPHS = {"bit": "■", "graded": "◧", "unclear": "?", "always on": "●", "dead": "□"}
WEAK = 0.5  # of the uncovered level
STRIP = 512  # units that the strip shows
TILE = Markup('<span class="unit {}" title="{}">{}</span>')
KIND = Markup(
    '<li{}><span class="unit {}" aria-hidden="true">{}</span> <b>{} {}</b> <span>{}</span></li>'
)


def units_part(mechanism: JsonObject, width: int) -> Part:
    """The strip of units, one tile each, with the number in every class."""
    units = rows_of(mechanism, "units")
    heading = "Is each unit the complement of a union?"
    if not units:
        return absent("The folder holds no examination of its units.", heading)
    ordered = sorted(units, key=lambda unit: unit["agreement"])
    low, high = ordered[0], ordered[-1]
    cut = f" The first {STRIP} of {width} are shown." if width > STRIP else ""
    agreement = (
        f"Every unit agrees with the union on {percent(low['agreement'])} of the sets."
        if low["agreement"] == high["agreement"]
        else f"Agreement with the union runs from {percent(low['agreement'])} of the sets "
        f"(unit {low['unit']}) to {percent(high['agreement'])} (unit {high['unit']})."
    )
    said = f"{agreement} Every unit is one tile, sorted by class and then by agreement.{cut}"
    return Part(heading, (said,), block=_strip(units))


def _strip(units: list[JsonObject]) -> Markup:
    rank = {kind: index for index, kind in enumerate(UNIT_KINDS)}
    ordered = sorted(units, key=lambda unit: (rank.get(unit["kind"], 9), -unit["agreement"]))
    tiles = Markup("").join(
        TILE.format(unit["kind"].replace(" ", "-"), _tip(unit), GLYPHS.get(unit["kind"], "?"))
        for unit in ordered[:STRIP]
    )
    counts = Counter(unit["kind"] for unit in units)
    kinds = Markup("").join(
        KIND.format(
            Markup("") if counts[kind] else Markup(' class="empty"'),
            kind.replace(" ", "-"),
            GLYPHS[kind],
            count(counts[kind]),
            kind,
            KIND_MEANINGS[kind],
        )
        for kind in UNIT_KINDS
    )
    shown = Markup('<div class="strip" aria-hidden="true">{}</div><ul class="kinds">{}</ul>')
    return shown.format(tiles, kinds)


def _tip(unit: JsonObject) -> str:
    return (
        f"unit {unit['unit']}: {unit['kind']}, {unit['bits']} tokens have its bit, agrees with the "
        f"union on {percent(unit['agreement'])}, above 0 on {percent(unit['on'])}"
    )


def union_part(mechanism: JsonObject) -> Part:
    """Covered and not, on and off: the four shares, and the levels behind them."""
    heading = "Unit against union"
    found = block(mechanism, "unit_and_union")
    if found is None:
        return absent(lacking(mechanism, "unit_and_union", "count of covered units"), heading)
    said = (
        f"Over all pairs of a set and a unit, {percent(found['covered_off'])} are covered and off, "
        f"and {percent(found['uncovered_on'])} not covered and on: a union’s complement. On though "
        f"covered are {percent(found['covered_on'])}, off though not covered "
        f"{percent(found['uncovered_off'])}."
    )
    weakly = block(found, "weakly_on")
    if weakly is not None and weakly.get("relative_level") is not None:
        level = weakly["relative_level"]
        how = "do so weakly" if level < WEAK else "are not much weaker for it"
        said += (
            f" Units that stay on when covered {how}: {percent(weakly['share'])} of the covered "
            f"pairs, at {figure(level, 2)} of the level that they have when not covered."
        )
    levelled = [unit for unit in rows_of(mechanism, "units") if unit.get("level_uncovered")]
    if not levelled:
        return Part(heading, (said,))
    drawn = draw_levels(
        levelled, f"Levels of {several(len(levelled), 'unit')} when the union covers them and not"
    )
    caption = (
        "If a unit were an exact bit, its upper mark would have no spread and its lower mark "
        "would lie at 0."
    )
    return Part(heading, (said,), panels=(Panel("", drawn),), caption=caption)
