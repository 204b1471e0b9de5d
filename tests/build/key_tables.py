"""What the keys of the result files mean, as the tables of docs/files.md.

The meanings stand in the records' docstrings, in a section `Keys:` of lines `key, key: meaning`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from relubloom.errors import FileError
from relubloom.network.imports.source import ImportRecord
from relubloom.records.files import FILE_NAMES, key_of
from relubloom.records.sweep_row import Glance
from relubloom.zoo.meaning import UnitMeaning

TABLE = re.compile(r"<!-- keys of (\w+) -->\n.*?<!-- end of keys -->\n", re.DOTALL)
PAGE = Path(__file__).parents[2] / "docs" / "files.md"
KEY = re.compile(r"[\w, ]+:")


def with_tables(page: str) -> str:
    """A page with its tables, between `keys of` and `end of keys`, made anew.

    A record with a table of its own is not told in another's.

    Raises:
        FileError: the page asks for a record that there is not.
    """
    known = {record.__name__: record for record in all_records()}
    named = TABLE.findall(page)
    if unknown := set(named) - known.keys():
        raise FileError(
            f"there is no record {min(unknown)}; the page may ask for {', '.join(known)}"
        )
    apart = {known[name] for name in named}

    def table(found: re.Match[str]) -> str:
        rows = "".join(
            f"| {keys} | {meaning} |\n" for keys, meaning in _rows(known[found[1]], apart)
        )
        begin = f"<!-- keys of {found[1]} -->\n| key | meaning |\n|---|---|\n"
        return f"{begin}{rows}<!-- end of keys -->\n"

    return TABLE.sub(table, page)


def all_records() -> list[type]:
    """The record of every file, and the records inside them."""
    found: dict[type, None] = {}
    waiting = [*FILE_NAMES, Glance, ImportRecord, UnitMeaning]
    while waiting:
        record = waiting.pop(0)
        if record not in found:
            found[record] = None
            waiting += [inner for kind in get_type_hints(record).values() for inner in _inner(kind)]
    return list(found)


def meanings(record: type) -> dict[tuple[str, ...], str]:
    """Keys of a record, as they are told together, and what they mean; its own before inherited."""
    found: dict[tuple[str, ...], str] = {}
    for cls in record.__mro__:
        _, _, section = (inspect.cleandoc(cls.__doc__ or "")).partition("\nKeys:\n")
        keys: tuple[str, ...] = ()
        for line in inspect.cleandoc("\n" + section).splitlines():
            if KEY.match(line) and not line.startswith(" "):
                names, _, meaning = line.partition(":")
                keys = tuple(name.strip() for name in names.split(","))
                found[keys] = meaning.strip()
            elif line.strip():
                found[keys] += f" {line.strip()}"
    return found


def _rows(record: type, apart: set[type], place: str = "") -> Iterator[tuple[str, str]]:
    """Rows of a table; the keys of a record inside another follow it, by its place."""
    kinds = get_type_hints(record)
    fields_of = {key_of(field.name): kinds[field.name] for field in fields(record)}
    for keys, meaning in meanings(record).items():
        names = ", ".join(f"`{place}{key}`" for key in keys)
        inner = _inner(fields_of[keys[0]])
        own_table = bool(inner) and inner[0] in apart
        yield names, f"{meaning.removesuffix('.')}; see its table" if own_table else meaning
        if inner and not own_table:
            listed = "[]" if get_origin(fields_of[keys[0]]) is list else ""
            if len(keys) == 1:  # what is told of several at once says what is in them
                yield from _rows(inner[0], apart, f"{place}{keys[0]}{listed}.")


def _inner(kind: Any) -> list[type]:
    """The records in a type: of `list[Unit]` or `Spread | None` that one."""
    if isinstance(kind, type) and is_dataclass(kind):
        return [kind]
    return [record for each in get_args(kind) for record in _inner(each)]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
