"""The readout and the hashes: logits against missing bits, bits per token, shared bits."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.charts.weights import draw_distribution
from relubloom.report.contents import JsonObject, block, lacking, rows_of
from relubloom.report.numbers import count, figure, percent, several
from relubloom.report.parts import Panel, Part, absent

RARE = 1e-3  # numbers of missing bits rarer than this are not drawn


def readout_part(mechanism: JsonObject) -> Part:
    """Is the logit a straight line in the number of missing bits?"""
    heading = "Logits against missing bits"
    found = block(mechanism, "readout")
    if found is None:
        return absent(lacking(mechanism, "readout", "fit of the readout"), heading)
    said = (
        "The readout should take the same amount off a token’s logit for every bit of it that is "
        "missing from the union. "
    )
    if found["slope"] is None or found["r2"] is None:
        return Part(
            heading,
            (
                said + "Here the logits or the numbers of missing bits are all "
                "equal, so there is no line to fit.",
            ),
        )
    said += (
        f"A straight line in the number of missing bits, with a slope of "
        f"{figure(found['slope'])}, explains {percent(found['r2'])} of the variance of the logits "
        "(each less the mean of its set’s members)"
    )
    levels = found.get("r2_levels")
    said += (
        "."
        if levels is None
        else f"; with the levels of the missing units in place of their count, {percent(levels)}."
    )
    weights = block(found, "W_out")
    if weights is not None:
        said += (
            f" In W_out, {percent(weights['agreement'])} of the entries lie on the side of the "
            f"middle that their bit says (bits {figure(weights['bit_mean'])} ± "
            f"{figure(weights['bit_sd'])}, others {figure(weights['other_mean'])} ± "
            f"{figure(weights['other_sd'])})."
        )
    return Part(heading, (said,), panels=(_readout_panel(found),))


def _readout_panel(found: JsonObject) -> Panel:
    rows = [row for row in rows_of(found, "by_missing_bits") if row["share"] > RARE]
    x = [float(row["missing"]) for row in rows]
    fitted = [found["intercept"] + found["slope"] * value for value in x]
    means, spread = [row["mean"] for row in rows], [row["sd"] or 0.0 for row in rows]
    series = [
        Series("straight line", "line", x, fitted),
        Series("mean ± sd", "network", x, means, spread),
    ]
    drawn = draw_series(
        "readout",
        "Logits, less the mean of the members, by number of missing bits",
        series,
        Axis("missing bits of the token", "logit less the members’ mean"),
    )
    said = (
        f"Numbers of missing bits that less than {percent(RARE, 1)} of the pairs of a set and a "
        "token have are left out."
    )
    return Panel("", drawn, said)


def hashes_part(mechanism: JsonObject) -> Part:
    """Is the code better than chance: even weights, few shared bits?"""
    heading = "The hashes themselves"
    weight, overlaps = block(mechanism, "hash_weight"), block(mechanism, "overlaps")
    if weight is None and overlaps is None:
        return absent(lacking(mechanism, "hash_weight", "account of the hashes"), heading)
    text: list[str] = []
    panels: list[Panel] = []
    if weight is not None:
        text.append(_weight_words(weight))
        panels.append(_weights_panel(weight))
    if overlaps is not None:
        text.append(_overlap_words(overlaps))
        if weight is not None:
            panels.append(_overlaps_panel(weight, overlaps))
    if (copies := mechanism.get("duplicate_hashes")) is not None:
        text.append(_copies(copies))
    return Part(heading, (" ".join(text),), panels=tuple(panels))


def _weight_words(weight: JsonObject) -> str:
    said = f"A token has {weight['mean']:.1f} bits on average."
    ratio = weight.get("variance_ratio")
    if ratio is None:
        return said
    even = (
        "far more even than" if ratio < 0.5 else "as even as" if ratio < 1.2 else "less even than"
    )
    return (
        f"{said} The numbers of bits are {even} independent bits would make them: their variance "
        f"is {figure(ratio, 2)} times the binomial one."
    )


def _overlap_words(overlaps: JsonObject) -> str:
    said = (
        f"Two tokens share {figure(overlaps['mean'])} ± {figure(overlaps['sd'])} bits, and at most "
        f"{overlaps['largest']}"
    )
    random = block(overlaps, "random")
    if random is None:
        return said + "."
    by_chance = f"{figure(random['mean'])} ± {figure(random['sd'])}"
    return f"{said}; random hashes of the same weights share {by_chance}."


def _copies(groups: list[list[int]]) -> str:
    if not groups:
        return "No two tokens have the same hash."
    tokens = sum(len(group) for group in groups)
    return (
        f"{several(tokens, 'token')} have the same hash as another token, and cannot be told apart."
    )


def _weights_panel(weight: JsonObject) -> Panel:
    counts = np.array(weight["counts"], dtype=np.float64)
    width = len(counts) - 1
    share = weight["mean"] / width
    chance = np.array(
        [
            comb(width, bits) * share**bits * (1 - share) ** (width - bits)
            for bits in range(width + 1)
        ]
    )
    drawn = draw_distribution(
        "hash-weights",
        "Distribution of the number of bits of a token, and the binomial one of the same mean",
        counts / counts.sum(),
        chance,
        ("bits of a token", "tokens"),
    )
    return Panel("Bits per token", drawn)


def _overlaps_panel(weight: JsonObject, overlaps: JsonObject) -> Panel:
    counts = np.array(overlaps["counts"], dtype=np.float64)
    chance = shared_by_chance(np.array(weight["counts"]))
    places = max(len(counts), len(chance))
    padded = [np.pad(each, (0, places - len(each))) for each in (counts / counts.sum(), chance)]
    drawn = draw_distribution(
        "hash-overlaps",
        "Distribution of the bits that two tokens share, and that of random hashes",
        padded[0],
        padded[1],
        ("bits that two tokens share", "pairs"),
    )
    said = f"Over {count(int(counts.sum()))} pairs of tokens; by chance: hypergeometric."
    return Panel("Shared bits of two tokens", drawn, said)


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
