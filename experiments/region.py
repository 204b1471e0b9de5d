"""When do networks learn Bloom filters? Writes docs/results/region.md, its table and its figure.

Usage: python experiments/region.py RESULTS [--out DIR]

RESULTS is the folder of `relubloom sweep experiments/region_specs/full.toml --keep-networks`: its
networks are read from RESULTS/networks and classed; what was measured is kept in
RESULTS/region.json, so that a second run only does what is missing.
"""

import argparse
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import relubloom as rb
from region_map.classes import CLASSES, Figures, figures_of
from region_map.figure import draw_map
from relubloom.report.charts.drawing import standalone

OUT = Path("docs/results")
SETS = 50_000
START = "initialisation"
PLAIN_RATE = 1e-3  # Adam's own, as torch.nn.Linear has its own start
COLUMNS = (
    *("vocab_size", "width", "set_size", START, "objective", "optimiser", "adam_beta2"),
    *("weight_decay", "learning_rate", "steps", "seed"),
)
FACTORS = ("vocab_size", "width", "set_size", "objective", "optimiser", "adam_beta2")
Row = dict[str, Any]


def main() -> None:
    """Class what is not classed yet, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rows = classed(given.results)
    given.out.mkdir(parents=True, exist_ok=True)
    print(write_page(rows, given.out))


def classed(results: Path) -> list[Row]:
    """Every finished network of the sweep: settings, mse and class."""
    path = results / "region.json"
    kept: dict[str, Figures] = json.loads(path.read_text()) if path.exists() else {}
    rows: list[Row] = []
    for record in rb.load_results(results):
        if record["status"] != "done":
            continue
        run = record["run"]
        if run not in kept:
            task = rb.KSparseTask(record["vocab_size"], record["set_size"])
            net = rb.ReluNet.from_pretrained(results / "networks" / run)
            kept[run] = figures_of(net, task.evaluation_sets(SETS))
            path.write_text(json.dumps(kept))
        rows.append(settings_of(record) | kept[run])
    return sorted(rows, key=lambda row: [str(type(row[c])) + format_key(row[c]) for c in COLUMNS])


def settings_of(record: Mapping[str, Any]) -> Row:
    """The settings of a run, those that were left to their defaults too."""
    defaults = {field: getattr(rb.Recipe(), field) for field in COLUMNS[3:-1]}
    found = {name: record.get(name) for name in COLUMNS}
    return {name: defaults.get(name) if value is None else value for name, value in found.items()}


def format_key(value: float | str) -> str:
    """Numbers sort as numbers."""
    return value if isinstance(value, str) else f"{value:020.8f}"


def write_page(rows: Sequence[Row], out: Path) -> Path:
    """The page, `region.csv` and `region.svg`."""
    with (out / "region.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *Figures.__annotations__])
        writer.writeheader()
        writer.writerows(rounded(row) for row in rows)
    maps = panels_of(rows)
    for name, (panels, left) in {
        "region": (by_steps(rows), 76.0),
        "region-factors": (by_factor(rows), 104.0),
    }.items():
        if panels:
            drawn = draw_map(name, panels, ("pytorch", PLAIN_RATE), left)
            (out / f"{name}.svg").write_text(standalone(drawn.svg), encoding="utf-8")
    size = "N={}, d={}, k={}".format(*main_size(rows))
    introduction = INTRODUCTION.format(sets=SETS, networks=len(rows), size=size)
    lines = [introduction, *plain_lines(rows), "", *class_lines(maps), ""]
    path = out / "region.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rounded(row: Row) -> Row:
    """Figures to four places that count."""
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in row.items()
    }


def panels_of(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Rows by what is varied and by their start, in the order of `factor_of`."""
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (factor_of(row, rows), row[START])):
        panels.setdefault((factor_of(row, rows)[1], row[START]), []).append(row)
    return panels


def by_steps(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Panels of objective and start, with a row of tiles for each number of steps."""
    main = sorted((row for row in rows if factor_of(row, rows)[0] <= 1), key=lambda r: r["steps"])
    labels = dict.fromkeys(f"{row['steps']:,} steps" for row in main)
    panels: dict[str, dict[str, list[Row]]] = {}
    for row in sorted(main, key=lambda row: (row["objective"], row[START])):
        panel = panels.setdefault(
            f"{row['objective']}, {row[START]}", {each: [] for each in labels}
        )
        panel[f"{row['steps']:,} steps"].append(row)
    return panels


def by_factor(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """A panel for each start, with a row of tiles for each thing varied at the commonest steps.

    SGD, whose rates are of another kind, is in the table alone.
    """
    other = [row for row in rows if factor_of(row, rows)[0] > 1 and row["optimiser"] != "sgd"]
    if not other:
        return {}
    alike = [row for row in rows if factor_of(row, rows)[0] == 0]
    alike = [row for row in alike if row["steps"] == other[0]["steps"]]
    drawn = sorted([*alike, *other], key=lambda row: factor_of(row, rows), reverse=True)
    labels = dict.fromkeys(factor_of(row, rows)[1] for row in drawn)
    return {
        start: {
            label: [r for r in drawn if r[START] == start and factor_of(r, rows)[1] == label]
            for label in labels
        }
        for start in sorted({row[START] for row in drawn})
    }


def factor_of(row: Row, rows: Sequence[Row]) -> tuple[int, str]:
    """What sets a row apart from the main map, in words, and where it stands."""
    size = row["vocab_size"], row["width"], row["set_size"]
    main = main_size(rows)
    if size != main:
        return 5 if size[0] == main[0] else 6, "N={}, d={}, k={}".format(*size)
    if row["optimiser"] == "sgd":
        return 4, "SGD with momentum 0.9"
    if row["weight_decay"]:
        return 3, f"weight decay {row['weight_decay']:g}"
    if row["adam_beta2"] != rb.Recipe().adam_beta2:
        return 2, f"Adam's beta2 {row['adam_beta2']:g}"
    return int(row["objective"] == "mse"), row["objective"]


def main_size(rows: Sequence[Row]) -> tuple[int, int, int]:
    """The size that most rows have."""
    sizes = [(row["vocab_size"], row["width"], row["set_size"]) for row in rows]
    return max(sorted(set(sizes)), key=sizes.count)


def plain_lines(rows: Sequence[Row]) -> list[str]:
    """What the plain default settings give, at each number of steps."""
    plain = [
        row
        for row in rows
        if (row[START], row["learning_rate"], row["seed"]) == ("pytorch", PLAIN_RATE, 0)
        and factor_of(row, rows)[0] <= 1
    ]
    return [
        "With the start and the rate that PyTorch gives when nothing is chosen:",
        "",
        "| objective | steps | class | mse | units at 0 |",
        "|---|---|---|---|---|",
        *(
            f"| `{row['objective']}` | {row['steps']:,} | {row['kind']} | {row['mse']:.4f} | "
            f"{row['off']:.1%} |"
            for row in sorted(plain, key=lambda row: (row["objective"], row["steps"]))
        ),
    ]


def class_lines(maps: Mapping[tuple[str, str], Sequence[Row]]) -> list[str]:
    """Every cell of the map: class and error of its seeds."""
    lines = [
        "| varied | start | rate | steps | seeds by class | mse (worst) | F1 binary | F1 graded |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (factor, start), rows in maps.items():
        for rate, steps in sorted({(row["learning_rate"], row["steps"]) for row in rows}):
            own = [row for row in rows if (row["learning_rate"], row["steps"]) == (rate, steps)]
            kinds = [row["kind"] for row in own]
            counts = [f"{kinds.count(kind)} {kind}" for kind in CLASSES if kind in kinds]
            worst = max(own, key=lambda row: row["mse"])
            lines.append(
                f"| {factor} | {start} | {rate:g} | {steps:,} | {', '.join(counts)} | "
                f"{worst['mse']:.4f} | {worst['binary_f1']:.2f} | {worst['graded_f1']:.2f} |"
            )
    return lines


INTRODUCTION = """# When do networks learn Bloom filters?

Made by `experiments/region.py` (`make results-region`). Each network is trained with a warm-up and
a cosine to zero, and classed by what predicts the sets on which it fails by loss, over {sets:,}
drawn sets. This page holds {networks} networks, of {size} where no other size is given.

- *nearly linear*: under 5 % of the pairs of a set and a unit have the unit at 0, so that the ReLU
  hardly does anything;
- *binary*: the binary hash predicts the failures with an F1 of 0.8 or more, and the graded hash no
  better than by 0.05;
- *graded*: the graded hash does, and is better by more than that;
- *neither*: none of them, or over half of the sets fail.

`normal` is the start of this project: normal weights with sd 3/sqrt(d) in W_in and 0.5/sqrt(d) in
W_out, biases 0. `pytorch` is that of `torch.nn.Linear`, where the weights of W_in are some ten
times smaller. The F1 are by loss; where nearly every set fails, any hash has a high one. Each tile
is a cell, a strip of it a seed; the number is the worst mse.

![Map of rate and steps](region.svg)

One choice varied at a time, with 20,000 steps; the row of `kl` is that of the map above. SGD, whose
rates are of another kind, is in the table.

![The same for other choices](region-factors.svg)
"""


if __name__ == "__main__":
    main()
