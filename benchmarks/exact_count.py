"""How long an exact count over all sets takes. One row per size, medians of repeats.

python benchmarks/exact_count.py [--json] [--large]   # --large: 50,257 tokens, minutes
"""

import argparse
import json
import math
import resource
import statistics
import time
from typing import Any

from relubloom.code import count_false_positives, random_constant_weight

SIZES = [(1000, 64, 3, 12, 5), (10_000, 128, 4, 19, 1)]  # vocab, width, set_size, weight, repeats
LARGE = (50_257, 256, 8, 20, 1)


def measure(sizes: tuple[int, int, int, int, int], threads: int) -> dict[str, Any]:
    vocab_size, width, set_size, weight, repeats = sizes
    code = random_constant_weight(vocab_size, width, weight)
    times: list[float] = []
    total = 0
    for _ in range(repeats):
        started = time.perf_counter()
        total = count_false_positives(code, set_size, threads=threads)
        times.append(time.perf_counter() - started)
    return {
        "vocab_size": vocab_size,
        "width": width,
        "set_size": set_size,
        "weight": weight,
        "threads": threads,
        "ms": 1e3 * statistics.median(times),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "total": str(total),
        "mean": total / math.comb(vocab_size, set_size),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true", help="also 50,257 tokens")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    sizes = [*SIZES, LARGE] if options.large else SIZES
    rows = [measure(size, options.threads) for size in sizes]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
