"""A run folder: one network on disk, what it was made for, and how it came about."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from relubloom import atomic, reading
from relubloom.code import Code, GradedCode
from relubloom.errors import FileError, described
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, WEIGHTS, read_config
from relubloom.records.certificate import ImportedFrom
from relubloom.task import KSparseTask
from relubloom.training.recipe import Recipe

HISTORY, FILM, CODE, TOKENS = "history.jsonl", "snapshots.safetensors", "code.npz", "tokens.txt"
CODE_CSV = "code.csv"  # of a constructed network
CHECKPOINT, REPORT, LESSON = "checkpoint.safetensors", "report.html", "lesson.html"
CONSTRUCTED, LEARNED = "constructed", "learned"  # the folders of exact networks in a study's
RUN_FILES = (CONFIG, HISTORY, FILM, CODE, CODE_CSV, TOKENS, REPORT, LESSON, CHECKPOINT, WEIGHTS)


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
    """Write `model.safetensors` first, as it marks a run, `config.json` and `tokens.txt`."""
    net.save_pretrained(folder, origin.describe())
    write_labels(folder, tokens)


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


def write_labels(folder: Path, labels: tuple[str, ...]) -> None:
    """Write `tokens.txt`."""
    atomic.write_text(folder / TOKENS, "".join(f"{label}\n" for label in labels))


def imported_from(folder: Path) -> ImportedFrom | None:
    """The file that a folder's network was brought in from; None where it was not."""
    said = read_config(folder).get("import")
    if not isinstance(said, dict):
        return None
    return ImportedFrom(said.get("file"), said.get("sha256"), said.get("verified") is True)
