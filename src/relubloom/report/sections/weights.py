"""The weights beside what they are not, and how they came to be what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.records.mechanism import InputModes
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.training import BINS, draw_loss, draw_moment
from relubloom.report.charts.weights import (
    bin_edges,
    bin_shares,
    draw_colour_bar,
    draw_histogram,
    draw_matrix,
    shared_limit,
    shown,
)
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

MOMENTS = 8  # pictures of the film that are shown
REACH = 0.15  # of the gap: an entry this near the middle counts as undecided, as in the verdict


@dataclass(frozen=True)
class ShownMatrix:
    """One matrix W_in to show: `key` is "own", "constructed" or "initial".

    `turned` marks reversed units, bool [width], whose entries are negated in the histogram.
    """

    key: str
    heading: str
    W_in: NDArray[np.float32]
    order: NDArray[np.intp]
    modes: InputModes | None
    turned: NDArray[np.bool_]

    @property
    def suffix(self) -> str:
        """What its figures' names end on."""
        return "" if self.key == "own" else f"-{self.key}"

    @property
    def entries(self) -> NDArray[np.float32]:
        """W_in with every unit's bits below its other entries."""
        return with_bits_below(self.W_in, self.turned)


def weights(contents: Contents) -> SectionData:
    """The two figures of the claim. Cost: the weights of a second network."""
    sources = _sources(contents)
    parts = [shown(source.W_in, source.order) for source in sources]
    limit, edges = shared_limit(parts), bin_edges([source.entries for source in sources])
    matrices = (
        draw_matrix(
            f"matrix{source.suffix}",
            part,
            limit,
            contents.featured.labels,
            f"Weight matrix, {source.heading}: {part.shape[0]} tokens by {part.shape[1]} "
            "hidden units",
        )
        for source, part in zip(sources, parts, strict=True)
    )
    histograms = (
        draw_histogram(
            f"histogram{source.suffix}",
            bin_shares(source.entries, edges),
            edges,
            source.modes,
            f"Histogram of the entries of W_in, {source.heading}",
        )
        for source in sources
    )
    tokens, units = parts[0].shape
    values = {"sources": sources, "tokens": tokens, "units": units}
    return SectionData(values, (*matrices, *histograms, draw_colour_bar(limit)))


def _sources(contents: Contents) -> list[ShownMatrix]:
    run, built = contents.featured, contents.constructed
    modes = modes_of(run.mechanism)
    found = [ShownMatrix("own", contents.heading, run.W_in, run.order, modes, run.reversed)]
    if built is not None:
        modes = modes_of(built.mechanism)
        found.append(
            ShownMatrix(
                "constructed", "constructed", built.W_in, built.order, modes, built.reversed
            )
        )
    if run.film is not None:
        first = run.film[0][0]
        found.append(
            ShownMatrix("initial", "before training", first, run.order, None, run.reversed)
        )
    return found


def modes_of(found: InputModes | None) -> InputModes | None:
    """The mixture that the histogram shows; None where the entries are of one kind."""
    return found if found is not None and (found.two_modes or found.two_valued) else None


def film(contents: Contents) -> SectionData:
    """The loss curve and small multiples of W_in."""
    run = contents.featured
    if run.construction is not None:
        return SectionData()
    loss = [_loss(contents)] if len(run.history) > 1 else []
    if run.film is None:
        return SectionData(drawings=tuple(loss))
    W_in, steps = run.film
    entries = with_bits_below(W_in, run.reversed)
    places = np.linspace(0, len(steps) - 1, min(MOMENTS, len(steps)))
    moments = np.unique(places.round().astype(int)).tolist()
    values = {
        "moments": moments,
        "near": _near(entries, run.mechanism),
        "middle": len(steps) // 2,
        "reach": REACH,
    }
    middle = None if run.mechanism is None else run.mechanism.midpoint
    low, high = float(entries[moments].min()), float(entries[moments].max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    pictures = (
        draw_moment(
            f"film-{moment}",
            f"W_in after {steps[moment]} steps, with the histogram of its entries",
            shown(W_in[moment], run.order),
            np.histogram(entries[moment], edges)[0] / W_in[moment].size,
            edges,
            middle,
        )
        for moment in moments
    )
    return SectionData(values, (*loss, *pictures))


def _loss(contents: Contents) -> Drawing:
    run, rival = contents.featured, contents.rival
    last = run.history[-1]
    return draw_loss(
        run.history,
        [each.history for each in contents.runs if each is not run],
        None if rival is None else rival.mse,
        f"Training loss over {last['step']} steps, ending at {last['loss']:.4g} "
        f"({last['objective']})",
    )


def _near(entries: NDArray[np.float32], found: InputModes | None) -> list[float]:
    """By moment, the share of entries near the middle of the two modes that they end in."""
    if found is None or found.two_valued or not found.two_modes:
        return []
    low, high = found.mode_means
    return (np.abs(entries - found.midpoint) < REACH * (high - low)).mean((1, 2)).tolist()


def with_bits_below(W_in: NDArray[np.float32], turned: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The entries [..., width], those of reversed units negated."""
    return np.where(turned, -W_in, W_in) if turned.any() else W_in
