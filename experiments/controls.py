"""Put every analysis to networks whose answer is known beforehand: docs/results/controls.md.

Usage: python experiments/controls.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

Sizes of preset `article`. Constructed networks must come out perfect; untrained networks, linear
ones (trained without the ReLU), and trained ones that are judged by their own hash with its rows
shuffled must not come out as Bloom filters.
"""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import relubloom as rb
from cells import Cell, K, asked, trained, with_worst
from relubloom.evidence.gather import look_at
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import climb, sets_for_ladder
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.network.construct import default_sharpness
from relubloom.network.extract import extract_with_modes
from relubloom.training import initialise

CELL = "article-mse"
SETS = 100_000
BLOOM = ("constructed", "trained")  # the least of their figures is shown, of the others' the most
THREADS = 2
Row = dict[str, float | str | None]


def main() -> None:
    """Measure every control over the seeds and write the page."""
    given = asked(__doc__, "controls.md")
    cell = given.cells[CELL]
    task = rb.KSparseTask(cell.vocab_size, K)
    rows: dict[str, list[Row]] = {}
    for seed in range(given.seeds):
        for name, (net, code) in controls(cell, task, seed, given.runs):
            rows.setdefault(name, []).append(measure(net, code, task))
        print(f"seed {seed}", flush=True)
    given.out.write_text(page(rows), encoding="utf-8")
    print(given.out)


def controls(
    cell: Cell, task: rb.KSparseTask, seed: int, runs: Path
) -> Iterator[tuple[str, tuple[rb.ReluNet, rb.Code]]]:
    """Networks of one seed, each with the code that it is judged by."""
    vocab, width = cell.vocab_size, cell.width
    weight = rb.best_constant_weight(vocab, width, K).weight
    built = rb.construct(
        rb.random_constant_weight(vocab, width, weight, seed), default_sharpness(vocab, K)
    )
    yield "constructed", (built, rb.extract_code(built))
    net = trained(runs / CELL / f"seed-{seed}", cell, task, seed)
    own = rb.extract_code(net)
    yield "trained", (net, own)
    order = np.random.default_rng(seed).permutation(vocab)
    yield "trained, rows of its hash shuffled", (net, rb.Code(own.bits[order]))
    recipe = replace(cell.recipe, activation="none")
    linear = trained(runs / "linear" / f"seed-{seed}", replace(cell, recipe=recipe), task, seed)
    yield "linear, trained without the ReLU", (linear, rb.extract_code(linear))
    untrained = initialise(vocab, width, rb.Recipe(), (seed,))[0]
    yield "untrained", (untrained, rb.extract_code(untrained))


def measure(net: rb.ReluNet, code: rb.Code, task: rb.KSparseTask) -> Row:
    """What the table shows of one network."""
    sets = task.evaluation_sets(SETS)
    kept = sets_for_ladder(net, code, sets, fit=False)
    seen = look_at(net, code, sets, THREADS, kept=kept)
    mechanism = measure_mechanism(
        net, code, extract_with_modes(net)[1], seen.scores, seen.layer, seen.readout
    )
    (rung,) = climb(net, code, kept, workers=THREADS, only=("hash",)).rungs
    done = intervene(net, code, K, cases=4000, workers=THREADS).interventions
    return {
        "verdict": mechanism.verdict,
        "mse": float(seen.scores.mse.mean()),
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

Made by `python experiments/controls.py`: N=256, d=48, k=3, {seeds} seeds, {sets:,} drawn sets each;
medians, and in brackets the worst of the seeds: the least where a Bloom filter is to be found, else
the greatest. *Hash*: how well the code that the network is
judged by, run as a textbook Bloom filter, says which sets fail. *Interventions*, of the seven: the
median F1 of the false positives that the code predicts, and the least share of cases whose called
tokens are exactly the predicted ones. (Of a network that fails on nearly every set the hash says
so easily: its F1 alone makes no Bloom filter.) The planted networks (majority, parity, counting,
superposition) are tested in `tests/evidence/test_controls.py`.
"""


if __name__ == "__main__":
    main()
