"""Rivals on disk: they depend on the sizes alone, so each is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.errors import FileError
from width_law.designed import Designed
from width_law.rivals import Rivals, rivals_at, with_design

RIVALS = "width-rivals.json"
SCHEMA_VERSION = 1
Size = tuple[int, int, int]
"""vocab_size, width, set_size."""


def read_rivals(path: Path) -> dict[Size, Rivals]:
    """Rivals by their sizes; empty where there is no file.

    Raises:
        FileError: the file is damaged, or of a newer relubloom.
    """
    if not path.exists():
        return {}
    found = atomic.read_json(path)
    try:
        if found["schema_version"] > SCHEMA_VERSION:
            raise FileError(f"{path} is of a newer relubloom; install that, or remove the file")
        rivals = [_rivals(row) for row in found["rivals"]]
    except (KeyError, TypeError) as error:
        raise FileError(f"{path} holds no rivals ({error}); remove it, it is remade") from error
    return {(each.vocab_size, each.width, each.set_size): each for each in rivals}


def complete_rivals(
    path: Path, sizes: Iterable[Size], progress: Callable[[Size], None] | None = None
) -> dict[Size, Rivals]:
    """Rivals at all these sizes, designed codes included; what the file lacks is made and kept.

    The file is written after each, so an interrupted run goes on where it was.
    """
    known = read_rivals(path)
    wanted = sorted(set(sizes))
    for size in wanted:
        if size in known:
            continue
        if progress is not None:
            progress(size)
        known[size] = with_design(rivals_at(*size))
        rows = [asdict(known[each]) for each in sorted(known)]
        atomic.write_json(path, {"schema_version": SCHEMA_VERSION, "rivals": rows})
    return {size: known[size] for size in wanted}


def _rivals(row: dict[str, Any]) -> Rivals:
    designed = row.pop("designed")
    return Rivals(**row, designed=None if designed is None else Designed(**designed))
