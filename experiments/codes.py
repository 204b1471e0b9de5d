"""Which codes are good? Regenerates docs/results/codes.md: families and searches, counted exactly.

    python experiments/codes.py              # about 25 minutes on one core
    python experiments/codes.py --share 0.1  # a tenth of the search time
    python experiments/codes.py --quick --out /tmp/codes.md  # a row a family at N = 256, a minute

Every E[F] is the exact count over all sets; every mse is over all sets, by enumeration.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path

import numpy as np

from relubloom import atomic
from relubloom.code import (
    Code,
    disjunct_code,
    greedy_low_overlap,
    improve,
    is_disjunct,
    mean_false_positives,
    partitioned,
    random_constant_weight,
)

ENUMERABLE = 5_000_000  # sets
CHUNK = 50_000  # sets enumerated at a time


@dataclass(frozen=True)
class Entry:
    """One way to make a code, to be timed and counted."""

    sizes: tuple[int, int, int]  # vocab_size, width, set_size
    family: str
    seed: int
    make: Callable[[], Code]


def mean_squared_error(code: Code, set_size: int) -> float | None:
    """The mse of the infinitely sharp Bloom network, over all sets, or None where too many."""
    sets = math.comb(code.vocab_size, set_size)
    if sets > ENUMERABLE:
        return None
    flat = chain.from_iterable(combinations(range(code.vocab_size), set_size))
    total = 0.0
    for start in range(0, sets, CHUNK):
        count = min(CHUNK, sets - start) * set_size
        block = np.fromiter(flat, dtype=np.int64, count=count).reshape(-1, set_size)
        found = code.false_positives(block)
        total += float((found / (set_size * (set_size + found))).sum())
    return total / sets


def families(share: float) -> Iterator[Entry]:
    """The rows of the table, sizes in order, best guesses last."""
    small, large = (256, 48, 3), (1000, 64, 3)

    def random_search(sizes: tuple[int, int, int], weight: int, seed: int, seconds: float) -> Entry:
        budget = seconds * share

        def make() -> Code:
            start = random_constant_weight(sizes[0], sizes[1], weight, seed)
            return improve(start, sizes[2], seconds=budget, seed=seed).code

        name = f"search from random, weight {weight}, {budget:g} s"
        return Entry(sizes, name, seed, make)

    for sizes, weight, greedy in ((small, 9, (8, 3)), (large, 12, (10, 4))):
        n, d, k = sizes
        for seed in range(3):
            yield Entry(
                sizes,
                f"random, weight {weight}",
                seed,
                lambda n=n, d=d, w=weight, s=seed: random_constant_weight(n, d, w, s),
            )
        yield Entry(
            sizes,
            f"partitioned, weight {weight}",
            0,
            lambda n=n, d=d, w=weight: partitioned(n, d, w),
        )
        for seed in range(3):
            yield Entry(
                sizes,
                f"greedy, weight {greedy[0]}, overlaps up to {greedy[1]}",
                seed,
                lambda n=n, d=d, g=greedy, s=seed: greedy_low_overlap(n, d, *g, seed=s),
            )
        if sizes == small:
            for weight_, seed in ((8, 0), (9, 0), (9, 1), (9, 2), (10, 0)):
                yield random_search(sizes, weight_, seed, 60)
            yield Entry(
                sizes,
                "shortened Kautz-Singleton, q = 7",
                0,
                lambda n=n, d=d, k=k: disjunct_code(n, d, k),
            )
        else:
            for weight_, seed, seconds in ((9, 0, 120), (10, 0, 600), (10, 1, 120), (11, 0, 300)):
                yield random_search(sizes, weight_, seed, seconds)
            yield Entry(
                (1000, 74, 3),
                "shortened Kautz-Singleton, q = 11",
                0,
                lambda: disjunct_code(1000, 74, 3),
            )


def row(entry: Entry) -> str:
    n, d, k = entry.sizes
    started = time.perf_counter()
    code = entry.make()
    seconds = time.perf_counter() - started
    mean = mean_false_positives(code, k)
    mse = mean_squared_error(code, k)
    shown = "-" if mse is None else f"{mse:.6f}"
    free = "yes" if is_disjunct(code, k) else "no"
    weight = f"{code.weights.mean():.2f} ± {code.weights.std():.2f}"
    return (
        f"| {n} | {d} | {k} | {entry.family} | {entry.seed} | {weight} | {mean:.6f} | {shown} "
        f"| {mean / (k * (k + 1)):.6f} | {free} | {seconds:.1f} |"
    )


HEAD = """# Codes: families and searches

Made by `python experiments/codes.py`{options}. E[F] is the exact count over all C(N, k) sets
(no sampling); mse is that of the infinitely sharp Bloom network over all sets, by enumeration,
where there are at most 5 million of them; "mse at most" is E[F] / (k (k + 1)), which holds for
every code. "Free" is the disjunctness certificate: no set has a false positive. Seconds are wall
time for making the code, one thread, on two noisy cores shared with other work; a search given a
budget in seconds depends on the machine (give `steps` to repeat one exactly).

| N | d | k | family | seed | weight | E[F] | mse | mse at most | free | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="share of the search budgets")
    parser.add_argument("--out", type=Path, default=Path("docs/results/codes.md"))
    parser.add_argument("--quick", action="store_true", help="seed 0 at N = 256, a second a search")
    options = parser.parse_args()
    if options.quick:
        options.share = min(options.share, 1 / 60)
    table = HEAD.format(options="" if options.share == 1 else f" --share {options.share:g}")
    for entry in families(options.share):
        if options.quick and (entry.sizes[0] != 256 or entry.seed):
            continue
        line = row(entry)
        print(line, flush=True)
        table += line + "\n"
    atomic.write_text(options.out, table)


if __name__ == "__main__":
    main()
