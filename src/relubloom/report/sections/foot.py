"""What was set, and the files beside the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from relubloom.network.weights_file import CONFIG, WEIGHTS
from relubloom.records.files import FILE_NAMES
from relubloom.records.run_folder import CODE, FILM, HISTORY, TOKENS
from relubloom.report.read import STUDY, Contents
from relubloom.report.render import SectionData

COMMIT = 12  # characters that name a commit
FILES = (CONFIG, WEIGHTS, TOKENS, CODE, HISTORY, FILM, *FILE_NAMES.values())
VERSIONS = ("model_type", "schema_version", "relubloom_version", "git_commit")
Links = list[tuple[str, str]]  # relative address and name


def foot(contents: Contents) -> SectionData:
    """Settings and files; the figures are linked by name."""
    return SectionData({"settings": _settings(contents), "files": _files(contents)})


def _settings(contents: Contents) -> list[tuple[str, str]]:
    """Everything that was set, one row a value, nested keys joined by a dot."""
    study, config = contents.study, contents.featured.config
    own = {key: value for key, value in config.items() if key not in VERSIONS}
    version = config.get("relubloom_version") if study is None else study.relubloom_version
    versions = {
        "relubloom version": version,
        "git commit": (config.get("git_commit") or "")[:COMMIT] or None,
        "schema version": config.get("schema_version"),
    }
    return _flattened(own if study is None else study.configuration) + [
        (name, _written(value)) for name, value in versions.items() if value is not None
    ]


def _flattened(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += _flattened(cast(dict[str, Any], value), f"{name}.")
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


def _files(contents: Contents) -> list[tuple[str, Links]]:
    if contents.study is None:
        return [("this folder", _links(contents.folder, ""))]
    runs = [run.folder for run in contents.all_runs]
    return [
        ("this folder", [(STUDY, STUDY)]),
        *((folder.name, _links(folder, f"{folder.name}/")) for folder in runs),
    ]


def _links(folder: Path, prefix: str) -> Links:
    return [(prefix + name, name) for name in FILES if (folder / name).exists()]
