"""Try recipes on several seeds and write docs/results/recipes.md.

Usage: python experiments/recipes.py [--seeds 4] [--runs DIR] [--out FILE] [--quick]

Each row trains a stack of seeds and examines every network on 50,000 drawn sets; the worst seed
stands in the row. A row is kept in recipes.json under --runs, so a killed run goes on where it was.
"""

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from relubloom import KSparseTask, Recipe, gather_evidence, train_stack

OUT = Path("docs/results/recipes.md")
SETS = 50_000
ARTICLE, WIDE, SMALL = (256, 48, 3), (1000, 64, 3), (40, 20, 3)


@dataclass(frozen=True)
class Trial:
    """A recipe to try at one size (N, d, k)."""

    size: tuple[int, int, int]
    recipe: Recipe
    note: str = ""


TRIALS = [
    Trial(ARTICLE, Recipe(), "the default"),
    Trial(ARTICLE, Recipe(init_scale_out=0.3)),
    Trial(ARTICLE, Recipe(init_scale_out=1.0), "the starting point"),
    Trial(ARTICLE, Recipe(init_scale_out=3.0, learning_rate=1e-2), "does not binarise"),
    Trial(ARTICLE, Recipe(learning_rate=1e-2)),
    Trial(ARTICLE, Recipe(learning_rate=3e-2)),
    Trial(ARTICLE, Recipe(learning_rate=4e-2)),
    Trial(ARTICLE, Recipe(learning_rate=4e-2, steps=2000), "`--quick`"),
    Trial(ARTICLE, Recipe(warmup=0.1)),
    Trial(ARTICLE, Recipe(init_scale_in=1.5)),
    Trial(ARTICLE, Recipe(steps=3000)),
    Trial(ARTICLE, Recipe(objective="kl")),
    Trial(ARTICLE, Recipe(objective="kl-then-mse")),
    Trial(ARTICLE, Recipe(activation="none"), "no ReLU: the linear control"),
    Trial(WIDE, Recipe(objective="mse", steps=4000), "dead tokens"),
    Trial(WIDE, Recipe(objective="kl-then-mse", steps=5000, init_scale_out=1.0)),
    Trial(WIDE, Recipe(objective="kl-then-mse", steps=6500), "preset `wide`"),
    Trial(WIDE, Recipe(objective="kl-then-mse", steps=4500, batch_size=1024)),
]


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where rows are kept")
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--quick", action="store_true", help="in small, into --runs")
    given = parser.parse_args()
    trials = [small(trial) for trial in TRIALS[::5]] if given.quick else TRIALS
    out = given.out or (given.runs if given.quick else OUT.parent) / OUT.name
    torch.set_num_threads(1)
    path = given.runs / "recipes.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    keys = [json.dumps([each.size, each.recipe.describe(), given.seeds]) for each in trials]
    for trial, key in zip(trials, keys, strict=True):
        if key not in kept:
            kept[key] = run(trial, given.seeds if trial.size != WIDE else min(given.seeds, 3))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(kept))
            print(row(trial, kept[key]), flush=True)
    rows = [row(trial, kept[key]) for trial, key in zip(trials, keys, strict=True)]
    out.write_text(INTRODUCTION + "\n".join(rows) + "\n", encoding="utf-8")
    print(out)


def small(trial: Trial) -> Trial:
    """The same in a second."""
    return replace(trial, size=SMALL, recipe=replace(trial.recipe, steps=100, batch_size=64))


def run(trial: Trial, seeds: int) -> dict[str, Any]:
    """Train the stack and keep the worst figures."""
    vocab_size, width, set_size = trial.size
    task = KSparseTask(vocab_size, set_size)
    started = time.monotonic()
    networks = train_stack(task, width, trial.recipe, tuple(range(seeds)))
    seconds = (time.monotonic() - started) / seeds
    found = [gather_evidence(each.net, task.evaluation_sets(SETS)) for each in networks]
    return {
        "seeds": seeds,
        "seconds": seconds,
        "mse": max(each.behaviour.mse for each in found),
        "gap": min(each.mechanism.mode_gap or float("inf") for each in found),
        "near": max(each.mechanism.near_threshold for each in found),
        "agreement": min(each.mechanism.unit_agreement for each in found),
        "hash_mse": max(each.mechanism.extracted.mse for each in found),
        "f1": min(each.mechanism.extracted.loss_failure_f1 or 0.0 for each in found),
        "bloom": sum(each.mechanism.verdict == "bloom" for each in found),
    }


def row(trial: Trial, found: dict[str, Any]) -> str:
    """One line of the table."""
    recipe = trial.recipe
    changed = [
        f"{name} {value}"
        for name, value in recipe.describe().items()
        if value != Recipe().describe().get(name) and name not in ("objective", "steps")
    ]
    cells = [
        ", ".join(str(number) for number in trial.size),
        f"`{recipe.objective}`, {recipe.steps:,} steps" + "".join(f", {text}" for text in changed),
        f"{found['mse']:.4f}",
        f"{found['gap']:.1f}",
        f"{found['near']:.2%}",
        f"{found['agreement']:.3f}",
        f"{found['hash_mse']:.4f}",
        f"{found['f1']:.2f}",
        f"{found['bloom']}/{found['seeds']}",
        f"{found['seconds']:.0f}",
        trial.note,
    ]
    return "| " + " | ".join(cells) + " |"


INTRODUCTION = """# Recipes that were tried

Made by `python experiments/recipes.py`. Every figure is that of the *worst* seed, over 50,000 drawn
sets; *bloom* counts the seeds with that verdict; seconds are training time per seed in a stack, one
thread, on a machine that was doing other work too. The default recipe is `Recipe()`; a row names
what it changes.

| N, d, k | recipe | mse | gap | near | agreement | hash mse | F1 | bloom | s | note |
|---|---|---|---|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    main()
