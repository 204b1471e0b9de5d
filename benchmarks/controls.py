"""Put every analysis to networks whose answer is known beforehand: docs/results/controls.md.

Usage: python benchmarks/controls.py [--seeds n] [--runs DIR]

Sizes of preset `article`. Constructed networks must come out perfect; untrained networks, linear
ones (trained without the ReLU), and trained ones that are judged by their own hash with its rows
shuffled must not come out as Bloom filters.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import relubloom as rb
from mechanism_results import CELLS, K, train, with_worst
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import climb_ladder
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.scores import score_sets
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.extract import extract_with_modes
from relubloom.theory import best_constant_weight
from relubloom.training.initialisation import initialise

OUT = Path("docs/results/controls.md")
CELL = "article-mse"
SETS = 100_000
BLOOM = ("constructed", "trained")  # the least of their figures is shown, of the others' the most
THREADS = 2
Row = dict[str, float | str | None]


def main() -> None:
    """Measure every control over the seeds and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs/mechanism"))
    given = parser.parse_args()
    task = rb.KSparseTask(CELLS[CELL].vocab_size, K)
    rows: dict[str, list[Row]] = {}
    for seed in range(given.seeds):
        for name, (net, code) in controls(task, seed, given.runs):
            rows.setdefault(name, []).append(measure(net, code, task))
        print(f"seed {seed}", flush=True)
    OUT.write_text(page(rows), encoding="utf-8")
    print(OUT)


def controls(
    task: rb.KSparseTask, seed: int, runs: Path
) -> Iterator[tuple[str, tuple[rb.ReluNet, Code]]]:
    """Networks of one seed, each with the code that it is judged by."""
    vocab, width = task.vocab_size, CELLS[CELL].width
    weight = best_constant_weight(vocab, width, K).weight
    built = construct(
        random_constant_weight(vocab, width, weight, seed), default_sharpness(vocab, K)
    )
    yield "constructed", (built, rb.extract_code(built))
    trained = network(runs / CELL / f"seed-{seed}", CELL, seed)
    own = rb.extract_code(trained)
    yield "trained", (trained, own)
    order = np.random.default_rng(seed).permutation(vocab)
    yield "trained, rows of its hash shuffled", (trained, Code(own.bits[order]))
    linear = network(runs / "linear" / f"seed-{seed}", "linear", seed)
    yield "linear, trained without the ReLU", (linear, rb.extract_code(linear))
    untrained = initialise(vocab, width, rb.Recipe(), (seed,))[0]
    yield "untrained", (untrained, rb.extract_code(untrained))


def network(run: Path, name: str, seed: int) -> rb.ReluNet:
    """A network that is trained where its run folder is missing."""
    cell = CELLS[CELL]
    if name == "linear":
        cell = replace(cell, recipe=rb.Recipe(activation="none"))
    if not (run / "model.safetensors").exists():
        train(run, cell, rb.KSparseTask(cell.vocab_size, K), seed)
    return rb.ReluNet.from_pretrained(run)


def measure(net: rb.ReluNet, code: Code, task: rb.KSparseTask) -> Row:
    """What the table shows of one network."""
    sets = task.evaluation_sets(SETS)
    scores = score_sets(net, code, sets, THREADS)
    mechanism = measure_mechanism(
        net, code, extract_with_modes(net)[1], sets, scores, workers=THREADS
    )
    ladder = climb_ladder(
        net, code, sets, workers=THREADS, scores=scores, only=("hash", "network"), fit=False
    )
    (rung,) = (rung for rung in ladder.rungs if rung.name == "hash")
    done = intervene(net, code, K, cases=4000, workers=THREADS).interventions
    return {
        "verdict": mechanism.verdict,
        "mse": float(scores.mse.mean()),
        "agreement": mechanism.unit_agreement,
        "r2": mechanism.readout.r2,
        "loss": rung.loss_failures.f1,
        "ranking": rung.ranking_failures.f1,
        "middle": statistics.median(each.f1 for each in done if each.f1 is not None),
        "exact": min(each.exact_match for each in done if each.exact_match is not None),
    }


def page(rows: dict[str, list[Row]]) -> str:
    """Median over the seeds, and in brackets the worst."""
    seeds = len(next(iter(rows.values())))
    lines = [
        INTRODUCTION.format(seeds=seeds, sets=SETS),
        "| network | verdicts | mse | units agree | logit on missing bits, R^2 | hash: loss F1 | "
        "ranking F1 | interventions: F1, median | exactly as predicted, lowest |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in rows.items():
        counted = Counter(row["verdict"] for row in found)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
        figures = ("mse", "agreement", "r2", "loss", "ranking", "middle", "exact")
        highest = name not in BLOOM
        cells = [
            with_worst([row[key] for row in found], highest=highest, digits=4) for key in figures
        ]
        lines.append(f"| {name} | {verdicts} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


INTRODUCTION = """# Controls

Made by `python benchmarks/controls.py`: N=256, d=48, k=3, {seeds} seeds, {sets:,} drawn sets each;
medians, and in brackets the worst of the seeds: the least where a Bloom filter is to be found, else
the greatest. *Hash*: how well the code that the network is
judged by, run as a textbook Bloom filter, says which sets fail. *Interventions*, of the seven: the
median F1 of the false positives that the code predicts, and the least share of cases whose called
tokens are exactly the predicted ones. (Of a network that fails on nearly every set the hash says
so easily: its F1 alone makes no Bloom filter.) The planted networks (majority, parity, counting,
superposition) are tested in `tests/test_controls.py`.
"""


if __name__ == "__main__":
    main()
