"""Which methods find the hashes of known networks, at which cost: docs/results/ground-truth.md.

Usage: python experiments/ground_truth.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

Needs scikit-learn and SAELens, which `make results-ground-truth` installs. A row of --runs is
measured once; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import recovery_methods as methods
import relubloom as rb
from cells import RESULTS, with_worst
from panels import grid
from relubloom.report.charts.drawing import Drawing, standalone
from relubloom.report.charts.style import ACCENT, BIT, INK, OTHER, WIDE, styled

SEEN, SCORED = 20_000, 2_000  # activations that a method is given, and other sets to score on
NETWORKS = {
    "constructed-binary-96x48-k3": "2 tokens a unit",
    "constructed-binary-256x48-k3": "5.3 tokens a unit",
    "constructed-binary-1024x64-k3": "16 tokens a unit",
    "trained-binary-256x48-k3": "5.3 tokens a unit, trained",
    "constructed-graded-256x48-k3": "5.3 tokens a unit, graded",
}
METHODS: dict[str, tuple[str, Callable[[methods.Task], methods.Answer]]] = {
    "pca": ("PCA", methods.pca),
    "ica": ("ICA", methods.ica),
    "nmf": ("NMF", methods.nmf),
    "dictionary": ("sparse dictionary", methods.dictionary),
    "standard": ("autoencoder, standard", methods.standard),
    "top_k": ("autoencoder, top-k", methods.top_k),
    "jump_relu": ("autoencoder, JumpReLU", methods.jump_relu),
    "unions": ("knows of unions", methods.unions),
}
CHANCE = {"random": "random directions", "other": "hashes of another seed"}
FIGURES = {
    "bit_f1": "bits, F1",
    "exact_hashes": "exact hashes",
    "mcc": "MCC",
    "uniqueness": "unique",
    "failing_sets_f1": "failing sets, F1",
    "explained_variance": "variance explained",
}
Row = dict[str, Any]


def main() -> None:
    """Score every method on every network, and write the page and its figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, help="5 by default, 1 with --quick")
    parser.add_argument("--runs", type=Path, default=Path("runs/ground-truth"))
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--quick", action="store_true", help="the easiest network, beside --runs")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of scikit-learn, that it has not converged
    names = list(NETWORKS)[:1] if given.quick else list(NETWORKS)
    given.runs.mkdir(parents=True, exist_ok=True)
    rows = [
        row
        for seed in range(given.seeds or (1 if given.quick else 5))
        for name in names
        for row in measured(given.runs, name, seed)
    ]
    out = given.out or (given.runs if given.quick else RESULTS) / "ground-truth.md"
    drawing = figure(names, rows)
    (out.parent / f"{drawing.name}.svg").write_text(standalone(drawing.svg), encoding="utf-8")
    out.write_text(page(names, rows), encoding="utf-8")
    print(out)


def measured(runs: Path, name: str, seed: int) -> list[Row]:
    """The rows of one network: read where they are there, else measured."""
    found: list[Row] = []
    for method in (*METHODS, *CHANCE):
        path = runs / f"{name}-{seed}-{method}.json"
        if not path.exists():
            network = rb.zoo.load(name, seed=seed)
            row = {"network": name, "seed": seed, "method": method} | measure(network, method)
            path.write_text(json.dumps(row), encoding="utf-8")
            print(name, seed, method, f"{row['seconds']:.1f} s, F1 {row['bit_f1']:.3f}", flush=True)
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def measure(network: rb.zoo.KnownNetwork, method: str) -> Row:
    """One method on one network: its figures, and the processor's seconds for finding."""
    seen, sets = network.sets(SEEN, seed=1), network.sets(SCORED, seed=2)
    if method == "random":
        shape = network.net.W_in.shape
        found = np.random.default_rng(network.seed).standard_normal(shape)
        return rb.score(found, network, sets=sets).figures | {"seconds": 0.0}
    if method == "other":
        other = rb.zoo.load(network.name, seed=network.seed + 1).code
        return rb.score(other, network, sets=sets).figures | {"seconds": 0.0}
    torch.manual_seed(network.seed)
    start = time.process_time()
    answer = METHODS[method][1](
        methods.Task(
            network.activations(seen).double().numpy(),
            network.net.vocab_size,
            seen.shape[1],
            network.seed,
        )
    )
    seconds = time.process_time() - start
    codes = answer.encode and answer.encode(network.activations(sets).double().numpy())
    score = rb.score(answer.directions, network, codes=codes, sets=sets)
    return score.figures | {"seconds": seconds}


def of(rows: list[Row], name: str, method: str) -> list[Row]:
    """The rows of a method on a network, one a seed."""
    return [row for row in rows if (row["network"], row["method"]) == (name, method)]


@styled
def figure(names: list[str], rows: list[Row]) -> Drawing:
    """F1 of bits, a dot a seed, and the most that random directions have."""
    charts = grid(
        WIDE, len(names), 3, tall=190, top=36, under=150, bottom=120, left=44, gap=30, clip=False
    )
    for name, chart in zip(names, charts, strict=True):
        chance = max(row["bit_f1"] for row in of(rows, name, "random"))
        chart.plot([-0.5, len(METHODS) - 0.5], [chance] * 2, color=INK, lw=0.8, ls=(0, (3, 2)))
        for place, method in enumerate(METHODS):
            values = [row["bit_f1"] for row in of(rows, name, method)]
            colour = BIT if method == "unions" else ACCENT if place > 3 else OTHER
            chart.plot(
                [place] * len(values), values, lw=0, marker="o", ms=4, color=colour, alpha=0.6
            )
        chart.x("", (-0.5, len(METHODS) - 0.5))
        titles = [title for title, _ in METHODS.values()]
        chart.axes.set_xticks(
            range(len(titles)), titles, rotation=60, ha="right", rotation_mode="anchor"
        )
        chart.y("F1 of bits" if names.index(name) % 3 == 0 else "", (0, 1))
        chart.title(NETWORKS[name])
    said = "F1 of the bits that each method found, on five networks, a dot a seed"
    return Drawing("ground-truth", said, charts[0].figure)


def page(names: list[str], rows: list[Row]) -> str:
    """Introduction, and a table for each network: median over the seeds, and the worst."""
    seeds = len({row["seed"] for row in rows})
    lines = [
        INTRODUCTION.format(
            seeds=seeds,
            seen=SEEN,
            scored=SCORED,
        )
    ]
    lines += [best(name, rows) for name in names]
    versions = {"sae": version("sae-lens"), "sklearn": version("scikit-learn")}
    lines.append(LIMITS.format(steps=methods.STEPS, batch=methods.BATCH, **versions))
    for name in names:
        lines += [
            f"\n## {NETWORKS[name].capitalize()}: `{name}`\n",
            f"| method | seconds | {' | '.join(FIGURES.values())} | dead |",
            f"|---|---|{'---|' * len(FIGURES)}---|",
        ]
        titles = {method: title for method, (title, _) in METHODS.items()} | CHANCE
        for method, title in titles.items():
            found = of(rows, name, method)
            worst = [
                with_worst([row[key] for row in found], highest=method in CHANCE, digits=2)
                for key in FIGURES
            ]
            cost = statistics.median(row["seconds"] for row in found)
            dead = statistics.median(row["dead"] for row in found)
            spent = f"{cost:.1f}" if method in METHODS else "-"
            lines.append(f"| {title} | {spent} | {' | '.join(worst)} | {dead:.0f} |")
    return "\n".join(lines) + "\n"


def best(name: str, rows: list[Row]) -> str:
    """In one line: the best method that does not know of unions, between chance and the ceiling."""
    middle = {
        method: statistics.median(row["bit_f1"] for row in of(rows, name, method))
        for method in (*METHODS, *CHANCE)
    }
    first = max((method for method in METHODS if method != "unions"), key=lambda m: middle[m])
    below = [METHODS[m][0] for m in METHODS if middle[m] <= middle["random"]]
    exact = statistics.median(row["exact_hashes"] for row in of(rows, name, first))
    return (
        f"- {NETWORKS[name].capitalize()}: the best method without that knowledge is "
        f"{METHODS[first][0]}, with an F1 of {middle[first]:.2f} and {exact:.0%} of the hashes "
        f"exact. Knowing of unions gives {middle['unions']:.2f}, random directions "
        f"{middle['random']:.2f}. No better than random are: {', '.join(below) or 'none'}."
    )


INTRODUCTION = """# Who finds the hashes of a known network

Made by `python experiments/ground_truth.py` (`make results-ground-truth`): networks of the zoo.
Three are exact Bloom filters of three difficulties, one was trained to be one, one is an exact
graded one. Seeds of each: {seeds}. Medians over the seeds, and in brackets the worst.
Each method is given {seen:,} activations after the ReLU, the number of tokens and the set size, and
no set's tokens. Scored on {scored:,} other sets by `rb.score`, whose figures
[../ground-truth.md](../ground-truth.md) explains. Seconds are the processor's, on one core.

![F1 of the bits found, a dot a seed; dashed: random directions](ground-truth.svg)

The last method knows what the others do not: units are off where a union of hashes covers them. It
keeps which units are off, intersects the unions of random triples of sets, and mends what they have
in common. So it shows what can be had from these activations.

Two figures mislead. *Variance explained* is 1 for PCA, which finds nothing. *Failing sets* have a
low F1 until nearly every token is found: one without a hash is let out by every set.
"""

LIMITS = """
**What this does not show.** Each method has one setting, and the autoencoders one budget: {steps:,}
steps of {batch} activations, as many latents as tokens (SAELens {sae}, scikit-learn {sklearn}).
Settings were chosen by the F1 of bits on networks that are not scored here, from a handful for each
method; with more care, time or activations some would do better. The number of tokens and the set
size, which no one knows of a real network, are given to all. All networks but one
were made, not trained, and all are small. PCA and ICA have no more directions than units, so most
tokens are beyond them.
"""


if __name__ == "__main__":
    main()
