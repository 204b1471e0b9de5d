"""Networks that are trained to the end, and their graded hash: docs/results/article-full.md.

Usage: python experiments/full.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

Networks of preset `article-full`, some at k = 4, and trainings of seed 0 that are looked at as they
go. What `--runs` holds already (`seed-0`, ..., `k4-mse/seed-0`, and the figures beside them) is
kept, so that a second run only does what is missing.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import relubloom as rb
from cells import Cell, small, trained
from full_training.growing import other_size
from full_training.history import history_of
from full_training.page import write_page
from full_training.ties import ranking_f1
from relubloom.evidence.gather import look_at
from relubloom.evidence.graded_hash import GradedScoring
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.network.extract import extract_with_modes
from relubloom.network.strengths import extract_with_drops
from relubloom.study.settings import PRESETS

RUNS, PAGE = Path("runs/article-full"), Path("docs/results/article-full.md")
DRAWN = 300_000  # sets at k = 4
OF_FOUR = {"mse": 4, "kl": 1}  # seeds there, at most
UNEVEN = 0.1  # sd of the shares of non-bit entries above which a unit is called uneven


@dataclass(frozen=True)
class Group:
    """Networks of one task and recipe."""

    cell: Cell
    set_size: int
    folder: str = "."


def main() -> None:
    """Do what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, help="16 by default, 2 with --quick")
    parser.add_argument(
        "--runs", type=Path, help="run folders; runs/article-full or runs/quick-full"
    )
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--quick", action="store_true", help="in small, beside --runs")
    given = parser.parse_args()
    runs = given.runs or (Path("runs/quick-full") if given.quick else RUNS)
    seeds = given.seeds or (2 if given.quick else 16)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    groups = groups_of(quick=given.quick)
    main_group = groups["main"]
    rows = {
        name: [
            examined(runs, group, seed, deep=name == "main")
            for seed in range(min(seeds, OF_FOUR.get(name, seeds)))
        ]
        for name, group in groups.items()
    }
    cell = main_group.cell
    out = given.out or (runs / PAGE.name if given.quick else PAGE)
    write_page(
        out,
        (cell.vocab_size, cell.width, main_group.set_size),
        rows,
        histories(runs / "history.json", main_group, quick=given.quick),
    )
    print(out)


def histories(path: Path, group: Group, *, quick: bool) -> dict[str, Any]:
    """Of both presets, and of the network of `article` trained on as `article-full` is."""
    if not path.exists():
        cell, short = group.cell, PRESETS["article"].recipe
        task = rb.KSparseTask(cell.vocab_size, group.set_size)
        early = small(replace(cell, recipe=short)).recipe if quick else short
        first, net = history_of(task, cell.width, early, 0)
        found = {
            "Preset `article`": first,
            "Preset `article-full`": history_of(task, cell.width, cell.recipe, 0)[0],
            "The network of `article`, trained on with the recipe of `article-full`": history_of(
                task, cell.width, cell.recipe, 1, start=net
            )[0],
        }
        path.write_text(json.dumps(found))
    return json.loads(path.read_text())


def groups_of(*, quick: bool) -> dict[str, Group]:
    """The preset, and the same at k = 4 with each objective."""
    preset = PRESETS["article-full"]
    cell = Cell("preset `article-full`", preset.vocab_size, preset.width, preset.recipe, fit=False)
    groups = {"main": Group(cell, preset.set_size)}
    for objective in ("mse", "kl"):
        recipe = replace(preset.recipe, objective=objective)
        other = replace(cell, title=f"k = 4, `{objective}`", recipe=recipe)
        groups[objective] = Group(other, 4, f"k4-{objective}")
    if quick:
        return {name: replace(group, cell=small(group.cell)) for name, group in groups.items()}
    return groups


def examined(runs: Path, group: Group, seed: int, *, deep: bool) -> dict[str, Any]:
    """The figures of one network, which is trained where its run folder is missing."""
    folder = runs / group.folder
    path = folder / f"seed-{seed}.figures.json"
    if not path.exists():
        task = rb.KSparseTask(group.cell.vocab_size, group.set_size)
        net = trained(folder / f"seed-{seed}", group.cell, task, seed)
        started = time.monotonic()
        row = {"seed": seed} | measured(net, task, deep=deep)
        row["seconds"] = time.monotonic() - started
        path.write_text(json.dumps(row))
        print(path, f"{row['seconds']:.0f} s", flush=True)
    return json.loads(path.read_text())


def measured(net: rb.ReluNet, task: rb.KSparseTask, *, deep: bool) -> dict[str, Any]:
    """What the tables show of one network."""
    size = task.sizes[0]
    code, modes = extract_with_modes(net)
    graded, drops = extract_with_drops(net, code, size)
    sets = task.evaluation_sets() if task.enumerable else task.evaluation_sets(DRAWN)
    grading = GradedScoring(net, graded, drops, sets) if graded.levels > 1 else None
    seen = look_at(net, code, sets, grading=grading)
    mechanism = measure_mechanism(
        net, code, modes, seen.scores, seen.layer, seen.readout, seen.strengths
    )
    scores = seen.scores
    row: dict[str, Any] = {
        "sets": len(scores.mse),
        "method": scores.method,
        "verdict": mechanism.verdict,
        "mse": scores.mean(scores.mse),
        "fails": scores.mean(scores.loss_failure),
        "ranks_wrongly": scores.mean(scores.ranking_failure),
        "false_positives": scores.mean(scores.false_positives > 0),
        "misses": scores.mean(scores.misses > 0),
        "bits": mechanism.bits_per_token.mean,
        "agreement": mechanism.unit_agreement,
        "bare": asdict(mechanism.extracted),
        "levels": graded.levels,
        "graded": None if seen.strengths is None else asdict(seen.strengths),
        "uneven": uneven(drops.share, graded),
    }
    if not deep or graded.levels == 1:
        return row
    sizes = {each: other_size(net, graded, size, each) for each in range(2, size + 3)}
    return row | {
        "sizes": sizes,
        "ties": ranking_f1(net, graded, size),
    }


def uneven(share: NDArray[np.float64], graded: rb.GradedCode) -> int:
    """Units whose non-bit entries take away shares that differ much."""
    others = np.where(graded.bits, np.nan, share)
    return int((np.nanstd(others, axis=0) > UNEVEN).sum())


if __name__ == "__main__":
    main()
