"""The results of sweeps: one SQLite file, a row a run, that several sweeps may share."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, get_args

from relubloom import reading
from relubloom._version import __version__
from relubloom.errors import FileError, as_path
from relubloom.records.sweep_row import UNSAID, Glance, Status, SweepRow
from relubloom.shown import Shown

RESULTS = "results.sqlite"
SCHEMA_VERSION = 1
COLUMNS = ("run", "status", "reason", "settings", "figures", "seconds", "finished", "version")
BUSY_SECONDS = 60.0  # to wait for another sweep that is writing
CREATE = """
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT, settings TEXT NOT NULL,
    figures TEXT NOT NULL, seconds REAL, finished TEXT NOT NULL, version TEXT NOT NULL
)
"""
# A finished run is never written over; one that failed for want of a machine is.
RECORD = """
INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run) DO UPDATE SET status = excluded.status, reason = excluded.reason,
    figures = excluded.figures, seconds = excluded.seconds, finished = excluded.finished,
    version = excluded.version
WHERE runs.status <> 'done'
"""


class Results:
    """The results file in a folder.

    Args:
        path: the file, or the folder that holds `results.sqlite`.
        create: make it where there is none.

    Raises:
        FileError: there is none, it is no results file, or another version made it.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path: Path = path if path.suffix == ".sqlite" else path / RESULTS
        if self.path.exists():
            reading.check(self.path, reading.TABLE)
        else:
            if not create:
                raise FileError(
                    f"{self.path} is not there; give the --out folder of a sweep, or its {RESULTS}"
                )
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            version = _checked_version(database, self.path)
            if version is None:
                database.execute(CREATE)
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def record(self, rows: Iterable[SweepRow]) -> None:
        """Write rows, all or none; a run that is done stays as it is.

        Raises:
            FileError: the disk is full or the file cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._open() as database:
            database.executemany(
                RECORD,
                [
                    (
                        row.run,
                        row.status,
                        row.reason,
                        json.dumps(row.settings, sort_keys=True),
                        json.dumps(row.described_figures(), allow_nan=False),
                        row.seconds,
                        now,
                        __version__,
                    )
                    for row in rows
                ],
            )

    def statuses(self) -> dict[str, Status]:
        """The status of each run that is there."""
        with self._open() as database:
            return dict(database.execute("SELECT run, status FROM runs"))

    def records(self) -> list[dict[str, Any]]:
        """One flat dict a run: its settings, its figures, and how it went.

        A default that a run's settings leave out is told where another run's settings tell theirs.
        """
        found = list(self._read())
        told = {name for _, _, _, settings, *_ in found for name in settings}
        unsaid = {name: value for name, value in UNSAID.items() if name in told}
        return [
            {"run": run}
            | ({} if status == "impossible" else unsaid)
            | settings
            | figures
            | {"status": status, "reason": reason, "seconds": seconds}
            | {"finished": finished, "relubloom_version": version}
            for run, status, reason, settings, figures, seconds, finished, version in found
        ]

    def rows(self) -> list[SweepRow]:
        """One row a run, as it was recorded.

        Raises:
            FileError: a finished run lacks a figure that this version knows, or a setting or figure
                that is drawn is of another kind.
        """
        found: list[SweepRow] = []
        for run, status, reason, settings, figures, seconds, _, _ in self._read():
            done = Glance.of(figures) if status == "done" else None
            if done is not None:
                with self._damage_told(run):
                    _check_drawn(settings, done)
            training = figures.get("training_seconds")
            found.append(SweepRow(run, status, settings, done, reason, training, seconds))
        return found

    def _read(self) -> Iterator[tuple[Any, ...]]:
        """The columns of each run, in the order in which runs were first recorded."""
        with self._open() as database:
            found = database.execute(
                f"SELECT {', '.join(COLUMNS)} FROM runs ORDER BY rowid"
            ).fetchall()
        for row in found:
            with self._damage_told(row[0]):
                checked = _checked_row(row)
            yield checked

    @contextmanager
    def _damage_told(self, run: object) -> Generator[None]:
        """What is wrong with a run's row is a FileError of one line."""
        try:
            yield
        except ValueError as error:
            raise FileError(
                f"{self.path}, run {run!r:.40}: {error}; restore the file, or make the results "
                "anew with `relubloom sweep`"
            ) from None

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on an error."""
        try:
            database = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
            try:
                with database:
                    yield database
            finally:
                database.close()
        except (sqlite3.Error, UnicodeDecodeError) as error:  # names in a damaged file's own errors
            raise FileError(
                f"cannot use {self.path}: {error}; make room or mend the permissions, or give "
                "another --out"
            ) from error


class SweepTable(Shown, list[dict[str, Any]]):
    """The records of a sweep's runs, a list that shows how many there are and the first of them."""

    MAIN: ClassVar[tuple[str, ...]] = ("runs", "verdicts")
    COLUMNS = ("run", "vocab_size", "width", "set_size", "objective", "seed", "mse", "verdict")

    @property
    def runs(self) -> int:
        """How many."""
        return len(self)

    @property
    def verdicts(self) -> str:
        """How many of each, in words."""
        found = Counter(str(record.get("verdict", record["status"])) for record in self)
        return ", ".join(f"{number:,} {name}" for name, number in found.most_common())

    def _table(self) -> list[list[Any]]:
        rows = [[record.get(name) for name in self.COLUMNS] for record in self]
        return [list(self.COLUMNS), *rows]


def load_results(path: Path | str) -> SweepTable:
    """The records of a results file (or of the folder that holds it), one dict a run.

    Settings and figures stand side by side, as docs/files.md lists them; besides them `run`,
    `status`, `reason`, `seconds`, `finished` and `relubloom_version`. A DataFrame of them is
    `pandas.DataFrame(load_results(path))`.

    Raises:
        FileError: there is no such file, or another version made it.

    Cost: some 20 microseconds a run.
    """
    return SweepTable(Results(as_path("path", path)).records())


def _checked_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of the table with its JSON read.

    Raises:
        ValueError: a column holds another kind of value.
    """
    kinds = (str, str, str | None, str, str, float | int | None, str, str)
    for name, value, kind in zip(COLUMNS, row, kinds, strict=True):
        if not isinstance(value, kind):
            raise ValueError(f"{name} is {value!r:.40}")
    run, status, reason, settings, figures, *how = row
    if status not in get_args(Status):
        raise ValueError(f"status is {status!r:.40}")
    read: list[dict[str, Any]] = []
    for text in (settings, figures):
        value = reading.parsed(text, infinite=None)
        if not isinstance(value, dict):
            raise ValueError(f"{text!r:.40} is no JSON object")
        read.append(value)
    seconds, *rest = how
    finite = seconds is not None and math.isfinite(seconds)
    return run, status, reason, *read, seconds if finite else None, *rest


def _check_drawn(settings: dict[str, Any], figures: Glance) -> None:
    """Refuse what no chart can be drawn from.

    Raises:
        ValueError: a setting or a figure is of another kind.
    """
    from relubloom.task import parse_sizes  # here: listing does without PyTorch

    for name in ("vocab_size", "width", "steps", "batch_size"):
        value = settings.get(name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} is {value!r:.40}")
    parse_sizes(settings.get("set_size"))
    drawn = {"objective": settings.get("objective"), "mse": figures.mse, "p_exact": figures.p_exact}
    for name, value in drawn.items():
        if not isinstance(value, str if name == "objective" else int | float):
            raise ValueError(f"{name} is {value!r:.40}")


def _checked_version(database: sqlite3.Connection, path: Path) -> int | None:
    """The schema's version; None where the file is new."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and not version:
        return None
    made_here = " ".join(CREATE.replace("IF NOT EXISTS ", "").split())
    for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_schema"):
        ours = name != "runs" or " ".join(str(sql).split()) == made_here
        if kind in ("view", "trigger") or not ours:
            raise FileError(
                f"{path} holds a {kind} {name!r:.40} that no sweep makes: it could run for ever; "
                "restore the file, or remove it"
            )
    if version != SCHEMA_VERSION:
        made = "no results file of a sweep" if not version else f"of schema version {version}"
        raise FileError(
            f"{path} is {made}, and this relubloom ({__version__}) reads version "
            f"{SCHEMA_VERSION}; use the relubloom that made it, or give another --out"
        )
    return version
