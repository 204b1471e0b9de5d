"""Examine trained networks of two sizes and two objectives, and write docs/results/mechanism.md.

Usage: python experiments/mechanism.py [CELL ...] [--seeds n] [--runs DIR] [--out FILE] [--quick]

Each network is trained in a run folder that is kept, and its figures are kept in a file beside it,
so that a second run only does what is missing. Without a cell all of them are examined.
"""

import json
import statistics
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import relubloom as rb
from cells import CELLS, Cell, K, asked, spread_line, trained, with_worst
from relubloom.evidence.behaviour import measure_behaviour
from relubloom.evidence.gather import look_at
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import best_explanation, climb, sets_for_ladder
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.evidence.ladder.read_off import find_weak_bits
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.network.extract import extract_with_modes

THREADS = 2
READ_OFF = ("hash", "three-levels", "token-strengths", "weak-bits", "one-matrix")
FITTED = ("weak-bits-best-readout", "best-readout", "one-matrix-rounded")
RIVALS = ("matrix-3-bit", "mode-2-bit", "mode-3-bit")


def main() -> None:
    """Do what is missing, then write the page from all there is."""
    given = asked(__doc__, "mechanism.md", choose=True)
    for name in given.names:
        for seed in range(given.seeds):
            examine(given.runs / name, given.cells[name], seed)
    found = {name: read_rows(given.runs / name) for name in CELLS}
    sections = [section(given.cells[name], rows) for name, rows in found.items() if rows]
    given.out.write_text(INTRODUCTION + "\n".join(sections), encoding="utf-8")
    print(given.out)


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The figures of the networks of a cell, by seed."""
    paths = folder.glob("seed-*.figures.json")
    return sorted((json.loads(path.read_text()) for path in paths), key=lambda row: row["seed"])


def examine(folder: Path, cell: Cell, seed: int) -> None:
    """Train one network where its run folder is missing, and measure it where its figures are."""
    path = folder / f"seed-{seed}.figures.json"
    if path.exists():
        return
    task = rb.KSparseTask(cell.vocab_size, K)
    net = trained(folder / f"seed-{seed}", cell, task, seed)
    started = time.monotonic()
    row = {"seed": seed} | measure(net, task, cell.fit, THREADS)
    row["seconds"] = time.monotonic() - started
    path.write_text(json.dumps(row))
    print(path, f"{row['seconds']:.0f} s", flush=True)


def measure(net: rb.ReluNet, task: rb.KSparseTask, fit: bool, workers: int) -> dict[str, Any]:
    """What the tables show of one network."""
    code, modes = extract_with_modes(net)
    sets = task.evaluation_sets()
    kept = sets_for_ladder(net, code, sets, fit=fit)
    seen = look_at(net, code, sets, workers, kept=kept)
    mechanism = measure_mechanism(net, code, modes, seen.scores, seen.layer, seen.readout)
    behaviour = measure_behaviour(net, code, sets, seen.scores, workers=workers)
    explanation = best_explanation(net, code, kept)
    only = (*READ_OFF, *RIVALS, *FITTED, "network")
    ladder = climb(net, code, kept, workers=workers, only=only, known=[explanation])
    done = intervene(
        net, code, K, explanation=(explanation.name, explanation.network), workers=workers
    )
    growth, repeated = behaviour.growth, behaviour.repeated_token
    bits = int(code.weights.sum())
    return {
        "verdict": mechanism.verdict,
        "mse": behaviour.mse,
        "mode_gap": mechanism.mode_gap,
        "agreement": mechanism.unit_agreement,
        "weak_bits": int(find_weak_bits(ReadNetwork(net, code, K)).sum()) / bits,
        "sets": behaviour.sets,
        "scored": ladder.sets,
        "network_bits": ladder.network_bits,
        "misses": behaviour.miss_share,
        "false_positives": behaviour.false_positive_share,
        "same_calls": None if repeated is None else repeated.same_calls,
        "kept_members": None if growth is None else growth.kept_members,
        "sizes": {
            row.set_size: [row.false_positives, row.misses, row.code.false_positives]
            for row in behaviour.set_sizes
        },
        "weight_ratio": mechanism.hash_weight.variance_ratio,
        "overlap_ratio": mechanism.overlaps.sd_ratio,
        "r2": mechanism.readout.r2,
        "r2_levels": mechanism.readout.r2_levels,
        "kinds": Counter(unit.kind for unit in mechanism.units),
        "rungs": {rung.name: asdict(rung) for rung in ladder.rungs},
        "interventions": [asdict(each) for each in done.interventions],
    }


def section(cell: Cell, rows: list[dict[str, Any]]) -> str:
    """The tables of one cell."""
    verdicts = [row["verdict"] for row in rows]
    counted = ", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts)))
    lines = [
        f"## {cell.title}",
        "",
        f"{len(rows)} seeds: {counted}. Behaviour over {rows[0]['sets']:,} sets, the ladder over "
        f"{rows[0]['scored']:,}.",
        "",
        "| figure | median | least | greatest |",
        "|---|---|---|---|",
    ]
    lines += [spread_line(title, [row[key] for row in rows], form) for key, title, form in FIGURES]
    kinds = {kind: [row["kinds"].get(kind, 0) for row in rows] for kind in KINDS}
    lines += [spread_line(f"units called *{kind}*", found, "g") for kind, found in kinds.items()]
    lines += ["", *size_lines(rows), "", *ladder_lines(rows), "", *intervention_lines(rows), ""]
    return "\n".join(lines)


KINDS = ("bit", "graded", "dead", "always on", "unclear")
FIGURES = (
    ("mse", "mse", ".5f"),
    ("agreement", "units agree with the union", ".4f"),
    ("false_positives", "sets with a false positive", ".3%"),
    ("misses", "sets with a miss", ".5%"),
    ("weak_bits", "bits that are weak", ".2%"),
    ("weight_ratio", "variance of the hashes' weights, over the binomial one", ".3f"),
    ("overlap_ratio", "sd of shared bits, over that of random hashes", ".3f"),
    ("same_calls", "sets with the same calls when a token is given twice", ".1%"),
    ("kept_members", "additions of a token that keep every member called", ".1%"),
    ("r2", "logit on missing bits, R^2", ".3f"),
    ("r2_levels", "logit on summed levels of missing bits, R^2", ".3f"),
)


def size_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Sets of other sizes: false positives of network and hash, and misses; medians."""
    lines = [
        "| tokens put in | false positives a set | of the hash | misses a set |",
        "|---|---|---|---|",
    ]
    for size in rows[0]["sizes"]:
        network, misses, code = zip(*(row["sizes"][size] for row in rows), strict=True)
        cells = (f"{statistics.median(each):.3g}" for each in (network, code, misses))
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return lines


def ladder_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Each rung: medians over the seeds, and in brackets the worst."""
    names = list(rows[0]["rungs"])
    lines = [
        "| rung | kind | bits, share of the network's | mse, over the network's | loss F1 | "
        "ranking F1 | loss correlation |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        rungs = [row["rungs"][name] for row in rows]
        bits = statistics.median(
            rung["bits"] / row["network_bits"] for rung, row in zip(rungs, rows, strict=True)
        )
        networks = [row["rungs"]["network"]["mse"] for row in rows]
        excess = [rung["mse"] / mse - 1 for rung, mse in zip(rungs, networks, strict=True)]
        cells = [
            f"`{name}`",
            rungs[0]["kind"],
            f"{bits:.2%}",
            f"{statistics.median(excess):+.1%} ({max(excess, key=abs):+.1%})",
            with_worst([rung["loss_failures"]["f1"] for rung in rungs]),
            with_worst([rung["ranking_failures"]["f1"] for rung in rungs]),
            with_worst([rung["loss_correlation"] for rung in rungs]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def intervention_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Each intervention: how code and explanation predict its failures, and the control."""
    explanation = rows[0]["interventions"][0]["explained"]["name"]
    lines = [
        f"The explanation that predicts interventions is `{explanation}`.",
        "",
        "| intervention | code: precision | recall | exactly as predicted | explanation: precision "
        "| recall | its false positives: precision | recall | control: by loss, F1 | "
        "false positives, F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for number, first in enumerate(rows[0]["interventions"]):
        each = [row["interventions"][number] for row in rows]
        explained = [one["explained"] for one in each]
        cells = [
            f"`{first['name']}`",
            *precision_and_recall([one["by_loss"] for one in each]),
            with_worst([one["exact_match"] for one in each]),
            *precision_and_recall([one["by_loss"] for one in explained]),
            *precision_and_recall(explained),
            with_worst([one["control"]["by_loss"]["f1"] for one in each], highest=True),
            with_worst([one["control"]["f1"] for one in each], highest=True),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def precision_and_recall(found: list[dict[str, Any]]) -> list[str]:
    """Two cells, each with the worst."""
    return [with_worst([each[name] for each in found]) for name in ("precision", "recall")]


INTRODUCTION = """# The mechanism, measured

Made by `python experiments/mechanism.py`. What it means: [../mechanism.md](../mechanism.md);
what the rungs and the interventions are: [../files.md](../files.md). In brackets stands the worst
seed. *Loss F1* and *ranking F1*: how well a rung says which sets fail, by the two definitions;
*loss correlation*: Pearson over the sets' mse.

At N=256 the behaviour is over all 2,763,520 sets, and the ladder over all but the fifth of them
that rungs are fitted on; at N=1000 both are over 100,000 drawn sets, and nothing is fitted: the
bare hash leaves little to explain.

Interventions: precision and recall of the cases that fail by loss, as the code and as an
explanation predict them, and of the single false positives that the explanation predicts; *exactly
as predicted*, cases whose called tokens are those that the code predicts; *control*, the same
predicted wrongly on purpose, the greatest in brackets. `swap-hashes` and `patch-donor` give the
hidden layer of another set, in any network, so they test the reading of sets as they are. In
`patch-false-positive` nearly every case fails by loss, so its figures by loss say little.

"""


if __name__ == "__main__":
    main()
