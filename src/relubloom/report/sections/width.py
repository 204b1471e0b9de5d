"""Error against width, where a sweep of the same task was given."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from relubloom import theory
from relubloom.errors import UsageError
from relubloom.records.sweep_row import Glance, SweepRow
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

RECIPE = ("steps", "batch_size", "learning_rate", "warmup", "init_scale_in", "init_scale_out")
DIRECTIONS_SETS = 500
RESOLVED = 3.0  # standard errors from which a Monte Carlo estimate is shown

ByWidth = dict[int, list[Glance]]
"""The networks of each width, ascending."""


@dataclass(frozen=True)
class WidthRow:
    """The networks of one width, and what codes of that width do (`directions` None: unknown)."""

    width: int
    mses: list[float]
    p_exact: float
    random_code: float
    directions: float | None

    @property
    def seeds(self) -> int:
        """How many networks."""
        return len(self.mses)

    @property
    def median(self) -> float:
        """Median mse of the networks."""
        return statistics.median(self.mses)

    @property
    def is_better(self) -> bool:
        """Whether the median network has less error than the best random code."""
        return self.median < self.random_code


def width(contents: Contents, rows: Sequence[SweepRow] = ()) -> SectionData:
    """Figure and rows of each objective; none where no other width was trained.

    Cost: up to a second a width, for random directions.
    """
    run = contents.featured
    own = None if run.recipe is None else run.recipe.objective
    found = rows_by_objective(rows, run.vocab_size, run.asked.get("set_size"), own)
    drawings = (width_chart(objective, each) for objective, each in found.items())
    return SectionData({"objectives": found}, tuple(drawings))


def rows_by_objective(
    rows: Sequence[SweepRow], vocab_size: int, set_size: Any, first: str | None = None
) -> dict[str, list[WidthRow]]:
    """Uniform sets of one size: the networks by objective, `first` before others, and by width.

    Objectives of one width only are left out. Cost: as `width`.
    """
    wanted = {
        "vocab_size": vocab_size,
        "set_size": set_size,
        "source": "uniform",
        "training_pool": None,
        "activation": "relu",
    }
    grouped: dict[str, list[SweepRow]] = defaultdict(list)
    for row in rows:
        if row.status == "done" and all(row.settings.get(k) == v for k, v in wanted.items()):
            grouped[row.settings["objective"]].append(row)
    found = {
        objective: _one_recipe(grouped[objective])
        for objective in sorted(grouped, key=lambda objective: (objective != first, objective))
    }
    return {
        objective: _rows(vocab_size, set_size, networks)
        for objective, networks in found.items()
        if len(networks) > 1
    }


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


def _rows(vocab_size: int, set_size: int, networks: ByWidth) -> list[WidthRow]:
    return [
        WidthRow(
            width=width,
            mses=[each.mse for each in at],
            p_exact=statistics.median(each.p_exact for each in at),
            random_code=theory.best_constant_weight(vocab_size, width, set_size).mse,
            directions=_directions(vocab_size, width, set_size),
        )
        for width, at in networks.items()
    ]


def _directions(vocab_size: int, width: int, set_size: int) -> float | None:
    """Mse of linear superposition; None where its draw is too large or does not resolve it."""
    try:
        found = theory.linear_superposition(vocab_size, width, set_size, sets=DIRECTIONS_SETS)
    except UsageError:
        return None
    return found.mse if found.mse > RESOLVED * found.standard_error else None


def width_chart(objective: str, rows: list[WidthRow]) -> Drawing:
    """Every seed, their median, and codes and directions of the same width."""
    seeds = [(float(row.width), mse) for row in rows for mse in row.mses]
    resolved = [(row.width, row.directions) for row in rows if row.directions is not None]
    series = [
        _series("each seed", "dots", seeds),
        _series("median", "network", [(row.width, row.median) for row in rows]),
        _series("random code", "theory", [(row.width, row.random_code) for row in rows]),
        _series("random directions", "line", resolved),
    ]
    return draw_series(
        f"width-{objective}",
        f"Mean squared error against width, every seed, objective {objective}",
        series,
        Axis("width d", "mse (log scale)", log=True),
    )


def _series(name: str, look: str, points: Sequence[tuple[float, float]]) -> Series:
    return Series(name, look, [float(x) for x, _ in points], [y for _, y in points])
