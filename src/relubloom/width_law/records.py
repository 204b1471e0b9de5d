"""Records of a sweep, read: what the width law needs of each network, and what was set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relubloom.errors import FileError
from relubloom.verdict_rule import NEAR_BLOOM


@dataclass(frozen=True)
class Cell:
    """Networks that differ in width and seed only.

    `training_sets` is the number of distinct sets trained on; None where every step draws fresh
    ones. `activation` is "relu", or "none" for the network trained without it.
    """

    vocab_size: int
    set_size: int
    objective: str
    activation: str
    training_sets: int | None = None


@dataclass(frozen=True)
class Measured:
    """One trained network and its figures, as the sweep's record gives them.

    `mse_se` is the standard error of `mse` over sampled sets, 0 where all sets were evaluated.
    `mode_gap` is None for weights of exactly two values.
    """

    cell: Cell
    width: int
    seed: int
    recipe: tuple[tuple[str, Any], ...]
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
        """Two modes (by BIC), and at most 3 % of the entries of W_in near the threshold."""
        return self.two_modes and self.near_threshold <= NEAR_BLOOM

    @property
    def sets_seen(self) -> int:
        """Sets drawn in training: steps x batch_size."""
        recipe = dict(self.recipe)
        return int(recipe["steps"]) * int(recipe["batch_size"])


@dataclass(frozen=True)
class Measurements:
    """The networks of a sweep, and how many records were set aside, by reason."""

    networks: tuple[Measured, ...]
    set_aside: dict[str, int]


RECIPE = ("steps", "batch_size", "learning_rate", "init_scale_in", "init_scale_out")
FAILED, OTHER_TASK, OTHER_RECIPE = "failed", "not uniform sets of one size", "another recipe"


def measurements(records: Sequence[Mapping[str, Any]]) -> Measurements:
    """Read records. Of networks of one cell and width only one recipe is kept.

    That is the recipe with the most seeds, then the one that saw the most sets: never chosen by
    its results. Failed runs, other sources than uniform, and sets of several sizes are set aside.

    Raises:
        FileError: a record of a finished run lacks a field.
    """
    aside: Counter[str] = Counter()
    found: list[Measured] = []
    for record in records:
        if record.get("status", "done") != "done":
            aside[FAILED] += 1
        elif record.get("source", "uniform") != "uniform" or not isinstance(
            record.get("set_size"), int
        ):
            aside[OTHER_TASK] += 1
        else:
            found.append(_measured(record))
    kept = _one_recipe_each(found)
    if len(kept) < len(found):
        aside[OTHER_RECIPE] = len(found) - len(kept)
    return Measurements(tuple(kept), dict(aside))


def _measured(record: Mapping[str, Any]) -> Measured:
    try:
        gap = record["mode_gap"]
        return Measured(
            cell=Cell(
                record["vocab_size"],
                record["set_size"],
                record["objective"],
                record["activation"],
                record["training_sets"],
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


def _one_recipe_each(networks: list[Measured]) -> list[Measured]:
    by_place: dict[tuple[Cell, int], list[Measured]] = {}
    for network in networks:
        by_place.setdefault((network.cell, network.width), []).append(network)
    kept: list[Measured] = []
    for group in by_place.values():
        seeds = Counter(network.recipe for network in group)
        seen = {network.recipe: network.sets_seen for network in group}
        best = max(seeds, key=lambda recipe: (seeds[recipe], seen[recipe], str(recipe)))
        chosen = {network.seed: network for network in group if network.recipe == best}
        kept += [chosen[seed] for seed in sorted(chosen)]
    return kept
