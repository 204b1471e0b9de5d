"""Section 3: the weight matrix and the histogram of its entries, beside what they are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.report.charts.weights import (
    UNITS,
    Modes,
    bin_edges,
    bin_shares,
    draw_colour_bar,
    draw_histogram,
    draw_matrix,
    shared_limit,
    shown,
    unit_order,
)
from relubloom.report.contents import JsonObject, read_weights
from relubloom.report.numbers import count, percent, several
from relubloom.report.parts import Panel, Part, Section
from relubloom.report.subject import Subject


@dataclass(frozen=True)
class _Source:
    """One matrix W_in to show, with what belongs to it."""

    key: str
    heading: str
    W_in: NDArray[np.float32]
    order: NDArray[np.intp]
    labels: tuple[str, ...]
    modes: Modes | None


def matrix_section(subject: Subject) -> Section:
    """The two figures of the claim. Cost: the weights of a second network."""
    sources = _sources(subject)
    parts = (_matrices(subject, sources), _histograms(subject, sources))
    return Section("weights", "The weight matrix", parts, short="The weights")


def _sources(subject: Subject) -> list[_Source]:
    run, labels = subject.run, subject.labels
    W_in, order = subject.weights.W_in, subject.order
    found = [_Source("own", subject.heading, W_in, order, labels, _modes(run.mechanism))]
    built = subject.contents.constructed
    if built is not None:
        other = read_weights(built)
        modes = _modes(built.mechanism)
        sorted_units = unit_order(other.W_in, other.code)
        heading = "constructed"
        found.append(_Source("constructed", heading, other.W_in, sorted_units, labels, modes))
    if subject.initial is not None:
        found.append(_Source("initial", "before training", subject.initial, order, labels, None))
    return found


def _matrices(subject: Subject, sources: list[_Source]) -> Part:
    parts = [shown(source.W_in, source.order) for source in sources]
    limit = shared_limit(parts)
    panels = tuple(
        Panel(
            source.heading,
            draw_matrix(
                "matrix" if source.key == "own" else f"matrix-{source.key}",
                part,
                limit,
                source.labels,
                f"Weight matrix, {source.heading}: {part.shape[0]} tokens by {part.shape[1]} "
                "hidden units",
            ),
        )
        for source, part in zip(sources, parts, strict=True)
    )
    units = f" and {UNITS} of the {subject.width} units" if subject.width > UNITS else ""
    scale = "; all panels share one colour scale" if len(panels) > 1 else ""
    text = (
        "If the reading is right, every entry of W_in sits at one of two values, and each row "
        f"spells a hash. Below are the rows of the first {several(len(parts[0]), 'token')}{units}. "
        "Units are sorted so that the bits of the first token come first, then those of the "
        f"second, and so on{scale}."
    )
    return Part(
        text=(text,),
        panels=panels,
        scale=draw_colour_bar(limit),
        caption=_matrix_caption(subject, sources),
    )


def _matrix_caption(subject: Subject, sources: list[_Source]) -> str:
    strongest = subject.run.verdict in ("bloom", "partly")
    said = [
        "Blue tiles are negative entries" + ("; the strongest are the bits." if strongest else ".")
    ]
    keys = [source.key for source in sources]
    if "initial" in keys:
        said.append(
            f"“Before training” shows the same units in the same order as “{subject.heading}”."
        )
    if "constructed" in keys:
        said.append("The constructed network has a code of its own, and its own order.")
    return " ".join(said)


def _histograms(subject: Subject, sources: list[_Source]) -> Part:
    edges = bin_edges([source.W_in for source in sources])
    panels = tuple(
        Panel(
            source.heading,
            draw_histogram(
                "histogram" if source.key == "own" else f"histogram-{source.key}",
                bin_shares(source.W_in, edges),
                edges,
                source.modes,
                f"Histogram of the entries of W_in, {source.heading}. {_mode_words(source)}",
            ),
            _mode_words(source) if subject.run.mechanism else "",
        )
        for source in sources
    )
    entries = count(subject.vocab_size * subject.width)
    text = (
        f"The same claim with nothing left out: the histogram of all {entries} entries of W_in. "
        + _marks(subject.run.mechanism)
    )
    return Part(heading="All its entries", text=(text,), panels=panels)


def _marks(mechanism: JsonObject | None) -> str:
    if mechanism is None:
        return "The folder holds no fitted modes, as it was not examined."
    if mechanism["two_valued"]:
        return "Triangles mark its two values, and the dashed line is the threshold between them."
    return (
        "Triangles mark the means of the two normals fitted to them (mean ± standard deviation), "
        "the curve is their mixture, and the dashed line is the threshold halfway between."
    )


def _modes(mechanism: JsonObject | None) -> Modes | None:
    if mechanism is None or not (mechanism["two_modes"] or mechanism["two_valued"]):
        return None
    low, high = mechanism["mode_means"]
    low_sd, high_sd = mechanism["mode_sds"]
    low_share, high_share = mechanism["mode_shares"]
    return Modes((low, high), (low_sd, high_sd), (low_share, high_share))


def _mode_words(source: _Source) -> str:
    if source.key == "initial":
        return f"The random start, before any step ({several(len(source.W_in), 'token')})."
    if source.modes is None:
        return "No two modes were fitted."
    low, high = source.modes.shares
    if not any(source.modes.sds):
        return f"Exactly two values: {percent(low, 1)} of the entries are bits."
    return (
        f"The lower mode holds {percent(low, 1)} of the entries, the upper one {percent(high, 1)}."
    )
