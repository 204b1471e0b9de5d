"""What a second layer could buy: COMP, DD and SCOMP. Regenerates docs/results/decoders.md.

    python experiments/decoders.py     # about a minute on one core

Shares of exactly recovered sets are sampled, each with its 95 % Wilson interval.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from relubloom import atomic
from relubloom.code import comp, dd, random_constant_weight, scomp

VOCAB_SIZE, SET_SIZE = 500, 10
WIDTHS, QUICK_WIDTHS = range(60, 221, 20), range(60, 221, 80)
CODES, SETS = 4, 500  # per width
DECODERS = (comp, dd, scomp)

HEAD = """# Decoders: COMP, DD and SCOMP

Made by `python experiments/decoders.py`. N = {vocab}, k = {size}, random constant-weight
codes of weight round(ln 2 d / k). Sampled, not proved: the share of {all_sets} random sets
({codes} codes, {sets} sets each) whose members are recovered exactly, with its 95 % Wilson
interval.

| d | weight | COMP | DD | SCOMP |
|---|---|---|---|---|
"""


def wilson(right: int, of: int) -> tuple[float, float]:
    z = 1.96
    share = right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return middle - half, middle + half


def recovered(width: int, weight: int, codes: int) -> list[int]:
    """Sets recovered exactly by each decoder."""
    right = [0] * len(DECODERS)
    for seed in range(codes):
        code = random_constant_weight(VOCAB_SIZE, width, weight, seed)
        generator = np.random.default_rng([seed, width])
        sets = generator.permuted(np.tile(np.arange(VOCAB_SIZE), (SETS, 1)), axis=1)[:, :SET_SIZE]
        members = np.zeros((SETS, VOCAB_SIZE), dtype=bool)
        np.put_along_axis(members, sets, True, axis=1)
        unions = code.union(sets)
        for place, decoder in enumerate(DECODERS):
            right[place] += int((decoder(code, unions) == members).all(1).sum())
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/decoders.md"))
    parser.add_argument("--quick", action="store_true", help="three widths, one code each")
    given = parser.parse_args()
    codes = 1 if given.quick else CODES
    table = HEAD.format(
        vocab=VOCAB_SIZE, size=SET_SIZE, all_sets=codes * SETS, codes=codes, sets=SETS
    )
    for width in QUICK_WIDTHS if given.quick else WIDTHS:
        weight = round(math.log(2) * width / SET_SIZE)
        cells: list[str] = []
        for right in recovered(width, weight, codes):
            low, high = wilson(right, codes * SETS)
            cells.append(f"{right / (codes * SETS):.3f} ({low:.3f}-{high:.3f})")
        line = f"| {width} | {weight} | {' | '.join(cells)} |\n"
        print(line, end="", flush=True)
        table += line
    atomic.write_text(given.out, table)


if __name__ == "__main__":
    main()
