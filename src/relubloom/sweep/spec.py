"""The file that says what a sweep runs: grids over the settings of a study, times seeds."""

from __future__ import annotations

import difflib
import itertools
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from relubloom.errors import FileError, RelubloomError, UsageError, check_choice
from relubloom.reading import SPEC, finite_number, read_text
from relubloom.records.sweep_row import SweepRow
from relubloom.study.settings import PRESETS
from relubloom.sweep.settings import RunSettings, identity_of
from relubloom.task import KSparseTask
from relubloom.tokens_file import read_tokens
from relubloom.training import Recipe

FIGURE_SETS = 100_000
MOST_RUNS = 100_000  # of one spec: to name that many takes some 10 seconds
RECIPE_KEYS = tuple(field.name for field in fields(Recipe))
DRAWN_KEYS = ("vocab_size", "source", "training_pool")  # what a file of sets says itself
DESCRIBED_KEYS = (*DRAWN_KEYS, "set_size", "generator", "sets")  # of a task
TASK_KEYS = (*DESCRIBED_KEYS, "tokens", "skip_bad")
GRID_KEYS = ("preset", *TASK_KEYS, "width", *RECIPE_KEYS, "figure_sets", "seed", "seeds")
HEAD_KEYS = ("name", "notes")
TABLES = ("sweep", "defaults", "grid")
SIZES = ("vocab_size", "width", "training_pool", "figure_sets", "steps", "batch_size")
WHOLE = (*SIZES, "seed", "seeds")
CHOSEN = ("objective", "activation", "initialisation", "optimiser", "products", "softmax")
TEXTS = ("preset", "source", "generator", "sets", "tokens", *CHOSEN)
Kind = tuple[tuple[type, ...], str]
NUMBER: Kind = ((int, float), "a number, or a list")
KINDS: dict[str, Kind] = {  # of values, and how they are told; of any other key a NUMBER
    **dict.fromkeys(WHOLE, ((int,), "a whole number, or a list of them")),
    **dict.fromkeys(TEXTS, ((str,), "a text, or a list of them")),
    "skip_bad": ((bool,), "true or false"),
    "set_size": ((int, str), 'a number or a range such as "3..8"'),
}


@dataclass(frozen=True)
class Spec:
    """What a sweep runs: each run once, in the order of the file.

    `impossible`: a row for each point that breaks a rule, with what it asks for.
    """

    name: str
    runs: tuple[RunSettings, ...]
    impossible: tuple[SweepRow, ...]


def read_spec(path: Path) -> Spec:
    """Read a sweep from a TOML file.

    `[[grid]]` tables, each a product: a value that is a list is an axis, any other is fixed, and
    `seeds = n` runs seeds `seed` (by default 0) to `seed + n - 1`. `[defaults]` holds what a grid
    does not say. `[sweep]` holds `name` and `notes`, which change no run. A run that several
    grids ask for is one run. Paths of files are relative to the spec.

    Raises:
        FileError: the file is missing or is not TOML.
        UsageError: a key is unknown (the nearest known one is named), a value is of the wrong
            kind, or there are more than 100,000 runs.
    """
    found = _parsed(path)
    _check_keys(found, TABLES, path, "the file")
    head = _table(found, "sweep", path)
    _check_keys(head, HEAD_KEYS, path, "[sweep]")
    defaults = _table(found, "defaults", path)
    grids = found.get("grid")
    if not isinstance(grids, list) or not grids or not all(isinstance(g, dict) for g in grids):
        raise UsageError(f"{path} has no [[grid]]: a sweep runs the points of its grids; add one")
    for table, where in [(defaults, "[defaults]"), *((grid, "[[grid]]") for grid in grids)]:
        _check_keys(table, GRID_KEYS, path, where)
        _check_values(table, path, where)
    _refuse_too_many([defaults | grid for grid in grids], path)
    runs: dict[str, RunSettings] = {}
    impossible: list[SweepRow] = []
    for grid in grids:
        for point in _points(defaults | grid):
            try:
                settings = _settings(point, path.parent)
            except RelubloomError as error:
                row = SweepRow(identity_of(point), "impossible", point, reason=error.args[0])
                impossible.append(row)
                continue
            for seed in range(settings.seed, settings.seed + point.get("seeds", 1)):
                run = settings.with_seed(seed)
                runs.setdefault(run.identity, run)
    return Spec(str(head.get("name", path.stem)), tuple(runs.values()), tuple(impossible))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, SPEC), parse_float=finite_number)
    except FileNotFoundError:
        raise FileError(f"{path} is not there; give the path of a sweep's TOML file") from None
    except RecursionError:
        raise FileError(f"{path} is not readable TOML (it is nested too deeply); mend it") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path} is not readable TOML ({error}); mend it") from None


def _table(found: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {name} is {table!r}: it is a table; write [{name}]")
    return table


def _check_keys(table: dict[str, Any], known: tuple[str, ...], path: Path, where: str) -> None:
    for key in table:
        if key in known:
            continue
        if key in GRID_KEYS:
            raise UsageError(
                f"{path}: {where} has a key {key!r}: it stands in [[grid]] or [defaults]; move it "
                "there"
            )
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
        raise UsageError(
            f"{path}: {where} has a key {key!r}, which there is not; the nearest is {near!r}"
        )


def _check_values(table: dict[str, Any], path: Path, where: str) -> None:
    for key, value in table.items():
        if key in ("seed", "seeds") and isinstance(value, list):
            raise UsageError(
                f"{path}: {where} has {key} {value!r}: it is one number; write seed = first and "
                "seeds = how many"
            )
        values: list[Any] = value if isinstance(value, list) else [value]
        if not values:
            raise UsageError(f"{path}: {where} has {key} []: an axis has at least one value")
        for each in values:
            kinds, said = KINDS.get(key, NUMBER)
            if type(each) not in kinds:  # true is no number here
                raise UsageError(f"{path}: {where} has {key} {each!r}: it is {said}; mend it")


def _points(grid: dict[str, Any]) -> Iterator[dict[str, Any]]:
    axes = [value if isinstance(value, list) else [value] for value in grid.values()]
    for values in itertools.product(*axes):
        yield dict(zip(grid, values, strict=True))


def _refuse_too_many(grids: list[dict[str, Any]], path: Path) -> None:
    """Count the runs before any is made."""
    runs = sum(
        math.prod(len(value) for value in grid.values() if isinstance(value, list))
        * max(1, grid.get("seeds", 1))
        for grid in grids
    )
    if runs > MOST_RUNS:
        raise UsageError(
            f"{path} asks for {runs:,} runs: a spec has at most {MOST_RUNS:,}; split it, or lower "
            "seeds or an axis"
        )


def _settings(point: dict[str, Any], folder: Path) -> RunSettings:
    """The settings of a point's first seed."""
    if point.get("seeds", 1) < 1:
        raise UsageError(f"seeds is {point['seeds']}: at least 1 network is trained; raise it")
    name = point.get("preset", "article")
    check_choice("preset", name, *PRESETS)
    preset = PRESETS[name]
    described = {key: point[key] for key in DESCRIBED_KEYS if key in point}
    tokens = None
    if "sets" in point:
        if clash := next((key for key in DRAWN_KEYS if key in point), None):
            raise UsageError(f"{clash} and sets are both given: the file says it; leave one out")
        described["sets"] = str(folder / point["sets"])
        tokens = folder / point["tokens"] if "tokens" in point else None
    elif lone := next((key for key in ("tokens", "skip_bad") if point.get(key)), None):
        raise UsageError(f"{lone} is given without sets: it is of a file of sets; leave it out")
    else:
        described = {"vocab_size": preset.vocab_size, "set_size": preset.set_size} | described
    task = _task(tokens, point.get("skip_bad", False), **described)
    width = point.get("width", preset.width)
    base = preset.recipe_for(task, width, point.get("objective"))
    recipe = base.describe() | {key: point[key] for key in RECIPE_KEYS if key in point}
    return RunSettings(
        task,
        width,
        Recipe.from_description(recipe),
        point.get("seed", 0),
        point.get("figure_sets", FIGURE_SETS),
    )


@lru_cache
def _task(tokens: Path | None, skip_bad: bool, **described: Any) -> KSparseTask:
    """The task of a point; those of one file read it once."""
    labels = None if tokens is None else read_tokens(tokens)
    return KSparseTask.from_description(described, labels, skip_bad)
