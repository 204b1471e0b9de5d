"""Codes, pooling designs and results of tests as CSV, in the shapes that people keep them in.

A code has one row a token and one column a unit; cells are 0 and 1, or for graded codes strengths,
0 to L. A design has one row a test with its samples, or one row a sample with its tests; the first
cell of the header, `test` or `sample`, says which. Results have one row a test: its name and what
came out.
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
from relubloom.errors import FileError
from relubloom.reading import TEXT, read_text

TESTS_CSV = "tests.csv"
POSITIVE = ("1", "+", "pos", "positive", "yes", "true")
NEGATIVE = ("0", "-", "neg", "negative", "no", "false")


def export_csv(code: Code | GradedCode, path: Path, labels: Sequence[str]) -> None:
    """Write a code as CSV (UTF-8, no header), atomically: row t is token t, after its label.

    Raises:
        FileError: the file cannot be written.
    """
    buffer = io.StringIO(newline="")
    rows = zip(labels, as_graded(code).strengths.tolist(), strict=True)
    csv.writer(buffer, lineterminator="\n").writerows([label, *row] for label, row in rows)
    atomic.write_text(path, buffer.getvalue())


def numbered(letter: str, count: int) -> list[str]:
    """Names such as S01 to S96."""
    return [f"{letter}{number:0{len(str(count))}}" for number in range(1, count + 1)]


def write_pools(code: Code, folder: Path, samples: Sequence[str]) -> None:
    """Write a design: `tests.csv`, a row a test with its samples, and `samples.csv`, the other way
    round; the code as `code.csv` and `code.npz`. Tests are named T1, T2, ..."""
    tests = numbered("T", code.width)
    _write(folder / TESTS_CSV, "test", "sample", tests, samples, code.bits.T)
    _write(folder / "samples.csv", "sample", "test", samples, tests, code.bits)
    export_csv(code, folder / "code.csv", samples)
    code.save(folder / "code.npz")


def read_pools(path: Path) -> tuple[Code, list[str], list[str]]:
    """Read a design in either shape: the code, the samples and the tests, in order of appearance.

    Raises:
        FileError: the file is missing or is no CSV; its header says neither shape; a row names
            nothing, or something twice; a row has the name of another.
    """
    rows = _rows(path)
    kind = rows[0][1][0].strip().lower()
    if kind not in ("test", "sample"):
        raise FileError(
            f"{path}: the header begins with {kind!r:.60}: give `test`, one row a test with its "
            "samples, or `sample`, one row a sample with its tests"
        )
    other = "sample" if kind == "test" else "test"
    found: dict[str, list[str]] = {}
    for number, cells in rows[1:]:
        name, *named = (cell.strip() for cell in cells)
        named = [each for each in named if each]
        if not name or not named or name in found or len(set(named)) < len(named):
            raise FileError(
                f"{path}: row {number} ({name!r:.60}) must name one {kind}, not named before, and "
                f"at least one {other}, none of them twice; mend it"
            )
        found[name] = named
    if not found:
        raise FileError(f"{path} has a header only; give one row a {kind}")
    columns = list(dict.fromkeys(each for named in found.values() for each in named))
    place = {each: index for index, each in enumerate(columns)}
    bits = np.zeros((len(found), len(columns)), dtype=np.bool_)
    for row, named in enumerate(found.values()):
        bits[row, [place[each] for each in named]] = True
    if kind == "test":
        return Code(bits.T), columns, list(found)
    return Code(bits), list(found), columns


def read_results(path: Path, tests: Sequence[str]) -> NDArray[np.bool_]:
    """Which tests are positive, bool [tests], from rows of a test's name and 0 or 1 (+ or -, ...).

    A header is passed over.

    Raises:
        FileError: the file is missing or is no CSV; a row is not a test and its result; a test has
            no result, or two.
    """
    found: dict[str, bool] = {}
    for place, (number, cells) in enumerate(_rows(path)):
        name, *outcome = (cell.strip() for cell in cells)
        if place == 0 and name not in tests:
            continue
        if name not in tests:
            raise FileError(f"{path}: row {number} names {name!r:.60}: the design has no such test")
        if len(outcome) != 1 or outcome[0].lower() not in POSITIVE + NEGATIVE:
            raise FileError(
                f"{path}: row {number} says {','.join(outcome)!r:.60} of test {name}: give 1 or 0, "
                "+ or -, positive or negative"
            )
        if name in found:
            raise FileError(f"{path}: test {name} has two results; remove one")
        found[name] = outcome[0].lower() in POSITIVE
    if missing := [test for test in tests if test not in found]:
        raise FileError(
            f"{path}: {len(missing)} of the {len(tests)} tests have no result, such as "
            f"{missing[0]}; give every test a row"
        )
    return np.array([found[test] for test in tests])


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not blank, each with its line's number."""
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


def _write(
    path: Path,
    kind: str,
    other: str,
    names: Sequence[str],
    others: Sequence[str],
    held: NDArray[np.bool_],
) -> None:
    """A row for each of the names with what it holds; short rows end in empty cells."""
    longest = int(held.sum(1).max())
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([kind, *(f"{other} {number}" for number in range(1, longest + 1))])
    for name, row in zip(names, held, strict=True):
        cells = [others[place] for place in np.flatnonzero(row).tolist()]
        writer.writerow([name, *cells, *[""] * (longest - len(cells))])
    atomic.write_text(path, buffer.getvalue())
