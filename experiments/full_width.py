"""The width law of networks trained to the end: docs/results/full-width.md and its figure.

Usage: python experiments/full_width.py RESULTS [--out DIR]

RESULTS is the folder of `relubloom sweep experiments/width_specs/full.toml`.
"""

import argparse
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import relubloom as rb
from relubloom.report.charts.drawing import standalone
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.theory import best_constant_weight, best_graded_weights

OUT = Path("docs/results")
ENOUGH = 0.05  # a doubling that lowers the median mse by less has reached the end
Row = Mapping[str, Any]
Networks = dict[int, dict[int, list[Row]]]
"""By width and steps."""


def main() -> None:
    """Write the page and its figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    print(write_page(rb.load_results(given.results), given.out))


def write_page(records: Sequence[Row], out: Path) -> Path:
    """`full-width.md` and `full-width.svg`."""
    done: list[dict[str, Any]] = [
        {**row, "code_mse": code_mse(row)} for row in records if row["status"] == "done"
    ]
    rates = [row["learning_rate"] for row in done]
    networks, *others = (
        grouped(row for row in done if row["learning_rate"] == rate)
        for rate in sorted(set(rates), key=rates.count, reverse=True)
    )
    size = done[0]["vocab_size"], done[0]["set_size"]
    laws = laws_of(size, list(networks))
    lines = [
        INTRODUCTION.format(vocab=size[0], k=size[1], enough=ENOUGH),
        *width_lines(networks, laws),
        "",
        SLOPES.format(low=min(networks), high=max(networks), steps=shared_steps(networks)),
        *slope_lines(networks, laws),
        "",
    ]
    for other in others:
        first = next(iter(next(iter(other.values())).values()))[0]
        lines += [
            OTHER_RATE.format(rate=first["learning_rate"]),
            *width_lines(other, laws_of(size, list(other))),
            "",
        ]
    (out / "full-width.svg").write_text(standalone(drawn(networks, laws).svg), encoding="utf-8")
    path = out / "full-width.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def grouped(rows: Iterable[dict[str, Any]]) -> Networks:
    """By width and steps, ascending."""
    networks: Networks = {}
    for row in sorted(rows, key=lambda row: (row["width"], row["steps"], row["seed"])):
        networks.setdefault(row["width"], {}).setdefault(row["steps"], []).append(row)
    return networks


def code_mse(row: Row) -> float:
    """Of the hash run exactly, with its strengths where it has several."""
    return row["extracted_mse"] if row["graded_mse"] is None else row["graded_mse"]


def shared_steps(networks: Networks) -> int:
    """The most steps that every width has."""
    return max(set.intersection(*(set(by_steps) for by_steps in networks.values())))


def laws_of(size: tuple[int, int], widths: list[int]) -> dict[str, list[float]]:
    """The least mean mse of random codes, binary and graded, at each width."""
    vocab, k = size
    return {
        BINARY: [best_constant_weight(vocab, width, k).mse for width in widths],
        GRADED: [best_graded_weights(vocab, width, k).mse for width in widths],
    }


def median(rows: Sequence[Row], key: str) -> float | None:
    """Over the seeds that have one."""
    found = [row[key] for row in rows if row[key] is not None]
    return statistics.median(found) if found else None


def width_lines(networks: Networks, laws: Mapping[str, list[float]]) -> list[str]:
    """Every width and number of steps, beside the laws."""
    lines = [
        "| d | steps | seeds | mse, median | worst | fall by doubling | half bits | "
        "F1, bare hash | F1, graded hash | mse of its code | random binary | random graded | "
        "verdicts |",
        "|" + "---|" * 13,
    ]
    for (width, by_steps), binary, graded in zip(
        networks.items(), laws[BINARY], laws[GRADED], strict=True
    ):
        for steps, rows in by_steps.items():
            verdicts = Counter(row["verdict"] for row in rows).most_common()
            cells = [
                str(width),
                f"{steps:,}",
                str(len(rows)),
                shown(median(rows, "mse"), ".5f"),
                shown(max(row["mse"] for row in rows), ".5f"),
                shown(fall(by_steps, steps), ".1%"),
                shown(median(rows, "half_share"), ".1%"),
                shown(median(rows, "loss_failure_f1"), ".3f"),
                shown(median(rows, "graded_loss_failure_f1"), ".3f"),
                shown(median(rows, "code_mse"), ".5f"),
                f"{binary:.6f}",
                f"{graded:.6f}",
                ", ".join(f"{count} {verdict}" for verdict, count in verdicts),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def shown(value: float | None, form: str) -> str:
    """A dash for none."""
    return "-" if value is None else format(value, form)


def fall(by_steps: Mapping[int, Sequence[Row]], steps: int) -> float | None:
    """By what share twice the steps lower the median mse."""
    before, after = (median(by_steps.get(each, ()), "mse") for each in (steps, 2 * steps))
    return None if before is None or after is None else 1 - after / before


def slope_lines(networks: Networks, laws: Mapping[str, list[float]]) -> list[str]:
    """Rates of the exponential, and what they are of the binary law's."""
    rows = [by_steps[shared_steps(networks)] for by_steps in networks.values()]
    curves = {
        TRAINED: [statistics.median(row["mse"] for row in each) for each in rows],
        LEARNED: [statistics.median(row["code_mse"] for row in each) for each in rows],
        **laws,
    }
    binary = rate(networks, laws[BINARY])
    lines = ["| mse of | k x rate | of random binary codes |", "|---|---|---|"]
    k = rows[0][0]["set_size"]
    for name, errors in curves.items():
        found = rate(networks, errors)
        lines.append(f"| {name} | {k * found:.3f} | {found / binary:.2f} |")
    return lines


def rate(networks: Networks, errors: Sequence[float]) -> float:
    """By least squares on ln mse, a unit of width."""
    widths = np.array(list(networks), dtype=np.float64)
    logs = np.array([math.log(error) for error in errors])
    return float(-np.polyfit(widths, logs, 1)[0])


def drawn(networks: Networks, laws: Mapping[str, list[float]]) -> Any:
    """Errors against width, on a log scale."""
    same = [by_steps[shared_steps(networks)] for by_steps in networks.values()]
    seeds = [(float(row["width"]), row["mse"]) for rows in same for row in rows]
    x = [float(width) for width in networks]
    learned = [statistics.median(row["code_mse"] for row in rows) for rows in same]
    series = [
        Series(TRAINED, "network", [each[0] for each in seeds], [each[1] for each in seeds]),
        Series(LEARNED, "code", x, learned),
        Series("binary", "theory", x, laws[BINARY]),
        Series("graded", "line", x, laws[GRADED]),
    ]
    said = "Mean squared error against width, of networks trained to the end and of random codes"
    marks = {width: f"{width:g}" for width in x}
    axis = Axis("width", "mse (log scale)", log=True, marks=marks)
    return draw_series("full-width", said, series, axis)


TRAINED, LEARNED, BINARY, GRADED = "trained", "its code", "random binary", "random graded"
INTRODUCTION = """# The width law of networks trained to the end

Made by `python experiments/full_width.py` (`make results-width-full`). Networks of N={vocab} and
k={k}, `mse`, rate 0.005, as preset `article-full`. A width has reached its end where twice the
steps lower the median mse by under {enough:.0%}. *Half bits*: of all bits, where they are a kind of
their own. *F1*: of the sets that fail by loss. *Mse of its code*: of the hash run exactly, with
its strengths where it has two. *Random*: exact mean of random codes of the best weights. What it
means: [../width.md](../width.md).

![Error against width](full-width.svg)

*Binary* and *graded* in the figure are the random codes.
"""
OTHER_RATE = """## At rate {rate:g}
"""
SLOPES = """## Slopes

ln mse against d by least squares over d = {low} to {high}, after {steps:,} steps; medians.
"""


if __name__ == "__main__":
    main()
