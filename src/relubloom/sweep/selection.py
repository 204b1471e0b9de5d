"""Choosing among records (`width>=32`, an order), and writing them as CSV or Parquet."""

from __future__ import annotations

import csv
import difflib
import importlib.util
import io
import json
import operator
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from relubloom import atomic
from relubloom.errors import UsageError
from relubloom.records.sweep_row import told

CONDITION = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
RUN = tuple("=+-@\t\r\n")  # what makes a spreadsheet take a cell for a formula
SUFFIXES = (".csv", ".parquet")
WORDS: dict[str, bool | None] = {"null": None, "true": True, "false": False}

Record = dict[str, Any]


def select(records: list[Record], conditions: Iterable[str]) -> list[Record]:
    """The records that meet every condition `KEY=VALUE` (also !=, <, <=, >, >=).

    A value is a number, null, true, false, a range of sizes a..b, or a text. A record without the
    key has null there; null is neither less nor greater than anything.

    Raises:
        UsageError: a condition has another form, or no record has its key.
    """
    everything = records
    for condition in conditions:
        found = CONDITION.fullmatch(condition)
        if found is None:
            raise UsageError(
                f"--where is {condition!r}: it is KEY=VALUE (or !=, <, <=, >, >=), such as width=48"
            )
        key, sign, wanted = found[1], found[2], _value(found[3])
        check_keys(everything, [key], "--where")
        records = [each for each in records if _meets(each.get(key), sign, wanted)]
    return records


def check_keys(records: list[Record], keys: Iterable[str], option: str) -> None:
    """Refuse a key that no record has.

    Raises:
        UsageError: the nearest key that there is is named.
    """
    known = dict.fromkeys(key for record in records for key in record)
    for key in keys:
        if known and key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise UsageError(
                f"{option} names {key!r}, which no run has; the nearest is {near!r} (all: "
                f"{', '.join(known)})"
            )


def in_order(records: list[Record], key: str) -> list[Record]:
    """Sorted by a key, those without a value last; texts and numbers apart."""
    return sorted(records, key=lambda each: _rank(each.get(key)))


def _value(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    try:
        return float(text)
    except ValueError:
        return text


def _meets(value: Any, sign: str, wanted: Any) -> bool:
    if isinstance(value, list):
        value = told(cast("list[int]", value))
    numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
    texts = isinstance(value, str) and isinstance(wanted, str)
    if sign not in ("=", "!=") and not (numbers or texts):
        return False
    return COMPARISONS[sign](value, wanted)


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 2, 0
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def check_export(path: Path) -> None:
    """Refuse a format that cannot be written, before long work is done for it.

    Raises:
        UsageError: the suffix is unknown, or Parquet is asked for and pyarrow is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"--export is {path}: its suffix says the format; end it in .csv or .parquet"
        )
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            f"--export is {path} and pyarrow is not installed; pip install 'relubloom[parquet]', "
            "or export .csv"
        )


def export_records(records: list[Record], path: Path) -> None:
    """Write records to `path`, a column for each key that any of them has.

    Lists (a range of set sizes) are written as JSON. A value that a run does not have is empty. In
    CSV a text that a spreadsheet would run (it begins with =, +, -, @, a tab or a line's end) has
    an apostrophe before it, as OWASP advises.

    Raises:
        UsageError: as `check_export`.
        FileError: the file cannot be written.
    """
    check_export(path)
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [{key: _plain(value) for key, value in record.items()} for record in records]
    write = _csv if path.suffix == ".csv" else _parquet
    atomic.write_bytes(path, write(rows, columns))


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _csv(rows: list[Record], columns: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writerow({name: _inert(name) for name in columns})
    writer.writerows({key: _inert(value) for key, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(RUN) else value


def _parquet(rows: list[Record], columns: list[str]) -> bytes:
    import pyarrow  # pyright: ignore[reportMissingImports]
    from pyarrow import parquet  # pyright: ignore[reportMissingImports]

    table = pyarrow.table({name: _column([row.get(name) for row in rows]) for name in columns})
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _column(values: list[Any]) -> list[Any]:
    """Values of one kind: a column that holds numbers and texts (set sizes) is texts."""
    kinds = {type(value) for value in values if value is not None}
    if str in kinds and len(kinds) > 1:
        return [None if value is None else str(value) for value in values]
    return values
