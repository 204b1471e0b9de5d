"""A run folder: one network on disk, what it was made for, and how it came about."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from relubloom import atomic, reading
from relubloom.code import Code, GradedCode
from relubloom.errors import FileError, UsageError, described
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, WEIGHTS, read_config
from relubloom.records.certificate import ImportedFrom
from relubloom.task import (
    KSparseTask,
    as_sizes,
    format_sizes,
    hash_of,
    parse_sizes,
)
from relubloom.tokens_file import read_tokens, stored_tokens
from relubloom.training.recipe import Recipe

HISTORY, FILM, CODE, TOKENS = "history.jsonl", "snapshots.safetensors", "code.npz", "tokens.txt"
CODE_CSV = "code.csv"  # of a constructed network
CHECKPOINT, REPORT, LESSON = "checkpoint.safetensors", "report.html", "lesson.html"
EXAMINED = "examined"  # the key of config.json that `remember` writes
RUN_FILES = (CONFIG, WEIGHTS, HISTORY, FILM, CODE, CODE_CSV, TOKENS, CHECKPOINT, REPORT, LESSON)


@dataclass(frozen=True)
class Origin:
    """How a network came to be: trained by a recipe from a seed, or constructed from a code; what
    is not known is None.

    `init_from` is the network that training started from, as `Start.describe` tells it.
    """

    task: KSparseTask | None = None
    seed: int | None = None
    recipe: Recipe | None = None
    construction: dict[str, Any] | None = None
    init_from: dict[str, str] | None = None

    def describe(self) -> dict[str, Any]:
        """The keys that `config.json` holds besides the network's."""
        started = {} if self.init_from is None else {"init_from": self.init_from}
        return started | {
            "seed": self.seed,
            "task": None if self.task is None else self.task.describe(),
            "recipe": None if self.recipe is None else self.recipe.describe(),
            "construction": self.construction,
            "git_commit": git_commit(),
        }


def is_empty(folder: Path) -> bool:
    """Whether nothing lies there; what a killed process left unfinished (`.name`) is nothing."""
    return not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir())


def write_network(folder: Path, net: ReluNet, origin: Origin, tokens: tuple[str, ...]) -> None:
    """Write `config.json`, `model.safetensors` and `tokens.txt`."""
    write_labels(folder, tokens)
    net.save_pretrained(folder, origin.describe())


def write_training(
    folder: Path,
    history: Sequence[Mapping[str, Any]],
    film: Float[Tensor, "snapshots tokens width"],
    film_steps: list[int],
) -> None:
    """Write `history.jsonl` and `snapshots.safetensors`."""
    atomic.write_text(folder / HISTORY, "".join(json.dumps(row) + "\n" for row in history))
    steps = torch.tensor(film_steps, dtype=torch.int64)
    atomic.write_bytes(folder / FILM, save({"W_in": film.contiguous(), "step": steps}))


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
    if skip_bad and sets is None:
        raise UsageError("--skip-bad is given without --sets: it skips a file's bad lines")
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


def labels_of(net: ReluNet) -> tuple[str, ...]:
    """The labels in the folder that a network was read from, as `read_labels`; else t0, t1, ..."""
    return (
        id_labels(net.vocab_size) if net.folder is None else read_labels(net.folder, net.vocab_size)
    )


def task_of(net: ReluNet) -> KSparseTask | None:
    """What a network was trained on here, or the task that the folder names from which it was read.

    Raises:
        FileError: the folder's task makes no sense, or its file of sets is not there.
    """
    if net.task is not None or net.folder is None or said_task(net.folder).get("set_size") is None:
        return net.task
    return read_task(net.folder, net)


def read_labels(folder: Path, vocab_size: int) -> tuple[str, ...]:
    """The tokens' labels: `tokens.txt` where there is one, else t0, t1, ...

    Raises:
        FileError: `tokens.txt` is damaged or has another number of tokens.
    """
    return given_labels(folder, vocab_size) or id_labels(vocab_size)


def given_labels(
    folder: Path, vocab_size: int, tokens: Path | None = None
) -> tuple[str, ...] | None:
    """The labels of a file `tokens`, else those of the folder's `tokens.txt`; None without either.

    Raises:
        UsageError: `tokens` has another number of tokens than the network; or the folder's task is
            a file of sets, whose words they are, and `tokens` has others.
        FileError: a file is damaged, or `tokens.txt` has another number of tokens.
    """
    path = folder / TOKENS
    own = stored_tokens(path) if path.exists() else None
    if tokens is None:
        if own is not None and len(own) != vocab_size:
            raise FileError(
                f"{path} lists {len(own)} tokens and the network has {vocab_size}; restore the pair"
            )
        return own
    labels = read_tokens(tokens)
    if len(labels) != vocab_size:
        raise UsageError(
            f"{tokens} lists {len(labels)} tokens and the network of {folder} has {vocab_size}: "
            "give one label a token, in the order of the ids"
        )
    if described_task(folder).get("source") == "file" and labels != own:
        raise UsageError(
            f"{tokens} has other tokens than {path}, which are the words of the sets file that "
            f"{folder} was made from: they cannot be renamed; leave --tokens out"
        )
    return labels


def default_labels(vocab_size: int) -> tuple[str, ...]:
    """Words of `words.txt` for networks of our own; `id_labels` where they are too few."""
    words = _words()
    return words[:vocab_size] if vocab_size <= len(words) else id_labels(vocab_size)


def id_labels(vocab_size: int) -> tuple[str, ...]:
    """t0, t1, ..., with as many leading zeros as make them sort."""
    digits = len(str(vocab_size - 1))
    return tuple(f"t{index:0{digits}d}" for index in range(vocab_size))


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The loss curve; empty where the folder has none.

    Raises:
        FileError: the file is damaged.
    """
    path = folder / HISTORY
    if not path.exists():
        return []
    try:
        lines = reading.read_text(path, reading.JSON).splitlines()
        return [_history_row(reading.parsed(line)) for line in lines]
    except (OSError, ValueError) as error:
        raise FileError(f"{path} is damaged ({error}); remove it or train again") from None


def _history_row(row: Any) -> dict[str, Any]:
    kinds = {"step": int, "loss": int | float, "objective": str}
    if not isinstance(row, dict):
        raise ValueError(f"a line holds {described(row)} and no object")
    for key, kind in kinds.items():
        value = row.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"a line has {key} {value!r:.40}")
    row["objective"].encode()  # half of a character cannot be drawn
    return row


def read_film(
    folder: Path,
) -> tuple[Float[Tensor, "snapshots tokens width"], list[int]] | None:
    """W_in at about 40 moments and their steps; None where the folder has no film.

    Raises:
        FileError: the file is damaged.
    """
    path = folder / FILM
    if not path.exists():
        return None
    try:
        found = load(reading.read_bytes(path, reading.ARRAYS))
        film, steps = found["W_in"], found["step"]
        if film.ndim != 3 or not film.is_floating_point() or steps.shape != film.shape[:1]:
            raise ValueError(f"W_in is {described(film)} and step {described(steps)}")
        return film, steps.tolist()
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FileError(f"{path} is damaged ({error}); remove it or train again") from None


def read_code(folder: Path) -> Code | None:
    """The extracted code, bits of every strength alike; None where the folder has none."""
    graded = read_graded_code(folder)
    return None if graded is None else Code(graded.bits)


def read_graded_code(folder: Path) -> GradedCode | None:
    """The extracted code with the strengths of its bits; None where the folder has none."""
    return GradedCode.load(folder / CODE) if (folder / CODE).exists() else None


def git_commit() -> str | None:
    """The commit of the checkout that relubloom runs from; None where git does not track it."""
    here = Path(__file__)
    try:
        for question in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"]):
            answer = subprocess.run(
                ["git", "-C", str(here.parent), *question],
                capture_output=True,
                text=True,
                check=True,
                timeout=5,
            )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def described_task(folder: Path) -> dict[str, Any]:
    """What `config.json` says of the network's task; nothing where it does not."""
    said = read_config(folder).get("task")
    return said if isinstance(said, dict) else {}


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


def write_labels(folder: Path, labels: tuple[str, ...]) -> None:
    """Write `tokens.txt`."""
    atomic.write_text(folder / TOKENS, "".join(f"{label}\n" for label in labels))


def imported_from(folder: Path) -> ImportedFrom | None:
    """The file that a folder's network was brought in from; None where it was not."""
    said = read_config(folder).get("import")
    if not isinstance(said, dict):
        return None
    return ImportedFrom(said.get("file"), said.get("sha256"), said.get("verified") is True)


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


@cache
def _words() -> tuple[str, ...]:
    """The built-in labels; the list only grows, and at its end, so that a token keeps its name."""
    text = files("relubloom").joinpath("words.txt").read_text(encoding="utf-8")
    return tuple(text.split())


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
