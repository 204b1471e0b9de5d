"""Tokens that a union covers, beside the product and Bloom-filter libraries.

Usage: python benchmarks/decode.py [--json] [--rounds 15] [--large]

Codes are of width 256, for sets of 8, of the weight that is best for N tokens. *Union*: which
tokens does one union cover? *Batch*: the same of 64 unions. Contenders take turns (A B C A B C
...), each time with 8 questions on end, on one thread. A row shows medians in milliseconds a
question, of processor time, which a busy machine stretches least, and how many times ours the
others take; `cold` is one question to a turn, so that the product has emptied the cache before
ours. Memory is that of a process of its own for each contender: `held_mib` what it holds,
`peak_mib` its most while it answers, both above the bare process.

Rivals: `dense` is the float32 product with W_out (batch: the GEMM), and no comparison after it;
rbloom and fastbloom-rs are Bloom filters of 256 bits written in Rust, filled with the set and asked
about all tokens, the latter by its call for many. `make bench` installs them.

Cost model of one union, N tokens, width d, weight h, k = 8. Dense: 4 N d bytes, once through, and
N d multiply-adds. Slices: a bitmap is N / 8 bytes. A unit outside the union settles a share h / d
of the open tokens, so 5.5 d / h units leave one token in 256: with three of four units to a bitmap,
some 2 d / h bitmaps, .25 N d / h bytes and .03 N d / h word operations each to copy and to OR. That
is 16 h times fewer bytes than dense, 320 times at h = 20; then N bytes to unpack and search. Table
(batches): N / 8 bytes for each octet of units, so a union reads N d / 64 bytes. A library looks at
each token: N hashes and calls.
"""

import argparse
import ctypes
import json
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom import Code, best_constant_weight, random_constant_weight
from relubloom.code.bit_slices import BitSlices
from relubloom.code.cover_table import CoverTable

WIDTH, SET_SIZE, SETS, BATCH = 256, 8, 64, 64
ON_END = 8  # questions in a turn
VOCABS, LARGE = [10_000, 50_257, 100_000], 1_000_000
TABLE_VOCAB = 100_000  # the table of more tokens would take more than 100 MiB
RIVALS = {"rbloom": "rbloom", "fastbloom-rs": "fastbloom_rs"}
NOT_INSTALLED = "not installed"

Answer = Callable[[int], Any]


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--large", action="store_true", help="also N = 1,000,000 (some minutes)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []

    def add(row: dict[str, Any]) -> None:
        rows.append(row)
        if not given.json:
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    for vocab in VOCABS + [LARGE] * given.large:
        add(union_row(vocab, given.rounds))
    for vocab in VOCABS:
        add(batch_row(vocab, given.rounds))
    if given.json:
        print(json.dumps(rows))


def union_row(vocab: int, rounds: int) -> dict[str, Any]:
    """One union at a time."""
    code, sets = sized(vocab)
    contenders = {name: make(code, sets) for name, make in UNION.items()}
    for row in range(3):
        covered = np.flatnonzero(~(code.bits & ~code.union(sets[row : row + 1])).any(1))
        assert contenders["ours"](row).tolist() == covered.tolist()
        assert np.flatnonzero(contenders["dense"](row) == 0).tolist() == covered.tolist()
    weight = int(code.weights[0])
    del code
    ms = interleaved(contenders, rounds)
    pair = {name: contenders[name] for name in ("ours", "dense")}
    cold = {f"{name}_cold": v for name, v in figures(interleaved(pair, ON_END * rounds, 1)).items()}
    return heading("union", vocab, weight) | figures(ms) | cold | memory(UNION, vocab)


def batch_row(vocab: int, rounds: int) -> dict[str, Any]:
    """A batch of unions, in milliseconds for each."""
    code, sets = sized(vocab)
    contenders = {name: make(code, sets) for name, make in BATCHES.items()}
    rows, tokens = contenders["ours"](0)
    for row, found in enumerate(contenders["slices"](0)):
        assert tokens[rows == row].tolist() == found.tolist()
    ms = {name: value / BATCH for name, value in interleaved(contenders, rounds).items()}
    row = heading("batch", vocab, int(code.weights[0])) | {"batch": BATCH}
    return row | figures(ms) | memory(BATCHES, vocab)


def heading(kind: str, vocab: int, weight: int) -> dict[str, Any]:
    sizes = {"vocab_size": vocab, "width": WIDTH, "set_size": SET_SIZE, "weight": weight}
    return {"row": kind, **sizes, "threads": 1}


def sized(vocab: int) -> tuple[Code, NDArray[np.int64]]:
    weight = best_constant_weight(vocab, WIDTH, SET_SIZE).weight
    return random_constant_weight(vocab, WIDTH, weight), drawn(vocab, SET_SIZE, SETS)


def drawn(vocab: int, set_size: int, count: int) -> NDArray[np.int64]:
    draw = np.random.default_rng(0)
    return np.array([draw.choice(vocab, set_size, replace=False) for _ in range(count)])


def slices(code: Code, sets: NDArray[np.int64]) -> Answer:
    unions, table = code.union(sets), BitSlices(code.bits, code.packed)
    return lambda turn: table.covered(unions[turn % SETS])


def dense(code: Code, sets: NDArray[np.int64]) -> Answer:
    W_out, post = readout(code), torch.from_numpy(~code.union(sets)).float()
    return lambda turn: torch.mv(W_out.T, post[turn % SETS]).numpy()


def readout(code: Code) -> torch.Tensor:
    """W_out of the exact network of sharpness 1, float32 [width, vocab]."""
    return -torch.from_numpy(np.ascontiguousarray(code.bits.T)).float()


def rbloom(code: Code, sets: NDArray[np.int64]) -> Answer | None:
    if find_spec("rbloom") is None:
        return None
    filters = [import_module("rbloom").Bloom(SET_SIZE, chance()) for _ in sets]
    for one, members in zip(filters, sets.tolist(), strict=True):
        one.update(members)
    tokens = range(code.vocab_size)
    return lambda turn: [token for token in tokens if token in filters[turn % SETS]]


def fastbloom(code: Code, sets: NDArray[np.int64]) -> Answer | None:
    if find_spec("fastbloom_rs") is None:
        return None
    filters = [import_module("fastbloom_rs").BloomFilter(SET_SIZE, chance()) for _ in sets]
    for one, members in zip(filters, sets.tolist(), strict=True):
        one.add_int_batch(members)
    tokens = list(range(code.vocab_size))
    return lambda turn: filters[turn % SETS].contains_int_batch(tokens)


def chance() -> float:
    """The false-positive rate for which a library gives a filter of 8 items about 256 bits."""
    return math.exp(-WIDTH / SET_SIZE * math.log(2) ** 2)


def many_slices(code: Code, sets: NDArray[np.int64]) -> Answer:
    unions, table = code.union(sets[:BATCH]), BitSlices(code.bits, code.packed)
    return lambda _: list(table.each(unions))


def by_table(code: Code, sets: NDArray[np.int64]) -> Answer:
    unions, table = code.union(sets[:BATCH]), CoverTable(code)
    return lambda _: table.listed(unions)


def gemm(code: Code, sets: NDArray[np.int64]) -> Answer:
    W_out, post = readout(code), torch.from_numpy(~code.union(sets[:BATCH])).float()
    return lambda _: post @ W_out


Maker = Callable[[Code, NDArray[np.int64]], Answer | None]
UNION: dict[str, Maker] = {
    "ours": slices,
    "dense": dense,
    "rbloom": rbloom,
    "fastbloom-rs": fastbloom,
}
BATCHES: dict[str, Maker] = {"ours": by_table, "slices": many_slices, "dense": gemm}


def interleaved(
    contenders: dict[str, Answer | None], rounds: int, on_end: int = ON_END
) -> dict[str, float | None]:
    """Median milliseconds of each a question; None for one that is not there."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, answer in contenders.items():
            if answer is None:
                continue
            started = time.thread_time()
            for question in range(turn * on_end, (turn + 1) * on_end):
                answer(question)
            if turn > 0:  # the first turn is warm-up
                times[name].append(1e3 * (time.thread_time() - started) / on_end)
    return {name: statistics.median(spent) if spent else None for name, spent in times.items()}


def figures(ms: dict[str, float | None]) -> dict[str, Any]:
    ours = ms["ours"]
    assert ours is not None
    shown = {f"{name}_ms": NOT_INSTALLED if v is None else round(v, 4) for name, v in ms.items()}
    others = {name: value for name, value in ms.items() if name != "ours" and value is not None}
    return shown | {f"{name}_over_ours": round(value / ours, 1) for name, value in others.items()}


def memory(makers: dict[str, Maker], vocab: int) -> dict[str, Any]:
    """MiB that each contender holds, and its peak while it answers."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, Any] = {}
    for name in makers:
        with context.Pool(1) as pool:
            held = pool.apply(memory_of, (makers[name], vocab))
        if held is not None:
            found |= {f"{name}_held_mib": held[0], f"{name}_peak_mib": held[1]}
    return found


def memory_of(make: Maker, vocab: int) -> tuple[float, float] | None:
    """Run in a process of its own (Linux: resets the high-water mark of its memory)."""
    torch.set_num_threads(1)
    warm_code, warm_sets = sized(1000)
    warm = make(warm_code, warm_sets)
    if warm is None:
        return None
    warm(0)
    ctypes.CDLL(None).malloc_trim(0)
    bare = status("VmRSS")
    code, sets = sized(vocab)
    answer = make(code, sets)
    assert answer is not None
    del code
    ctypes.CDLL(None).malloc_trim(0)  # what making it left to the allocator is not held
    held = status("VmRSS") - bare
    Path("/proc/self/clear_refs").write_text("5")
    for turn in range(3):
        answer(turn)
    return round(held, 1), round(status("VmHWM") - bare, 1)


def status(name: str) -> float:
    """A line of this process's memory, in MiB."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) / 1024


if __name__ == "__main__":
    main()
