"""Reading a code's CSV as a stranger would: by the csv module."""

import csv
from pathlib import Path


def read_code_csv(path: Path, *, labelled: bool = True) -> tuple[list[str], list[list[int]]]:
    """The first column, where there are labels, and the numbers of the others."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, strict=True))
    first = int(labelled)
    return [row[0] for row in rows if labelled], [list(map(int, row[first:])) for row in rows]
