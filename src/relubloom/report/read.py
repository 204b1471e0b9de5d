"""What a page is made from: the records, weights and film of a study or a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.errors import FileError, UsageError
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, read_config
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import FILE_NAMES, read_record
from relubloom.records.folder_task import EXAMINED
from relubloom.records.interventions import Interventions
from relubloom.records.labels import read_labels
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import (
    CONSTRUCTED,
    read_code,
    read_film,
    read_graded_code,
    read_history,
)
from relubloom.records.study import RandomCodeFigures, StudyRecord
from relubloom.records.verdict import Verdict
from relubloom.report.charts.answers import Example, find_example
from relubloom.report.charts.weights import unit_order
from relubloom.training.recipe import Recipe

STUDY = FILE_NAMES[StudyRecord]


@dataclass(frozen=True)
class StoredRun:
    """One run folder; what it lacks is None or empty.

    The records are there at once; weights, code, labels and film are read when they are first
    asked for, and kept.
    """

    folder: Path
    config: dict[str, Any]
    recipe: Recipe | None
    behaviour: Behaviour | None
    mechanism: Mechanism | None
    interventions: Interventions | None
    ladder: Ladder | None
    certificate: Certificate | None
    dynamics: Dynamics | None
    history: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def seed(self) -> int | None:
        """The seed it was made from."""
        return self.config.get("seed")

    @property
    def task(self) -> dict[str, Any]:
        """The task as `config.json` describes it; empty where it does not."""
        return self.config.get("task") or {}

    @property
    def asked(self) -> dict[str, Any]:
        """The task; where that says no sizes, what the network was last examined on."""
        said = self.task.get("set_size") is not None
        return self.task if said else self.config.get(EXAMINED) or self.task

    @property
    def construction(self) -> dict[str, Any] | None:
        """What it was constructed from; None if it was not."""
        return self.config.get("construction")

    @property
    def imported(self) -> dict[str, Any] | None:
        """What `relubloom import` wrote of the file that it came from; None if it did not."""
        said = self.config.get("import")
        return cast(dict[str, Any], said) if isinstance(said, dict) else None

    @property
    def sizes(self) -> tuple[int, int] | None:
        """The smallest and the largest of its set sizes; None where it does not say them."""
        match self.asked.get("set_size"):
            case [int() as low, int() as high]:
                return low, high
            case int() as size:
                return size, size
            case _:
                return None

    @property
    def set_size(self) -> int | None:
        """The size of its sets; of several sizes the middle; None where it does not say."""
        return None if self.sizes is None else sum(self.sizes) // 2

    @property
    def vocab_size(self) -> int:
        """Tokens."""
        return self.net.vocab_size

    @property
    def width(self) -> int:
        """Hidden units."""
        return self.net.width

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of its examination."""
        return None if self.mechanism is None else self.mechanism.verdict

    @cached_property
    def net(self) -> ReluNet:
        """The network."""
        return ReluNet.from_pretrained(self.folder)

    @cached_property
    def W_in(self) -> NDArray[np.float32]:
        """Its input weights [vocab, width]."""
        return self.net.W_in.detach().float().numpy()

    @cached_property
    def code(self) -> Code | None:
        """The extracted code."""
        return read_code(self.folder)

    @cached_property
    def graded(self) -> GradedCode | None:
        """The extracted code with its strengths, where it has several."""
        found = read_graded_code(self.folder)
        return None if found is None or found.levels == 1 else found

    @cached_property
    def reversed(self) -> NDArray[np.bool_]:
        """Which units a bit turns on, bool [width]; none where it holds no code of its shape."""
        if self.code is None or self.code.bits.shape != self.W_in.shape:
            return np.zeros(self.width, dtype=np.bool_)
        return reversed_units(self.net, self.code)

    @property
    def polarity(self) -> str:
        """`direct`, `reversed` or `mixed`: whether bits turn units off, on, or some of them on."""
        if not self.reversed.any():
            return "direct"
        return "reversed" if self.reversed.all() else "mixed"

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Its units as figures sort them."""
        return unit_order(self.W_in, self.code)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The tokens' labels."""
        return read_labels(self.folder, self.vocab_size)

    @cached_property
    def film(self) -> tuple[NDArray[np.float32], list[int]] | None:
        """W_in of the first tokens at some moments [moments, tokens, width], and their steps."""
        found = read_film(self.folder)
        return None if found is None else (found[0].float().numpy(), found[1])


@dataclass(frozen=True)
class Contents:
    """Everything the page is about.

    `runs` are the trained networks of a study, or the one network of a run folder; `featured` is
    the one whose figures are shown.
    """

    folder: Path
    study: StudyRecord | None
    runs: tuple[StoredRun, ...]
    featured: StoredRun
    constructed: StoredRun | None

    @property
    def rival(self) -> RandomCodeFigures | None:
        """The best random code of the study."""
        return None if self.study is None else self.study.best_random_code

    @property
    def all_runs(self) -> tuple[StoredRun, ...]:
        """The runs and the constructed network beside them."""
        return self.runs if self.constructed is None else (*self.runs, self.constructed)

    @property
    def verdict(self) -> Verdict | None:
        """Of a study the commonest, of a run its own."""
        return self.featured.verdict if self.study is None else self.study.verdict

    @property
    def heading(self) -> str:
        """What the featured network is called in figures."""
        run = self.featured
        if len(self.runs) > 1:
            return f"trained (seed {run.seed})"
        if run.construction is not None:
            return "constructed"
        return "trained" if run.recipe is not None else "this network"

    @cached_property
    def example(self) -> Example | None:
        """The set that is worked through; None without a code, a size, or such a set."""
        run = self.featured
        if run.code is None or run.set_size is None:
            return None
        return find_example(run.net, run.graded or run.code, run.set_size)


def read_contents(folder: Path) -> Contents:
    """Read a study folder (it holds `study.json`) or any run folder.

    Raises:
        FileError: the folder is neither, or one of its files is damaged.
    """
    study = read_record(folder, StudyRecord)
    if study is None:
        run = read_run(folder)
        return Contents(folder, None, (run,), run, None)
    folders = [each for each in folder.glob("seed-*") if (each / CONFIG).exists()]
    runs = sorted(map(read_run, folders), key=lambda run: (run.seed or 0, run.name))
    if not runs:
        raise FileError(f"{folder} holds a study and no run folder seed-N; restore or rerun it")
    built = folder / CONSTRUCTED
    constructed = read_run(built) if (built / CONFIG).exists() else None
    return Contents(folder, study, tuple(runs), _typical(runs), constructed)


def read_run(folder: Path) -> StoredRun:
    """Read the small files of a run folder.

    Raises:
        FileError: `config.json` is missing, or a file is damaged.
    """
    config = read_config(folder)
    return StoredRun(
        folder=folder,
        config=config,
        recipe=_recipe(folder, config.get("recipe")),
        behaviour=read_record(folder, Behaviour),
        mechanism=read_record(folder, Mechanism),
        interventions=read_record(folder, Interventions),
        ladder=read_record(folder, Ladder),
        certificate=read_record(folder, Certificate),
        dynamics=read_record(folder, Dynamics),
        history=read_history(folder),
    )


def _recipe(folder: Path, described: Any) -> Recipe | None:
    if described is None:
        return None
    try:
        if isinstance(described, dict):
            return Recipe.from_description(cast(dict[str, Any], described))
        raise UsageError(f"recipe is {described!r}: it is an object")
    except (UsageError, TypeError) as error:
        raise FileError(f"{folder / CONFIG} is not readable: {error}; restore it") from None


def _typical(runs: list[StoredRun]) -> StoredRun:
    """The run of median mse; the first where none was examined."""
    examined = [(run.behaviour.mse, index) for index, run in enumerate(runs) if run.behaviour]
    return runs[sorted(examined)[len(examined) // 2][1]] if examined else runs[0]
