"""The table over seeds: every network of a study with its figures, the worst marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from relubloom.report.contents import Contents, JsonObject, Run
from relubloom.report.numbers import NONE, figure, percent
from relubloom.report.parts import Part, Table
from relubloom.report.wording import NAMES, scope_of_figures


@dataclass(frozen=True)
class Column:
    """A column of the table over seeds: its heading, its meaning, and how a run fills it."""

    heading: str
    meaning: str
    fill: Callable[[JsonObject, JsonObject], str]


def _bits(behaviour: JsonObject, mechanism: JsonObject) -> str:
    bits = mechanism["bits_per_token"]
    return f"{bits['mean']:.1f} ± {bits['sd']:.1f}"


def gap(behaviour: JsonObject, mechanism: JsonObject) -> str:
    """The distance of the two modes, or that there are just one or two values."""
    if mechanism["two_valued"]:
        return "two values"
    gap = mechanism["mode_gap"]
    return "one value" if gap is None else f"{gap:.1f}"


def _f1(behaviour: JsonObject, mechanism: JsonObject) -> str:
    f1 = mechanism["extracted"]["loss_failure_f1"]
    return "no failures" if f1 is None else f"{f1:.3f}"


def _share_of_failures(key: str) -> Callable[[JsonObject, JsonObject], str]:
    def fill(behaviour: JsonObject, mechanism: JsonObject) -> str:
        share = mechanism[key]
        return "no failures" if share is None else percent(share)

    return fill


COLUMNS = (
    Column(
        "mse", "squared error, summed over tokens, mean over sets", lambda b, m: figure(b["mse"])
    ),
    Column("kl", "cross-entropy minus ln k, in nats; 0 is perfect", lambda b, m: figure(b["kl"])),
    Column(
        "exact",
        "share of sets whose members all score above every other token",
        lambda b, m: percent(b["p_exact"]),
    ),
    Column("gap", "distance of the two modes of W_in in standard deviations", gap),
    Column(
        "near threshold",
        "share of entries of W_in within 15\u00a0% of that distance from the middle",
        lambda b, m: percent(m["near_threshold"]),
    ),
    Column("bits per token", "mean and standard deviation of the extracted hashes’ weights", _bits),
    Column(
        "agreement",
        "share of (set, unit) pairs where the unit is 0 just when the union covers it",
        lambda b, m: percent(m["unit_agreement"]),
    ),
    Column(
        "hash mse",
        "error of the extracted hash run as a textbook Bloom filter",
        lambda b, m: figure(m["extracted"]["mse"]),
    ),
    Column("hash F1", "how well that filter’s false positives predict the loss failures", _f1),
    Column(
        "hash fails",
        "share of all sets on which the extracted hash has a false positive",
        lambda b, m: percent(m["code_failure_share"]),
    ),
    Column(
        "failures explained",
        "share of the network’s ranking failures that are among those sets",
        _share_of_failures("failures_explained"),
    ),
    Column(
        "by loss",
        "the same for its loss failures (mse on the set above 1/(2k(k+1)))",
        _share_of_failures("failures_explained_by_loss"),
    ),
)


@dataclass(frozen=True)
class Row:
    """A row of the table over seeds."""

    name: str
    verdict: str
    note: str
    cells: tuple[str, ...]


def seeds_part(contents: Contents) -> Part:
    """The table with its legend; a sentence where nothing was examined."""
    many = len(contents.runs) > 1
    heading = "All seeds" if many else "The figures"
    rows = seed_rows(contents)
    run = contents.featured
    if not rows or run.behaviour is None:
        return Part(heading, ("The network was not examined, so there are no figures yet.",))
    said = [f"Figures are over {scope_of_figures(run)}."]
    if run.behaviour["method"] == "held-out":
        said.append("Copies of a line are counted.")
    elif run.behaviour["method"] == "drawn":
        said.append("They are a sample, drawn apart from the training batches.")
    if many:
        said.append("The seed with the greatest mse is marked.")
    table = Table(
        ("network", "verdict", *(column.heading for column in COLUMNS)),
        tuple((_title(row), row.verdict, *row.cells) for row in rows),
        legend=tuple((column.heading, column.meaning) for column in COLUMNS),
        kind="seeds",
    )
    return Part(heading, (" ".join(said),), tables=(table,))


def _title(row: Row) -> str:
    if not row.note:
        return row.name
    return Markup('{} <span class="flag">▼ {}</span>').format(row.name, row.note)


def seed_rows(contents: Contents) -> list[Row]:
    """A row for every run, then the constructed network and the best random code.

    None at all where nothing was examined.
    """
    if not any(run.mechanism and run.behaviour for run in contents.all_runs):
        return []
    worst = _worst(contents.runs)
    rows = [_row(run, _run_name(contents, run), worst is run) for run in contents.runs]
    if contents.constructed is not None:
        rows.append(_row(contents.constructed, "constructed", worst=False))
    if rival := contents.best_random_code:
        known = {
            "mse": figure(rival["mse"]),
            "kl": figure(rival["kl"]),
            "exact": percent(rival["p_exact"]),
            "bits per token": f"{rival['weight']}",
        }
        cells = tuple(known.get(column.heading, NONE) for column in COLUMNS)
        rows.append(Row("best random code", NONE, "", cells))
    return rows


def _row(run: Run, name: str, worst: bool) -> Row:
    if run.behaviour is None or run.mechanism is None:
        return Row(name, "not examined", "", (NONE,) * len(COLUMNS))
    behaviour, mechanism = run.behaviour, run.mechanism
    cells = tuple(column.fill(behaviour, mechanism) for column in COLUMNS)
    verdict = NAMES.get(run.verdict or "", run.verdict or NONE)
    return Row(name, verdict, "worst" if worst else "", cells)


def _run_name(contents: Contents, run: Run) -> str:
    if contents.study is None:
        return run.name
    return f"seed {run.seed}"


def _worst(runs: tuple[Run, ...]) -> Run | None:
    examined = [run for run in runs if run.behaviour is not None]
    if len(examined) < 2:
        return None
    return max(examined, key=lambda run: (run.behaviour or {})["mse"])
