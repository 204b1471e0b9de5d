"""A network that someone else trained becomes a run folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from relubloom import reading
from relubloom.errors import FileError, UsageError
from relubloom.network.imports.bringing import import_file
from relubloom.network.imports.files import PICKLED
from relubloom.network.imports.source import Given, ImportRecord
from relubloom.network.weights_file import CONFIG, NAMES, WEIGHTS, read_config
from relubloom.records.folder_task import EXAMINED, holds_for
from relubloom.records.run_folder import write_labels
from relubloom.study.folders import alone_in, prepare_run
from relubloom.task import KSparseTask, format_sizes
from relubloom.tokens_file import read_tokens

SAME = ("sha256", "names", "layout", "activation", "input_scale", "normalised", "holds_for")


def import_run(
    path: Path,
    out: Path,
    given: Given,
    *,
    check: Path | None = None,
    tokens: Path | None = None,
    force: bool = False,
    again: bool = False,
) -> dict[str, Any]:
    """Write the network of a file as the run folder `out`; returns what was understood.

    `check` holds inputs and outputs of the original, `tokens` a label a line. With `again` a folder
    that holds the very same import is written anew and keeps its other files.

    Raises:
        FileError: the file is damaged, holds no such network, or fails the check.
        UsageError: something that the file does not say is not given, `out` holds something, or
            `path` is a run folder that holds for some set sizes only.
    """
    if out.resolve() in (path.resolve(), path.resolve().parent):
        raise UsageError(f"{out} holds what is brought in; choose another --out")
    _refuse_second_import(path)
    found = import_file(path, given, check)
    record = _as_json(found.record) | {"file": str(path)}
    net = found.net
    labels = None if tokens is None else read_tokens(tokens)
    if labels is not None and len(labels) != net.vocab_size:
        raise FileError(
            f"{tokens} lists {len(labels)} tokens and {path} has {net.vocab_size}; list one a token"
        )
    task = None if given.set_size is None else KSparseTask(net.vocab_size, given.set_size)
    with alone_in(out):
        if not (again and _holds(out, record)):
            prepare_run(out, force=force)
        described = {} if task is None else {EXAMINED: task.describe()}
        net.save_pretrained(out, described | {"import": record})
        if labels is not None:
            write_labels(out, labels)
    sizes = {"vocab_size": net.vocab_size, "width": net.width, "set_size": given.set_size}
    return {"dir": str(out)} | sizes | record


def _refuse_second_import(path: Path) -> None:
    """A second import would forget on which sets the first one holds."""
    holds = holds_for(path) if (path / CONFIG).exists() else None
    if holds is not None:
        raise UsageError(
            f"{path} was brought in for sets of {format_sizes(holds)} tokens and is a run folder; "
            "examine it as it is, or import the file that it came from again"
        )


def is_run_folder(path: Path) -> bool:
    """Whether a folder is read as a run folder, or refused as one; others are brought in."""
    weights = path / WEIGHTS
    if not path.is_dir() or (not weights.exists() and (path / PICKLED).exists()):
        return False
    if not weights.exists():
        return True
    try:
        reading.check(weights, reading.ARRAYS)
        with safe_open(weights, framework="pt") as archive:
            ours = set(NAMES) <= set(archive.keys())
    except (OSError, SafetensorError):
        return True
    known = (path / CONFIG).exists() and read_config(path).get("model_type") == "relubloom"
    return ours or known


def _holds(out: Path, record: dict[str, Any]) -> bool:
    """Whether a folder holds the same network, brought in the same way."""
    if not (out / CONFIG).exists():
        return False
    said = read_config(out).get("import")
    return isinstance(said, dict) and all(said.get(key) == record[key] for key in SAME)


def _as_json(record: ImportRecord) -> dict[str, Any]:
    found = asdict(record)
    if record.holds_for is not None:
        found["holds_for"] = list(record.holds_for)
    return found
