"""Print the tables of docs/results/theory.md: laws against counted codes, widths, and times.

python benchmarks/theory.py [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from relubloom.code import Code, random_constant_weight
from relubloom.theory import best_constant_weight, plan, width_rule

CODES, SETS = 64, 4096  # random codes per row, random sets per code
COUNTED = [(100, 16, 2), (256, 32, 3), (256, 48, 3), (1000, 32, 3), (1000, 64, 3), (1000, 64, 4)]
COUNTED += [(1000, 128, 8), (4096, 64, 3)]
PLANS: list[tuple[int, int, dict[str, Any]]] = [
    (256, 3, {"mse": 0.01}),
    (1000, 3, {"mse": 1e-3}),
    (1000, 3, {"mse": 1e-6}),
    (50257, 8, {"p_exact": 0.99}),
    (10**6, 4, {"mse": 1e-4}),
    (10**7, 2, {"mse": 1e-30}),
    (10**7, 8, {"p_exact": 0.999}),
    (10**7, 32, {"mse": 1e-4}),
    (10**7, 100, {"mse": 1e-4}),
]


def random_sets(generator: np.random.Generator, vocab_size: int, set_size: int) -> np.ndarray:
    """Uniform sets of distinct tokens, int64 [SETS, set_size], by redrawing repeats."""
    sets = generator.integers(vocab_size, size=(SETS, set_size))
    while True:
        ordered = np.sort(sets, axis=1)
        again = (ordered[:, 1:] == ordered[:, :-1]).any(1)
        if not again.any():
            return sets
        sets[again] = generator.integers(vocab_size, size=(int(again.sum()), set_size))


def counted(code: Code, sets: np.ndarray) -> tuple[float, float, float]:
    """Mean false positives, share of exact sets and mse of one code on these sets."""
    count, k = code.false_positives(sets), sets.shape[1]
    return count.mean(), (count == 0).mean(), (count / (k * (k + count))).mean()


def counted_rows() -> list[dict[str, Any]]:
    """The law of random codes beside the mean over random codes, with its standard error."""
    rows: list[dict[str, Any]] = []
    for vocab_size, width, k in COUNTED:
        law = best_constant_weight(vocab_size, width, k)
        seen = np.array(
            [
                counted(
                    random_constant_weight(vocab_size, width, law.weight, seed),
                    random_sets(np.random.default_rng([7, seed, width]), vocab_size, k),
                )
                for seed in range(CODES)
            ]
        )  # [codes, 3]
        row: dict[str, Any] = {"table": "counted", "vocab_size": vocab_size, "width": width}
        row |= {"set_size": k, "weight": law.weight}
        error = seen.std(0, ddof=1) / np.sqrt(CODES)
        for column, name in enumerate(("false_positives", "p_exact", "mse")):
            row[name] = getattr(law, name)
            row[f"{name}_counted"] = float(seen[:, column].mean())
            row[f"{name}_standard_error"] = float(error[column])
        rows.append(row)
    return rows


def median_ms(call: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU time of a call, ms."""
    times: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def planned_rows() -> list[dict[str, Any]]:
    """Widths that meet a goal, family by family, beside the rule of thumb; CPU time of the plan."""
    rows: list[dict[str, Any]] = []
    for vocab_size, k, goal in PLANS:
        made = plan(vocab_size, k, **goal)
        row: dict[str, Any] = {"table": "planned", "vocab_size": vocab_size, "set_size": k, **goal}
        row["rule"] = width_rule(vocab_size, k, **goal)
        row["widths"] = {family.family: family.width for family in made.families}
        row["ms"] = median_ms(lambda n=vocab_size, k=k, goal=goal: plan(n, k, **goal))
        rows.append(row)
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as the two tables of docs/results/theory.md."""
    lines = ["| N, d, k | h | E[F] | counted | P_exact | counted | mse | counted |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in (r for r in rows if r["table"] == "counted"):
        cells = [f"{row['vocab_size']}, {row['width']}, {row['set_size']}", str(row["weight"])]
        for name in ("false_positives", "p_exact", "mse"):
            spread = f"{row[f'{name}_counted']:.4g} ± {row[f'{name}_standard_error']:.1g}"
            cells += [f"{row[name]:.4g}", spread]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| N, k | goal | rule | constant weight | with replacement | Bernoulli |"]
    lines[-1] += " partitioned | Kautz-Singleton | CPU ms |"
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for row in (r for r in rows if r["table"] == "planned"):
        name = "mse" if "mse" in row else "p_exact"
        widths = list(row["widths"].values())[:5]  # the linear rival has no width of its own
        cells = [f"{row['vocab_size']}, {row['set_size']}", f"{name} {row[name]:g}"]
        cells += [f"{row['rule']:.1f}", *map(str, widths), f"{row['ms']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON list of rows")
    as_json = parser.parse_args().json
    table = [*counted_rows(), *planned_rows()]
    print(json.dumps(table) if as_json else markdown(table))
