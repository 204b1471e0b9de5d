"""How long training takes, from random weights, to a lower mse than the best random code has.

Usage: python benchmarks/time_to_bloom.py [--json] [--seeds 5] [--tried]

N = 1,000, d = 64, k = 3. The mse is over 20,000 held-out drawn sets, looked at every 100 steps; the
time of looking does not count. Seconds are of processor time, with one thread. The plain loop is
the same algorithm as ours, and so needs as many steps: its seconds are the steps that ours took
times what one of its steps takes, timed in turns with ours; it is not trained to the end. `--tried`
trains seed 0 by the recipes that were tried on the way instead (six minutes).
"""

import argparse
import json
import statistics
import time
from typing import Any

import torch

from contenders import Size
from relubloom import KSparseTask, Recipe, gather_evidence
from relubloom.network.relu_net import NetStack
from relubloom.theory import best_constant_weight
from relubloom.training.run import TrainingRun
from step import timed

WIDTH, TASK = 64, KSparseTask(1000, 3)
SETS, EVERY = 20_000, 100
BLOOM = Recipe("kl", steps=3000, batch_size=1024, learning_rate=4e-2, init_scale_out=3.0)
PLAIN_MSE = Recipe("mse", steps=3000, batch_size=1024)
TRIED = [
    BLOOM,
    Recipe("kl", 2500, 1024, 4e-2, init_scale_out=3.0),
    Recipe("kl", 2500, 1024, 5e-2, init_scale_out=1.5),
    Recipe("kl-then-mse", 4500, 512, 4e-2, init_scale_out=2.0, polish_share=0.2),
    Recipe("kl", 2500, 1024, 3e-2, init_scale_out=2.0, init_scale_in=4.0),
    Recipe("kl", 2500, 1024, 4e-2),
    Recipe("kl-then-mse", 5000, 512, polish_share=0.5, init_scale_in=2.0),
    Recipe("kl-then-mse", 2500, 1024, 5e-2, polish_learning_rate=2e-2),
    Recipe("kl-then-mse", 2500, 1024),
    Recipe("kl", 3000, 1024, 6e-2),
    Recipe("kl", 2500, 1024, 5e-2, init_scale_in=1.5),
    Recipe("kl", 5000, 512, 5e-2),
    Recipe("kl", 2000, 1024, 3e-2, init_scale_out=2.0),
]
MSE_SEEDS = 2  # enough to see that it stays far above
ROUNDS = 7


def main() -> None:
    """Train every seed by both recipes, time the plain loop, and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tried", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    goal = best_constant_weight(TASK.vocab_size, WIDTH, TASK.sizes[0]).mse
    rows = tried(goal) if given.tried else compared(given.seeds, goal)
    for row in rows:
        row["random_code_mse"] = goal
    print(json.dumps(rows) if given.json else "\n".join(line(row) for row in rows))


def compared(seeds: int, goal: float) -> list[dict[str, Any]]:
    """Ours, the plain loop, and ours with the objective mse."""
    ours = summary("ours", [arrive(BLOOM, seed, goal) for seed in range(seeds)], BLOOM)
    mse = [arrive(PLAIN_MSE, seed, goal) for seed in range(min(seeds, MSE_SEEDS))]
    return [ours, plain_loop(ours), summary("ours, objective mse", mse, PLAIN_MSE)]


def tried(goal: float) -> list[dict[str, Any]]:
    """Seed 0 by each recipe that was tried."""
    return [
        summary(json.dumps(recipe.describe()), [arrive(recipe, 0, goal)], recipe)
        for recipe in TRIED
    ]


def arrive(recipe: Recipe, seed: int, goal: float) -> dict[str, Any]:
    """Train until the held-out mse is below `goal` or the recipe ends."""
    run, spent, reached = TrainingRun(TASK, WIDTH, recipe, (seed,), "cpu", None), 0.0, False
    while run.done < recipe.steps and not reached:
        started = time.process_time()
        for _ in range(min(EVERY, recipe.steps - run.done)):
            run.advance()
        spent += time.process_time() - started
        mse = held_out_mse(run.stack)
        reached = mse < goal
    verdict = gather_evidence(run.stack[0], TASK.evaluation_sets(SETS)).mechanism.verdict
    return {
        "seed": seed,
        "reached": reached,
        "steps": run.done,
        "seconds": round(spent, 2),
        "mse": round(mse, 5),
        "verdict": verdict,
    }


def held_out_mse(stack: NetStack) -> float:
    """Mean over the held-out sets of sum p^2 - 2/k sum of the members' p + 1/k."""
    net, k, total = stack[0], TASK.sizes[0], 0.0
    with torch.no_grad():
        for sets in TASK.drawn_sets("time-to-bloom", SETS).chunk(0, SETS).split(1000):
            p = net(sets).softmax(1)
            total += float(p.square().sum() - 2 / k * p.gather(1, sets).sum())
    return total / SETS + 1 / k


def summary(name: str, runs: list[dict[str, Any]], recipe: Recipe) -> dict[str, Any]:
    """The median seconds and steps of the seeds if most arrived, and every seed."""
    arrived = [run for run in runs if run["reached"]]
    most = 2 * len(arrived) > len(runs)
    return {
        "name": name,
        "recipe": recipe.describe(),
        "reached": len(arrived),
        "seeds": len(runs),
        "seconds": statistics.median(run["seconds"] for run in arrived) if most else None,
        "steps": statistics.median(run["steps"] for run in arrived) if most else None,
        "runs": runs,
    }


def plain_loop(ours: dict[str, Any]) -> dict[str, Any]:
    """The steps that ours took, at what a step of the plain loop takes: a computed row."""
    size = Size(TASK.vocab_size, WIDTH, TASK.sizes[0], BLOOM.batch_size, objective="kl")
    times, _, _ = timed({name: (name, size) for name in ("ours", "plain_loop")}, ROUNDS)
    ms = {name: statistics.median(values) for name, values in times.items()}
    steps = ours["steps"]
    return {
        "name": "plain loop, the same recipe (computed)",
        "reached": ours["reached"],
        "seeds": ours["seeds"],
        "seconds": None if steps is None else round(steps * ms["plain_loop"] / 1e3, 2),
        "steps": steps,
        "ours_ms": round(ms["ours"], 3),
        "plain_loop_ms": round(ms["plain_loop"], 3),
        "plain_loop_over_ours": round(ms["plain_loop"] / ms["ours"], 2),
    }


def line(row: dict[str, Any]) -> str:
    """A row as a line of a Markdown table, seeds in brackets."""
    seconds = "not reached" if row["seconds"] is None else f"{row['seconds']:.1f}"
    seeds = "; ".join(
        f"{run['steps']:,} steps, {run['seconds']:.1f} s, {run['mse']:.5f}, {run['verdict']}"
        for run in row.get("runs", [])
    )
    return f"| {row['name']} | {row['reached']}/{row['seeds']} | {seconds} | {seeds} |"


if __name__ == "__main__":
    main()
