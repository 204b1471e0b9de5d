"""Mutants: one small change of the code each, and whether the tests of its room notice.

`python tests/mutants.py --minutes 25` goes on with the table docs/results/mutants.csv: sites are
taken in the order of a hash under a seed, a room after the other, so that each room has as many.
A test that notices is run on the code as it is too: there it must pass. In the table a survivor
needs a reason, written by hand in its last column: why the change changes no result.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest
import scipy.stats  # noqa: F401 - what the tests import, once
import torch  # noqa: F401

HOME = Path(__file__).parents[1]
TABLE = HOME / "docs" / "results" / "mutants.csv"
COLUMNS = ("mutant", "file", "function", "line", "change", "outcome", "test", "why")
SEED = 0
CPU_SECONDS, ALARM_SECONDS = 120, 1200  # a mutant that takes longer is noticed
LEFT_OUT = {"_version.py", "__init__.py"}
SLOW = {"test_killed.py", "test_cluster.py"}  # processes; and pages in a browser: JavaScript
PAIRS = "< <=, > >=, == !=, + -, * /, and or, & |, << >>, min max, any all, argmin argmax, "
PAIRS += "amin amax, minimum maximum, floor ceil, True False"
ONE_WAY = {"//": "/", "%": "*", "**": "*", "in": "not in", "is": "is not", "not": "", "+=": "-="}
SWAPS = ONE_WAY | {
    a: b for pair in PAIRS.split(", ") for a, b in (pair.split(), pair.split()[::-1])
}
OPERATOR = re.compile(
    rb"(?:not in|is not|<<|>>|<=|>=|==|!=|\*\*|//|[-+*/%&|<>]|\b(?:and|or|in|is)\b)"
)


@dataclass(frozen=True)
class Mutant:
    """A place in a file, bytes `start` to `stop`, and what is put there."""

    path: Path
    function: str
    line: int
    text: str
    start: int
    stop: int
    new: str
    nth: int = 0

    @property
    def room(self) -> str:
        return self.path.parts[0] if len(self.path.parts) > 1 else "relubloom"

    @property
    def key(self) -> str:
        """Stays as long as the function's line does."""
        told = f"{SEED} {self.path} {self.function} {self.text} {self.new} {self.nth}"
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def mutants_of(root: Path, path: Path) -> Iterator[Mutant]:
    source = (root / path).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: Counter[tuple[str, str, str]] = Counter()

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def change(function: str, start: int, stop: int) -> Iterator[Mutant]:
        old = source[start:stop].decode()
        line = source.count(b"\n", 0, start) + 1
        text = source.splitlines()[line - 1].decode().strip()
        new = SWAPS.get(old) or ("" if old == "not" else other_number(old))
        place = (function, text, f"{old} -> {new}")
        yield Mutant(path, function, line, text, start, stop, new, seen[place])
        seen[place] += 1

    def between(function: str, left: ast.expr, right: ast.expr) -> Iterator[Mutant]:
        start = at(left.end_lineno or 0, left.end_col_offset or 0)
        found = OPERATOR.search(source, start, at(right.lineno, right.col_offset))
        if found and found[0].decode() in SWAPS:
            yield from change(function, found.start(), found.end())

    def visit(node: ast.AST, function: str) -> Iterator[Mutant]:
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert | ast.ImportFrom):
            return  # texts, and what other rules hold
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            return  # unions of types
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".lstrip(".")
        match node:
            case ast.Compare(left=left, comparators=[right]) | ast.BinOp(left=left, right=right):
                yield from between(function, left, right)
            case ast.BoolOp(values=[left, right, *_]):
                yield from between(function, left, right)
            case (
                ast.Constant(value=bool() | int() | float())
                | ast.Name(id="min" | "max" | "any" | "all")
            ):
                start = at(node.lineno, node.col_offset)
                yield from change(
                    function, start, at(node.end_lineno or 0, node.end_col_offset or 0)
                )
            case ast.Attribute(attr=name) if name in SWAPS:
                stop = at(node.end_lineno or 0, node.end_col_offset or 0)
                yield from change(function, stop - len(name), stop)
            case ast.UnaryOp(op=ast.Not()):
                start = at(node.lineno, node.col_offset)
                yield from change(function, start, start + 3)
            case _:
                pass
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(
                node, ast.Call
            ):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child, function)

    yield from visit(ast.parse(source), "")


def other_number(old: str) -> str:
    return f"({old} + 1)" if re.fullmatch(r"[\d_]+|0x\w+", old) else f"(2 * {old})"


def in_order(root: Path) -> list[Mutant]:
    """By hash within a room, and the rooms in turn."""
    rooms: dict[str, list[Mutant]] = {}
    for path in sorted(root.rglob("*.py")):
        if path.name not in LEFT_OUT:
            for mutant in mutants_of(root, path.relative_to(root)):
                rooms.setdefault(mutant.room, []).append(mutant)
    ordered = [sorted(each, key=lambda mutant: mutant.key) for each in rooms.values()]
    return [each for turn in zip_longest(*ordered) for each in turn if each]


def tests_of(mutant: Mutant) -> list[str]:
    """The test files of its room, those that name its module first."""
    room = HOME / "tests" / mutant.room
    files = room.rglob("test_*.py") if room.is_dir() else (HOME / "tests").glob("test_*.py")
    module = re.compile(rf"\b{mutant.path.stem}\b")
    kept = [f for f in files if f.name not in SLOW and "browser" not in f.name]
    return sorted(
        (str(f) for f in kept),
        key=lambda f: (
            mutant.path.stem not in Path(f).stem,
            not module.search(Path(f).read_text()),
            f,
        ),
    )


def first_failure(source: Path, tests: list[str]) -> tuple[str, str]:
    """("survived", "") or ("killed", the test that noticed), in a fork that has torch already."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(said.fileno(), 1)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            signal.alarm(ALARM_SECONDS)
            os.environ |= {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
            sys.path.insert(0, str(source))
            status = 3
            try:
                status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests]))
            finally:  # nothing of the parent's is unwound here
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        said.seek(0)
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said.read(), re.MULTILINE)
    if status == 0:
        return "survived", ""
    return "killed", found[1] if found else "timeout" if status < 0 else "did not start"


def tried(mutant: Mutant, copy: Path, sound: set[str]) -> tuple[str, str]:
    """Its outcome, in a copy of the package. Tests in `sound` are known to pass on the code."""
    target = copy / "relubloom" / mutant.path
    whole = target.read_bytes()
    target.write_bytes(whole[: mutant.start] + mutant.new.encode() + whole[mutant.stop :])
    try:
        outcome, test = first_failure(copy, tests_of(mutant))
    finally:
        target.write_bytes(whole)
    if "::" in test and test not in sound:
        if first_failure(copy, [test.split("[")[0]])[0] != "survived":
            return "not judged", test
        sound.add(test)
    return outcome, test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--rooms", nargs="*", default=[])
    asked = parser.parse_args()
    os.chdir(HOME)
    sys.dont_write_bytecode = True
    rows = list(csv.DictReader(TABLE.open(encoding="utf-8"))) if TABLE.exists() else []
    known, sound, deadline = {row["mutant"] for row in rows}, set[str](), 60 * asked.minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(HOME / "src", Path(folder) / "src"))
        for mutant in in_order(copy / "relubloom"):
            if time.monotonic() - STARTED > deadline:
                break
            if mutant.key in known or (asked.rooms and mutant.room not in asked.rooms):
                continue
            old = (
                (copy / "relubloom" / mutant.path).read_bytes()[mutant.start : mutant.stop].decode()
            )
            outcome, test = tried(mutant, copy, sound)
            values = (mutant.key, mutant.path.as_posix(), mutant.function, str(mutant.line))
            change = f"{old} -> {mutant.new or 'nothing'} in: {mutant.text}"
            rows.append(dict(zip(COLUMNS, (*values, change, outcome, test, ""), strict=True)))
            with TABLE.open("w", encoding="utf-8", newline="") as stream:
                table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
                table.writeheader()
                table.writerows(rows)
            print(f"{outcome:10} {mutant.path}:{mutant.line} {change}", flush=True)
    counts = Counter(row["outcome"] for row in rows)
    unexplained = [row["mutant"] for row in rows if row["outcome"] == "survived" and not row["why"]]
    print(f"{len(rows)} mutants: {dict(counts)}; {len(unexplained)} survivors without a reason")


STARTED = time.monotonic()
if __name__ == "__main__":
    main()
