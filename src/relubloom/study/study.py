"""The main job: train, construct, gather evidence, report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom._version import __version__
from relubloom.code import random_constant_weight
from relubloom.errors import UsageError
from relubloom.evidence import gather_evidence
from relubloom.evidence.dynamics import dynamics_of
from relubloom.evidence.gather import Depth
from relubloom.evidence.random_code import BestRandomCode, best_random_code
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import Behaviour
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import FILE_NAMES, read_record, write_record
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import (
    CHECKPOINT,
    REPORT,
    RUN_FILES,
    Origin,
    is_empty,
    write_network,
    write_training,
)
from relubloom.records.study import RandomCodeFigures, RunRow, StudyRecord
from relubloom.records.verdict import commonest
from relubloom.report.charts.drawing import remove_figures
from relubloom.report.page import write_report
from relubloom.study.steps import (
    EVIDENCE_KINDS,
    Watch,
    row_of,
    unwatched,
    watch_training,
    write_evidence,
)
from relubloom.task import KSparseTask, hash_of
from relubloom.training import Recipe, TrainedNetwork, train_stack

CONSTRUCTED = "constructed"
QUICK_SETS = 20_000


@dataclass(frozen=True)
class Study:
    """What to study: a task, a width, a recipe, and how many seeds from which on.

    `labels` are the tokens' names; `quick` trades steps and sets for an answer within seconds.
    """

    task: KSparseTask
    width: int
    recipe: Recipe
    labels: tuple[str, ...]
    seed: int = 0
    seeds: int = 1
    quick: bool = False

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width is {self.width}: at least 1 hidden unit; raise it")
        if self.seeds < 1:
            raise UsageError(f"seeds is {self.seeds}: at least 1 network is trained; raise it")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}: seeds are 0 or more; raise it")
        if len(self.labels) != self.task.vocab_size:
            raise UsageError(
                f"{len(self.labels)} token labels for {self.task.vocab_size} tokens: give one "
                "label a token"
            )

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def describe(self) -> dict[str, Any]:
        """What identifies the study, as JSON values."""
        return {
            "task": self.task.describe(),
            "tokens_sha256": hash_of(self.labels),
            "width": self.width,
            "recipe": self.recipe.describe(),
            "seeds": list(self.all_seeds),
            "quick": self.quick,
        }


def run_study(
    study: Study,
    out: Path,
    *,
    command: str = "",
    resume: bool = False,
    force: bool = False,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
) -> StudyRecord:
    """Do the study in the folder `out` and return what `study.json` holds.

    A finished study of the same settings is returned as it is when `resume` is given; an
    unfinished one goes on where it stopped.

    Raises:
        UsageError: `out` holds something and neither `resume` nor `force` is given, or it
            holds a study of other settings.
        StoppedError: Ctrl-C; what was done is kept for `resume`.
        FileError: something cannot be written.
    """
    finished = prepare_folder(study, out, resume=resume, force=force)
    if finished is not None:
        return finished
    atomic.check_writable(out)
    draw = QUICK_SETS if study.quick else None
    rival = best_random_code(study.task, study.width, draw)
    networks = _train(study, out, resume, device, threads, watch)
    _examine_constructed(study, rival, out / CONSTRUCTED, threads, watch)
    rows = [_examine_trained(study, each, out, threads, watch) for each in networks]
    result = StudyRecord(
        relubloom_version=__version__,
        command=command,
        configuration=study.describe(),
        runs=rows,
        best_random_code=RandomCodeFigures(rival.weight, rival.mse, rival.kl, rival.p_exact),
        verdict=commonest(row.verdict for row in rows),
        report=str(out / REPORT),
    )
    watch("report", 0, 1, "")
    write_record(out, result)
    write_report(out)
    watch("report", 1, 1, "")
    (out / CHECKPOINT).unlink(missing_ok=True)
    return result


def prepare_folder(study: Study, out: Path, *, resume: bool, force: bool) -> StudyRecord | None:
    """Make `out` ready; returns the finished study that lies there if `resume` asks for it.

    `force` removes what an earlier study wrote, and nothing else.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: --out names a folder; choose another")
    if force and resume:
        raise UsageError("--force and --resume are both given: replace or go on; give one")
    if is_empty(out):
        return None
    ours = (out / FILE_NAMES[StudyRecord]).exists() or (out / CHECKPOINT).exists()
    if force:
        if not ours:
            raise UsageError(f"{out} holds no study: --force replaces only those; choose another")
        _remove_study(out)
        return None
    if not resume:
        raise UsageError(
            f"{out} is not empty; go on with --resume, replace it with --force, or choose "
            "another --out"
        )
    found = read_record(out, StudyRecord)
    if found is None:
        return None
    if _identity(found.configuration) != _identity(study.describe()):
        raise UsageError(
            f"{out} holds a study of other settings; choose another --out, or replace it with "
            "--force"
        )
    if not (out / REPORT).exists():
        write_report(out)
    return found


def _train(
    study: Study, out: Path, resume: bool, device: str, threads: int, watch: Watch
) -> list[TrainedNetwork]:
    networks = train_stack(
        study.task,
        study.width,
        study.recipe,
        study.all_seeds,
        device=device,
        threads=threads,
        checkpoint=out / CHECKPOINT,
        resume=resume,
        on_progress=watch_training(watch),
    )
    for each in networks:
        folder = out / f"seed-{each.seed}"
        if not (folder / FILE_NAMES[Mechanism]).exists():
            origin = Origin(study.task, each.seed, recipe=study.recipe)
            write_network(folder, each.net, origin, study.labels)
            write_training(folder, each.history, each.film, each.film_steps)
    return networks


def _examine_trained(
    study: Study, trained: TrainedNetwork, out: Path, threads: int, watch: Watch
) -> RunRow:
    folder = out / f"seed-{trained.seed}"
    _examine(study, trained.net, folder, f"seed {trained.seed}", threads, watch)
    if not study.quick and not (folder / FILE_NAMES[Dynamics]).exists():
        write_record(folder, dynamics_of(trained.net, trained.film, trained.film_steps))
    return row_of(folder, trained.seed)


def _examine_constructed(
    study: Study, rival: BestRandomCode, folder: Path, threads: int, watch: Watch
) -> None:
    seed = study.seed if rival.closed_form else rival.seed
    code = random_constant_weight(study.task.vocab_size, study.width, rival.weight, seed)
    sharpness = default_sharpness(study.task.vocab_size, study.task.sizes[0])
    net = construct(code, sharpness)
    construction = {
        "family": "constant-weight",
        "weight": rival.weight,
        "code_seed": seed,
        "sharpness": sharpness,
    }
    origin = Origin(study.task, seed, construction=construction)
    if not (folder / FILE_NAMES[Mechanism]).exists():
        write_network(folder, net, origin, study.labels)
    _examine(study, net, folder, "constructed", threads, watch)


def _examine(
    study: Study, net: ReluNet, folder: Path, name: str, threads: int, watch: Watch
) -> None:
    sets = study.task.evaluation_sets(QUICK_SETS if study.quick else None)
    if _is_examined(folder, len(sets)):
        return

    def on_stage(stage: str, done: int, total: int) -> None:
        watch(f"{name}: {stage}", done, total, "")

    depth: Depth = "quick" if study.quick else "study"
    write_evidence(folder, gather_evidence(net, sets, threads, on_stage, depth=depth))


def _is_examined(folder: Path, sets: int) -> bool:
    """Whether an interrupted study has examined this network, on as many sets."""
    behaviour = read_record(folder, Behaviour)
    examined = (folder / FILE_NAMES[Mechanism]).exists()
    return behaviour is not None and behaviour.sets == sets and examined


def _remove_study(out: Path) -> None:
    seeds = [folder for folder in out.glob("seed-*") if re.fullmatch(r"seed-\d+", folder.name)]
    for folder in [*seeds, out / CONSTRUCTED]:
        for name in (*RUN_FILES, *(FILE_NAMES[kind] for kind in EVIDENCE_KINDS)):
            (folder / name).unlink(missing_ok=True)
        remove_figures(folder)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    remove_figures(out)
    for name in (FILE_NAMES[StudyRecord], REPORT, CHECKPOINT):
        (out / name).unlink(missing_ok=True)


def _identity(described: dict[str, Any]) -> dict[str, Any]:
    """The settings without what may differ: the path of a sets file (its hash counts)."""
    task = {name: value for name, value in described.get("task", {}).items() if name != "sets"}
    return described | {"task": task}
