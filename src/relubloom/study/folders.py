"""Folders that are written to: what may be replaced, what is gone on with, what stays."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.code.csv_files import TESTS_CSV
from relubloom.errors import FileError, UsageError, true_or_false
from relubloom.network.weights_file import WEIGHTS
from relubloom.records.files import FILE_NAMES, read_record, remove_figures
from relubloom.records.run_folder import (
    CHECKPOINT,
    CONSTRUCTED,
    LEARNED,
    LESSON,
    REPORT,
    RUN_FILES,
    is_empty,
)
from relubloom.records.study import StudyRecord, Swaps
from relubloom.study.settings import CHOSEN

STUDY_FILES = (FILE_NAMES[StudyRecord], FILE_NAMES[Swaps], CHECKPOINT)


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Keep others that write to the folder out until the block ends, or the process.

    The folder is made where it is missing, and goes again where nothing was written to it. On a
    disk that has no locks, as some in a network, nobody is kept out.

    Raises:
        UsageError: `folder` is a file.
        FileError: another is at work there, or it cannot be made.
    """
    try:
        import fcntl
    except ImportError:  # Windows, whose folders have no locks
        yield
        return
    refuse_file(folder)
    made = not folder.exists()
    if made:
        atomic.check_writable(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileError(
                f"{folder} is in use: another relubloom writes to it, and one at a time may; wait "
                "until that has ended, or choose another folder"
            ) from None
        except OSError:  # no locks there
            pass
        try:
            yield
        finally:
            if made:
                with suppress(OSError):  # something lies there
                    folder.rmdir()
    finally:
        os.close(handle)


def prepare_run(out: Path, *, resume: bool = False, force: bool) -> None:
    """Make `out` ready for a run folder: `force` removes the run that is there.

    Raises:
        UsageError: as `check_run`.
    """
    if check_run(out, resume=resume, force=force):
        remove_run(out)


def check_run(out: Path, *, resume: bool = False, force: bool) -> bool:
    """Whether a run is to be removed from `out` before another is written there: else it is empty,
    or holds a training that `resume` goes on with.

    Raises:
        UsageError: `out` is no folder; or holds something and neither is given, or holds something
            that is no run folder, or a finished run that `resume` cannot go on with.
    """
    refuse_both(resume=resume, force=force)
    if resume and (out / CHECKPOINT).exists():
        return False
    if resume and (out / WEIGHTS).exists():
        raise UsageError(f"{out} holds a finished run; examine it, or replace it with --force")
    refuse_file(out)
    if is_empty(out):
        return False
    if not force:
        raise UsageError(f"{out} is not empty; replace it with --force, or choose another --out")
    if not (out / WEIGHTS).exists() and not (out / CHECKPOINT).exists():
        raise UsageError(f"{out} holds no run: --force replaces only those; choose another")
    return True


def remove_run(folder: Path) -> None:
    """Remove the files of a run, and nothing else; what marks a run goes last."""
    remove_figures(folder)
    for name in (*FILE_NAMES.values(), *RUN_FILES):
        (folder / name).unlink(missing_ok=True)


def prepare_pools(out: Path, force: bool) -> None:
    """Make `out` ready for a pooling design: it is empty, or holds one that `force` replaces.

    Raises:
        UsageError: `out` is no folder, or holds something else, or a design without `force`.
    """
    refuse_file(out)
    if is_empty(out):
        return
    if not force:
        raise UsageError(f"{out} is not empty; replace it with --force, or choose another --out")
    if not (out / TESTS_CSV).exists():
        raise UsageError(f"{out} holds no design: --force replaces only those; choose another")


def prepare_study(
    configuration: dict[str, Any], out: Path, *, resume: bool, force: bool
) -> StudyRecord | None:
    """Make `out` ready; returns the finished study that lies there if `resume` asks for it.

    `force` removes what an earlier study wrote, and nothing else.

    Raises:
        UsageError: `out` holds something and neither `resume` nor `force` is given, or it holds no
            study, or one of another configuration.
        FileError: its `study.json` is damaged.
    """
    refuse_file(out)
    refuse_both(resume=resume, force=force)
    if is_empty(out):
        return None
    if (force or resume) and not any((out / name).exists() for name in STUDY_FILES):
        acts = "--force replaces only those" if force else "--resume goes on with one"
        raise UsageError(f"{out} holds no study: {acts}; choose another")
    if force:
        _remove_study(out)
        return None
    if not resume:
        raise UsageError(
            f"{out} is not empty; go on with --resume, replace it with --force, or choose "
            "another --out"
        )
    found = read_record(out, StudyRecord)
    if found is not None and not _alike(found.configuration, configuration):
        raise UsageError(
            f"{out} holds a study of other settings; choose another --out, or replace it with "
            "--force"
        )
    return found


def refuse_study(folder: Path) -> None:
    """Point from a study to one of its run folders.

    Raises:
        FileError: the folder is a study.
    """
    runs = sorted(folder.glob("seed-*/config.json"))
    if runs and not (folder / WEIGHTS).exists():
        raise FileError(
            f"{folder} is a study; give one of its run folders, such as {runs[0].parent}"
        )


def refuse_file(out: Path) -> None:
    """Raises: UsageError: `out` is no folder."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: --out names a folder; choose another")


def refuse_both(*, resume: bool, force: bool) -> None:
    """Raises: UsageError: both are given."""
    if true_or_false("force", force) and true_or_false("resume", resume):
        raise UsageError("--force and --resume are both given: replace or go on; give one")


def _remove_study(out: Path) -> None:
    seeds = [folder for folder in out.glob("seed-*") if re.fullmatch(r"seed-\d+", folder.name)]
    for folder in [*seeds, out / CONSTRUCTED, out / LEARNED]:
        remove_run(folder)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    remove_figures(out)
    for name in (REPORT, LESSON, *STUDY_FILES):
        (out / name).unlink(missing_ok=True)


def _alike(found: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether settings are the same but for the path of a sets file (its hash counts), and for a
    share of swapped tokens that is to be chosen."""
    chosen = {"swaps"} if asked["task"].get("swaps") == CHOSEN else set[str]()

    def identity(settings: dict[str, Any]) -> dict[str, Any]:
        task = settings.get("task", {})
        return settings | {"task": {k: v for k, v in task.items() if k not in chosen | {"sets"}}}

    return identity(found) == identity(asked)
