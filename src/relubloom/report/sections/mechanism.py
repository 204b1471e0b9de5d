"""How the network does it, seen from inside: units, readout, hashes, and the verdict rule."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from relubloom.records.mechanism import HashWeight, Mechanism, Overlaps, Readout
from relubloom.records.shortfall import rule_lines
from relubloom.records.verdict import AGREEMENT_NOT
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.charts.weights import draw_distribution, draw_levels, draw_state_levels
from relubloom.report.numbers import several
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

UNIT_KINDS = ("bit", "graded", "unclear", "always on", "dead")
STRIP = 512  # units that the strip shows
RARE = 1e-3  # numbers of missing bits rarer than this are not drawn


def mechanism(contents: Contents) -> SectionData:
    """Units, union, readout, hashes, and the rule of the verdict."""
    found = contents.featured.mechanism
    values = {"least_agreement": AGREEMENT_NOT}
    if found is None:
        return SectionData(values)
    rank = {kind: index for index, kind in enumerate(UNIT_KINDS)}
    held = _held(found)
    units = sorted(found.units, key=lambda unit: (rank[unit.kind], -held[unit.unit]))
    drawings = (
        *levels(found),
        *_readout(found.readout),
        _weights(found.hash_weight),
        *([] if found.overlaps is None else [_overlaps(found.hash_weight, found.overlaps)]),
    )
    return SectionData(
        values | {"units": units[:STRIP], "held": held, "rule": rule_lines(found)}, drawings
    )


def _held(found: Mechanism) -> dict[int, float]:
    """For each unit the share of the sets on which it does what its state says, or its union."""
    states = [] if found.strengths is None else found.strengths.unit_levels
    return {unit.unit: unit.agreement for unit in found.units} | {
        unit: state.as_said for unit, state in enumerate(states) if state.as_said is not None
    }


def levels(found: Mechanism) -> list[Drawing]:
    """The units' levels by what covers them; none where every unit is always covered."""
    levelled = [
        (unit.level_uncovered, unit.level_covered) for unit in found.units if unit.level_uncovered
    ]
    if not levelled:
        return []
    by_state = [] if found.strengths is None else found.strengths.unit_levels
    if by_state:
        said = f"Levels of {several(len(by_state), 'unit')} untouched, covered half and covered"
        return [draw_state_levels(by_state, said)]
    said = f"Levels of {several(len(levelled), 'unit')} when the union covers them and not"
    return [draw_levels(levelled, said)]


def _readout(found: Readout) -> list[Drawing]:
    """None where there is no line to fit."""
    slope, intercept = found.slope, found.intercept
    if slope is None or intercept is None or found.r2 is None:
        return []
    rows = [row for row in found.by_missing_bits if row.share > RARE]
    x = [float(row.missing) for row in rows]
    means, spread = [row.mean for row in rows], [row.sd for row in rows]
    series = [
        Series("straight line", "line", x, [intercept + slope * value for value in x]),
        Series("mean ± sd", "network", x, means, spread),
    ]
    drawn = draw_series(
        "readout",
        "Logits, less the mean of the members, by number of missing bits",
        series,
        Axis("missing bits of the token", "logit less the members’ mean"),
    )
    return [drawn]


def _weights(weight: HashWeight) -> Drawing:
    counts = np.array(weight.counts, dtype=np.float64)
    width = len(counts) - 1
    share = weight.mean / width
    chance = [
        comb(width, bits) * share**bits * (1 - share) ** (width - bits) for bits in range(width + 1)
    ]
    return draw_distribution(
        "hash-weights",
        "Distribution of the number of bits of a token, and the binomial one of the same mean",
        counts / counts.sum(),
        np.array(chance),
        ("bits of a token", "tokens"),
    )


def _overlaps(weight: HashWeight, overlaps: Overlaps) -> Drawing:
    counts = np.array(overlaps.counts, dtype=np.float64)
    chance = shared_by_chance(np.array(weight.counts))
    places = max(len(counts), len(chance))
    padded = [np.pad(each, (0, places - len(each))) for each in (counts / counts.sum(), chance)]
    return draw_distribution(
        "hash-overlaps",
        "Distribution of the bits that two tokens share, and that of random hashes",
        padded[0],
        padded[1],
        ("bits that two tokens share", "pairs"),
    )


def shared_by_chance(weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Law of the bits that two random hashes share, given how many tokens have each weight.

    Weights w and v of `width` units share a hypergeometric number of bits; the law is the mixture
    over the pairs of two different tokens. `weights[w]` counts tokens, for w = 0 .. width.
    """
    width = len(weights) - 1
    total = np.zeros(width + 1)
    found = np.flatnonzero(weights).tolist()
    for w in found:
        for v in found:
            pairs = int(weights[w]) * (int(weights[v]) - (w == v))
            for shared in range(max(0, w + v - width), min(w, v) + 1):
                ways = comb(w, shared) * comb(width - w, v - shared)
                total[shared] += pairs * (ways / comb(width, v))
    return total / total.sum() if total.sum() else total
