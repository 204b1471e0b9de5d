"""Write docs/results/width.md and its figures from a sweep's results.

Usage: python experiments/width.py RESULTS [--out DIR]

RESULTS is a results.sqlite, or the folder of one, as `relubloom sweep` writes it. Rivals that are
not trained depend on sizes alone: those not yet in DIR/width-rivals.json are made (minutes for a
whole study) and kept there. The same results and rivals give the same page, byte for byte.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from relubloom.report.charts.drawing import Drawing, standalone
from relubloom.report.numbers import figure, percent
from width_law.curves import OBJECTIVES, AtWidth, Curve, curves
from width_law.fits import Interval, LawFit
from width_law.law_figure import LawPanel, draw_law
from width_law.modes_figure import draw_modes
from width_law.phase_figure import PhasePanel, draw_phases
from width_law.phases import phases
from width_law.records import Cell, Measured, Measurements, measurements
from width_law.rivals import RIVALS, Rivals, complete_rivals
from width_law.sentences import (
    against_rivals,
    astray_sentence,
    designed_error,
    law_sentences,
    linear_sentences,
    need_sentence,
    onset_sentences,
    random_errors,
    random_fit,
    random_logs,
    verdict_counts,
)
from width_law.short import Judged, brief, short_section
from width_law.slopes_figure import SlopePanel, draw_slopes
from width_law.steps import step_studies
from width_law.steps_section import steps_section
from width_law.training_pool_figure import draw_training_pool
from width_law.words import FITS, INTRODUCTION, LAW, PHASES, RECIPES, SLOPES, TITLE, TRAINING_POOL

OUT = Path("docs/results")
PAGE = "width.md"
Sizes = dict[tuple[int, int], dict[int, Rivals]]
"""Rivals by width, for each (vocab_size, set_size)."""


def main() -> None:
    """Read the results, make what rivals are missing, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    import relubloom as rb

    print(write_page(rb.load_results(given.results), given.out))


def write_page(records: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write the page, its figures and the rivals' file into `out`; returns the page's path.

    Figures of an earlier page (`width-*.svg`) are removed.
    """
    for stale in out.glob("width-*.svg"):
        stale.unlink()
    found = measurements(records)
    every = curves(found.networks)
    rivals = _rivals(every, out / RIVALS)
    fresh = [curve for curve in every if curve.cell.training_pool is None]
    relu = [curve for curve in fresh if curve.cell.activation == "relu"]
    judged = [_judged(curve, fresh, rivals) for curve in relu if not curve.trivial]
    sections = [
        TITLE,
        short_section(judged, trivial=len(judged) < len(relu)),
        introduction(found),
        law_section(fresh, rivals, out),
        fits_section(relu, judged, rivals),
        slopes_section([each.curve for each in judged], rivals, out),
        steps_section(step_studies(found), {curve.cell: curve.fit() for curve in every}),
        phase_section(relu, fresh, rivals, out),
        training_pool_section(every, rivals, out),
        recipes_section(found),
        *(tables_section(curve, _linear_of(curve, fresh), rivals) for curve in relu),
    ]
    path = out / PAGE
    path.write_text("\n".join(section for section in sections if section), encoding="utf-8")
    return path


def _rivals(every: list[Curve], path: Path) -> Sizes:
    sizes = {
        (curve.cell.vocab_size, point.width, curve.cell.set_size)
        for curve in every
        for point in curve.points
    }
    made: Sizes = {}
    for (vocab, width, size), each in complete_rivals(
        path, sizes, lambda size: print("rivals at", *size, flush=True)
    ).items():
        made.setdefault((vocab, size), {})[width] = each
    return made


def _at(curve: Curve, rivals: Sizes) -> dict[int, Rivals]:
    return rivals[curve.cell.vocab_size, curve.cell.set_size]


def _own(curve: Curve, rivals: Sizes) -> dict[int, Rivals]:
    """The rivals at the widths that the curve has."""
    widths = {point.width for point in curve.points}
    return {width: each for width, each in _at(curve, rivals).items() if width in widths}


def _linear_of(curve: Curve, every: list[Curve]) -> Curve | None:
    wanted = Cell(curve.cell.vocab_size, curve.cell.set_size, curve.cell.objective, "none", None)
    return next((each for each in every if each.cell == wanted), None)


def _judged(curve: Curve, fresh: list[Curve], rivals: Sizes) -> Judged:
    by_width = _at(curve, rivals)
    fit = curve.fit(random_errors(by_width))
    random = random_fit(by_width, fit.widths) if fit else None
    widest = by_width[curve.points[-1].width]
    return Judged(curve, fit, random, _linear_of(curve, fresh), widest)


def _grid(relu: list[Curve], vocab: int) -> list[list[Curve]]:
    """Curves of one vocabulary: a row for each objective, in the order of set sizes."""
    own = [curve for curve in relu if curve.cell.vocab_size == vocab]
    rows = [[each for each in own if each.cell.objective == name] for name in OBJECTIVES]
    return [row for row in rows if row]


def _vocabularies(every: list[Curve]) -> list[int]:
    return sorted({curve.cell.vocab_size for curve in every})


def _title(cell: Cell, *, vocabulary: bool = True) -> str:
    start = f"N = {cell.vocab_size}, " if vocabulary else ""
    return f"{start}k = {cell.set_size}, objective {cell.objective}"


def _save(drawing: Drawing, out: Path, description: str) -> str:
    """Write a figure and return the Markdown that shows it."""
    (out / f"{drawing.name}.svg").write_text(standalone(drawing.svg) + "\n", encoding="utf-8")
    return f"![{description}]({drawing.name}.svg)\n"


def introduction(found: Measurements) -> str:
    """What was run and set aside."""
    networks = found.networks
    aside = ", ".join(f"{count:,} {reason}" for reason, count in found.set_aside.items())
    recipes = sorted({_recipe(each) for each in networks})
    return INTRODUCTION.format(
        networks=len(networks),
        aside=f" Set aside: {aside}." if aside else "",
        cells=len({each.cell for each in networks}),
        recipes="".join(f"- {recipe}\n" for recipe in recipes),
    )


def law_section(fresh: list[Curve], rivals: Sizes, out: Path) -> str:
    """A figure for each vocabulary: a row for each objective, a panel for each set size.

    Set sizes that not every objective has stand in a figure of their own.
    """
    relu = [
        curve
        for curve in fresh
        if curve.cell.activation == "relu" and len(curve.points) > 1 and not curve.trivial
    ]
    parts = ["## Error against width\n", LAW]
    for vocab in _vocabularies(relu):
        rows = _grid(relu, vocab)
        shared = set[int].intersection(*({each.cell.set_size for each in row} for row in rows))
        common = [[each for each in row if each.cell.set_size in shared] for row in rows]
        rest = [each for row in rows for each in row if each.cell.set_size not in shared]
        figures = {f"width-law-{vocab}": [row for row in common if row]}
        figures[f"width-law-{vocab}-more"] = [rest[at : at + 3] for at in range(0, len(rest), 3)]
        for name, grid in figures.items():
            if grid:
                said = f"Mean squared error against width at N = {vocab}, by set size and objective"
                panels = [[_law_panel(curve, fresh, rivals) for curve in row] for row in grid]
                parts.append(_save(draw_law(name, panels, said), out, said))
    return "\n".join(parts)


def _law_panel(curve: Curve, fresh: list[Curve], rivals: Sizes) -> LawPanel:
    return LawPanel(
        title=_title(curve.cell, vocabulary=False),
        curve=curve,
        linear=_linear_of(curve, fresh),
        rivals=tuple(_own(curve, rivals).values()),
        fit=curve.fit(random_errors(_at(curve, rivals))),
    )


def fits_section(relu: list[Curve], judged: list[Judged], rivals: Sizes) -> str:
    """Both fits of every cell beside those of the best random codes, and what they say."""
    lines = ["## Which law\n", FITS]
    lines += [
        "| N | k | objective | widths | seeds | exponential: k × rate | power law: exponent | "
        "misfit, exp. | misfit, power | Δ AICc | Δ AIC, runs | shape | "
        "misfit, random code’s curve | Δ AICc, that | random code: k × rate | its Δ AICc | "
        "its shape |",
        "|" + "---|" * 17,
    ]
    lines += [_fit_row(each.curve, each.fit, each.random) for each in judged if each.fit]
    said = [
        f"- **{_title(curve.cell)}.** {' '.join(law_sentences(curve, None, None))}"
        for curve in relu
        if curve.trivial
    ]
    said += [
        f"- **{_title(each.curve.cell)}.** {brief(each.curve, each.fit, each.random)}"
        for each in judged
        if len(each.curve.points) > 1
    ]
    return "\n".join([*lines, "", *said, ""])


def _fit_row(curve: Curve, fit: LawFit, random: LawFit | None) -> str:
    cell, size = curve.cell, curve.cell.set_size
    cells = [
        f"{cell.vocab_size}",
        f"{size}",
        cell.objective,
        f"{fit.widths[0]}–{fit.widths[-1]} ({len(fit.widths)})",
        f"{fit.seeds}",
        _with_intervals(
            fit.exponential.rate, fit.exponential.by_seeds, fit.exponential.by_misfit, size
        ),
        _with_intervals(fit.power.rate, fit.power.by_seeds, fit.power.by_misfit, 1),
        f"× {np.exp(fit.exponential.rms):.2f}",
        f"× {np.exp(fit.power.rms):.2f}",
        f"{fit.delta_aicc:+.1f}",
        f"{fit.delta_aic_runs:+.0f}",
        f"{fit.shape:.2f}" + ("" if fit.shape_by_seeds is None else _range(fit.shape_by_seeds, 1)),
    ]
    if fit.random is None or fit.random_delta_aicc is None:
        cells += ["–", "–"]
    else:
        cells += [f"× {np.exp(fit.random.rms):.2f}", f"{fit.random_delta_aicc:+.1f}"]
    if random is None:
        cells += ["–", "–", "–"]
    else:
        cells += [
            f"{size * random.exponential.rate:.3f}",
            f"{random.delta_aicc:+.1f}",
            f"{random.shape:.2f}",
        ]
    return "| " + " | ".join(cells) + " |"


def _with_intervals(rate: float, seeds: Interval | None, misfit: Interval, factor: float) -> str:
    own = "" if seeds is None else _range(seeds, factor)
    return f"{factor * rate:.3f}{own}; misfit{_range(misfit, factor)}"


def _range(ends: Interval, factor: float) -> str:
    return f" [{factor * ends[0]:.3f}, {factor * ends[1]:.3f}]"


def slopes_section(relu: list[Curve], rivals: Sizes, out: Path) -> str:
    """Local slopes, a figure for each vocabulary."""
    parts = ["## Local slopes\n", SLOPES]
    for vocab in _vocabularies(relu):
        panels = [
            SlopePanel(
                title=_title(curve.cell, vocabulary=False),
                curve=curve,
                fit=curve.fit(),
                random_logs=random_logs(_own(curve, rivals)),
            )
            for row in _grid(relu, vocab)
            for curve in row
            if len(curve.local_slopes()) > 1
        ]
        if panels:
            said = f"Local slope of ln mse between neighbouring widths at N = {vocab}"
            parts.append(_save(draw_slopes(f"width-slopes-{vocab}", panels, said), out, said))
    return "\n".join(parts)


def phase_section(relu: list[Curve], fresh: list[Curve], rivals: Sizes, out: Path) -> str:
    """Which seeds became Bloom filters, where they begin to, and whether they must."""
    parts = ["## Where networks binarise\n", PHASES]
    grids = [row for vocab in _vocabularies(relu) for row in _grid(relu, vocab)]
    panels = [
        PhasePanel(
            f"N = {row[0].cell.vocab_size}, objective {row[0].cell.objective}",
            tuple((curve.cell.set_size, tuple(phases(curve))) for curve in row),
        )
        for row in grids
    ]
    said = "Seeds by verdict over units per token of a set, and whether most of them binarise"
    parts.append(_save(draw_phases("width-phases", panels, said), out, said))
    for curve in relu:
        sentences = [*onset_sentences(curve), f"Verdicts over all widths: {verdict_counts(curve)}."]
        need = need_sentence(curve, _at(curve, rivals))
        sentences += [need] if need else []
        linear = _linear_of(curve, fresh)
        sentences += [] if linear is None else linear_sentences(curve, linear)
        parts.append(f"- **{_title(curve.cell)}.** {' '.join(sentences)}")
    for row in grids:
        row = [curve for curve in row if not curve.trivial]
        if not row:
            continue
        cell = row[0].cell
        name = f"width-modes-{cell.vocab_size}-{cell.objective}"
        said = f"Gap, agreement and bits at N = {cell.vocab_size}, objective {cell.objective}"
        parts += [
            f"\nN = {cell.vocab_size}, objective {cell.objective}:\n",
            _save(draw_modes(name, row, said), out, said),
        ]
    return "\n".join(parts)


def training_pool_section(every: list[Curve], rivals: Sizes, out: Path) -> str:
    """Networks of one size trained on few distinct sets; empty where there are none."""
    limited = [curve for curve in every if curve.cell.training_pool is not None]
    if not limited:
        return ""
    parts = ["## How many sets it takes\n", TRAINING_POOL]
    sizes = sorted(
        {
            (curve.cell.vocab_size, point.width, curve.cell.set_size)
            for curve in limited
            for point in curve.points
        }
    )
    for vocab, width, size in sizes:
        points = [
            (curve.cell, point)
            for curve in every
            for point in curve.points
            if (curve.cell.vocab_size, point.width, curve.cell.set_size) == (vocab, width, size)
            and curve.cell.activation == "relu"
        ]
        objectives = {cell.objective for cell, _ in points if cell.training_pool is not None}
        points = [each for each in points if each[0].objective in objectives]
        networks = [network for _, point in points for network in point.networks]
        random = rivals[vocab, size][width].random_mse
        said = (
            f"Error, gap and agreement by distinct training sets at N={vocab}, d={width}, k={size}"
        )
        name = f"width-training-pool-{vocab}-{width}-{size}"
        parts += [_save(draw_training_pool(name, networks, random, said), out, said)]
        parts += [
            "| objective | distinct training sets | seeds | median mse | worst | median exact | "
            "verdicts | binarised | median gap | median agreement |",
            "|" + "---|" * 10,
        ]
        ordered = sorted(
            points, key=lambda each: (each[0].objective, each[0].training_pool or float("inf"))
        )
        parts += [_training_row(cell, point) for cell, point in ordered]
        parts.append("")
    return "\n".join(parts)


def _training_row(cell: Cell, point: AtWidth) -> str:
    (phase,) = phases(Curve(cell, (point,)))
    shown = "fresh" if cell.training_pool is None else f"{cell.training_pool:,}"
    exact = statistics.median(network.p_exact for network in point.networks)
    return (
        f"| {cell.objective} | {shown} | {phase.seeds} | {figure(point.median)} | "
        f"{figure(max(point.errors))} | {percent(exact)} | {_verdicts(phase.verdicts)} | "
        f"{phase.binarised:.0%} | {_optional(phase.gap, '.1f')} | {phase.agreement:.4f} |"
    )


def recipes_section(found: Measurements) -> str:
    """Other recipes at the same size, beside the one that is shown; empty where there are none."""
    places = {(network.cell, network.width) for network in found.other_recipes}
    if not places:
        return ""
    lines = [
        "## Other recipes\n",
        RECIPES,
        "| N | k | objective | d | recipe | seeds | mse, median | worst | of the one shown | "
        "exact, median | verdicts | binarised |",
        "|" + "---|" * 12,
    ]
    groups: dict[tuple[Cell, int], dict[str, list[Measured]]] = {}
    for network in (*found.networks, *found.other_recipes):
        if (network.cell, network.width) in places:
            own = groups.setdefault((network.cell, network.width), {})
            own.setdefault(_recipe(network), []).append(network)
    for (cell, width), recipes in sorted(groups.items(), key=lambda each: _place(*each[0])):
        shown = next(iter(recipes.values()))  # networks come first
        reference = statistics.median(network.mse for network in shown)
        for recipe, networks in sorted(recipes.items(), key=lambda each: each[1][0].sets_seen):
            lines.append(_recipe_row(cell, AtWidth(width, tuple(networks)), recipe, reference))
    return "\n".join([*lines, ""])


def _place(cell: Cell, width: int) -> tuple[object, ...]:
    pool = float("inf") if cell.training_pool is None else cell.training_pool
    return (cell.vocab_size, cell.set_size, cell.objective, cell.activation, pool, width)


def _recipe(network: Measured) -> str:
    return ", ".join(f"{name} {value}" for name, value in network.recipe)


def _recipe_row(cell: Cell, point: AtWidth, recipe: str, reference: float) -> str:
    (phase,) = phases(Curve(cell, (point,)))
    exact = statistics.median(network.p_exact for network in point.networks)
    return (
        f"| {cell.vocab_size} | {cell.set_size} | {cell.objective} | {point.width} | {recipe} | "
        f"{phase.seeds} | {figure(point.median)} | {figure(max(point.errors))} | "
        f"× {point.median / reference:.2f} | {percent(exact)} | {_verdicts(phase.verdicts)} | "
        f"{phase.binarised:.0%} |"
    )


def tables_section(curve: Curve, linear: Curve | None, rivals: Sizes) -> str:
    """All figures of one cell by width, worst seeds included, beside every rival."""
    by_width = _at(curve, rivals)
    other = {} if linear is None else {point.width: point for point in linear.points}
    lines = [
        f"## Table: {_title(curve.cell)}\n",
        " ".join([*against_rivals(curve, linear, by_width), astray_sentence(curve) or ""]) + "\n",
        "| d | seeds | mse, median | best | worst | s.e. of sampling | exact, median | verdicts | "
        "binarised | random code | designed code | disjunct code | trained without ReLU, median | "
        "random directions | counting bound |",
        "|" + "---|" * 15,
    ]
    for point, phase in zip(curve.points, phases(curve), strict=True):
        rival = by_width[point.width]
        linear_point = other.get(point.width)
        errors = statistics.median(network.mse_se for network in point.networks)
        cells = [
            f"{point.width}",
            f"{phase.seeds}",
            figure(point.median),
            figure(min(point.errors)),
            figure(max(point.errors)),
            "all sets" if errors == 0 else figure(errors, 2),
            percent(statistics.median(network.p_exact for network in point.networks)),
            _verdicts(phase.verdicts),
            f"{phase.binarised:.0%}",
            f"{figure(rival.random_mse)} (weight {rival.random_weight})",
            _designed(rival),
            "0" if rival.disjunct else "none",
            "–" if linear_point is None else figure(linear_point.median),
            _optional_figure(rival.superposition_mse),
            figure(rival.counting_mse),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _verdicts(counts: tuple[int, int, int]) -> str:
    return "/".join(map(str, counts))


def _designed(rival: Rivals) -> str:
    made = rival.designed
    if made is None:
        return "–"
    return f"{designed_error(rival)} ({made.family})"


def _optional_figure(value: float | None) -> str:
    return "unresolved" if value is None else figure(value)


def _optional(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


if __name__ == "__main__":
    main()
