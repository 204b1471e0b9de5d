"""Measure every network of the zoo, and write docs/results/zoo.md.

Usage: python experiments/zoo.py [--seeds n] [--cache DIR] [--out FILE] [NAME ...]

The figures are those of the cards. Networks are kept in the cache, so a page that was stopped goes
on with the networks that are there.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from cells import RESULTS
from relubloom.evidence.glance import glance
from relubloom.records.certificate import Certificate
from relubloom.study.settings import PRESETS
from relubloom.task import as_collection
from relubloom.zoo.catalogue import ENTRIES, CatalogueEntry
from relubloom.zoo.figures import NOISE, SETS, Figures, measure
from relubloom.zoo.known import KnownNetwork, load_entry

SEEDS = 3
PRESET_RECIPES = [preset.recipe for preset in PRESETS.values()]
COLUMNS = (
    *("network", "computations", "neurons", "error", "as many as neurons", "without a ReLU"),
    *("better", "verdict", "units agree", "exact, of all sets", "mse, of all sets", "known by"),
)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all of them")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of networks trained by no preset")
    parser.add_argument("--cache", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=RESULTS / "zoo.md")
    given = parser.parse_args()
    chosen = [entry for entry in ENTRIES if entry.name in given.names or not given.names]
    measured: list[tuple[KnownNetwork, Figures]] = []
    for entry in chosen:
        known = load_entry(entry, 0, given.cache)
        measured.append((known, measure(known)))
        print(f"{entry.name}: {known.certificate.method}", flush=True)
    verdicts = {
        entry.name: [verdict(entry, seed, given.cache) for seed in range(given.seeds)]
        for entry in chosen
        if entry.kind.startswith("trained") and entry.recipe not in PRESET_RECIPES
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page(measured, verdicts), encoding="utf-8")
    print(given.out)


def verdict(entry: CatalogueEntry, seed: int, cache: Path) -> str:
    """Of the network of one seed."""
    known = load_entry(entry, seed, cache)
    found = glance(known.net, as_collection(known.sets(SETS), entry.vocab_size)).verdict
    print(f"{entry.name}, seed {seed}: {found}", flush=True)
    return found


def page(measured: list[tuple[KnownNetwork, Figures]], verdicts: dict[str, list[str]]) -> str:
    """The whole page."""
    lines = [
        INTRODUCTION.format(sets=SETS),
        *table(COLUMNS, [row(*each) for each in measured]),
        "",
        NOISE_WORDS,
        *table(
            ("network", *(f"{noise:g}" for noise in NOISE)),
            [
                (f"`{known.name}`", *(f"{each.right:.1%}" for each in figures.noise))
                for known, figures in measured
            ],
        ),
    ]
    if verdicts:
        counted = [(f"`{name}`", _counted(found)) for name, found in verdicts.items()]
        lines += ["", SEED_WORDS, *table(("network", "verdicts"), counted)]
    return "\n".join(lines) + "\n"


def row(known: KnownNetwork, figures: Figures) -> tuple[str, ...]:
    """What the first table says of a network."""
    certificate = known.certificate
    naive = "-" if figures.naive_error is None else f"{figures.naive_error:.4f}"
    reading = f", {figures.reading}" if figures.reading else ""
    return (
        f"`{known.name}`",
        *(str(figures.computations), str(figures.neurons), f"{figures.error:.4f}", naive),
        *(f"{figures.linear_error:.4f}", str(figures.better), f"{figures.verdict}{reading}"),
        f"{figures.agreement:.4f}",
        *(
            certificate.p_exact.written(".2%"),
            certificate.mse.written(".4f"),
            known_by(certificate),
        ),
    )


def known_by(certificate: Certificate) -> str:
    """How much the last columns are worth."""
    return "a sample" if certificate.confidence is not None else f"proof: {certificate.method}"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in [head, ("---",) * len(head), *rows]]


def _counted(found: list[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(found).items())


INTRODUCTION = """# The zoo, measured

Made by `python experiments/zoo.py` (`make results-zoo`). What these networks are and how to get
them: [../ground-truth.md](../ground-truth.md). Seed 0, each over {sets:,} drawn sets of its own
source.

- *Computations*: tokens with a hash of their own; of planted networks the functions; a linear
  network computes none. *Error*: sum over tokens of (p - target)^2, mean over sets; of planted
  networks the same over functions.
- *As many as neurons*: the error of knowing as many tokens as there are neurons, and nothing of the
  others. *Without a ReLU*: that of the nearly linear network of the same sizes and source; of
  planted networks that of the best affine map. *Better*: tokens, or functions, with less error than
  without a ReLU.
- *Units agree*: with the code that is read off the network; of half bits, with their states. Of
  networks that are no filters it means little.
- The last three columns are about all sets of 3 tokens, all counting alike: how many the network
  ranks exactly, its mse, and whether that is proved.
"""
NOISE_WORDS = """## Noise on the hidden layer

Normal noise on each unit after the ReLU, in shares of the unit's own standard deviation: sets that
are ranked exactly, or of planted networks functions that are read rightly. A little noise breaks
ties, and so may help.
"""
SEED_WORDS = """## Other seeds

Verdicts of the networks whose recipe is no preset's. For `article` and `wide` see
[study.md](study.md), for `article-full` [article-full.md](article-full.md).
"""


if __name__ == "__main__":
    main()
