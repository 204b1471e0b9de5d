"""The trained networks that several pages are about, what a page is asked for, and its figures."""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import relubloom as rb
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network, write_training

RESULTS = Path("docs/results")
K = 3


@dataclass(frozen=True)
class Cell:
    """Networks of one size and recipe, and whether rungs are fitted to them."""

    title: str
    vocab_size: int
    width: int
    recipe: rb.Recipe
    fit: bool


CELLS = {
    "article-mse": Cell(
        "N=256, d=48, k=3, `mse` (preset `article`)",
        256,
        48,
        rb.Recipe(),
        fit=True,
    ),
    "article-kl": Cell(
        "N=256, d=48, k=3, `kl`",
        256,
        48,
        rb.Recipe(objective="kl"),
        fit=True,
    ),
    "wide-kl-then-mse": Cell(
        "N=1000, d=64, k=3, `kl-then-mse` (preset `wide`)",
        1000,
        64,
        rb.Recipe(objective="kl-then-mse", steps=6500),
        fit=False,
    ),
    "wide-kl": Cell(
        "N=1000, d=64, k=3, `kl`",
        1000,
        64,
        rb.Recipe(objective="kl"),
        fit=False,
    ),
}


@dataclass(frozen=True)
class Asked:
    """What a page is made of: networks, the folder that they are kept in, where it is written."""

    cells: dict[str, Cell]
    seeds: int
    runs: Path
    out: Path
    quick: bool
    names: tuple[str, ...] = ()


def asked(doc: str | None, page: str, *, choose: bool = False) -> Asked:
    """Read the command line; `choose` lets it name cells.

    `--quick` makes the page in small, of tiny networks, under a minute, where `--runs` says.
    """
    parser = argparse.ArgumentParser(description=doc)
    if choose:
        parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--seeds", type=int, help="16 by default, 2 with --quick")
    parser.add_argument("--runs", type=Path, help="run folders; runs/mechanism or runs/quick")
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--quick", action="store_true", help="in small, beside --runs")
    given = parser.parse_args()
    runs = given.runs or Path("runs/quick" if given.quick else "runs/mechanism")
    return Asked(
        cells={name: small(cell) for name, cell in CELLS.items()} if given.quick else CELLS,
        seeds=given.seeds or (2 if given.quick else 16),
        runs=runs,
        out=given.out or (runs if given.quick else RESULTS) / page,
        quick=given.quick,
        names=tuple(given.cells) if choose and given.cells else tuple(CELLS),
    )


def small(cell: Cell) -> Cell:
    """The same in a few seconds."""
    recipe = replace(cell.recipe, steps=400, batch_size=128)
    return replace(cell, title=f"{cell.title}, in small", vocab_size=40, width=20, recipe=recipe)


def trained(run: Path, cell: Cell, task: rb.KSparseTask, seed: int) -> rb.ReluNet:
    """The network of a run folder, which is made where it is missing."""
    if not (run / "model.safetensors").exists():
        train(run, cell, task, seed)
    return rb.ReluNet.from_pretrained(run)


def train(run: Path, cell: Cell, task: rb.KSparseTask, seed: int) -> None:
    """Train the network into its run folder."""
    trained = rb.train_stack(task, cell.width, cell.recipe, (seed,), threads=1)[0]
    labels = default_labels(cell.vocab_size)
    write_network(run, trained.net, Origin(task, seed, recipe=cell.recipe), labels)
    write_training(run, trained.history, trained.film, trained.film_steps)


def spread_line(title: str, values: list[float | None], form: str) -> str:
    """Median, least and greatest of a figure."""
    known = [value for value in values if value is not None]
    if not known:
        return f"| {title} | - | - | - |"
    figures = statistics.median(known), min(known), max(known)
    return f"| {title} | {' | '.join(format(value, form) for value in figures)} |"


def with_worst(values: list[float | None], *, highest: bool = False, digits: int = 3) -> str:
    """Median, and in brackets the least (of a control the greatest)."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    worst = max(known) if highest else min(known)
    return f"{statistics.median(known):.{digits}f} ({worst:.{digits}f})"
