"""Section 11: what was set, and the files beside the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from relubloom.records.run_folder import FIGURES
from relubloom.report.charts.drawing import Drawing
from relubloom.report.contents import STUDY, Contents, JsonObject

COMMIT = 12  # characters that name a commit
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
    "dynamics.json",
)


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


def file_rows(
    contents: Contents, drawings: list[Drawing]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """The files beside the page: (folder, [(relative address, name)])."""
    figures = [(f"{FIGURES}/{each.name}.svg", each.name) for each in drawings]
    if contents.study is None:
        return [("this folder", _files(contents.folder, "")), ("figures (SVG)", figures)]
    runs = [(run.folder.name, run.folder) for run in contents.all_runs]
    return [
        ("this folder", [(STUDY, STUDY)]),
        *((name, _files(folder, f"{name}/")) for name, folder in runs),
        ("figures (SVG)", figures),
    ]


def _files(folder: Path, prefix: str) -> list[tuple[str, str]]:
    return [(prefix + name, name) for name in FILES if (folder / name).exists()]
