"""The task of a run folder: the sets that its network was made for, or is examined on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from relubloom import atomic, reading
from relubloom.errors import FileError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, read_config
from relubloom.records.labels import given_labels
from relubloom.records.run_folder import TOKENS, described_task, write_labels
from relubloom.task import KSparseTask, as_sizes, format_sizes, hash_of, parse_sizes
from relubloom.task.sets_file import refuse_skip_bad
from relubloom.tokens_file import stored_tokens

EXAMINED = "examined"  # the key of config.json that `remember` writes


def read_task(
    folder: Path,
    net: ReluNet,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    *,
    tokens: Path | None = None,
    skip_bad: bool = False,
) -> KSparseTask:
    """The task whose sets a run folder's network is examined on.

    That is the folder's own task; where it says no sizes, what the folder was last examined on
    (`remember`). `set_size` and `sets` change it, and what was remembered then counts no more:
    `set_size` takes other sizes; `sets` takes all lines of a file, or of the very file that the
    folder's task names (by its SHA-256, wherever it lies now) the held-out lines. `tokens` and
    `skip_bad` are for the file, as in `given_labels` and `task.read_sets`; a folder that names no
    tokens has the ids as their names.

    Raises:
        UsageError: neither the folder nor the caller says the sizes, or they fit no set.
        FileError: the sets file is gone or has changed, a line of it is bad, or the task makes no
            sense or does not fit the network.
    """
    refuse_skip_bad(skip_bad, sets)
    labels = None
    if sets is not None or tokens is not None:
        labels = given_labels(folder, net.vocab_size, tokens)
    if sets is not None and not _is_the_file_of(described_task(folder), sets):
        named_by = _named_by(folder, net.vocab_size, tokens)
        if set_size is not None:
            KSparseTask(net.vocab_size, set_size)  # complains where there are no such sets
        return KSparseTask.from_file(
            *(sets, set_size, labels or _ids(net.vocab_size)),
            skip_bad=skip_bad,
            hold_out=False,
            named_by=named_by,
        )
    as_given = set_size is not None or sets is not None
    described = described_task(folder) if as_given else said_task(folder)
    described = described | {"vocab_size": net.vocab_size}
    if described.get("source") == "file":
        task = _task_of_file(folder, described, sets)
        if set_size is not None:
            task = _of_sizes(folder, task, set_size)
    else:
        described["set_size"] = said_sizes(folder) if set_size is None else set_size
        task = _task_from(folder, described, net.vocab_size, set_size)
    if task.vocab_size != net.vocab_size:
        raise FileError(
            f"{folder} has {net.vocab_size} tokens and its task {task.vocab_size}; "
            "restore its config.json"
        )
    refuse_sizes(folder, task.sizes)
    return task


def remember(folder: Path, task: KSparseTask, labels: tuple[str, ...] | None = None) -> None:
    """Write down what a network was examined on, for the commands that follow.

    `config.json` gains the key `examined` where that is not the folder's own task; `labels`, where
    they are given, are written to `tokens.txt`.

    Raises:
        FileError: the folder cannot be written.
    """
    if labels is not None:
        write_labels(folder, labels)
    config = read_config(folder)
    kept = {name: value for name, value in config.items() if name != EXAMINED}
    if task.describe() != kept.get("task"):
        kept[EXAMINED] = task.describe()
    if kept != config:
        atomic.write_json(folder / CONFIG, kept)


def task_of(net: ReluNet) -> KSparseTask | None:
    """What a network was trained on here, or the task that the folder names from which it was read.

    Raises:
        FileError: the folder's task makes no sense, or its file of sets is not there.
    """
    if net.task is not None or net.folder is None or said_task(net.folder).get("set_size") is None:
        return net.task
    return read_task(net.folder, net)


def said_task(folder: Path) -> dict[str, Any]:
    """The folder's task; where that says no sizes, what it was last examined on, if at all."""
    task, examined = described_task(folder), read_config(folder).get(EXAMINED)
    if task.get("set_size") is None and isinstance(examined, dict):
        return cast(dict[str, Any], examined)
    return task


def said_sizes(folder: Path) -> int | tuple[int, int]:
    """The sizes of `said_task`.

    Raises:
        UsageError: it does not say them.
        FileError: they make no sense.
    """
    said = said_task(folder).get("set_size")
    if said is None:
        raise UsageError(f"{folder} does not say its set_size; pass --set-size k or a..b")
    try:
        return parse_sizes(said)
    except UsageError as error:
        raise _damaged(folder, error) from None


def holds_for(folder: Path) -> tuple[int, int] | None:
    """The set sizes on which a network that was brought in is the one of its file; None for all."""
    said = read_config(folder).get("import")
    holds = said.get("holds_for") if isinstance(said, dict) else None
    return (holds[0], holds[1]) if isinstance(holds, list) and len(holds) == 2 else None


def refuse_sizes(folder: Path, sizes: int | tuple[int, int]) -> None:
    """Refuse sets on which a network that was brought in is not the one of its file.

    Raises:
        UsageError: inputs divided by k were folded in for another k, or a linear network was made
            linear for smaller sets.
    """
    holds = holds_for(folder)
    if holds is None:
        return
    low, high = as_sizes(sizes)
    if low < holds[0] or high > holds[1]:
        raise UsageError(
            f"set_size is {format_sizes((low, high))} and {folder} was brought in for sets of "
            f"{format_sizes(holds)} tokens; import its file again with --set-size"
        )


def _damaged(folder: Path, reason: object) -> FileError:
    return FileError(f"{folder / CONFIG} has a task that makes no sense ({reason}); restore it")


def _ids(vocab_size: int) -> tuple[str, ...]:
    """How a file names the tokens of a network without labels."""
    return tuple(map(str, range(vocab_size)))


def _named_by(folder: Path, vocab_size: int, tokens: Path | None) -> str:
    """What names the tokens that a file of sets may hold, in the words of an error."""
    if tokens is not None:
        return str(tokens)
    if (folder / TOKENS).exists():
        return f"{folder / TOKENS} (--tokens FILE gives other names)"
    return f"the ids 0 to {vocab_size - 1} of {folder} (--tokens FILE gives them names)"


def _task_of_file(folder: Path, described: dict[str, Any], sets: Path | None) -> KSparseTask:
    """The task of the file of sets that the folder names, where it lies now."""
    described = described | {"sets": str(_found_sets(folder, described, sets))}
    ids = _ids(described["vocab_size"])
    of_ids = described.get("tokens_sha256") == hash_of(ids)
    labels = ids if of_ids else stored_tokens(folder / TOKENS)
    try:
        return KSparseTask.from_description(described, labels, skip_bad=True)
    except UsageError as error:
        raise _damaged(folder, error) from None


def _of_sizes(folder: Path, task: KSparseTask, set_size: int | tuple[int, int]) -> KSparseTask:
    """The task with the held-out lines of some of its sizes.

    Raises:
        UsageError: the file has lines of these sizes that were neither trained on nor held out.
    """
    KSparseTask(task.vocab_size, set_size)  # complains where there are no such sets
    (low, high), (smallest, largest) = as_sizes(set_size), task.sizes
    assert task.file is not None
    if task.file.left_out and not smallest <= low <= high <= largest:
        raise UsageError(
            f"set_size is {format_sizes((low, high))} and {folder} was made from the lines of "
            f"{format_sizes(task.sizes)} tokens: only of those a part was held out; give sizes "
            "among them"
        )
    return replace(task, set_size=set_size)


def _task_from(
    folder: Path,
    described: dict[str, Any],
    vocab_size: int,
    set_size: int | tuple[int, int] | None,
) -> KSparseTask:
    try:
        return KSparseTask.from_description(described)
    except UsageError as error:
        if set_size is not None:
            KSparseTask(vocab_size, set_size)  # complains if it is the caller's that is wrong
        raise _damaged(folder, error) from None


def _is_the_file_of(described: dict[str, Any], sets: Path) -> bool:
    """Whether a folder's task is of that very file."""
    return described.get("source") == "file" and described.get("sha256") == reading.sha256_of(sets)


def _found_sets(folder: Path, described: dict[str, Any], moved: Path | None) -> Path:
    """The sets file of a folder's task, where it lies now; it must be the same."""
    for name in ("sets", "sha256"):
        if not isinstance(described.get(name), str):
            raise _damaged(folder, f"{name} is {described.get(name)!r}")
    path = moved or _last_place(folder, described)
    if not path.is_file():
        raise FileError(f"the sets file of {folder}, {path}, is not there; pass --sets FILE")
    if reading.sha256_of(path) != described["sha256"]:
        raise FileError(
            f"{path} is not the file that {folder} was made from (its SHA-256 differs); "
            "pass that file with --sets"
        )
    return path


def _last_place(folder: Path, described: dict[str, Any]) -> Path:
    """Where the file lay when the folder was made, or was last examined."""
    there, examined = Path(described["sets"]), read_config(folder).get(EXAMINED)
    if there.exists() or not isinstance(examined, dict):
        return there
    again = cast(dict[str, Any], examined)
    same = again.get("sha256") == described["sha256"]
    return Path(str(again["sets"])) if same and "sets" in again else there
