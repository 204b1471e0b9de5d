"""The page's figures, drawn from the featured run and the networks beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.report.contents import (
    Contents,
    JsonObject,
    Run,
    Weights,
    labels_of,
    read_initial,
    read_weights,
)
from relubloom.report.example_figure import draw_example, find_example
from relubloom.report.histogram_figure import Modes, bin_edges, bin_shares, draw_histogram
from relubloom.report.loss_figure import draw_loss
from relubloom.report.matrix_figure import (
    UNITS,
    draw_colour_bar,
    draw_matrix,
    shared_limit,
    shown,
    unit_order,
)
from relubloom.report.numbers import percent, several


@dataclass(frozen=True)
class Panel:
    """A figure with its heading and caption."""

    heading: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Responsive:
    """A figure drawn twice: for a wide screen and for a phone."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class WorkedExample:
    """The example's figure and its numbers."""

    figure: Responsive
    members: list[str]
    false_positive: str
    member_p: list[str]
    false_positive_p: str


@dataclass(frozen=True)
class Figures:
    """All figures of the page; None or empty where the data is absent."""

    vocab_size: int
    width: int
    matrices: list[Panel]
    colour_bar: Markup
    units_shown: int
    tokens_shown: int
    histograms: list[Panel]
    loss: Responsive | None
    example: WorkedExample | None


@dataclass(frozen=True)
class _Source:
    """One matrix W_in to show, with what belongs to it."""

    key: str
    heading: str
    W_in: NDArray[np.float32]
    order: NDArray[np.intp]
    labels: tuple[str, ...]
    modes: Modes | None


def draw_figures(contents: Contents) -> Figures:
    """Draw everything. Cost: the weights of two networks, and about a second."""
    run = contents.featured
    weights = read_weights(run)
    vocab_size, width = weights.W_in.shape
    labels = labels_of(run, vocab_size)
    sources = _sources(contents, weights, labels)
    parts = [shown(source.W_in, source.order) for source in sources]
    limit = shared_limit(parts)
    return Figures(
        vocab_size=vocab_size,
        width=width,
        matrices=[
            Panel(
                source.heading,
                Markup(
                    draw_matrix(
                        f"matrix-{source.key}",
                        part,
                        limit,
                        source.labels,
                        f"Weight matrix, {source.heading}: {part.shape[0]} tokens by "
                        f"{part.shape[1]} hidden units",
                    )
                ),
                "",
            )
            for source, part in zip(sources, parts, strict=True)
        ],
        colour_bar=Markup(draw_colour_bar(limit)),
        units_shown=min(UNITS, width),
        tokens_shown=parts[0].shape[0],
        histograms=_histograms(sources),
        loss=_loss(contents),
        example=_example(run, weights, sources[0].order, labels),
    )


def _sources(contents: Contents, weights: Weights, labels: tuple[str, ...]) -> list[_Source]:
    run = contents.featured
    order = unit_order(weights.W_in, weights.code)
    own = "constructed" if run.construction is not None else "trained"
    heading = own if run.recipe is not None or run.construction is not None else "this network"
    if len(contents.runs) > 1:
        heading = f"trained (seed {run.seed})"
    found = [_Source(own, heading, weights.W_in, order, labels, _modes(run.mechanism))]
    if contents.constructed is not None:
        other = read_weights(contents.constructed)
        other_order = unit_order(other.W_in, other.code)
        modes = _modes(contents.constructed.mechanism)
        found.append(_Source("built", "constructed", other.W_in, other_order, labels, modes))
    initial = read_initial(run)
    if initial is not None:
        found.append(_Source("initial", "before training", initial, order, labels, None))
    return found


def _histograms(sources: list[_Source]) -> list[Panel]:
    edges = bin_edges([source.W_in for source in sources])
    return [
        Panel(
            source.heading,
            Markup(
                draw_histogram(
                    f"histogram-{source.key}",
                    bin_shares(source.W_in, edges),
                    edges,
                    source.modes,
                    f"Histogram of the entries of W_in, {source.heading}. {_mode_words(source)}",
                )
            ),
            _mode_words(source),
        )
        for source in sources
    ]


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


def _loss(contents: Contents) -> Responsive | None:
    run = contents.featured
    if len(run.history) < 2:
        return None
    rival = contents.best_random_code
    mse = None if rival is None else rival["mse"]
    others = [each.history for each in contents.runs if each is not run]
    last = run.history[-1]
    description = (
        f"Training loss over {last['step']} steps, ending at {last['loss']:.4g} "
        f"({last['objective']})"
    )
    wide, narrow = (
        Markup(draw_loss(f"loss-{size}", run.history, others, mse, size == "wide", description))
        for size in ("wide", "narrow")
    )
    return Responsive(wide, narrow)


def _example(
    run: Run, weights: Weights, order: NDArray[np.intp], labels: tuple[str, ...]
) -> WorkedExample | None:
    code = weights.code
    size: Any = run.task.get("set_size")
    k: Any = cast(list[int], size)[0] if isinstance(size, list) else size
    if not isinstance(code, Code) or not isinstance(k, int):
        return None
    found = find_example(weights.net, code, k)
    if found is None:
        return None
    members = [labels[token] for token in found.members]
    false_positive = labels[found.false_positive]
    description = (
        f"Hashes of {', '.join(members)}; their union; and the hash of {false_positive}, every bit "
        "of which lies in the union"
    )
    wide, narrow = (
        Markup(
            draw_example(
                f"example-{shape}", found, code, order, labels, shape == "wide", description
            )
        )
        for shape in ("wide", "narrow")
    )
    return WorkedExample(
        Responsive(wide, narrow),
        members,
        false_positive,
        [f"{p:.3f}" for p in found.member_p],
        f"{found.false_positive_p:.3f}",
    )
