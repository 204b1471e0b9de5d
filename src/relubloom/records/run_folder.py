"""A run folder: one network on disk, what it was made for, and how it came about."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from relubloom import atomic
from relubloom.code import Code
from relubloom.errors import FileError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, WEIGHTS, read_config
from relubloom.records.certificate import ImportedFrom
from relubloom.task import KSparseTask, as_sizes, format_sizes, parse_sizes, read_tokens
from relubloom.training.recipe import Recipe

HISTORY, FILM, CODE, TOKENS = "history.jsonl", "snapshots.safetensors", "code.npz", "tokens.txt"
CHECKPOINT, REPORT = "checkpoint.safetensors", "report.html"
RUN_FILES = (CONFIG, WEIGHTS, HISTORY, FILM, CODE, TOKENS, CHECKPOINT, REPORT)


@dataclass(frozen=True)
class Origin:
    """How a network came to be: trained by a recipe from a seed, or constructed from a code."""

    task: KSparseTask
    seed: int
    recipe: Recipe | None = None
    construction: dict[str, Any] | None = None

    def describe(self) -> dict[str, Any]:
        """The keys that `config.json` holds besides the network's."""
        return {
            "seed": self.seed,
            "task": self.task.describe(),
            "recipe": None if self.recipe is None else self.recipe.describe(),
            "construction": self.construction,
            "git_commit": git_commit(),
        }


def is_empty(folder: Path) -> bool:
    """Whether nothing lies there; what a killed process left unfinished (`.name`) is nothing."""
    return not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir())


def write_network(folder: Path, net: ReluNet, origin: Origin, tokens: tuple[str, ...]) -> None:
    """Write `config.json`, `model.safetensors` and `tokens.txt`."""
    atomic.write_text(folder / TOKENS, "".join(f"{token}\n" for token in tokens))
    net.save_pretrained(folder, origin.describe())


def write_training(
    folder: Path,
    history: list[dict[str, Any]],
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
) -> KSparseTask:
    """The task that a run folder names; a folder that names no sizes needs `set_size`.

    `set_size` changes the sizes that the folder names; `sets` says where its sets file lies now.

    Raises:
        UsageError: neither the folder nor the caller says a set_size.
        FileError: the sets file is gone or has changed, or the task makes no sense or does not
            fit the network.
    """
    described = described_task(folder) | {"vocab_size": net.vocab_size}
    described["set_size"] = said_sizes(folder) if set_size is None else set_size
    tokens = None
    if described.get("source") == "file":
        described["sets"] = str(_found_sets(folder, described, sets))
        tokens = read_tokens(folder / TOKENS)
    try:
        task = KSparseTask.from_description(described, tokens, skip_bad=True)
    except UsageError as error:
        if set_size is not None:
            KSparseTask(net.vocab_size, set_size)  # complains if it is the caller's that is wrong
        raise _damaged(folder, error) from None
    if task.vocab_size != net.vocab_size:
        raise FileError(
            f"{folder} has {net.vocab_size} tokens and its task {task.vocab_size}; "
            "restore its config.json"
        )
    refuse_sizes(folder, task.sizes)
    return task


def read_labels(folder: Path, vocab_size: int) -> tuple[str, ...]:
    """The tokens' labels: `tokens.txt` where there is one, else `default_labels`.

    Raises:
        FileError: `tokens.txt` is damaged or has another number of tokens.
    """
    path = folder / TOKENS
    if not path.exists():
        return default_labels(vocab_size)
    labels = read_tokens(path)
    if len(labels) != vocab_size:
        raise FileError(
            f"{path} lists {len(labels)} tokens and the network has {vocab_size}; restore the pair"
        )
    return labels


def default_labels(vocab_size: int) -> tuple[str, ...]:
    """The first words of `words.txt`; for a vocabulary longer than that t0, t1, ... for all.

    The ids have as many leading zeros as make them sort.
    """
    words = _words()
    if vocab_size <= len(words):
        return words[:vocab_size]
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
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise FileError(f"{path} is damaged ({error}); remove it or train again") from None


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
        with safe_open(path, framework="pt") as archive:
            return archive.get_tensor("W_in"), archive.get_tensor("step").tolist()
    except SafetensorError as error:
        raise FileError(f"{path} is damaged ({error}); remove it or train again") from None


def read_code(folder: Path) -> Code | None:
    """The extracted code; None where the folder has none."""
    return Code.load(folder / CODE) if (folder / CODE).exists() else None


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


def said_sizes(folder: Path) -> int | tuple[int, int]:
    """The sizes of a folder's task.

    Raises:
        UsageError: it does not say them.
        FileError: they make no sense.
    """
    said = described_task(folder).get("set_size")
    if said is None:
        raise UsageError(f"{folder} does not say its set_size; pass --set-size k or a..b")
    try:
        return parse_sizes(said)
    except UsageError as error:
        raise _damaged(folder, error) from None


def imported_from(folder: Path) -> ImportedFrom | None:
    """The file that a folder's network was brought in from; None where it was not."""
    said = read_config(folder).get("import")
    if not isinstance(said, dict):
        return None
    return ImportedFrom(said.get("file"), said.get("sha256"), said.get("verified") is True)


def refuse_sizes(folder: Path, sizes: int | tuple[int, int]) -> None:
    """Refuse sets on which a network that was brought in is not the one of its file.

    Raises:
        UsageError: inputs divided by k were folded in for another k, or a linear network was made
            linear for smaller sets.
    """
    said = read_config(folder).get("import")
    holds = said.get("holds_for") if isinstance(said, dict) else None
    if not isinstance(holds, list) or len(holds) != 2:
        return
    low, high = as_sizes(sizes)
    if low < holds[0] or high > holds[1]:
        raise UsageError(
            f"set_size is {format_sizes((low, high))} and {folder} was brought in for sets of "
            f"{format_sizes((holds[0], holds[1]))} tokens; import its file again with --set-size"
        )


@cache
def _words() -> tuple[str, ...]:
    """The built-in labels; the list only grows, and at its end: folders without labels use it."""
    text = files("relubloom").joinpath("words.txt").read_text(encoding="utf-8")
    return tuple(text.split())


def _damaged(folder: Path, reason: object) -> FileError:
    return FileError(f"{folder / CONFIG} has a task that makes no sense ({reason}); restore it")


def _found_sets(folder: Path, described: dict[str, Any], moved: Path | None) -> Path:
    """The sets file of a folder's task, where it lies now; it must be the same."""
    for name in ("sets", "sha256"):
        if not isinstance(described.get(name), str):
            raise _damaged(folder, f"{name} is {described.get(name)!r}")
    path = moved or Path(described["sets"])
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise FileError(
            f"the sets file of {folder}, {path}, is not there; pass --sets FILE"
        ) from None
    if found != described["sha256"]:
        raise FileError(
            f"{path} is not the file that {folder} was made from (its SHA-256 differs); "
            "pass that file with --sets"
        )
    return path
