"""The index of a folder of runs: a row for each run or study below it, with a link to its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from relubloom.errors import FileError
from relubloom.network.weights_file import CONFIG
from relubloom.records.verdict import Verdict
from relubloom.report.read import STUDY, Contents, read_contents
from relubloom.report.render import rendered


@dataclass(frozen=True)
class Entry:
    """One run or study below the folder; `contents` is None where it cannot be read (`why`)."""

    folder: Path
    contents: Contents | None
    why: str = ""

    @property
    def mse(self) -> float:
        """What the rows are sorted by; infinite where nothing was examined."""
        behaviour = None if self.contents is None else self.contents.featured.behaviour
        return float("inf") if behaviour is None else behaviour.mse

    @property
    def address(self) -> str:
        """The folder, as a link in the index has it."""
        return quote(self.folder.name)


def run_folders(folder: Path) -> list[Path]:
    """The runs and studies one level below a folder, by name."""
    return sorted(
        path for path in folder.glob("*/") if (path / CONFIG).exists() or (path / STUDY).exists()
    )


def index_page(folder: Path, give_page: Callable[[Path], object]) -> str:
    """What lies below the folder, least mse first, then by name.

    `give_page` is called with each run or study that can be read.
    """
    entries = [_entry(path, give_page) for path in run_folders(folder)]
    verdicts = Counter(entry.contents.verdict for entry in entries if entry.contents)
    return rendered(
        "index.html.j2",
        folder=folder.resolve().name,
        entries=sorted(entries, key=lambda entry: (entry.mse, entry.folder.name)),
        verdicts=[(name, verdicts[name]) for name in get_args(Verdict) if verdicts[name]],
    )


def _entry(folder: Path, give_page: Callable[[Path], object]) -> Entry:
    try:
        contents = read_contents(folder)
        give_page(folder)
    except FileError as error:
        return Entry(folder, None, error.args[0])
    return Entry(folder, contents)
