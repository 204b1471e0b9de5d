"""Sets of a file as unions, beside lists of ids, Roaring bitmaps, an inverted list, Bloom filters.

    python benchmarks/sets.py debtags.sets 3..8 48 nextwords.sets any 64 --out PAGE.md
    python benchmarks/sets.py FILE SIZES WIDTH --json

Rows say the bytes a set, the errors on held-out sets, and the time that each takes to test whether
a set holds a token, to merge two sets, and to find the sets that hold two tokens among the distinct
sets of the file. `make bench` installs pyroaring. Contenders take turns on one thread; a time is
the median over turns, of processor time. Tests and merges come in batches of 4,096. Ours and lists
are vectorised in NumPy; pyroaring is called once a set or question.

Cost model, for sets of k tokens of N, unions of d bits, n sets. Bytes: d / 8; k ceil(log2 N) / 8
and a size; Roaring has a head of 16 bytes and 2 an id. A test: two words to gather and one AND,
k ids to gather and to compare, or one call. A merge: two words and one OR; 2k ids to sort; or one
call. Supersets: a union's query asks for some 2 h bits, and bitmaps of the sets, four units to one,
take n / 8 bytes each, of which it reads d / 4 at most; the inverted list intersects two lists of
n k / N ids. So a NumPy call of about 1 us, and not the bytes, is what small files cost.
"""

import argparse
import json
import math
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from decode import NOT_INSTALLED, Answer, interleaved
from relubloom import Code, KSparseTask, atomic, learn_code, random_constant_weight
from relubloom.code import worth_on
from relubloom.code.bit_slices import BitSlices, pack_bits
from relubloom.code.frequency import token_shares
from relubloom.study.source_codes import source_weight
from relubloom.task import parse_sizes

Ids = NDArray[np.int64]
BATCH, QUESTIONS = 4096, 256
CODES = 5  # Bloom filters, of which the median is shown
HEAD = """# Sets as unions, and their rivals

Made by `python benchmarks/sets.py`, on one thread of a machine that other work shared: trust
ratios. A learned code and a Bloom filter have the same bits a set, and share words and times.

Errors are on held-out sets: how many strangers "which tokens?" names beside the members, and how
often "is t in it?" is answered wrongly for a stranger t, drawn by frequency. Lists, Roaring bitmaps
and the inverted list make none. Supersets are the sets that hold two given tokens of one set.
"""
COLUMNS = ("bytes a set", "strangers named", "wrong on a token", "test, ns", "merge, ns")
COLUMNS += ("supersets, us", "wrong supersets")


@dataclass(frozen=True)
class Sets:
    """A file's sets: all distinct ones, those held out, and a learned code."""

    name: str
    task: KSparseTask
    code: Code

    @cached_property
    def all(self) -> Ids:
        """Distinct sets, both sides of the split, padded with the vocabulary's size."""
        held_out, training = self.task.evaluation_sets(), self.task.training_lines().sets
        return torch.cat([training, held_out.chunk(0, len(held_out))]).numpy()

    @cached_property
    def lists(self) -> list[list[int]]:
        """The same as lists of ids."""
        return [[t for t in row if t < self.task.vocab_size] for row in self.all.tolist()]

    @cached_property
    def asked(self) -> tuple[Ids, Ids, Ids]:
        """A batch of places of sets, of places of others, and of tokens."""
        draw = np.random.default_rng(0)
        one, other = draw.integers(len(self.all), size=(2, BATCH))
        return one, other, draw.integers(self.task.vocab_size, size=BATCH)

    @cached_property
    def pairs(self) -> list[list[int]]:
        """Two tokens of a set, as often as there are questions."""
        draw = np.random.default_rng(1)
        several = [tokens for tokens in self.lists if len(tokens) > 1]
        chosen = draw.integers(len(several), size=QUESTIONS).tolist()
        return [draw.choice(several[i], 2, replace=False).tolist() for i in chosen]


def main() -> None:
    """Measure the files and print their rows, or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="FILE SIZES WIDTH, once or more often")
    parser.add_argument("--seconds", type=float, default=60.0, help="to learn a code")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for path, sizes, width in zip(*(iter(given.files),) * 3, strict=True):
        kept = None if sizes == "any" else parse_sizes(sizes)
        task = KSparseTask.from_file(path, kept)
        code = learn_code(task, int(width), seconds=given.seconds)
        rows += file_rows(Sets(Path(path).stem, task, code), given.rounds)
    print(json.dumps(rows) if given.json else page(rows))
    if given.out is not None:
        atomic.write_text(given.out, HEAD + page(rows))


def file_rows(sets: Sets, rounds: int) -> list[dict[str, Any]]:
    """A row for each way to hold the sets of one file."""
    contenders = [learned(sets), bloom_filter(sets), lists(sets), entropy_coded(sets)]
    contenders += [roaring(sets), inverted(sets)]
    for kind, batch in (("test, ns", BATCH), ("merge, ns", BATCH), ("supersets, us", 1)):
        answers: dict[str, Answer | None] = {
            row["held as"]: row.get(kind) for row in contenders if callable(row.get(kind))
        }
        spent = interleaved(answers, rounds, on_end=8 if batch > 1 else 32)
        for row in contenders:
            ms = spent.get(row["held as"])
            row[kind] = None if ms is None else round(1e6 * ms / (batch if batch > 1 else 1e3), 1)
    head = {"file": sets.name, "sets": len(sets.all), "tokens": sets.task.vocab_size}
    return [head | {"width": sets.code.width} | row for row in contenders]


def learned(sets: Sets) -> dict[str, Any]:
    """Ours: errors of the learned code, and what a union costs."""
    unions, hashes = sets.code.packed_unions(sets.all)[:, 0], sets.code.packed[:, 0]
    one, other, tokens = sets.asked
    outside = ~sets.code.union(sets.all)
    slices = BitSlices(outside, pack_bits(outside))  # which sets have no open unit of a query

    def supersets(turn: int) -> Ids:
        pair = sets.pairs[turn % QUESTIONS]
        return slices.covered(~(sets.code.bits[pair[0]] | sets.code.bits[pair[1]]))

    found = [supersets(turn) for turn in range(QUESTIONS)]
    right = [holders(sets.all, pair) for pair in sets.pairs]
    assert all(np.isin(*both).all() for both in zip(right, found, strict=True))
    answers, wrong = sum(map(len, right)), sum(map(len, found)) - sum(map(len, right))
    held = {"held as": "learned union", "bytes a set": sets.code.width / 8}
    return (
        held
        | errors(sets.task, sets.code)
        | {
            "test, ns": lambda _: hashes[tokens] & ~unions[one] == 0,
            "merge, ns": lambda _: unions[one] | unions[other],
            "supersets, us": supersets,
            "right supersets": answers / QUESTIONS,
            "wrong supersets": wrong / QUESTIONS,
        }
    )


def bloom_filter(sets: Sets) -> dict[str, Any]:
    """As many bits, h of which a random hash sets; the best h for the sizes of the sets."""
    width = sets.code.width
    weight = source_weight(sets.task, width)
    codes = [random_constant_weight(sets.task.vocab_size, width, weight, s) for s in range(CODES)]
    found = sorted((errors(sets.task, code) for code in codes), key=lambda e: e["strangers named"])
    name = f"Bloom filter, {weight} hash functions"
    return {"held as": name, "bytes a set": width / 8} | found[CODES // 2]


def lists(sets: Sets) -> dict[str, Any]:
    """Ids of a fixed number of bits, and a size; timed as a padded matrix of 16-bit ids."""
    sizes = np.array([len(tokens) for tokens in sets.lists])
    bits = sizes.mean() * math.ceil(math.log2(sets.task.vocab_size))
    bits += math.ceil(math.log2(1 + sizes.max() - sizes.min()))
    ids, (one, other, tokens) = sets.all.astype(np.uint16), sets.asked

    def merge(_: int) -> NDArray[np.uint16]:
        merged = np.sort(np.concatenate([ids[one], ids[other]], axis=1), axis=1)
        merged[:, 1:][merged[:, 1:] == merged[:, :-1]] = sets.task.vocab_size
        return merged

    return {
        "held as": "list of ids",
        "bytes a set": bits / 8,
        "test, ns": lambda _: (ids[one] == tokens[:, None]).any(1),
        "merge, ns": merge,
        "supersets, us": lambda turn: holders(ids, sets.pairs[turn % QUESTIONS]),
    }


def entropy_coded(sets: Sets) -> dict[str, Any]:
    """Its bytes at best, on held-out sets: the entropy of tokens that are in or out independently.

    Shares are those of the training sets. A coder of this model cannot beat it; none is run.
    """
    lines = sets.task.training_lines()
    shares = token_shares(lines.sets.numpy(), lines.copies.double().numpy(), sets.task.vocab_size)
    held_out = sets.task.evaluation_sets()
    ids, copies = held_out.chunk(0, len(held_out)).numpy(), held_out.weights(0, len(held_out))
    gain = np.append(np.log2(shares / (1 - shares)), 0)  # a bit more or less for each member
    bits = -np.log2(1 - shares).sum() - gain[ids].sum(1)
    return {
        "held as": "entropy-coded list, a bound",
        "bytes a set": np.average(bits, weights=copies) / 8,
    }


def roaring(sets: Sets) -> dict[str, Any]:
    """A Roaring bitmap a set."""
    name = "Roaring bitmap a set"
    if find_spec("pyroaring") is None:
        return {"held as": f"{name} ({NOT_INSTALLED})"}
    BitMap = import_module("pyroaring").BitMap
    maps = [BitMap(tokens) for tokens in sets.lists]
    one, other, tokens = (part.tolist() for part in sets.asked)

    def supersets(turn: int) -> list[int]:
        asked = BitMap(sets.pairs[turn % QUESTIONS])
        return [place for place, each in enumerate(maps) if asked <= each]

    return {
        "held as": name,
        "bytes a set": float(np.mean([len(each.serialize()) for each in maps])),
        "test, ns": lambda _: [t in maps[i] for i, t in zip(one, tokens, strict=True)],
        "merge, ns": lambda _: [maps[i] | maps[j] for i, j in zip(one, other, strict=True)],
        "supersets, us": supersets,
    }


def inverted(sets: Sets) -> dict[str, Any]:
    """A Roaring bitmap a token: the sets that hold it."""
    name = "inverted list"
    if find_spec("pyroaring") is None:
        return {"held as": f"{name} ({NOT_INSTALLED})"}
    BitMap = import_module("pyroaring").BitMap
    of = [BitMap() for _ in range(sets.task.vocab_size)]
    for place, tokens in enumerate(sets.lists):
        for token in tokens:
            of[token].add(place)
    for each in of:
        each.run_optimize()
    one, _, asked = (part.tolist() for part in sets.asked)

    def supersets(turn: int) -> Ids:
        first, second = sets.pairs[turn % QUESTIONS]
        return np.asarray((of[first] & of[second]).to_array())

    for turn, pair in enumerate(sets.pairs):
        assert (supersets(turn) == holders(sets.all, pair)).all()
    return {
        "held as": name,
        "bytes a set": sum(len(each.serialize()) for each in of) / len(sets.all),
        "test, ns": lambda _: [i in of[t] for i, t in zip(one, asked, strict=True)],
        "supersets, us": supersets,
    }


def holders(ids: NDArray[Any], pair: list[int]) -> Ids:
    """Places of the sets (padded ids) that hold both tokens."""
    return np.flatnonzero((ids == pair[0]).any(1) & (ids == pair[1]).any(1))


def errors(task: KSparseTask, code: Code) -> dict[str, float]:
    """On held-out sets: strangers named, and the chance to be wrong on one drawn by frequency."""
    held_out = task.evaluation_sets()
    sets, copies = (
        held_out.chunk(0, len(held_out)).numpy(),
        held_out.weights(0, len(held_out)).numpy(),
    )
    shares = token_shares(sets, copies, task.vocab_size)
    strangers = np.ones((len(sets), task.vocab_size + 1), dtype=np.bool_)
    np.put_along_axis(strangers, sets, False, axis=1)
    drawn = strangers[:, :-1] * shares
    wrong = (code.decode(sets) * drawn).sum(1) / drawn.sum(1)
    return {
        "strangers named": worth_on(code, sets, copies).false_positives,
        "wrong on a token": float(np.average(wrong, weights=copies)),
    }


def page(rows: list[dict[str, Any]]) -> str:
    """A table for each file."""
    lines: list[str] = []
    for row in rows:
        if not lines or row["file"] != file:
            file = row["file"]
            said = f"{row['sets']:,} distinct sets of {row['tokens']:,} tokens"
            lines += ["", f"## {file}: {said}, unions of {row['width']} bits", ""]
            lines += [f"Two tokens have {row['right supersets']:.3g} supersets in the mean.", ""]
            lines += [f"| held as | {' | '.join(COLUMNS)} |", "|---" * (1 + len(COLUMNS)) + "|"]
        cells = ["-" if row.get(name) is None else f"{row[name]:.3g}" for name in COLUMNS]
        lines.append(f"| {row['held as']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
