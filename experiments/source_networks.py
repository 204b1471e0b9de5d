"""What networks do on sets that are not uniform: docs/results/source-networks.md.

Usage: python experiments/source_networks.py [--file FILE SIZES WIDTH]... [--seeds n] [--out FILE]
       [--quick]

Synthetic sources have a dial each for the number of training sets, for how unequally tokens are
drawn (Zipf's exponent) and for how much they go together (the chance that a token comes from the
topic of its set). One dial is turned at a time. Files of real sets stand in the same table.
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import relubloom as rb
from relubloom.code import worth_on
from relubloom.study.source_codes import worth_on_source
from relubloom.task import parse_sizes

SHARPNESS = 12.0
VOCAB, WIDTH, SIZE, TOPICS = 256, 48, 3, 16
MANY = 30_000
CODE_SECONDS, START_SECONDS = 10.0, 60.0  # for a learned code; for one that training starts from
CODE_SETS = 5_000  # training sets, at most, that it learns from
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "source-networks.md"


@dataclass(frozen=True)
class Source:
    """A synthetic source: training sets, Zipf's exponent, and the chance of the set's topic."""

    sets: int = MANY
    exponent: float = 0.0
    topic: float = 0.0
    swaps: float = 0.0

    @property
    def name(self) -> str:
        """What is turned."""
        swapped = f", {self.swaps:g} swapped" if self.swaps else ""
        return f"{self.sets:,} sets, Zipf {self.exponent:g}, topics {self.topic:g}{swapped}"

    def write(self, path: Path, seed: int) -> None:
        """A file of distinct sets; a fifth more than are trained on, for these are held out.

        Topic i holds every 16th token, so that all have the same mix of frequencies.
        """
        generator = np.random.default_rng([seed, self.sets])
        wanted, found = round(self.sets / 0.8), dict[tuple[int, ...], None]()
        masses = np.arange(1, VOCAB + 1) ** -self.exponent
        tokens = np.arange(VOCAB)
        while len(found) < wanted:
            chances = np.tile(masses, (4096, 1))
            own = generator.integers(TOPICS, size=(4096, 1)) == tokens % TOPICS
            chosen = np.empty((4096, SIZE), dtype=np.int64)
            for place in range(SIZE):
                of_topic = generator.random((4096, 1)) < self.topic
                shares = np.where(of_topic, chances * own, chances).cumsum(1)
                points = generator.random((4096, 1)) * shares[:, -1:]
                chosen[:, place] = (shares <= points).sum(1)
                chances[np.arange(4096), chosen[:, place]] = 0
            found.update(dict.fromkeys(map(tuple, np.sort(chosen, 1).tolist())))
        lines = (" ".join(map(str, each)) for each in list(found)[:wanted])
        path.write_text("\n".join(lines) + "\n")


SOURCES = [
    *(Source(sets=sets) for sets in (300, 1_000, 3_000, 10_000, MANY)),
    *(Source(sets=sets, swaps=0.8) for sets in (1_000, 3_000)),
    *(Source(exponent=exponent) for exponent in (0.5, 1.0)),
    *(Source(topic=topic) for topic in (0.3, 0.6, 0.9)),
    Source(exponent=1.0, topic=0.6),
]
FROM_CODE = ", 0.5 swapped, from the learned code"
FILE_TRAININGS: list[tuple[Literal["mse", "kl"], float, str]] = [
    ("mse", 0.0, ""),
    ("kl", 0.0, ""),
    ("kl", 0.8, ", 0.8 swapped"),
    ("mse", 0.5, FROM_CODE),
]


@dataclass(frozen=True)
class Row:
    """The figures of one network; false positives of codes on held-out sets."""

    verdict: str
    training_mse: float
    mse: float
    p_exact: float
    gap: float
    agreement: float
    half_share: float
    hash_positives: float
    random_positives: float
    learned_positives: float
    weight_by_frequency: float
    overlap: float


def main() -> None:
    """Measure every source over the seeds and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", nargs=3, action="append", default=[], metavar="X")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="two sources, few steps")
    given = parser.parse_args()
    recipe = rb.Recipe(steps=200) if given.quick else rb.Recipe()
    rows: dict[str, list[Row]] = {}
    for seed in range(given.seeds):
        for name, task, width, own in tasks(given, seed, recipe):
            start = name.endswith(FROM_CODE)
            rows.setdefault(name, []).append(measured(task, width, own, seed, start))
            print(seed, name, rows[name][-1], flush=True)
            given.out.write_text(page(rows), encoding="utf-8")
    print(given.out)


def tasks(
    given: argparse.Namespace, seed: int, recipe: rb.Recipe
) -> Iterator[tuple[str, rb.KSparseTask, int, rb.Recipe]]:
    """Each source of a seed: its name, task, width and recipe."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.sets"
        for source in SOURCES[:2] if given.quick else SOURCES:
            source.write(path, seed)
            labels = tuple(map(str, range(VOCAB)))
            task = rb.KSparseTask.from_file(path, tokens=labels, swaps=source.swaps)
            yield source.name, task, WIDTH, recipe
    for file, sizes, width in given.file:
        kept = None if sizes == "any" else parse_sizes(sizes)
        task = rb.KSparseTask.from_file(file, kept, split_seed=seed)
        for objective, swaps, name in FILE_TRAININGS:
            own = replace(recipe, objective=objective)
            named = f"{Path(file).stem}, {objective}{name}"
            yield named, replace(task, swaps=swaps), int(width), own


def measured(
    task: rb.KSparseTask, width: int, recipe: rb.Recipe, seed: int, from_code: bool = False
) -> Row:
    """Train a network, read its hash, and set the codes beside it."""
    lines = task.training_lines()
    sets = lines.sets.numpy()
    seconds = START_SECONDS if from_code else CODE_SECONDS
    learned = rb.learn_code(sets[:CODE_SETS], width, vocab_size=task.vocab_size, seconds=seconds)
    worth = worth_on_source(learned, task, width)
    start = rb.construct(learned, SHARPNESS) if from_code else None
    again = replace(recipe, steps=min(recipe.steps, 2_000), learning_rate=3e-3)
    net, _ = rb.train(task, width, again if from_code else recipe, seed, start)
    evidence = rb.gather_evidence(net, task)
    held_out = task.evaluation_sets()
    copies = held_out.weights(0, len(held_out)).numpy()
    held_by = np.bincount(sets[sets < task.vocab_size], minlength=task.vocab_size)
    trained = held_by > 0
    ranks = [rankdata(values[trained]) for values in (evidence.code.weights, held_by)]
    behaviour, mechanism = evidence.behaviour, evidence.mechanism
    return Row(
        mechanism.verdict,
        rb.gather_evidence(net, lines).behaviour.mse,
        behaviour.mse,
        behaviour.p_exact,
        mechanism.mode_gap or float("nan"),
        mechanism.unit_agreement,
        0.0 if mechanism.strengths is None else mechanism.strengths.half_share,
        worth_on(evidence.code, held_out.chunk(0, len(held_out)).numpy(), copies).false_positives,
        worth["rivals"]["constant-weight"]["false_positives"],
        worth["held_out"]["false_positives"],
        float(np.corrcoef(ranks)[0, 1]),
        overlap(evidence.code, sets, seed),
    )


def overlap(code: rb.Code, sets: NDArray[np.int64], seed: int) -> float:
    """Bits that the hashes of two tokens of a set share, over those of tokens of two sets.

    The tokens of two sets have the same frequencies, and do not go together.
    """
    generator = np.random.default_rng(seed)
    bits = code.bits.astype(np.float64)
    padded = np.vstack([bits, np.zeros(code.width)])
    first, second = sets[:, 0], sets[:, 1]
    known = (first < code.vocab_size) & (second < code.vocab_size)
    first, second = first[known], second[known]
    other = generator.permutation(second)
    apart = first != other
    together = (padded[first] * padded[second]).sum(1).mean()
    return float(together / (padded[first] * padded[other]).sum(1)[apart].mean())


def page(rows: dict[str, list[Row]]) -> str:
    """Means over the seeds; a row says how many there are."""
    lines = [INTRODUCTION, HEAD, "|---" * HEAD.count(" |") + "|"]
    for name, found in rows.items():

        def mean(key: str, found: list[Row] = found) -> float:
            return statistics.mean(getattr(each, key) for each in found)

        verdicts = ", ".join(sorted({each.verdict for each in found}))
        cells = [
            str(len(found)),
            f"{mean('training_mse'):.4f}, {mean('mse'):.4f}",
            f"{mean('p_exact'):.1%}",
            verdicts,
            f"{mean('gap'):.1f}",
            f"{mean('agreement'):.3f}",
            f"{mean('half_share'):.0%}",
            ", ".join(
                f"{mean(key):.3g}"
                for key in ("hash_positives", "random_positives", "learned_positives")
            ),
            f"{mean('weight_by_frequency'):.2f}",
            f"{mean('overlap'):.2f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


HEAD = (
    "| source | seeds | mse: training, held out | exact | verdict | gap | agreement | half bits | "
    "false positives: its hash, random, learned | weight by frequency | overlap |"
)
INTRODUCTION = """# Networks on sets that are not uniform

Made by `make results-source-networks` (`python experiments/source_networks.py`). Synthetic sources
have 256 tokens and sets of 3, the networks 48 units; a fifth of the distinct sets is held out.
*Topics* is the chance that a token comes from the topic of its set, one of 16. *Swapped* is the
share of the sets trained on in which a token gave way to another. `debtags` is 574 tags of
packages at 48 units, sets of 3 to 8; `nextwords` is 1,777 words at 64 units, sets of 5. Recipe:
5,000 steps; *from the learned code* 2,000 steps at a peak rate of 3e-3.

*False positives* are a set's, on held-out sets, of the network's own hash, of the best random
code, and of a code learned in 10 seconds (60 where training starts from it) from at most 5,000 of
the training sets. These seconds are of a machine with other work: a code that is given more time
is better, above all with many sets. *Weight by frequency* is the rank correlation of a hash's
weight with how many training sets hold its token. *Overlap* is how many bits the hashes of two
tokens of a set share, over those of tokens from two sets. Figures are means over so many seeds as
a row says.

**What it shows.** With few sets a network learns its sets by heart: the mse is small on them and
large on others, and there is no hash. With many sets of the same source it makes a Bloom filter.
Swapped tokens do that with few sets. Unequal frequencies give rare tokens more bits. Topics alone
change little; on tags, where tokens go together much more, such tokens share bits.
"""

if __name__ == "__main__":
    main()
