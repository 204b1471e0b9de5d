"""Records of a sweep, read: what the width law needs of each network, and what was set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relubloom.errors import FileError
from relubloom.records.verdict import NEAR_BLOOM

Recipe = tuple[tuple[str, Any], ...]
APART = 2.0  # gap of two modes that count as separate


@dataclass(frozen=True)
class Cell:
    """Networks that differ in width and seed only.

    `training_pool` is the number of distinct sets trained on; None where every step draws fresh
    ones. `activation` is "relu", or "none" for the network trained without it.
    """

    vocab_size: int
    set_size: int
    objective: str
    activation: str
    training_pool: int | None = None


@dataclass(frozen=True)
class Measured:
    """One trained network and its figures, as the sweep's record gives them.

    `mse_se` is the standard error of `mse` over sampled sets, 0 where all sets were evaluated.
    `mode_gap` is None for weights of exactly two values.
    """

    cell: Cell
    width: int
    seed: int
    recipe: Recipe
    mse: float
    mse_se: float
    p_exact: float
    verdict: str
    mode_gap: float | None
    two_modes: bool
    near_threshold: float
    unit_agreement: float
    bits_mean: float
    extracted_mse: float

    @property
    def binarised(self) -> bool:
        """Two modes of W_in, apart, and few entries between them.

        Two by BIC; a gap above 2, from which two normal modes count as separate (Ashman, Bird and
        Zepf 1994: the gap is their D); at most 3 % of the entries near the threshold.
        """
        apart = self.mode_gap is None or self.mode_gap > APART
        return self.two_modes and apart and self.near_threshold <= NEAR_BLOOM

    @property
    def steps(self) -> int:
        """Steps of training."""
        return int(dict(self.recipe)["steps"])

    @property
    def but_for_steps(self) -> Recipe:
        """The recipe without its number of steps."""
        return tuple(each for each in self.recipe if each[0] != "steps")

    @property
    def sets_seen(self) -> int:
        """Sets drawn in training: steps x batch_size."""
        return self.steps * int(dict(self.recipe)["batch_size"])


@dataclass(frozen=True)
class Measurements:
    """The networks of a sweep.

    Attributes:
        networks: those of one recipe for each cell and width.
        other_steps: those whose recipe differs from it in the number of steps only.
        other_recipes: those of the other recipes.
        set_aside: how many records are not among `networks`, by reason.
    """

    networks: tuple[Measured, ...]
    other_steps: tuple[Measured, ...]
    other_recipes: tuple[Measured, ...]
    set_aside: dict[str, int]


RECIPE = (
    "steps",
    "batch_size",
    "learning_rate",
    "warmup",
    "init_scale_in",
    "init_scale_out",
    "skip_below",
)
OTHER_TASK = "not uniform sets of one size"
OTHER_STEPS, OTHER_RECIPE = "of another number of steps", "of another recipe"


def measurements(records: Sequence[Mapping[str, Any]]) -> Measurements:
    """Read records. Of networks of one cell and width only one recipe is kept.

    That is the recipe found at the most widths of its cell, then the one with the most seeds, then
    the one that saw the most sets: never chosen by its results. Runs that are not done, other
    sources than uniform, and sets of several sizes are set aside.

    Raises:
        FileError: a record of a finished run lacks a field.
    """
    aside: Counter[str] = Counter()
    found: list[Measured] = []
    for record in records:
        if record["status"] != "done":
            aside[record["status"]] += 1
        elif record["source"] != "uniform" or not isinstance(record["set_size"], int):
            aside[OTHER_TASK] += 1
        else:
            found.append(_measured(record))
    kept, others = _one_recipe_each(found)
    shown = {(each.cell, each.width): each.but_for_steps for each in kept}
    steps, recipes = list[Measured](), list[Measured]()
    for each in others:
        same = each.but_for_steps == shown[each.cell, each.width]
        (steps if same else recipes).append(each)
    for reason, group in ((OTHER_STEPS, steps), (OTHER_RECIPE, recipes)):
        if group:
            aside[reason] = len(group)
    return Measurements(tuple(kept), tuple(steps), tuple(recipes), dict(aside))


def _measured(record: Mapping[str, Any]) -> Measured:
    try:
        gap = record["mode_gap"]
        return Measured(
            cell=Cell(
                record["vocab_size"],
                record["set_size"],
                record["objective"],
                record["activation"],
                record["training_pool"],
            ),
            width=record["width"],
            seed=record["seed"],
            recipe=tuple((name, record[name]) for name in RECIPE if name in record),
            mse=float(record["mse"]),
            mse_se=float(record["mse_se"]),
            p_exact=float(record["p_exact"]),
            verdict=record["verdict"],
            mode_gap=None if gap is None else float(gap),
            two_modes=bool(record["two_modes"]),
            near_threshold=float(record["near_threshold"]),
            unit_agreement=float(record["unit_agreement"]),
            bits_mean=float(record["bits_mean"]),
            extracted_mse=float(record["extracted_mse"]),
        )
    except (KeyError, TypeError) as error:
        raise FileError(
            f"a record of a finished run has no usable {error}; make the results anew with "
            "`relubloom sweep`"
        ) from error


def _one_recipe_each(networks: list[Measured]) -> tuple[list[Measured], list[Measured]]:
    """Networks of one recipe for each cell and width, and those of the others; seeds ascending."""
    by_place: dict[tuple[Cell, int], list[Measured]] = {}
    widths: dict[tuple[Cell, Recipe], set[int]] = {}
    for network in sorted(networks, key=lambda network: network.seed):
        by_place.setdefault((network.cell, network.width), []).append(network)
        widths.setdefault((network.cell, network.recipe), set()).add(network.width)
    kept: list[Measured] = []
    others: list[Measured] = []
    for (cell, _), group in by_place.items():
        seeds = Counter(network.recipe for network in group)
        rank = {
            each.recipe: (
                len(widths[cell, each.recipe]),
                seeds[each.recipe],
                each.sets_seen,
                str(each.recipe),
            )
            for each in group
        }
        best = max(rank, key=rank.__getitem__)
        for network in group:
            (kept if network.recipe == best else others).append(network)
    return kept, others
