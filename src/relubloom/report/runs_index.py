"""The index of a folder of runs: a row for each run or study below it, with a link to its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from relubloom.errors import FileError
from relubloom.network.weights_file import CONFIG
from relubloom.report.contents import STUDY, Contents, read_contents
from relubloom.report.numbers import NONE, count, decimal, figure, optional, percent
from relubloom.report.parts import Table
from relubloom.report.seeds_table import gap
from relubloom.report.wording import NAMES, sizes_in_words

HEADINGS = (
    "run",
    "verdict",
    "mse",
    "hash F1",
    "exact",
    "gap",
    "made by",
    "tokens",
    "units",
    "set size",
    "seeds",
)
LEGEND = (
    ("verdict", "the reading as a Bloom filter; of a study the commonest among its seeds"),
    ("mse", "squared error, summed over tokens, mean over sets; of a study that of the median run"),
    ("hash F1", "how well the extracted hash predicts which sets fail by loss"),
    ("exact", "share of sets whose members all score above every other token"),
    ("gap", "distance of the two modes of W_in in standard deviations"),
)


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
        return float("inf") if behaviour is None else float(behaviour["mse"])


def run_folders(folder: Path) -> list[Path]:
    """The runs and studies one level below a folder, by name."""
    return sorted(
        path for path in folder.glob("*/") if (path / CONFIG).exists() or (path / STUDY).exists()
    )


def read_entries(folder: Path, give_page: Callable[[Path], object]) -> list[Entry]:
    """What lies below the folder, least mse first, then by name.

    `give_page` is called with each run or study that can be read.
    """
    entries = [_entry(path, give_page) for path in run_folders(folder)]
    return sorted(entries, key=lambda entry: (entry.mse, entry.folder.name))


def index_variables(folder: Path, entries: list[Entry], report: str) -> dict[str, Any]:
    """What the index page shows; `report` is the name of each run's page."""
    table = Table(
        HEADINGS,
        tuple(_row(entry, report) for entry in entries),
        note=" ".join(f"{entry.folder.name}: {entry.why}." for entry in entries if entry.why),
        legend=LEGEND,
        kind="seeds",
    )
    verdicts = [_verdict(entry.contents) for entry in entries if entry.contents]
    found = ", ".join(
        f"{NAMES[verdict]} for {verdicts.count(verdict)}"
        for verdict in NAMES
        if verdict in verdicts
    )
    opening = f"The Bloom reading: {found}." if found else "None of them has been examined."
    return {
        "title": f"{count(len(entries))} runs in {folder.resolve().name}",
        "opening": f"{opening} The run of least mse comes first.",
        "table": table,
    }


def _entry(folder: Path, give_page: Callable[[Path], object]) -> Entry:
    try:
        contents = read_contents(folder)
        give_page(folder)
    except FileError as error:
        return Entry(folder, None, str(error))
    return Entry(folder, contents)


def _verdict(contents: Contents) -> str | None:
    """Of a study the commonest, of a run its own."""
    study = contents.study
    return contents.featured.verdict if study is None else study.get("verdict")


def _row(entry: Entry, report: str) -> tuple[str, ...]:
    name = entry.folder.name
    if entry.contents is None:
        return (name, "cannot be read", *[NONE] * (len(HEADINGS) - 2))
    link = Markup('<a href="{}/{}">{}</a>').format(quote(name), report, name)
    run = entry.contents.featured
    behaviour, mechanism = run.behaviour, run.mechanism
    network = run.config.get("network") or {}
    made = (run.recipe or {}).get("objective") or (run.construction or {}).get("family") or NONE
    f1 = None if mechanism is None else mechanism["extracted"]["loss_failure_f1"]
    return (
        link,
        NAMES.get(_verdict(entry.contents) or "", "not examined"),
        NONE if behaviour is None else figure(behaviour["mse"]),
        optional(f1, decimal),
        NONE if behaviour is None else percent(behaviour["p_exact"]),
        NONE if behaviour is None or mechanism is None else gap(behaviour, mechanism),
        str(made),
        _number(network.get("vocab_size")),
        _number(network.get("width")),
        sizes_in_words(run.task) or NONE,
        count(len(entry.contents.runs)) if entry.contents.study else f"seed {run.seed}",
    )


def _number(value: Any) -> str:
    return count(value) if isinstance(value, int) else NONE
