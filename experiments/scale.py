"""The recipe at real vocabularies: docs/results/scale.md.

Usage: python experiments/scale.py [--out DIR] [--quick] [GROUP ...]

A row is one network, trained and examined on one thread. Rows are kept in scale.csv beside the
page, so that a second run only does what is missing.
"""

import argparse
import csv
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import relubloom as rb
from dead_tokens import Watched, mse
from relubloom.code import random_constant_weight, worth_on
from relubloom.evidence.dead_tokens import dead_tokens
from relubloom.task import SetCollection
from relubloom.theory import best_graded_weights

OUT, QUICK = Path("docs/results"), Path("runs/scale-quick")
LOGITS = 1 << 26  # of the sets that a network is examined on
HASH_SETS, DECODED = 1_000_000, 1 << 32  # that its hash is run on: answers of tokens at most
SEEN = 16  # sets a token, at least, that dead tokens are counted on
CHUNK = 512  # sets of these at once
FIGURES = (
    *("seconds", "sets", "mse", "p_exact", "gap", "bits", "bits_sd", "agreement", "hash_mse"),
    *("hash_false_positives", "half_share", "graded_mse", "dead", "verdict"),
    *("dead_early", "start_mse", "bits_changed"),
)
Row = dict[str, Any]
"""By name of `FIGURES`; nan where there is none."""


@dataclass(frozen=True)
class Trial:
    """A network and how it is trained; `start` is `drawn`, or the exact network of a random code
    of the best weights, `binary` or `graded`."""

    group: str
    vocab_size: int
    width: int
    set_size: int
    learning_rate: float
    steps: int
    batch_size: int = 512
    init_scale_out: float = 0.5
    start: str = "drawn"
    seed: int = 0

    @property
    def size(self) -> tuple[int, int, int]:
        """N, d, k."""
        return self.vocab_size, self.width, self.set_size

    @property
    def seen(self) -> float:
        """Sets of the training that hold a token, on average."""
        return self.steps * self.batch_size * self.set_size / self.vocab_size

    def recipe(self) -> rb.Recipe:
        """Always `kl`."""
        return rb.Recipe(
            objective="kl",
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            init_scale_out=self.init_scale_out,
        )


Cell = Callable[[Trial, list[Row]], str]
Columns = dict[str, Cell]
"""Of a table, by title."""


def trials_of(
    group: str,
    size: tuple[int, int, int],
    *recipes: tuple[float, int, int],
    seeds: int = 1,
    start: str = "drawn",
) -> list[Trial]:
    """Of recipes (rate, steps, batch size), with seeds from 0 on."""
    return [
        Trial(group, *size, *recipe, start=start, seed=seed)
        for recipe in recipes
        for seed in range(seeds)
    ]


ARTICLE, WIDE, VOCAB = (256, 48, 3), (1000, 64, 3), (4096, 64, 3)
TITLES = {
    "rate": "The rate at 1,000 tokens",
    "rate-4096": "The rate at 4,096 tokens",
    "vocabulary": "Larger vocabularies",
    "width": "Width at 4,096 tokens",
    "warm": "From the exact network of a random code",
}
TRIALS = [
    *trials_of("rate", WIDE, (5e-3, 5000, 512), (1e-2, 5000, 512), (2e-2, 5000, 512)),
    *trials_of("rate", WIDE, (4e-2, 5000, 512), (2e-2, 1250, 2048)),
    *trials_of("rate", WIDE, (1e-2, 20_000, 512), (2e-2, 20_000, 512)),
    *trials_of("rate", WIDE, (5e-3, 40_000, 128), (1e-2, 20_000, 128), (2e-2, 20_000, 128)),
    *trials_of("rate", WIDE, (4e-2, 20_000, 128), (1e-2, 20_000, 32), (1e-2, 20_000, 8)),
    *trials_of("rate", WIDE, (1e-2, 20_000, 2)),
    *trials_of("rate-4096", VOCAB, (1e-2, 4000, 512), (2e-2, 4000, 512), (4e-2, 4000, 512)),
    *trials_of("rate-4096", VOCAB, (2e-2, 12_000, 512), (4e-2, 12_000, 512), (2e-2, 16_000, 256)),
    *(
        replace(trial, init_scale_out=3.0)
        for trial in trials_of("rate-4096", VOCAB, (2e-2, 4000, 512), (1e-2, 12_000, 512))
    ),
    *trials_of("vocabulary", VOCAB, (1e-2, 32_000, 256), seeds=3),
    *trials_of("vocabulary", (4096, 128, 4), (1e-2, 24_000, 256)),
    *trials_of("vocabulary", (16_384, 256, 8), (1e-2, 16_000, 128)),
    *trials_of("width", (4096, 48, 3), (1e-2, 32_000, 256)),
    *trials_of("width", (4096, 96, 3), (1e-2, 32_000, 256)),
    *trials_of("warm", ARTICLE, (3e-4, 5000, 512), (3e-3, 5000, 512), seeds=4, start="binary"),
    *trials_of("warm", ARTICLE, (3e-4, 5000, 512), (3e-3, 5000, 512), seeds=4, start="graded"),
    *trials_of("warm", WIDE, (3e-3, 5000, 512), (1e-2, 5000, 512), start="binary"),
    *trials_of("warm", WIDE, (3e-3, 5000, 512), start="graded"),
]


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(TITLES))
    parser.add_argument("--out", type=Path, help="the folder of the page and of its rows")
    parser.add_argument("--quick", action="store_true", help="in small, into runs/scale-quick")
    given = parser.parse_args()
    out = given.out or (QUICK if given.quick else OUT)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    trials = list(dict.fromkeys(map(small, TRIALS))) if given.quick else TRIALS
    rows = kept(out / "scale.csv")
    for trial in trials:
        if trial not in rows and (not given.groups or trial.group in given.groups):
            rows[trial] = run(trial)
            write_rows(out / "scale.csv", {each: rows[each] for each in trials if each in rows})
            print(line_of(trial, [rows[trial]], COLUMNS), flush=True)
    page = out / "scale.md"
    page.write_text(page_of([each for each in trials if each in rows], rows), encoding="utf-8")
    print(page)


def small(trial: Trial) -> Trial:
    """The same in a second."""
    width = 12 if trial.width == trial.set_size * 16 else 16
    return replace(trial, vocab_size=64, width=width, set_size=3, steps=60, batch_size=32)


def kept(path: Path) -> dict[Trial, Row]:
    """The rows of a table that `write_rows` wrote; nothing where there is none."""
    if not path.exists():
        return {}
    types: dict[str, Callable[[str], Any]] = {
        each.name: type(getattr(PLAIN, each.name)) for each in fields(Trial)
    }
    rows: dict[Trial, Row] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for cells in csv.DictReader(lines):
            said = {name: read(cells.pop(name)) for name, read in types.items()}
            rows[Trial(**said)] = {
                name: cell if name == "verdict" else float(cell or "nan")
                for name, cell in cells.items()
            }
    return rows


def write_rows(path: Path, rows: dict[Trial, Row]) -> None:
    """A line a network: its trial and its figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow([each.name for each in fields(Trial)] + list(FIGURES))
        for trial, row in rows.items():
            figures = [row[name] for name in FIGURES]
            writer.writerow(
                list(asdict(trial).values())
                + [f"{each:.6g}" if isinstance(each, float) else each for each in figures]
            )


def run(trial: Trial) -> Row:
    """Train the network, and take its figures."""
    task, start = rb.KSparseTask(trial.vocab_size, trial.set_size), start_of(trial)
    early = Watched([trial.steps // 10], factor=1.0)
    began = time.process_time()
    net = rb.train_stack(
        *(task, trial.width, trial.recipe(), (trial.seed,)),
        threads=1,
        init_from=start,
        step=early,
    )[0].net
    seconds = time.process_time() - began
    first = rb.NetStack(**early.kept[0])[0]
    changed = math.nan
    if start is not None:
        k = trial.set_size
        changed = float((strengths_of(net, k) != strengths_of(start, k)).sum())
    return {
        "seconds": seconds,
        **figures_of(net, task),
        "dead_early": dead(first, task),
        "start_mse": math.nan if start is None else mse(start, sets_for(task)),
        "bits_changed": changed,
    }


def start_of(trial: Trial) -> rb.ReluNet | None:
    """The exact network that training starts from; None where weights are drawn."""
    if trial.start == "drawn":
        return None
    if trial.start == "binary":
        weight = rb.best_constant_weight(*trial.size).weight
        code = random_constant_weight(trial.vocab_size, trial.width, weight, trial.seed)
        return rb.construct(code)
    best = best_graded_weights(*trial.size)
    return rb.construct(
        rb.make_graded("graded", *trial.size, half=best.half, full=best.full, seed=trial.seed)
    )


def figures_of(net: rb.ReluNet, task: rb.KSparseTask) -> Row:
    """Of a network and of its hash, over drawn sets."""
    found = rb.gather_evidence(net, sets_for(task))
    hash_sets = task.drawn_sets("hash", min(HASH_SETS, DECODED // task.vocab_size))
    hashed = worth_on(found.code, hash_sets.chunk(0, len(hash_sets)).numpy())
    mechanism = found.mechanism
    strengths = mechanism.strengths
    return {
        "sets": found.behaviour.sets,
        "mse": found.behaviour.mse,
        "p_exact": found.behaviour.p_exact,
        "gap": math.nan if mechanism.mode_gap is None else mechanism.mode_gap,
        "bits": mechanism.bits_per_token.mean,
        "bits_sd": mechanism.bits_per_token.sd,
        "agreement": mechanism.unit_agreement,
        "hash_mse": hashed.mse,
        "hash_false_positives": hashed.false_positives,
        "half_share": 0.0 if strengths is None else strengths.half_share,
        "graded_mse": math.nan if strengths is None else strengths.extracted.mse,
        "dead": dead(net, task),
        "verdict": mechanism.verdict,
    }


def strengths_of(net: rb.ReluNet, set_size: int) -> NDArray[np.float64]:
    """Of each token's bits: 0, 1 of a full one, between of a half one."""
    code = rb.extract_graded_code(net, set_size)
    return code.strengths / code.levels


def sets_for(task: rb.KSparseTask) -> SetCollection:
    """That a network is examined on."""
    return task.evaluation_sets(min(20_000, max(2000, LOGITS // task.vocab_size)))


@torch.no_grad()
def dead(net: rb.ReluNet, task: rb.KSparseTask) -> int:
    """Tokens that are missed on more than half of the sets that hold them."""
    sets = task.drawn_sets("dead", SEEN * task.vocab_size // task.sizes[1])
    held, missed = torch.zeros(2, task.vocab_size, dtype=torch.float64)
    for first in range(0, len(sets), CHUNK):
        ids = sets.chunk(first, min(len(sets), first + CHUNK))
        logits = net(ids)
        misses = logits.gather(1, ids) < logits.amax(1, keepdim=True) - math.log(2)
        held.index_add_(0, ids.flatten(), torch.ones(ids.numel(), dtype=held.dtype))
        missed.index_add_(0, ids.flatten(), misses.flatten().to(held.dtype))
    return int(dead_tokens(held.numpy(), missed.numpy()).sum())


def page_of(trials: list[Trial], rows: dict[Trial, Row]) -> str:
    """A table a group; seeds of one recipe share a line."""
    parts = [INTRODUCTION]
    for group, title in TITLES.items():
        own = [trial for trial in trials if trial.group == group]
        alike: dict[Trial, list[Row]] = {}
        for trial in own:
            alike.setdefault(replace(trial, seed=0), []).append(rows[trial])
        columns = COLUMNS | (WARM if own[0].start != "drawn" else {})
        parts += ["", f"## {title}", "", head(columns), "|" + "---|" * len(columns)]
        parts += [line_of(trial, same, columns) for trial, same in alike.items()]
    return "\n".join(parts) + "\n"


def head(columns: Iterable[str]) -> str:
    """A table's first line."""
    return f"| {' | '.join(columns)} |"


def line_of(trial: Trial, rows: list[Row], columns: Columns) -> str:
    """The cells of one recipe."""
    return head(cell(trial, rows) for cell in columns.values())


def median(name: str, form: str) -> Cell:
    """Of a figure over the seeds; - where there is none."""

    def shown(_trial: Trial, rows: list[Row]) -> str:
        found = [row[name] for row in rows if not math.isnan(row[name])]
        return format(statistics.median(found), form) if found else "-"

    return shown


def recipe_of(trial: Trial) -> str:
    """Rate, steps, batch size, and what else differs from the default."""
    out = "" if trial.init_scale_out == 0.5 else f", init_scale_out {trial.init_scale_out:g}"
    return f"{trial.learning_rate:g}, {trial.steps:,} x {trial.batch_size:,}{out}"


def rival(trial: Trial, _rows: list[Row]) -> str:
    """The best random code: bits, and its mse."""
    best = rb.best_constant_weight(*trial.size)
    return f"{best.weight}, {best.mse:.2g}"


def verdicts(_trial: Trial, rows: list[Row]) -> str:
    """How often each."""
    return ", ".join(f"{name} {n}" for name, n in Counter(row["verdict"] for row in rows).items())


COLUMNS: Columns = {
    "N, d, k": lambda trial, _rows: ", ".join(map(str, trial.size)),
    "rate, steps x batch": lambda trial, _rows: recipe_of(trial),
    "sets a token": lambda trial, _rows: f"{trial.seen:,.0f}",
    "seeds": lambda _trial, rows: str(len(rows)),
    "s": median("seconds", ".0f"),
    "mse": median("mse", ".2g"),
    "exact": median("p_exact", ".2%"),
    "bits": median("bits", ".1f"),
    "gap": median("gap", ".1f"),
    "agreement": median("agreement", ".3f"),
    "hash: F": median("hash_false_positives", ".2g"),
    "hash: mse": median("hash_mse", ".2g"),
    "random: bits, mse": rival,
    "dead, at a tenth": median("dead_early", ".0f"),
    "at the end": median("dead", ".0f"),
    "verdicts": verdicts,
}
WARM: Columns = {
    "start": lambda trial, _rows: trial.start,
    "mse there": median("start_mse", ".2g"),
    "entries changed": median("bits_changed", ".0f"),
}
