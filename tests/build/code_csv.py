"""Reading a code's CSV as a stranger would: by the csv module."""

import csv
from pathlib import Path


def read_code_csv(path: Path) -> tuple[list[str], list[list[int]]]:
    """The first column, the labels, and the numbers of the others."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, strict=True))
    return [row[0] for row in rows], [list(map(int, row[1:])) for row in rows]
