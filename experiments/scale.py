"""The recipe at larger vocabularies: docs/results/scale.md.

Usage: python experiments/scale.py [--out DIR] [--quick]

A row is one network, trained and examined on one thread. Rows are kept in scale.csv beside the
page, so that a second run only does what is missing.
"""

import argparse
import csv
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import relubloom as rb
from dead_tokens import Watched, mse
from relubloom.code import random_constant_weight, worth_on
from relubloom.report.charts.drawing import standalone
from relubloom.task import SetCollection
from relubloom.theory import best_graded_weights
from relubloom.threads import denormals_flushed
from relubloom.training.batch_softmax import BatchSoftmaxStep
from relubloom.training.recipe import FEW_TOKENS, Softmax
from relubloom.training.step import dense_step
from scale_figures import RANDOM, TRAINED, draw_hashes, draw_widths

OUT, QUICK = Path("docs/results"), Path("runs/scale-quick")
LOGITS = 1 << 26  # of the sets that a network is examined on
HASH_SETS, DECODED = 1_000_000, 1 << 32  # that its hash is run on: answers of tokens at most
FINE = 16  # times as many, where it hardly errs and that takes half a minute
SEEN = 16  # sets a token, about, that dead tokens are counted on
K, MSE = 3, 1e-3  # whose width is sought
WIDTH_STEPS = 32_000  # of its networks
DOUBLED = "in twice the steps"
SEEDS = 16  # of preset vocab-4096, and of the same with RARE sizes
LEAKY = 12.0, 0.009  # sharpness and leak
CHUNK = 512  # sets of these at once


@dataclass(frozen=True)
class Trial:
    """A network of `size` (N, d, k) and how it is trained; `start` is `drawn`, or the exact network
    of a random code of the best weights: `binary`, `graded`, or `leaky`, the graded one with about
    the greatest leak that its code allows in place of 2^-12; or `trained`, the network of
    `first_of` the trial."""

    group: str
    vocab_size: int
    width: int
    set_size: int
    learning_rate: float
    steps: int
    batch_size: int = 512
    init_scale_out: float = 0.5
    weight_decay: float = 0.0
    softmax: Softmax = "all"
    start: str = "drawn"
    seed: int = 0

    @property
    def size(self) -> tuple[int, int, int]:
        """N, d, k."""
        return self.vocab_size, self.width, self.set_size


Key = tuple[str, ...]
"""What a trial's row begins with: its fields."""
Row = dict[str, str]
"""What was found, by title."""
Cell = Callable[[Trial, list[Row]], str]


def trials_of(
    group: str, size: tuple[int, int, int], *recipes: tuple[float, int, int], **more: Any
) -> list[Trial]:
    """Of recipes (rate, steps, batch size)."""
    return [Trial(group, *size, *recipe, **more) for recipe in recipes]


def narrowing(
    group: str, steps: int, vocab_size: int, *widths: int, softmax: Softmax = "all"
) -> list[Trial]:
    """Networks of several widths, with weight decay where the best random code hardly errs."""
    batch = vocab_size // 16
    return [
        Trial(group, vocab_size, width, K, 1e-2, steps, batch, weight_decay=decay, softmax=softmax)
        for width in widths
        for decay in [0.02 if rb.best_constant_weight(vocab_size, width, K).mse < MSE else 0.0]
    ]


def fitted(size: tuple[int, int, int]) -> Trial:
    """Of `Recipe.for_sizes`."""
    recipe = rb.Recipe.for_sizes(*size)
    assert recipe.learning_rate is not None
    return Trial(
        *("sizes", *size, recipe.learning_rate, recipe.steps, recipe.batch_size),
        weight_decay=recipe.weight_decay,
        softmax=recipe.softmax,
    )


ARTICLE, WIDE, VOCAB = (256, 48, 3), (1000, 64, 3), (4096, 64, 3)
RARE = 4096, 128, 4  # where false positives are rare
TITLES = {
    "rate": "The rate at 1,000 tokens",
    "rate-width": "Other widths and set sizes at 1,000 tokens",
    "rate-4096": "The rate at 4,096 tokens",
    "decay": "Weight decay",
    "sizes": "The recipe of the sizes",
    "lower": "Larger batches where false positives are rare",
    "vocabulary": "Other recipes at larger vocabularies",
    "small": "Smaller batches",
    "higher": "Higher rates",
    "wide": "Sets of 8 in 256 units: lower rates, larger batches",
    "settled": "Then larger batches at a lower rate, without decay",
    "width": "Width, in batches of N / 16, with decay where the best random code errs below 0.001",
    "doubled": "Twice the steps",
    "warm": "From the exact network of a random code",
}
TRIALS = [
    *trials_of("rate", WIDE, (5e-3, 5000, 512), (1e-2, 5000, 512), (2e-2, 5000, 512)),
    *trials_of("rate", WIDE, (4e-2, 5000, 512), (2e-2, 1250, 2048)),
    *trials_of("rate", WIDE, (1e-2, 20_000, 512), (2e-2, 20_000, 512)),
    *trials_of("rate", WIDE, (1e-2, 20_000, 256)),
    *trials_of("rate", WIDE, (5e-3, 40_000, 128), (1e-2, 20_000, 128), (2e-2, 20_000, 128)),
    *trials_of("rate", WIDE, (4e-2, 20_000, 128), (1e-2, 20_000, 32), (1e-2, 20_000, 8)),
    *trials_of("rate", WIDE, (1e-2, 20_000, 2)),
    *trials_of("rate-width", (1000, 128, 4), (5e-3, 20_000, 128), (1e-2, 20_000, 128)),
    *trials_of("rate-width", (1000, 128, 8), (5e-3, 20_000, 128), (1e-2, 20_000, 128)),
    *trials_of("rate-4096", VOCAB, (1e-2, 4000, 512), (2e-2, 4000, 512), (4e-2, 4000, 512)),
    *trials_of("rate-4096", VOCAB, (2e-2, 12_000, 512), (4e-2, 12_000, 512), (2e-2, 16_000, 256)),
    *trials_of("rate-4096", VOCAB, (2e-2, 4000, 512), (1e-2, 12_000, 512), init_scale_out=3.0),
    *(
        replace(trial, weight_decay=decay)
        for trial in trials_of("decay", (1000, 128, 4), (1e-2, 20_000, 128))
        for decay in (0.003, 0.01, 0.03, 0.1)
    ),
    *trials_of(
        *("decay", (1000, 128, 4), (1e-2, 20_000, 512), (2e-2, 20_000, 512)), weight_decay=0.03
    ),
    *trials_of("decay", (1000, 128, 4), (1e-2, 20_000, 256), weight_decay=0.02),
    *trials_of("decay", (1000, 128, 8), (1e-2, 20_000, 128), weight_decay=0.02),
    *trials_of("decay", VOCAB, (1e-2, 32_000, 256), weight_decay=0.01),
    *trials_of("decay", (4096, 128, 4), (1e-2, 24_000, 256), weight_decay=0.02),
    *trials_of("vocabulary", VOCAB, (1e-2, 32_000, 256), softmax="batch"),
    *trials_of("vocabulary", (4096, 128, 4), (5e-3, 32_000, 256), (1e-2, 24_000, 256)),
    *trials_of("vocabulary", (4096, 128, 4), (2e-2, 20_000, 1024), weight_decay=0.03),
    *trials_of(
        *("vocabulary", (4096, 128, 4), (1e-2, 24_000, 256)), weight_decay=0.02, softmax="batch"
    ),
    *trials_of("vocabulary", (16_384, 256, 8), (7e-3, 16_000, 256), (1e-2, 24_000, 256)),
    *trials_of(
        *("vocabulary", (16_384, 256, 8), (1e-2, 36_000, 512), (1e-2, 48_000, 256)),
        weight_decay=0.02,
        softmax="batch",
    ),
    *trials_of(
        *("vocabulary", (50_257, 128, 4), (2e-2, 28_000, 1256), (3e-2, 30_000, 1256)),
        weight_decay=0.02,
        softmax="batch",
    ),
    *(
        replace(trial, weight_decay=decay, softmax=softmax)
        for trial in trials_of("small", (4096, 108, 4), (1e-2, 200_000, 51))
        for decay, softmax in [(0.0175, "batch"), (0.0175, "all")]
    ),
    *trials_of(*("small", RARE, (1e-2, 50_000, 51), (1e-2, 100_000, 51)), weight_decay=0.0195),
    *trials_of("small", (1000, 112, 3), (1e-2, 200_000, 50), weight_decay=0.0195),
    *trials_of(
        *("small", (1000, 128, 4), (1e-2, 200_000, 12), (1e-2, 200_000, 50)), weight_decay=0.0195
    ),
    *(
        trial
        for width in (192, 224, 256)
        for trial in trials_of("small", (1000, width, 8), (1e-2, 200_000, 50), weight_decay=0.0195)
    ),
    *trials_of("small", (2000, 256, 8), (1e-2, 100_000, 50), weight_decay=0.0195),
    *(
        replace(trial, weight_decay=0.02)
        for vocab_size in (1000, 2000)
        for trial in trials_of("small", (vocab_size, 256, 8), (1e-2, 100_000, 128))
    ),
    *trials_of("small", RARE, (1e-2, 200_000, 51), weight_decay=0.0175),
    *trials_of("small", RARE, (1e-2, 100_000, 102), weight_decay=0.022),
    *trials_of("small", RARE, (1e-2, 400_000, 25), weight_decay=0.0145, softmax="batch"),
    *trials_of("small", RARE, (1e-2, 100_000, 102), weight_decay=0.02, softmax="batch"),
    *(
        replace(trial, weight_decay=decay, softmax="batch")
        for trial in trials_of("small", RARE, (1e-2, 200_000, 51))
        for decay in (0.015, 0.02, 0.0175)
    ),
    *trials_of(
        *("small", (16_384, 256, 8), (1e-2, 150_000, 102)), weight_decay=0.018, softmax="batch"
    ),
    *(
        replace(trial, weight_decay=decay, softmax="batch")
        for trial in trials_of("higher", RARE, (2.25e-2, 40_000, 256))
        for decay in (0.043, 0.033)
    ),
    *trials_of("higher", RARE, (2.25e-2, 40_000, 256), weight_decay=0.029),
    *trials_of("higher", RARE, (2.25e-2, 50_000, 256), weight_decay=0.0275),
    *trials_of("higher", (1000, 128, 4), (2.25e-2, 50_000, 256), weight_decay=0.0275),
    *trials_of("higher", (4096, 96, 3), (1.95e-2, 50_000, 256), weight_decay=0.0238),
    *trials_of(
        "higher", (4096, 96, 3), (1.95e-2, 40_000, 256), weight_decay=0.0238, softmax="batch"
    ),
    *trials_of("wide", (1000, 256, 8), (5e-3, 32_000, 256), (1e-2, 32_000, 512), weight_decay=0.02),
    *trials_of("wide", (4096, 256, 8), (7e-3, 32_000, 256), weight_decay=0.02),
    *trials_of("lower", (2000, 128, 4), (1e-2, 32_000, 256), weight_decay=0.02),
    *trials_of("lower", (4096, 108, 4), (1e-2, 32_000, 256), weight_decay=0.02),
    *(
        replace(trial, weight_decay=0.02, softmax="batch")
        for size in [(4096, 96, 3), (4096, 108, 4), RARE]
        for trial in trials_of("lower", size, (1e-2, 32_000, 256))
    ),
    *(
        Trial("settled", *size, 3e-3, steps, batch, softmax="batch", start="trained")
        for size, steps, batch in [
            ((4096, 128, 4), 6000, 512),
            ((50_257, 128, 4), 5000, 2500),
        ]
    ),
    *(replace(fitted(VOCAB), seed=seed) for seed in range(SEEDS)),
    *(replace(fitted(RARE), seed=seed) for seed in range(SEEDS)),
    *map(fitted, [WIDE, (1000, 112, 3), (1000, 128, 4), (1000, 192, 8), (1000, 256, 8)]),
    *map(fitted, [(1000, 128, 5), (1500, 80, 2), (2000, 128, 4), (2000, 256, 8), (3000, 160, 6)]),
    *map(fitted, [(4096, 96, 3), (4096, 256, 8)]),
    *map(fitted, [(16_384, 256, 8), (50_257, 128, 4)]),
    *(
        trial
        for vocab_size, widths in [(256, (48, 64, 96)), (1024, (48, 64, 96)), (4096, (48, 96))]
        for trial in narrowing("width", WIDTH_STEPS, vocab_size, *widths)  # (4096, 64) is above
    ),
    *narrowing("width", WIDTH_STEPS, 16_384, 64, 96, softmax="batch"),
    *(
        trial
        for vocab_size in (256, 1024, 4096)
        for trial in narrowing("doubled", 2 * WIDTH_STEPS, vocab_size, 48, 64, 96)
    ),
    *(
        replace(trial, seed=seed)
        for start in ("binary", "graded", "leaky")
        for trial in trials_of("warm", ARTICLE, (3e-4, 5000, 512), (3e-3, 5000, 512), start=start)
        for seed in range(4)
    ),
    *trials_of("warm", WIDE, (3e-3, 5000, 512), (1e-2, 5000, 512), start="binary"),
    *trials_of("warm", WIDE, (3e-3, 5000, 512), start="graded"),
    *trials_of("warm", VOCAB, (3e-3, 5000, 512), start="binary"),
    *trials_of("warm", (50_257, 128, 4), (3e-3, 400, 512), start="binary"),
]


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder of the page and of its rows")
    parser.add_argument("--quick", action="store_true", help="in small, into runs/scale-quick")
    given = parser.parse_args()
    out = given.out or (QUICK if given.quick else OUT)
    torch.set_num_threads(1)
    trials = TRIALS
    if given.quick:
        trials = list({each.group: small(each) for each in TRIALS}.values())
    rows = kept(out / "scale.csv")
    for trial in trials:
        if key_of(trial) not in rows:
            with denormals_flushed():
                rows[key_of(trial)] = run(trial)
            write_rows(out / "scale.csv", rows)
            print(line_of(trial, [rows[key_of(trial)]]), flush=True)
    done = {trial: rows[key_of(trial)] for trial in trials if key_of(trial) in rows}
    for drawn in (draw_hashes(hash_errors(done)), draw_widths(widths_of(done))):
        (out / f"{drawn.name}.svg").write_text(standalone(drawn.svg), encoding="utf-8")
    page = out / "scale.md"
    page.write_text(page_of(done), encoding="utf-8")
    print(page)


def small(trial: Trial) -> Trial:
    """The same in a second."""
    return replace(trial, vocab_size=32, width=16, set_size=2, steps=50, batch_size=32, seed=0)


def key_of(trial: Trial) -> Key:
    """Its fields as they are written."""
    return tuple(map(str, astuple(trial)))


def kept(path: Path) -> dict[Key, Row]:
    """The rows of a table that `write_rows` wrote; nothing where there is none."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {tuple(row.pop(each.name) for each in fields(Trial)): row for row in rows}


def write_rows(path: Path, rows: dict[Key, Row]) -> None:
    """A line a network: its trial and its figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow([*(each.name for each in fields(Trial)), *next(iter(rows.values()))])
        writer.writerows([*key, *row.values()] for key, row in rows.items())


@dataclass(frozen=True)
class Trained:
    """A network at the end and after a tenth of the steps, and what it took."""

    net: rb.ReluNet
    early: rb.ReluNet
    seconds: float


@cache
def trained(trial: Trial) -> Trained:
    """The network of a trial; kept, since another may start from it."""
    recipe = rb.Recipe(
        objective="kl",
        steps=trial.steps,
        batch_size=trial.batch_size,
        learning_rate=trial.learning_rate,
        init_scale_out=trial.init_scale_out,
        weight_decay=trial.weight_decay,
        softmax=trial.softmax,
    )
    step = BatchSoftmaxStep("relu") if trial.softmax == "batch" else dense_step
    task, start = rb.KSparseTask(trial.vocab_size, trial.set_size), start_of(trial)
    early, began = Watched([trial.steps // 10], factor=1.0, step=step), time.process_time()
    ended = rb.train_stack(
        *(task, trial.width, recipe, (trial.seed,)), threads=1, init_from=start, step=early
    )
    seconds = time.process_time() - began
    return Trained(ended[0].net, rb.NetStack(**early.kept[0])[0], seconds)


def run(trial: Trial) -> Row:
    """Train the network, and take its figures."""
    task, start = rb.KSparseTask(trial.vocab_size, trial.set_size), start_of(trial)
    ended = trained(trial)
    net = ended.net
    found: dict[str, Any] = {"seconds": ended.seconds} | figures_of(net, task)
    found |= {
        "dead_early": dead(ended.early, task),
        "start_mse": None,
        "entries_changed": None,
    }
    if start is not None:
        changed = strengths_of(net, trial.set_size) != strengths_of(start, trial.set_size)
        found["start_mse"] = mse(start, sets_for(task))
        found["entries_changed"] = int(changed.sum())
    return {name: written(value) for name, value in found.items()}


def written(value: object) -> str:
    """As it stands in the table; empty for None."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def first_of(trial: Trial) -> Trial:
    """The last trial of its size with smaller batches, else with the recipe of the size; where
    there is none, as with `small`, itself from random weights."""
    groups = ["sizes", "small"]
    alike = [each for each in TRIALS if each.group in groups and each.size == trial.size]
    alike.sort(key=lambda each: groups.index(each.group))
    return alike[-1] if alike else replace(trial, start="drawn")


def start_of(trial: Trial) -> rb.ReluNet | None:
    """The network that training starts from; None where weights are drawn."""
    if trial.start == "drawn":
        return None
    if trial.start == "trained":
        return trained(first_of(trial)).net
    if trial.start == "binary":
        weight = rb.best_constant_weight(*trial.size).weight
        return rb.construct(
            random_constant_weight(trial.vocab_size, trial.width, weight, trial.seed)
        )
    best = best_graded_weights(*trial.size)
    code = rb.make_graded("graded", *trial.size, half=best.half, full=best.full, seed=trial.seed)
    return rb.construct(code, *LEAKY) if trial.start == "leaky" else rb.construct(code)


def figures_of(net: rb.ReluNet, task: rb.KSparseTask) -> dict[str, Any]:
    """Of a network and of its hash, over drawn sets."""
    found = rb.gather_evidence(net, sets_for(task))
    hash_sets = task.drawn_sets("hash", min(HASH_SETS, DECODED // task.vocab_size))
    drawn = hash_sets.chunk(0, len(hash_sets)).numpy()
    hashed, alike = worth_on(found.code, drawn), worth_on(scattered(found.code), drawn)
    mechanism, strengths = found.mechanism, found.mechanism.strengths
    return {
        "sets": found.behaviour.sets,
        "mse": found.behaviour.mse,
        "p_exact": found.behaviour.p_exact,
        "gap": mechanism.mode_gap,
        "bits": mechanism.bits_per_token.mean,
        "bits_sd": mechanism.bits_per_token.sd,
        "agreement": mechanism.unit_agreement,
        "hash_mse": hashed.mse,
        "hash_false_positives": hashed.false_positives,
        "fine_hash_mse": fine(found.code, task),
        "alike_mse": alike.mse,
        "half_share": 0.0 if strengths is None else strengths.half_share,
        "graded_mse": None if strengths is None else strengths.extracted.mse,
        "dead": dead(net, task),
        "verdict": mechanism.verdict,
    }


def fine(code: rb.Code, task: rb.KSparseTask) -> float | None:
    """The hash's mse on so many sets that false positives as rare as here are counted, too."""
    best = rb.best_constant_weight(task.vocab_size, code.width, task.sizes[1])
    if task.vocab_size > FEW_TOKENS or best.mse >= MSE:
        return None
    sets = task.drawn_sets("fine", FINE * HASH_SETS)
    parts = [sets.chunk(first, first + HASH_SETS) for first in range(0, len(sets), HASH_SETS)]
    return statistics.fmean(worth_on(code, part.numpy()).mse for part in parts)


def scattered(code: rb.Code) -> rb.Code:
    """A random code with as many bits for each token."""
    bits = code.bits
    order = np.random.default_rng(0).random(bits.shape).argsort(1)
    chosen = np.zeros_like(bits)
    np.put_along_axis(chosen, order, np.arange(code.width) < code.weights[:, None], axis=1)
    return rb.Code(chosen)


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
    return int((missed > 0.5 * held).sum())


def page_of(done: dict[Trial, Row]) -> str:
    """A table a group; seeds of one recipe share a line."""
    parts = [INTRODUCTION]
    for group, title in TITLES.items():
        alike: dict[Trial, list[Row]] = {}
        for trial, row in done.items():
            if trial.group == group:
                alike.setdefault(replace(trial, seed=0), []).append(row)
        parts += ["", f"## {title}", "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
        parts += [line_of(trial, rows) for trial, rows in alike.items()]
    return "\n".join([*parts, *width_lines(done)]) + "\n"


def width_lines(done: dict[Trial, Row]) -> list[str]:
    """The width of `MSE` for each vocabulary: of trained networks and of random codes."""
    found = widths_of(done)
    lines = ["", WIDTHS, "", f"| N | {' | '.join(found)} |", "|---|---|---|---|"]
    for vocab_size in vocab_sizes(done):
        cells = (
            f"{widths[vocab_size]:.1f}" if vocab_size in widths else "-"
            for widths in found.values()
        )
        lines.append(f"| {vocab_size:,} | {' | '.join(cells)} |")
    return lines


def vocab_sizes(done: dict[Trial, Row]) -> list[int]:
    """Those whose width is sought."""
    return sorted({trial.vocab_size for trial in done if trial.group == "width"})


def widths_of(done: dict[Trial, Row]) -> dict[str, dict[int, float]]:
    """By title and vocabulary, the width of `MSE`, where it lies between the widths tried."""
    found: dict[str, dict[int, float]] = {TRAINED: {}, DOUBLED: {}, RANDOM: {}}
    for vocab_size in vocab_sizes(done):
        trained = errors_at(done, vocab_size, WIDTH_STEPS)
        errors = {
            TRAINED: trained,
            DOUBLED: errors_at(done, vocab_size, 2 * WIDTH_STEPS),
            RANDOM: {d: rb.best_constant_weight(vocab_size, d, K).mse for d in trained},
        }
        for title, by_width in errors.items():
            width = width_at(by_width)
            if width is not None:
                found[title][vocab_size] = width
    return found


def errors_at(done: dict[Trial, Row], vocab_size: int, steps: int) -> dict[int, float]:
    """By width, the median mse of networks trained in so many steps."""
    found: dict[int, list[float]] = {}
    for trial, row in done.items():
        alike = (trial.vocab_size, trial.set_size, trial.steps) == (vocab_size, K, steps)
        if alike and trial.group in ("width", "doubled", "sizes"):
            found.setdefault(trial.width, []).append(float(row["mse"]))
    return {width: statistics.median(errors) for width, errors in found.items()}


def hash_errors(done: dict[Trial, Row]) -> list[tuple[int, int, float]]:
    """N, k and, over the best random code's, the median mse of the hash by the sizes' recipe."""
    found: dict[tuple[int, int, int], list[float]] = {}
    for trial, row in done.items():
        if trial.group == "sizes":
            mse = float(row["fine_hash_mse"] or row["hash_mse"])
            found.setdefault(trial.size, []).append(mse)
    return [
        (size[0], size[2], statistics.median(errors) / rb.best_constant_weight(*size).mse)
        for size, errors in found.items()
    ]


def width_at(errors: dict[int, float]) -> float | None:
    """Where ln mse reaches that of `MSE`, on straight lines between the widths."""
    widths = sorted(errors, reverse=True)
    logs = [math.log(errors[width]) for width in widths]
    if not logs or not logs[0] <= math.log(MSE) <= logs[-1]:
        return None
    return float(np.interp(math.log(MSE), logs, widths))


def line_of(trial: Trial, rows: list[Row]) -> str:
    """The cells of one recipe."""
    return f"| {' | '.join(cell(trial, rows) for cell in COLUMNS.values())} |"


def median(name: str, form: str) -> Cell:
    """Of a figure over the seeds; - where there is none."""

    def shown(_trial: Trial, rows: list[Row]) -> str:
        found = [float(row[name]) for row in rows if row[name]]
        return format(statistics.median(found), form) if found else "-"

    return shown


def recipe_of(trial: Trial, _rows: list[Row]) -> str:
    """Rate, steps, batch size, what else is not the default, and how it starts."""
    said = [f"{trial.learning_rate:g}, {trial.steps:,} x {trial.batch_size:,}"]
    said += ["softmax batch"] if trial.softmax == "batch" else []
    said += [f"weight_decay {trial.weight_decay:g}"] if trial.weight_decay else []
    said += [f"init_scale_out {trial.init_scale_out:g}"] if trial.init_scale_out != 0.5 else []
    said += [f"from {trial.start}"] if trial.start != "drawn" else []
    return ", ".join(said)


def seen(trial: Trial, _rows: list[Row]) -> str:
    """Sets of the training that hold a token, on average."""
    return f"{trial.steps * trial.batch_size * trial.set_size / trial.vocab_size:,.0f}"


def random_code(trial: Trial, _rows: list[Row]) -> str:
    """The best random code: bits, and its mse."""
    best = rb.best_constant_weight(*trial.size)
    return f"{best.weight}, {best.mse:.3g}"


COLUMNS: dict[str, Cell] = {
    "N, d, k": lambda trial, _rows: ", ".join(map(str, trial.size)),
    "rate, steps x batch": recipe_of,
    "sets a token": seen,
    "seeds": lambda _trial, rows: str(len(rows)),
    "s": median("seconds", ".0f"),
    "mse": median("mse", ".3g"),
    "exact": median("p_exact", ".3%"),
    "bits": median("bits", ".1f"),
    "gap": median("gap", ".1f"),
    "agreement": median("agreement", ".4f"),
    "hash: F": median("hash_false_positives", ".2g"),
    "hash: mse": median("hash_mse", ".3g"),
    "on 16 million": median("fine_hash_mse", ".3g"),
    "alike: mse": median("alike_mse", ".3g"),
    "random: bits, mse": random_code,
    "dead, at a tenth": median("dead_early", ".0f"),
    "at the end": median("dead", ".0f"),
    "mse of the start": median("start_mse", ".3g"),
    "entries changed": median("entries_changed", ".0f"),
    "verdicts": lambda _trial, rows: ", ".join(
        f"{name} {n}" for name, n in Counter(row["verdict"] for row in rows).items()
    ),
}
INTRODUCTION = """# The recipe at larger vocabularies

Made by `python experiments/scale.py` (`make results-scale`) from scale.csv, a line a network; what
it means: [../scale.md](../scale.md). Objective `kl`; figures are medians over the seeds.

*Sets a token*: of the training, those that hold a token. *s*: processor time of the training, one
thread of a machine that was doing other work too. *mse*, *exact* and *agreement*: over 20,000
drawn sets, or as many as give 2^26 answers, at least 2,000. *bits*: a token, as read off `W_in`.
*hash*: that code run as a Bloom filter on a million sets, or as many as give 2^32 answers: false
positives a set, and mse. *on 16 million*: the same mse on that many sets, for networks that were
examined since that was added. *alike*: a random code with as many bits for each token, on the same
sets. *random*: the best random code of these sizes, its bits and its mean mse, exact. *dead*:
tokens missed on more than half of some 16 sets that hold them, after a tenth of the steps and at
the end. *from*: the start is the exact network of a random code of the best weights, or, where
it says *trained*, the last network of that size with smaller batches, else with the recipe of the
size. *entries changed*: of the code that is read off, all N x d entries, by strength."""

WIDTHS = f"""## The width of an error

At which the mse is {MSE:g}, k = {K}: straight lines in ln mse through the widths above, and through
the best random codes of the same widths."""

if __name__ == "__main__":
    main()
