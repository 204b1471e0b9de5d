"""Section 10: error against width, where a sweep of the same task was given."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from relubloom import theory
from relubloom.errors import UsageError
from relubloom.records.sweep_row import Glance, SweepRow
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.numbers import count, figure, optional, percent, several
from relubloom.report.parts import Panel, Part, Section, Table, absent
from relubloom.report.subject import Subject

RECIPE = ("steps", "batch_size", "learning_rate", "warmup", "init_scale_in", "init_scale_out")
DIRECTIONS_SETS = 500
RESOLVED = 3.0  # standard errors from which a Monte Carlo estimate is shown
CAPTION = (
    "Every dot is a network, the line runs through the medians. Random code: the exact expected "
    "error of the best random constant-weight code. Random directions: linear superposition, which "
    "needs no ReLU, over drawn sets."
)

ByWidth = dict[int, list[Glance]]
"""The networks of each width, ascending."""


def width_section(subject: Subject, rows: Sequence[SweepRow] = ()) -> Section:
    """A figure and a table for each objective; a sentence where no other width was trained.

    Cost: up to a second a width, for random directions.
    """
    found = _by_objective(subject, rows)
    if not found:
        sentence = (
            f"One width was studied here, {subject.width}, so no curve of error against width can "
            f"be drawn. `relubloom plan --vocab-size {subject.vocab_size} --set-size k --width d` "
            "says what theory expects of any other."
        )
        parts: tuple[Part, ...] = (absent(sentence),)
    else:
        parts = tuple(
            _part(subject, objective, networks, named=len(found) > 1)
            for objective, networks in found.items()
        )
    return Section("width", "Error against width", parts, short="Width")


def _by_objective(subject: Subject, rows: Sequence[SweepRow]) -> dict[str, ByWidth]:
    """Networks of the subject's task, its own objective first; objectives with several widths."""
    wanted = {
        "vocab_size": subject.vocab_size,
        "set_size": subject.run.task.get("set_size"),
        "source": "uniform",
        "training_pool": None,
        "activation": "relu",
    }
    grouped: dict[str, list[SweepRow]] = defaultdict(list)
    for row in rows:
        if row.status == "done" and all(row.settings.get(k) == v for k, v in wanted.items()):
            grouped[row.settings["objective"]].append(row)
    own = (subject.run.recipe or {}).get("objective")
    found = {
        objective: _one_recipe(grouped[objective])
        for objective in sorted(grouped, key=lambda objective: (objective != own, objective))
    }
    return {objective: networks for objective, networks in found.items() if len(networks) > 1}


def _one_recipe(rows: list[SweepRow]) -> ByWidth:
    """Networks of the recipe with the most widths, then networks, then sets seen in training."""
    recipes: dict[tuple[Any, ...], dict[int, list[Glance]]] = {}
    for row in rows:
        recipe = tuple(row.settings.get(name) for name in RECIPE)
        networks = recipes.setdefault(recipe, defaultdict(list))
        if row.figures is not None:
            networks[row.settings["width"]].append(row.figures)

    def rank(recipe: tuple[Any, ...]) -> tuple[int, ...]:
        networks = recipes[recipe]
        return len(networks), sum(map(len, networks.values())), recipe[0] * recipe[1]

    best = recipes[max(recipes, key=rank)]
    return {width: best[width] for width in sorted(best)}


def _part(subject: Subject, objective: str, networks: ByWidth, *, named: bool) -> Part:
    vocab_size, set_size = subject.vocab_size, subject.run.task["set_size"]
    medians = {w: statistics.median(each.mse for each in at) for w, at in networks.items()}
    codes = {w: theory.best_constant_weight(vocab_size, w, set_size).mse for w in networks}
    directions = {w: _directions(vocab_size, w, set_size) for w in networks}
    resolved = {w: mse for w, mse in directions.items() if mse is not None}
    seeds = [(width, each.mse) for width, at in networks.items() for each in at]
    series = [
        Series("each seed", "dots", [float(w) for w, _ in seeds], [mse for _, mse in seeds]),
        _series("median", "network", medians),
        _series("random code", "theory", codes),
        _series("random directions", "line", resolved),
    ]
    drawing = draw_series(
        f"width-{objective}",
        f"Mean squared error against width, every seed, objective {objective}",
        series,
        Axis("width d", "mse (log scale)", log=True),
    )
    better = [width for width in networks if medians[width] < codes[width]]
    widest = max(networks)
    said = (
        f"A sweep trained {several(len(seeds), 'network')} of {len(networks)} widths with the "
        f"objective {objective}. The median network has less error than the best random code at "
        f"{count(len(better))} of them. At {widest} units it errs by {figure(medians[widest])}, "
        f"the random code by {figure(codes[widest])}."
    )
    cells = [
        (
            f"{width}",
            f"{len(at)}",
            figure(medians[width]),
            figure(max(each.mse for each in at)),
            percent(statistics.median(each.p_exact for each in at)),
            figure(codes[width]),
            optional(directions[width], figure),
        )
        for width, at in networks.items()
    ]
    return Part(
        f"Objective {objective}" if named else "",
        (said,),
        panels=(Panel(f"Error against width, sets of {set_size}", drawing),),
        caption=CAPTION,
        tables=(
            Table(
                (
                    *("width", "seeds", "mse, median", "worst", "exact, median"),
                    *("random code", "random directions"),
                ),
                tuple(cells),
                kind="seeds",
            ),
        ),
    )


def _series(name: str, look: str, by_width: dict[int, float]) -> Series:
    return Series(name, look, [float(width) for width in by_width], list(by_width.values()))


def _directions(vocab_size: int, width: int, set_size: int) -> float | None:
    """Mse of linear superposition; None where its draw is too large or does not resolve it."""
    try:
        found = theory.linear_superposition(vocab_size, width, set_size, sets=DIRECTIONS_SETS)
    except UsageError:
        return None
    return found.mse if found.mse > RESOLVED * found.standard_error else None
