"""Codes as CSV: one row per token, one column per unit. A pooling design for a laboratory.

Cells are 0 and 1, or for graded codes strengths, 0 to L.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def import_csv(path: Path | str, *, labelled: bool | None = None) -> tuple[Code, list[str] | None]:
    """Read a code from CSV: one row per token, 0/1 cells, perhaps a label first. No header.

    Args:
        path: the file.
        labelled: whether the first column holds labels; by default it does if any of its cells
            is neither 0 nor 1.

    Returns:
        the code, and the labels or None. Blank lines are passed over.

    Raises:
        FileError: the file is missing or not UTF-8; a cell is neither 0 nor 1 (with its row and
            column, from 1); rows differ in length; a label appears twice; there is nothing.
    """
    strengths, labels = _import(Path(path), 1, labelled)
    return Code(strengths), labels


def import_graded_csv(
    path: Path | str, levels: int = 2, *, labelled: bool | None = None
) -> tuple[GradedCode, list[str] | None]:
    """Read a graded code from CSV, as `import_csv`; cells are strengths, 0 to `levels`."""
    strengths, labels = _import(Path(path), levels, labelled)
    return GradedCode(strengths, levels), labels


def _import(
    path: Path, levels: int, labelled: bool | None
) -> tuple[NDArray[np.uint8], list[str] | None]:
    rows = read_rows(path)
    allowed = {str(strength) for strength in range(levels + 1)}
    if labelled is None:
        labelled = any(cells[0].strip() not in allowed for _, cells in rows)
    offset = int(labelled)
    length = len(rows[0][1])
    if length == offset:
        raise FileError(f"{path}: row {rows[0][0]} holds no 0/1 cell; give one column per unit")
    strengths = np.empty((len(rows), length - offset), dtype=np.uint8)
    for place, (number, cells) in enumerate(rows):
        if len(cells) != length:
            raise FileError(
                f"{path}: row {number} has {len(cells)} cells where row {rows[0][0]} has "
                f"{length}; give every token the same units"
            )
        strengths[place] = _row_strengths(path, number, cells, offset, allowed)
    if not labelled:
        return strengths, None
    labels = [cells[0] for _, cells in rows]
    if (repeated := _repeated(labels)) is not None:
        raise FileError(f"{path}: token {repeated!r} has two rows; rename or remove one")
    return strengths, labels


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


def _row_strengths(
    path: Path, number: int, cells: list[str], offset: int, allowed: set[str]
) -> list[int]:
    stripped = [cell.strip() for cell in cells[offset:]]
    if not allowed.issuperset(stripped):
        column = next(place for place, cell in enumerate(stripped) if cell not in allowed)
        cell = "0 or 1" if len(allowed) == 2 else f"0 to {len(allowed) - 1}"
        raise FileError(
            f"{path}: row {number}, column {column + offset + 1} holds {stripped[column]!r}: "
            f"cells are {cell}; mend it (a first column of labels is allowed, a header is not)"
        )
    return list(map(int, stripped))


def _repeated(labels: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            return label
        seen.add(label)
    return None
