"""The page's tables: seeds, verdict rule, units, set sizes, configuration, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from relubloom.report.contents import STUDY, Contents, JsonObject, Run
from relubloom.report.numbers import NONE, count, figure, optional, percent
from relubloom.report.wording import NAMES
from relubloom.verdict_rule import AGREEMENT_BLOOM, F1_BLOOM, NEAR_BLOOM, SKILL_BLOOM

UNIT_KINDS = ("bit", "graded", "unclear", "always on", "dead")
KIND_MEANINGS = {
    "bit": "two modes at least 4 apart, and on at least 95\u00a0% of the sets 0 just where the "
    "union covers it",
    "graded": "its entries form one mode: no bit can be read off",
    "unclear": "neither of the others; an honest answer",
    "always on": "above 0 on every set",
    "dead": "0 on every set",
}
GLYPHS = {"bit": "■", "graded": "◧", "unclear": "?", "always on": "●", "dead": "□"}
COMMIT = 12  # characters that name a commit
STRIP = 512  # units that the strip shows
FILES = (
    "config.json",
    "model.safetensors",
    "tokens.txt",
    "code.npz",
    "history.jsonl",
    "snapshots.safetensors",
    "behaviour.json",
    "mechanism.json",
    "interventions.json",
    "ladder.json",
    "certificate.json",
)


@dataclass(frozen=True)
class Column:
    """A column of the table over seeds: its heading, its meaning, and how a run fills it."""

    heading: str
    meaning: str
    fill: Callable[[JsonObject, JsonObject], str]


def _bits(behaviour: JsonObject, mechanism: JsonObject) -> str:
    bits = mechanism["bits_per_token"]
    return f"{bits['mean']:.1f} ± {bits['sd']:.1f}"


def _gap(behaviour: JsonObject, mechanism: JsonObject) -> str:
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
    Column("gap", "distance of the two modes of W_in in standard deviations", _gap),
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


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict rule beside what was measured; `met` is None where nothing was."""

    rule: str
    measured: str
    met: bool | None


def criteria(run: Run) -> list[Criterion]:
    """What `bloom` asks for, and whether this run gives it."""
    mechanism = run.mechanism
    if mechanism is None:
        return []
    agreement, near = mechanism["unit_agreement"], mechanism["near_threshold"]
    f1, two_modes = mechanism["extracted"]["loss_failure_f1"], mechanism["two_modes"]
    skill = mechanism.get("union_skill")  # older files lack it
    return [
        Criterion(
            "the entries of W_in have two modes (BIC of two normals against one)",
            "two modes" if two_modes else "one mode",
            two_modes,
        ),
        Criterion(
            f"unit agreement at least {percent(AGREEMENT_BLOOM, 0)}",
            percent(agreement),
            agreement >= AGREEMENT_BLOOM,
        ),
        Criterion(
            f"at most {percent(NEAR_BLOOM, 0)} of the entries near the threshold",
            percent(near),
            near <= NEAR_BLOOM,
        ),
        Criterion(
            f"the bare hash predicts the loss failures with F1 at least {F1_BLOOM}",
            "no failures on either side" if f1 is None else f"{f1:.3f}",
            f1 is None or f1 >= F1_BLOOM,
        ),
        Criterion(
            "the union tells units on from off with at most "
            f"{percent(1 - SKILL_BLOOM, 0)} of the errors of a constant answer",
            NONE if skill is None else percent(1 - skill),
            None if skill is None else skill >= SKILL_BLOOM,
        ),
    ]


@dataclass(frozen=True)
class UnitTile:
    """One unit in the strip."""

    kind: str
    glyph: str
    tip: str


def unit_tiles(run: Run) -> list[UnitTile]:
    """The units by class, and within a class by agreement, best first; at most `STRIP`."""
    units: list[JsonObject] = (run.mechanism or {}).get("units", [])
    rank = {kind: index for index, kind in enumerate(UNIT_KINDS)}
    ordered = sorted(units, key=lambda unit: (rank.get(unit["kind"], 9), -unit["agreement"]))
    return [
        UnitTile(
            kind=unit["kind"].replace(" ", "-"),
            glyph=GLYPHS.get(unit["kind"], "?"),
            tip=f"unit {unit['unit']}: {unit['kind']}, {unit['bits']} tokens have its bit, agrees "
            f"with the union on {percent(unit['agreement'])}, above 0 on {percent(unit['on'])}",
        )
        for unit in ordered[:STRIP]
    ]


def agreement_sentence(run: Run) -> str:
    """The units that agree least and most with the union."""
    units: list[JsonObject] = (run.mechanism or {}).get("units", [])
    if not units:
        return ""
    ordered = sorted(units, key=lambda unit: unit["agreement"])
    low, high = ordered[0], ordered[-1]
    return (
        f"Agreement with the union runs from {percent(low['agreement'])} of the sets "
        f"(unit {low['unit']}) to {percent(high['agreement'])} (unit {high['unit']})."
    )


def unit_counts(run: Run) -> list[dict[str, str]]:
    """How many units there are of each class, the empty classes included."""
    units: list[JsonObject] = (run.mechanism or {}).get("units", [])
    counts = Counter(unit["kind"] for unit in units)
    return [
        {
            "kind": kind,
            "class": kind.replace(" ", "-"),
            "glyph": GLYPHS[kind],
            "count": count(counts[kind]),
            "meaning": KIND_MEANINGS[kind],
        }
        for kind in UNIT_KINDS
    ]


def set_size_rows(run: Run) -> list[tuple[str, ...]]:
    """Figures by set size, where there are several."""
    rows: list[JsonObject] = (run.behaviour or {}).get("by_set_size", [])
    if len(rows) < 2:
        return []
    return [
        (f"{row['set_size']}", count(row["sets"]), figure(row["mse"]), percent(row["p_exact"]))
        for row in rows
    ]


def configuration_rows(contents: Contents) -> list[tuple[str, str]]:
    """Everything that was set, one row a value, nested keys joined by a dot."""
    study, run = contents.study, contents.featured
    if study is not None:
        settings: JsonObject = study.get("configuration", {})
        versions = {"relubloom version": study.get("relubloom_version")}
    else:
        settings = {
            key: value
            for key, value in run.config.items()
            if key not in ("model_type", "schema_version", "relubloom_version", "git_commit")
        }
        versions = {"relubloom version": run.config.get("relubloom_version")}
    versions["git commit"] = (run.config.get("git_commit") or "")[:COMMIT] or None
    versions["schema version"] = run.config.get("schema_version")
    return _flattened(settings) + [
        (name, _written(value)) for name, value in versions.items() if value is not None
    ]


def _flattened(settings: JsonObject, prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += _flattened(cast(JsonObject, value), f"{name}.")
        else:
            rows.append((name, _written(value)))
    return rows


def _written(value: Any) -> str:
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, cast(list[Any], value)))
    return str(value)


def file_rows(contents: Contents) -> list[tuple[str, list[tuple[str, str]]]]:
    """The files beside the page: (folder, [(relative address, name)])."""
    if contents.study is None:
        return [("this folder", _files(contents.folder, ""))]
    runs = [(run.folder.name, run.folder) for run in contents.all_runs]
    return [("this folder", [(STUDY, STUDY)])] + [
        (name, _files(folder, f"{name}/")) for name, folder in runs
    ]


def _files(folder: Path, prefix: str) -> list[tuple[str, str]]:
    return [(prefix + name, name) for name in FILES if (folder / name).exists()]


def tiles(contents: Contents) -> list[tuple[str, str, str]]:
    """The page's key figures: (name, value, comparison)."""
    run, rival = contents.featured, contents.best_random_code
    if run.behaviour is None or run.mechanism is None:
        return []
    behaviour, mechanism = run.behaviour, run.mechanism
    extracted = mechanism["extracted"]
    beside = (
        f"best random code: {figure(rival['mse'])}" if rival else "mean over sets; 0 is perfect"
    )
    return [
        ("error (mse)", figure(behaviour["mse"]), beside),
        (
            "error of its hash alone",
            figure(extracted["mse"]),
            f"as a Bloom filter; exact on {percent(extracted['p_exact'])}",
        ),
        (
            "gap between the two modes",
            _gap(behaviour, mechanism),
            "no spread around either" if mechanism["two_valued"] else "in standard deviations",
        ),
        (
            "units that follow the union",
            optional(mechanism["unit_agreement"], "percent"),
            "of all (set, unit) pairs",
        ),
    ]
