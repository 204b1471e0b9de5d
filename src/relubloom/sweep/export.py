"""Records as CSV or Parquet, for a table elsewhere."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.errors import UsageError

SUFFIXES = (".csv", ".parquet")


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


def export_records(records: list[dict[str, Any]], path: Path) -> None:
    """Write records to `path`, a column for each key that any of them has.

    Lists (a range of set sizes) are written as JSON. A value that a run does not have is empty.

    Raises:
        UsageError: as `check_export`.
        FileError: the file cannot be written.
    """
    check_export(path)
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [{key: _cell(value) for key, value in record.items()} for record in records]
    write = _csv if path.suffix == ".csv" else _parquet
    atomic.write_bytes(path, write(rows, columns))


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _csv(rows: list[dict[str, Any]], columns: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, Any]], columns: list[str]) -> bytes:
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
