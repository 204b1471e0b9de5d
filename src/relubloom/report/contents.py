"""What a report is made from: the JSON files and the weights of a study or a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from relubloom import atomic
from relubloom.code import Code
from relubloom.errors import FileError
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import read_config
from relubloom.records.run_folder import read_code, read_film, read_history, read_labels

STUDY, BEHAVIOUR, MECHANISM = "study.json", "behaviour.json", "mechanism.json"
INTERVENTIONS, LADDER, CERTIFICATE = "interventions.json", "ladder.json", "certificate.json"
DYNAMICS = "dynamics.json"
CONSTRUCTED = "constructed"
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run folder; what it lacks is None or empty."""

    folder: Path
    config: JsonObject
    behaviour: JsonObject | None
    mechanism: JsonObject | None
    interventions: JsonObject | None
    ladder: JsonObject | None
    certificate: JsonObject | None
    dynamics: JsonObject | None
    history: list[JsonObject]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def seed(self) -> int | None:
        """The seed it was made from."""
        return self.config.get("seed")

    @property
    def task(self) -> JsonObject:
        """The task as `config.json` describes it; empty where it does not."""
        return self.config.get("task") or {}

    @property
    def recipe(self) -> JsonObject | None:
        """How it was trained; None if it was not, or does not say."""
        return self.config.get("recipe")

    @property
    def construction(self) -> JsonObject | None:
        """What it was constructed from; None if it was not."""
        return self.config.get("construction")

    @property
    def set_size(self) -> int | None:
        """The one size of its sets; of several sizes the middle; None where it does not say."""
        said = self.task.get("set_size")
        if isinstance(said, list):
            low, high = cast(list[int], said)
            return (low + high) // 2
        return said if isinstance(said, int) else None

    @property
    def verdict(self) -> str | None:
        """The verdict of its examination."""
        return None if self.mechanism is None else self.mechanism.get("verdict")


@dataclass(frozen=True)
class Contents:
    """Everything the page is about.

    `runs` are the trained networks of a study, or the one network of a run folder; `featured` is
    the one whose figures are shown.
    """

    folder: Path
    study: JsonObject | None
    runs: tuple[Run, ...]
    featured: Run
    constructed: Run | None

    @property
    def best_random_code(self) -> JsonObject | None:
        """The rival of the study."""
        return None if self.study is None else self.study.get("best_random_code")

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """The runs and the constructed network beside them."""
        return self.runs if self.constructed is None else (*self.runs, self.constructed)


@dataclass(frozen=True)
class Weights:
    """What the figures need of a network: all of W_in, and its hidden units' hashes."""

    W_in: NDArray[np.float32]
    code: Code | None
    net: ReluNet


def read_contents(folder: Path) -> Contents:
    """Read a study folder (it holds `study.json`) or any run folder.

    Raises:
        FileError: the folder is neither, or one of its files is damaged.
    """
    if not (folder / STUDY).exists():
        run = read_run(folder)
        return Contents(folder, None, (run,), run, None)
    study = _json_object(folder / STUDY)
    folders = [each for each in folder.glob("seed-*") if (each / "config.json").exists()]
    runs = sorted(map(read_run, folders), key=lambda run: (run.seed or 0, run.name))
    if not runs:
        raise FileError(f"{folder} holds a study and no run folder seed-N; restore or rerun it")
    built = folder / CONSTRUCTED
    constructed = read_run(built) if (built / "config.json").exists() else None
    return Contents(folder, study, tuple(runs), _typical(runs), constructed)


def read_run(folder: Path) -> Run:
    """Read the small files of a run folder.

    Raises:
        FileError: `config.json` is missing, or a file is damaged.
    """
    return Run(
        folder=folder,
        config=read_config(folder),
        behaviour=_optional_object(folder / BEHAVIOUR),
        mechanism=_optional_object(folder / MECHANISM),
        interventions=_optional_object(folder / INTERVENTIONS),
        ladder=_optional_object(folder / LADDER),
        certificate=_optional_object(folder / CERTIFICATE),
        dynamics=_optional_object(folder / DYNAMICS),
        history=read_history(folder),
    )


def read_weights(run: Run) -> Weights:
    """Load a run's network and code. Cost: the memory of the network."""
    net = ReluNet.from_pretrained(run.folder)
    W_in = net.W_in.detach().float().numpy()
    return Weights(W_in, read_code(run.folder), net)


def read_initial(run: Run) -> NDArray[np.float32] | None:
    """W_in before training (of the first tokens where the film holds only those)."""
    film = read_film(run.folder)
    return None if film is None else film[0][0].float().numpy().copy()


def block(found: JsonObject | None, key: str) -> JsonObject | None:
    """An object inside a result file; None where the file, or the key, is absent or null."""
    value = (found or {}).get(key)
    return cast(JsonObject, value) if isinstance(value, dict) else None


def rows_of(found: JsonObject | None, key: str) -> list[JsonObject]:
    """A list of objects inside a result file; empty where it is absent or null."""
    value = (found or {}).get(key)
    return cast(list[JsonObject], value) if isinstance(value, list) else []


def lacking(found: JsonObject, key: str, what: str) -> str:
    """The sentence for a block that is absent, or null as it cannot be told of this network."""
    if key in found:
        return f"There is no {what}: it could not be made of this network at this size."
    return f"The folder holds no {what}; `relubloom examine` makes it."


def labels_of(run: Run, vocab_size: int) -> tuple[str, ...]:
    """The tokens' labels."""
    return read_labels(run.folder, vocab_size)


def _typical(runs: list[Run]) -> Run:
    """The run of median mse; the first where none was examined."""
    examined = [run for run in runs if run.behaviour is not None]
    if not examined:
        return runs[0]
    ranked = sorted(examined, key=lambda run: cast(JsonObject, run.behaviour)["mse"])
    return ranked[len(ranked) // 2]


def _optional_object(path: Path) -> JsonObject | None:
    return _json_object(path) if path.exists() else None


def _json_object(path: Path) -> JsonObject:
    found = atomic.read_json(path)
    if not isinstance(found, dict):
        raise FileError(f"{path} holds no JSON object; restore or remake it")
    return cast(JsonObject, found)
