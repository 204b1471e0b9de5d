"""Codes as CSV: one row per token, one column per unit. A pooling design for a laboratory.

Cells are 0 and 1, or for graded codes strengths, 0 to L.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from relubloom import atomic
from relubloom.code.bits import Code
from relubloom.code.graded import GradedCode, as_graded
from relubloom.errors import FileError
from relubloom.reading import TEXT, read_text


def export_csv(code: Code | GradedCode, path: Path, labels: Sequence[str]) -> None:
    """Write a code as CSV (UTF-8, no header), atomically: row t is token t, after its label.

    Raises:
        FileError: the file cannot be written.
    """
    buffer = io.StringIO(newline="")
    rows = zip(labels, as_graded(code).strengths.tolist(), strict=True)
    csv.writer(buffer, lineterminator="\n").writerows([label, *row] for label, row in rows)
    atomic.write_text(path, buffer.getvalue())


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not blank, each with its line's number.

    Raises:
        FileError: the file is missing, is no UTF-8 CSV, or holds nothing.
    """
    try:
        reader = csv.reader(io.StringIO(read_text(path, TEXT, "utf-8-sig")), strict=True)
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError:
        raise FileError(f"{path} is not there; check the path") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} is not readable CSV ({error}); save it as UTF-8 CSV") from None
    if not rows:
        raise FileError(f"{path} is empty; give it rows")
    return rows
