"""Mutants: one small change of the code each, and whether the tests notice.

`python tests/mutants.py --minutes 25` goes on with the table docs/results/mutants.csv: sites are
taken in the order of a hash under a seed, a room after the other, so that each room has as many.
It is put to the tests that run the changed line, those of its module first, a minute at most;
`--measure` finds out which these are (the suite under coverage, once: 10 minutes). A line that runs
when its file is read is put to the tests that run any line of the file.
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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from pathlib import Path
from xml.etree import ElementTree

import pytest
import scipy.stats  # noqa: F401 - what the tests import, once
import torch  # noqa: F401
from coverage import CoverageData

HOME = Path(__file__).parents[1]
TABLE = HOME / "docs" / "results" / "mutants.csv"
COLUMNS = ("mutant", "file", "function", "line", "change", "outcome", "test", "why")
SEED = 0
CPU_SECONDS, ALARM_SECONDS = 60, 240  # a mutant that takes longer is noticed
LEFT_OUT = {"_version.py", "__init__.py"}
COVERAGE, SECONDS = HOME / "runs" / "mutants" / "coverage", HOME / "runs" / "mutants" / "tests.xml"
NO_START = "did not start"
MOST_SECONDS = 30.0  # of tests that a mutant is put to
LEFT_OUT_TESTS = [
    *(f"tests/report/test_{name}_in_browser.py" for name in ("explorer", "page")),
    *("tests/study/test_killed.py", "tests/sweep/test_killed.py", "tests/sweep/test_cluster.py"),
    *("tests/cli/test_faults.py", "tests/experiments", "tests/examples"),
]
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
        if isinstance(node, ast.keyword) and node.arg == "strict":
            return  # of zip, a check
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


class Covering:
    """Which tests run a line, and how long each takes."""

    def __init__(self, anew: bool) -> None:
        if anew or not COVERAGE.exists():
            measure()
        self.data = CoverageData(str(COVERAGE))
        self.data.read()
        self.files = {
            Path(each).relative_to(HOME / "src" / "relubloom").as_posix(): each
            for each in self.data.measured_files()
        }
        cases = ElementTree.parse(SECONDS).iter("testcase")
        self.seconds = {
            (each.get("classname"), each.get("name")): float(each.get("time", 0)) for each in cases
        }

    def tests_of(self, mutant: Mutant) -> list[list[str]]:
        """The quickest of the module's own, then the quickest: half a minute of each at most."""
        by_line = self.data.contexts_by_lineno(self.files.get(mutant.path.as_posix(), ""))
        told = set(by_line.get(mutant.line, []))
        if not told - {""}:
            told = {each for contexts in by_line.values() for each in contexts}
        tests = {each.rsplit("|", 1)[0] for each in told if each}
        own = {each for each in tests if mutant.path.stem in each.split("::")[0]}
        return [kept for kept in map(self._quickest, (own, tests - own)) if kept]

    def _quickest(self, tests: set[str]) -> list[str]:
        ordered = sorted((self._seconds(each), each) for each in tests)
        before = accumulate((seconds for seconds, _ in ordered), initial=0.0)
        return [test for (_, test), sum in zip(ordered, before, strict=False) if sum < MOST_SECONDS]

    def _seconds(self, test: str) -> float:
        file, *_, name = test.split("::", 1)
        return self.seconds.get((file.removesuffix(".py").replace("/", "."), name), 1.0)


def measure() -> None:
    """Run the suite under coverage, without what runs in processes or a browser of its own."""
    COVERAGE.parent.mkdir(parents=True, exist_ok=True)
    left_out = [f"--ignore={path}" for path in LEFT_OUT_TESTS]
    line = ["-m", "pytest", "-n", "auto", "--cov=src/relubloom", "--cov-context=test"]
    line += ["--cov-report=", f"--junitxml={SECONDS}", *left_out]
    environment = os.environ | {"COVERAGE_FILE": str(COVERAGE)}
    subprocess.run([sys.executable, *line], cwd=HOME, env=environment)


class Unchecked:
    """A plugin that leaves out the checks of types, which take seconds to make."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        import jaxtyping

        jaxtyping.install_import_hook = lambda *_: None


def first_failure(source: Path, tests: list[str]) -> tuple[str, str]:
    """("survived", "") or ("killed", the test that noticed), in a fork that has torch already."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.setpgrp()
            os.dup2(said.fileno(), 1)
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            signal.alarm(ALARM_SECONDS)
            os.environ["PYTHONPATH"] = str(source)
            sys.path.insert(0, str(source))
            status = 3
            try:
                line = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests]
                status = int(pytest.main(line, [Unchecked()]))
            finally:  # nothing of the parent's is unwound here
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        said.seek(0)
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said.read(), re.MULTILINE)
    if status == 0:
        return "survived", ""
    return "killed", found[1] if found else "timeout" if status < 0 else NO_START


def tried(mutant: Mutant, stages: list[list[str]], copy: Path, sound: set[str]) -> tuple[str, str]:
    """Its outcome, in a copy of the package. Tests in `sound` are known to pass on the code."""
    target = copy / "relubloom" / mutant.path
    whole = target.read_bytes()
    written = int(target.stat().st_mtime)
    target.write_bytes(whole[: mutant.start] + mutant.new.encode() + whole[mutant.stop :])
    os.utime(target, (written - 1, written - 1))  # or bytecode of the same second would be taken
    outcome, test, tests = "survived", "", list[str]()
    try:
        for tests in stages:
            outcome, test = first_failure(copy, tests)
            if outcome != "survived":
                break
    finally:
        target.write_bytes(whole)
        os.utime(target, (written - 2, written - 2))
    if outcome == "killed" and test != "timeout" and test not in sound:
        again = [test.split("[")[0]] if "::" in test else tests
        if first_failure(copy, again)[0] != "survived":
            return "not judged", test
        sound |= {test} - {NO_START}
    return outcome, test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--rooms", nargs="*", default=[])
    parser.add_argument("--measure", action="store_true")
    asked = parser.parse_args()
    os.chdir(HOME)
    covering = None
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
            if covering is None:
                covering = Covering(anew=asked.measure)
            outcome, test = tried(mutant, covering.tests_of(mutant), copy, sound)
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
