"""How good can a graded code be? Regenerates docs/results/graded-codes.md.

    python experiments/graded_codes.py              # about 8 minutes on one free core
    python experiments/graded_codes.py --quick --out /tmp/graded-codes.md  # 20 steps a search

Laws are exact means over all random codes; every other row is one code, its false positives counted
exactly over all sets, and its constructed network certified by `certify`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import relubloom as rb
from relubloom import atomic
from relubloom.code import (
    disjunct_code,
    make_graded,
    search_cyclic,
)
from relubloom.errors import UsageError
from relubloom.theory import best_graded_weights

SIZES = {(256, 48, 3): 5000, (256, 40, 3): 5000, (1000, 64, 3): 3000}  # steps of a search
BINARY_WEIGHTS = {(256, 48, 3): 9, (256, 40, 3): 7, (1000, 64, 3): 10}  # bits of a binary search
GRADED_BITS = {(256, 48, 3): (5, 5), (256, 40, 3): (4, 4), (1000, 64, 3): (6, 5)}  # the default
LEAK = 2.0**-20  # of the certified networks: the smaller, the tighter the bounds

HEAD = """# Graded codes: laws, searches, certificates

Made by `python experiments/graded_codes.py`{options}. A law is the exact mean over random codes.
Every other row is one code. E[F] is its exact count over all C(N, k) sets. "mse at most" and
"exact at least" are what `certify` proves, by counting, of its constructed network. A search
anneals a cyclic code for so many steps, seed 0, which repeats exactly. Seconds are for making the
code, on one core shared with other work. Bits are half + full.

At (256, 48, 3) a *designed binary* code makes no error at all, so a graded one has nothing to gain
there. At the other two sizes no such design fits.

| N | d | k | code | bits | E[F] | mse at most | exact at least | seconds |
|---|---|---|---|---|---|---|---|---|
"""


def laws(sizes: tuple[int, int, int]) -> Iterator[str]:
    """The best random codes, binary and graded."""
    binary, graded = rb.best_constant_weight(*sizes), best_graded_weights(*sizes)
    for name, bits, law in (
        ("law, random binary", f"0 + {binary.weight}", binary),
        ("law, random graded", f"{graded.half} + {graded.full}", graded),
    ):
        yield row(sizes, name, bits, law.false_positives, law.mse, law.p_exact, None)


def codes(
    sizes: tuple[int, int, int], steps: int
) -> Iterator[tuple[str, Callable[[], rb.Code | rb.GradedCode]]]:
    """A name for each way to make a code, and the way."""
    bits = BINARY_WEIGHTS[sizes]
    yield "designed binary, Kautz-Singleton", lambda: disjunct_code(*sizes)
    yield (
        f"cyclic binary search, {steps} steps",
        lambda: search_cyclic(*sizes, bits, 0, steps=steps).code,
    )
    if sizes[0] < 1000:  # hashes of 9 + 7 bits take minutes to count
        yield "random graded", lambda: make_graded("graded", *sizes)
    yield "graded-greedy", lambda: make_graded("graded-greedy", *sizes)
    yield (
        f"graded-search, {steps} steps",
        lambda: search_cyclic(*sizes, *GRADED_BITS[sizes], steps=steps).code,
    )


def certified(
    sizes: tuple[int, int, int], name: str, code: rb.Code | rb.GradedCode, spent: float
) -> str:
    """The row of one code."""
    binary = isinstance(code, rb.Code) or not (code.strengths == 2).any()
    bits = f"0 + {code.weights.mean():g}"
    if not binary and isinstance(code, rb.GradedCode):
        bits = f"{code.of_strength(1).mean():g} + {code.of_strength(2).mean():g}"
    net = rb.construct(rb.Code(code.bits), 40.0) if binary else rb.construct(code, 40.0, LEAK)
    proof = rb.certify(net, rb.KSparseTask(sizes[0], sizes[2]), method="counting")
    assert proof.false_positives.total is not None
    mean = proof.false_positives.total / proof.sets
    return row(sizes, name, bits, mean, proof.mse.upper, proof.p_exact.lower, spent)


def row(
    sizes: tuple[int, int, int],
    name: str,
    bits: str,
    mean: float,
    mse: float,
    p_exact: float,
    seconds: float | None,
) -> str:
    spent = "-" if seconds is None else f"{seconds:.1f}"
    cells = [*map(str, sizes), name, bits, f"{mean:.6f}", f"{mse:.7f}", f"{p_exact:.6f}", spent]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/graded-codes.md"))
    parser.add_argument("--quick", action="store_true", help="N = 256, 20 steps a search")
    options = parser.parse_args()
    table = HEAD.format(options=" --quick" if options.quick else "")
    for sizes, steps in SIZES.items():
        if options.quick and sizes[0] > 256:
            continue
        for line in laws(sizes):
            print(line, flush=True)
            table += line + "\n"
        for name, make in codes(sizes, 20 if options.quick else steps):
            started = time.perf_counter()
            try:
                code = make()
            except UsageError:
                line = f"| {' | '.join(map(str, sizes))} | {name} | none fits | - | - | - | - |"
            else:
                line = certified(sizes, name, code, time.perf_counter() - started)
            print(line, flush=True)
            table += line + "\n"
        atomic.write_text(options.out, table)  # what is finished stays if it is stopped


if __name__ == "__main__":
    main()
