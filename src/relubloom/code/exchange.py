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
from relubloom.errors import FileError, UsageError
from relubloom.reading import TEXT, read_text


def export_csv(
    code: Code | GradedCode, path: Path | str, tokens: Sequence[str] | None = None
) -> None:
    """Write a code as CSV (UTF-8, no header), atomically.

    Args:
        code: the hashes; row t is token t, column i unit i.
        path: where to.
        tokens: a label per token, written as the first column.

    Raises:
        UsageError: labels are too few, too many, or not distinct.
        FileError: the file cannot be written.
    """
    if tokens is not None:
        if len(tokens) != code.vocab_size:
            raise UsageError(
                f"{len(tokens)} tokens were given: the code has {code.vocab_size}; give one each"
            )
        if (repeated := _repeated(tokens)) is not None:
            raise UsageError(f"token {repeated!r} is given twice: labels must differ; rename one")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    cells = as_graded(code).strengths
    for place, row in enumerate(cells.tolist()):
        writer.writerow(row if tokens is None else [tokens[place], *row])
    atomic.write_text(Path(path), buffer.getvalue())


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


def _repeated(labels: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            return label
        seen.add(label)
    return None
