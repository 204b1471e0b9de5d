"""The weight matrix and the histogram of its entries, beside what they are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.records.mechanism import Mechanism
from relubloom.report.charts.weights import (
    Modes,
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


@dataclass(frozen=True)
class ShownMatrix:
    """One matrix W_in to show: `key` is "own", "constructed" or "initial"."""

    key: str
    heading: str
    W_in: NDArray[np.float32]
    order: NDArray[np.intp]
    modes: Modes | None

    @property
    def suffix(self) -> str:
        """What its figures' names end on."""
        return "" if self.key == "own" else f"-{self.key}"


def weights(contents: Contents) -> SectionData:
    """The two figures of the claim. Cost: the weights of a second network."""
    sources = _sources(contents)
    parts = [shown(source.W_in, source.order) for source in sources]
    limit, edges = shared_limit(parts), bin_edges([source.W_in for source in sources])
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
            bin_shares(source.W_in, edges),
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
    found = [ShownMatrix("own", contents.heading, run.W_in, run.order, _modes(run.mechanism))]
    if built is not None:
        modes = _modes(built.mechanism)
        found.append(ShownMatrix("constructed", "constructed", built.W_in, built.order, modes))
    if run.film is not None:
        found.append(ShownMatrix("initial", "before training", run.film[0][0], run.order, None))
    return found


def _modes(mechanism: Mechanism | None) -> Modes | None:
    if mechanism is None or not (mechanism.two_modes or mechanism.two_valued):
        return None
    (low, high), (low_sd, high_sd) = mechanism.mode_means, mechanism.mode_sds
    low_share, high_share = mechanism.mode_shares
    return Modes((low, high), (low_sd, high_sd), (low_share, high_share))
