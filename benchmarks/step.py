"""The training step beside its three matrix products, plain loops, torch.compile and JAX.

Usage: python benchmarks/step.py [--json] [--rounds 15] [--large]

Times are of whole steps (sampling, loss, gradient, Adam, bookkeeping) with one thread, medians of
turns that the contenders take one after the other, in milliseconds of processor time; memory is
what each process grew by since its imports. A last row trains 8 networks as one stack.

Cost model: the three products (6 batch width vocab FLOPs) at the speed that they have here alone;
for each logit a softmax and passes over the cache (`NS_PER_LOGIT`); and from memory
(`BYTES_PER_NS`) Adam's 7 reads or writes of each parameter, W_out's gradient read and written for
each chunk, and that of W_in zeroed. It leaves out calls, drawing and rows of W_in.
"""

import argparse
import json
import statistics
from dataclasses import replace
from typing import Any

from contenders import CONTENDERS, Contender, MissingError, Size, one_thread, take_turns
from relubloom.training.step import chunk_rows

SMALL = [Size(256, 48, 3, 512), Size(1000, 64, 3, 1024)]
LARGE = [Size(4096, 128, 4, 1024), Size(16384, 256, 8, 512), Size(50257, 512, 8, 256)]
STACK = Size(256, 48, 3, 512, networks=8)
TURN_FLOPS = 1e9  # a turn is as many steps as have these in their products
MOST_STEPS = 16  # as many as have their sets drawn at once, at the smallest size
LARGE_ROUNDS = 5
FLOOR = {"ours", "three_gemms"}
NS_PER_LOGIT = 2.2  # softmax 1.15, mse .7, bias .2, sum for b_out .15: each timed alone
BYTES_PER_NS = 12.0
COLUMNS = ("vocab_size", "width", "set_size", "batch_size")


def main() -> None:
    """Time each size and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--large", action="store_true", help="also N = 4,096, 16,384 and 50,257")
    given = parser.parse_args()
    rows = [measure(size, given.rounds) for size in SMALL]
    if given.large:
        rows += [measure(size, min(given.rounds, LARGE_ROUNDS)) for size in LARGE]
    rows.append(measure_stack(given.rounds))
    print(json.dumps(rows) if given.json else page(rows))


def measure(size: Size, rounds: int) -> dict[str, Any]:
    """Medians of interleaved turns of each contender that runs here."""
    times, peaks, missing = timed({name: (name, size) for name in CONTENDERS}, rounds)
    ms = {name: statistics.median(values) for name, values in times.items()}
    floor = ms["three_gemms"]
    del peaks["three_gemms"]
    return {
        **described(size),
        "product_gflop": round(size.product_flops / 1e9, 3),
        "product_gflops": round(size.product_flops / floor / 1e6, 1),
        "state_mib": round(size.state_bytes / 2**20, 1),
        **{f"{name}_ms": round(value, 3) for name, value in ms.items()},
        **{f"{name}_mib": round(value, 1) for name, value in peaks.items()},
        "model_ms": round(model_ms(size, floor), 3),
        "ours_over_three_gemms": ratio(times, "ours", "three_gemms"),
        **{f"{name}_over_ours": ratio(times, name, "ours") for name in ms if name not in FLOOR},
        "missing": missing,
    }


def model_ms(size: Size, products_ms: float) -> float:
    """What the cost model says a step of one network takes."""
    vocab, batch = size.vocab_size, size.batch_size
    chunks = -(-batch // chunk_rows(batch, vocab))
    matrix = 4 * vocab * size.width  # bytes of W_in or W_out
    moved = 7 * 2 * matrix + 2 * chunks * matrix + matrix
    return products_ms + 1e-6 * (NS_PER_LOGIT * batch * vocab + moved / BYTES_PER_NS)


def measure_stack(rounds: int) -> dict[str, Any]:
    """Steps of one network per second: a stack of 8, and networks one at a time."""
    alone = replace(STACK, networks=1)
    chosen = {
        "stacked": ("ours", STACK),
        "one_at_a_time": ("ours", alone),
        "plain_loop": ("plain_loop", alone),
    }
    times, peaks, _ = timed(chosen, rounds)
    times["stacked"] = [value / STACK.networks for value in times["stacked"]]
    return {
        **described(STACK),
        **{
            f"{name}_steps_per_second": round(1e3 / statistics.median(values))
            for name, values in times.items()
        },
        **{f"{name}_mib": round(value, 1) for name, value in peaks.items()},
        "one_at_a_time_over_stacked": ratio(times, "one_at_a_time", "stacked"),
        "plain_loop_over_stacked": ratio(times, "plain_loop", "stacked"),
        "missing": {},
    }


def timed(
    chosen: dict[str, tuple[str, Size]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, float], dict[str, str]]:
    """Times and peaks of contenders by label, and why others are missing."""
    running: list[Contender] = []
    missing: dict[str, str] = {}
    smallest = min(size.product_flops for _, size in chosen.values())
    with one_thread():
        for label, (name, size) in chosen.items():
            contender = Contender(name, size, label)
            try:
                contender.wait()
                running.append(contender)
            except MissingError as reason:
                missing[label] = str(reason)
    try:
        steps = max(1, min(MOST_STEPS, round(TURN_FLOPS / smallest)))
        return *take_turns(running, steps, rounds), missing
    finally:
        for contender in running:
            contender.close()


def described(size: Size) -> dict[str, Any]:
    """The columns that say what was timed."""
    names = (*COLUMNS, "networks")
    return {name: getattr(size, name) for name in names} | {"threads": 1}


def ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    """The median of the ratios of turns that were taken side by side."""
    pairs = zip(times[above], times[below], strict=True)
    return round(statistics.median(a / b for a, b in pairs), 2)


def page(rows: list[dict[str, Any]]) -> str:
    """The rows as three tables: times, memory, the stack."""
    singles, stack = rows[:-1], rows[-1]
    names = [name for name in CONTENDERS if name not in FLOOR]
    head = [name.replace("_", " ") for name in names]
    times, memory = [], []
    for row in singles:
        size = ", ".join(str(row[name]) for name in COLUMNS)
        cells = [cell(row, name, "{ms:,.2f} ({over:.2f}x)") for name in names]
        floor = f"{row['three_gemms_ms']:,.2f} ({row['ours_over_three_gemms']:.2f})"
        own = [f"{row[f'{name}_ms']:,.2f}" for name in ("ours", "model")]
        times.append([size, *own, floor, *cells])
        peaks = [cell(row, name, "{mib:,.0f}") for name in names]
        memory.append([size, f"{row['state_mib']:,.1f}", f"{row['ours_mib']:,.0f}", *peaks])
    labels = ("stacked", "one_at_a_time", "plain_loop")
    speeds = [f"{stack[f'{label}_steps_per_second']:,}" for label in labels]
    return "\n\n".join(
        [
            "Milliseconds a step (in brackets: ours over the three products; others over ours):",
            markdown(["N, d, k, batch", "ours", "model", "three products", *head], times),
            "Memory in MiB:",
            markdown(["N, d, k, batch", "weights, gradients, Adam", "ours", *head], memory),
            f"Steps of a network per second, {stack['networks']} networks at (256, 48, 3, 512):",
            markdown([label.replace("_", " ") for label in labels], [speeds]),
        ]
    )


def cell(row: dict[str, Any], name: str, form: str) -> str:
    """A contender's figures, or why there are none."""
    if name in row["missing"]:
        return row["missing"][name]
    figures = {"ms": row[f"{name}_ms"], "mib": row[f"{name}_mib"], "over": row[f"{name}_over_ours"]}
    return form.format(**figures)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
