"""Two run folders side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import read_config
from relubloom.records.run_folder import read_labels, read_task
from relubloom.study.compare_agreement import measure_agreement
from relubloom.study.compare_figures import read_figures
from relubloom.study.steps import Watch, unwatched
from relubloom.task import KSparseTask

NOT_COMPARED = ("dir", "seed", "task", "recipe", "construction")


def compare_runs(
    first: Path,
    second: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    threads: int = 1,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """Compare the networks of two run folders, a and b; nothing is written.

    Returns {"a", "b": `figures.read_figures` of each, "differences": b - a of every number that
    both have (null elsewhere), "agreement"}. The agreement is null where the vocabularies differ;
    else it holds the keys of `Agreement` and "task" (whose sets they are: the first folder's that
    says its sizes), "task_of" (those of "a", "b" that were made for that task) and "same_tokens"
    (whether the tokens have the same labels in the same order). `set_size` changes the sizes, or
    gives them where neither folder does; `sets` says where a sets file lies now.

    Raises:
        UsageError: the vocabularies are the same and no set_size is said anywhere.
        FileError: a folder is no run folder, or a file is damaged or gone.
    """
    nets = ReluNet.from_pretrained(first), ReluNet.from_pretrained(second)
    a, b = read_figures(first), read_figures(second)
    for found, net in ((a, nets[0]), (b, nets[1])):
        found["network"] = {"vocab_size": net.vocab_size, "width": net.width}
    compared: list[Any] = [
        {key: value for key, value in found.items() if key not in NOT_COMPARED} for found in (a, b)
    ]
    return {
        "a": a,
        "b": b,
        "differences": difference(*compared),
        "agreement": _agreement((first, second), nets, set_size, sets, threads, watch),
    }


def difference(a: Any, b: Any) -> Any:
    """b - a of every number in nested objects of the same shape; null where one is no number."""
    if isinstance(a, dict) or isinstance(b, dict):
        inside_a: dict[str, Any] = a if isinstance(a, dict) else {}
        inside_b: dict[str, Any] = b if isinstance(b, dict) else {}
        keys = [*inside_a, *(key for key in inside_b if key not in inside_a)]
        return {key: difference(inside_a.get(key), inside_b.get(key)) for key in keys}
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b))
    return b - a if numbers else None


def _agreement(
    folders: tuple[Path, Path],
    nets: tuple[ReluNet, ReluNet],
    set_size: int | tuple[int, int] | None,
    sets: Path | None,
    threads: int,
    watch: Watch,
) -> dict[str, Any] | None:
    if nets[0].vocab_size != nets[1].vocab_size:
        return None
    says = [_said_size(folder) is not None for folder in folders]
    which = 1 if says == [False, True] else 0
    task = read_task(folders[which], nets[which], set_size, sets)
    found = measure_agreement(
        *nets,
        task.evaluation_sets(),
        threads,
        lambda done, total: watch("comparing", done, total, ""),
    )
    labels = [read_labels(folder, nets[0].vocab_size) for folder in folders]
    return {
        "task": task.describe(),
        "task_of": [
            name for name, folder in zip("ab", folders, strict=True) if _is_task_of(task, folder)
        ],
        "same_tokens": labels[0] == labels[1],
    } | asdict(found)


def _said_task(folder: Path) -> dict[str, Any]:
    said = read_config(folder).get("task")
    return said if isinstance(said, dict) else {}


def _said_size(folder: Path) -> Any:
    return _said_task(folder).get("set_size")


def _is_task_of(task: KSparseTask, folder: Path) -> bool:
    """Whether the folder was made for this task; where its sets file lay does not matter."""
    ours, theirs = task.describe(), _said_task(folder)
    return {**ours, "sets": None} == {**theirs, "sets": None}
