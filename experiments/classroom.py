"""How small can a network be that learns a Bloom filter every time? Writes docs/results/class.md.

Usage: python experiments/classroom.py [--seeds 16] [--runs DIR] [--out FILE] [--quick]

Networks of several sizes with the recipe of preset `class`, and of its size with other recipes,
each examined on all sets of 3. A row is kept in class.json under --runs, so a killed run goes on.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from relubloom import KSparseTask, Recipe, gather_evidence, train_stack
from relubloom.study.settings import PRESETS

OUT = Path("docs/results/class.md")
PRESET = PRESETS["class"]
SIZES = (
    *((32, 31), (36, 32), (36, 34), (40, 30), (40, 32), (40, 34)),
    *((48, 30), (48, 32), (64, 32), (64, 36), (96, 36), (96, 40)),
)
RECIPES = (
    replace(PRESET.recipe, batch_size=512),
    replace(PRESET.recipe, adam_beta2=0.999),
    replace(PRESET.recipe, learning_rate=0.05),
    replace(PRESET.recipe, learning_rate=0.2),
    replace(PRESET.recipe, steps=1000),
    Recipe(),
)
FILTERS = ("bloom", "graded-bloom")
HEAD = (
    "| {} | bloom | graded | partly | not | F1 | agreement | exact | hash exact | s |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where rows are kept")
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--quick", action="store_true", help="in small, into --runs")
    given = parser.parse_args()
    out = given.out or (given.runs if given.quick else OUT.parent) / OUT.name
    sizes, recipes, seeds = SIZES, RECIPES, given.seeds
    recipe = PRESET.recipe
    if given.quick:
        sizes, seeds, recipe = ((12, 8),), 2, replace(recipe, steps=50)
        recipes = (replace(recipe, objective="kl"),)
    torch.set_num_threads(1)
    kept = given.runs / "class.json"
    by_size = [found(kept, size, recipe, seeds) for size in sizes]
    size = (PRESET.vocab_size, PRESET.width) if not given.quick else sizes[0]
    by_recipe = [found(kept, size, other, seeds) for other in recipes]
    names = [f"{tokens} tokens, {units} units" for tokens, units in sizes]
    changes = [changed(other, recipe) for other in recipes]
    text = INTRODUCTION.format(
        seeds=seeds,
        tokens=PRESET.vocab_size,
        units=PRESET.width,
        recipe=said(recipe),
        sizes=table("size", names, by_size),
        verdict=verdict(sizes, by_size),
        recipes=table("recipe", changes, by_recipe),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(out)


def found(kept: Path, size: tuple[int, int], recipe: Recipe, seeds: int) -> dict[str, Any]:
    """The row of a size and a recipe: as it was kept, or made now."""
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    key = json.dumps([size, recipe.describe(), seeds])
    if key not in rows:
        rows[key] = run(size, recipe, seeds)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(rows))
        print(key, rows[key], flush=True)
    return rows[key]


def run(size: tuple[int, int], recipe: Recipe, seeds: int) -> dict[str, Any]:
    """Train and examine the networks; the worst figures of them."""
    vocab_size, width = size
    task = KSparseTask(vocab_size, PRESET.set_size)
    started = time.monotonic()
    networks = train_stack(task, width, recipe, tuple(range(seeds)))
    evidence = [gather_evidence(each.net, task) for each in networks]
    f1 = [each.mechanism.extracted.loss_failure_f1 for each in evidence]
    return {
        "seeds": seeds,
        "seconds": (time.monotonic() - started) / seeds,
        "verdicts": Counter(each.mechanism.verdict for each in evidence),
        "f1": min(1.0 if each is None else each for each in f1),
        "agreement": min(each.mechanism.unit_agreement for each in evidence),
        "exact": min(each.behaviour.p_exact for each in evidence),
        "hash_exact": min(each.mechanism.extracted.p_exact for each in evidence),
    }


def table(heading: str, names: list[str], rows: list[dict[str, Any]]) -> str:
    """A line for each row."""
    lines: list[str] = []
    for name, row in zip(names, rows, strict=True):
        counts = [row["verdicts"].get(each, 0) for each in (*FILTERS, "partly", "not-bloom")]
        cells = [name, *counts, f"{row['f1']:.2f}", f"{row['agreement']:.3f}"]
        cells += [f"{row['exact']:.1%}", f"{row['hash_exact']:.1%}", f"{row['seconds']:.1f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return HEAD.format(heading) + "\n".join(lines)


def verdict(sizes: tuple[tuple[int, int], ...], rows: list[dict[str, Any]]) -> str:
    """Which sizes came out every time, in a sentence."""
    whole = [
        size
        for size, row in zip(sizes, rows, strict=True)
        if sum(row["verdicts"].get(each, 0) for each in FILTERS) == row["seeds"]
    ]
    names = ", ".join(f"{tokens} tokens in {units} units" for tokens, units in whole)
    return f"Every network came out as a Bloom filter at: {names or 'none of these sizes'}."


def said(recipe: Recipe) -> str:
    """What differs from the default recipe."""
    return changed(recipe, Recipe())


def changed(recipe: Recipe, of: Recipe) -> str:
    """The fields of a recipe that another has otherwise."""
    both = recipe.describe(), of.describe()
    names = [name for name in both[0] | both[1] if getattr(recipe, name) != getattr(of, name)]
    written = ", ".join(f"{name} {getattr(recipe, name)}" for name in names)
    return "`Recipe()`, the default" if recipe == Recipe() else f"`{written}`"


INTRODUCTION = """# The smallest networks for a class

Made by `python experiments/classroom.py` (`make results-class`). `relubloom study --preset class`
trains {tokens} tokens in {units} units, sets of 3. Its recipe is the default one with
{recipe}.

Each row below holds {seeds} networks, each examined on all sets of 3. The first columns count their
verdicts. *F1*, *agreement*, *exact* and *hash exact* are those of the worst network: how well its
hash says which sets fail, the pairs of a set and a unit that follow the union, the sets that the
network gets right, and those that its hash gets right as a Bloom filter. *s* are seconds of one
core to train and to examine a network, on a machine that was doing other work too.

## Sizes

{sizes}

{verdict}

Why no smaller? Smaller networks have two kinds of entries, and units that follow the union, too.
What they lose is the F1: so few sets fail that the hash no longer says which. The verdict asks for
0.8. The preset takes the first size whose worst network has more than 0.81.

## Other recipes at the size of the preset

{recipes}
"""

if __name__ == "__main__":
    main()
