"""The steps of a study one at a time, each on one run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from relubloom import atomic
from relubloom.code import Family, make_code
from relubloom.code.by_family import SEARCH_SECONDS
from relubloom.errors import FileError, UsageError
from relubloom.evidence import Evidence, gather_evidence
from relubloom.evidence.certificate import certify
from relubloom.evidence.dynamics import dynamics_of
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import WEIGHTS, read_config
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import FILE_NAMES, read_record, remove_record, write_record
from relubloom.records.interventions import Interventions
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import (
    CHECKPOINT,
    CODE,
    RUN_FILES,
    Origin,
    is_empty,
    read_film,
    read_task,
    said_sizes,
    write_network,
    write_training,
)
from relubloom.records.study import RunRow
from relubloom.report.charts.drawing import remove_figures
from relubloom.task import KSparseTask
from relubloom.training import Progress, Recipe, check_network, train_stack

EVIDENCE_KINDS = (Behaviour, Mechanism, Interventions, Ladder, Certificate, Dynamics)

T = TypeVar("T")
Watch = Callable[[str, int, int, str], None]
"""Called with (stage, done, total, detail) as the work goes on."""


def unwatched(_stage: str, _done: int, _total: int, _detail: str) -> None:
    """Show nothing."""


def watch_training(watch: Watch) -> Callable[[Progress], None]:
    """Turn the loop's progress into calls of `watch`."""

    def on_progress(progress: Progress) -> None:
        detail = f"{progress.objective} {progress.loss:.5f}"
        watch("training", progress.step, progress.steps, detail)

    return on_progress


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `code.npz` and a file for each kind of evidence, each atomically.

    A file of interventions or of a ladder that was not asked for, from an earlier examination, is
    removed.
    """
    evidence.code.save(folder / CODE)
    write_or_remove(folder, Interventions, evidence.interventions)
    write_or_remove(folder, Ladder, evidence.ladder)
    write_record(folder, evidence.behaviour)
    write_record(folder, evidence.mechanism)


def write_or_remove(folder: Path, kind: type[T], record: T | None) -> None:
    """Write the record; where there is none, remove what an earlier examination left."""
    if record is None:
        remove_record(folder, kind)
    else:
        write_record(folder, record)


def row_of(folder: Path, seed: int | None) -> RunRow:
    """A row of `study.json`, from the folder's files.

    Raises:
        FileError: the folder was not examined, or a file is damaged.
    """
    behaviour, mechanism = read_record(folder, Behaviour), read_record(folder, Mechanism)
    if behaviour is None or mechanism is None:
        raise FileError(f"{folder} was not examined; run `relubloom examine {folder}`")
    return RunRow.of(str(folder), seed, behaviour, mechanism)


def train_run(
    task: KSparseTask,
    width: int,
    recipe: Recipe,
    labels: tuple[str, ...],
    seed: int,
    out: Path,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
) -> list[dict[str, Any]]:
    """Train one network into the run folder `out`; returns its history.

    Raises:
        UsageError: a value breaks its rule, or `out` holds something and neither `resume` nor
            `force` is given.
        StoppedError: Ctrl-C; the state is kept for `resume`.
    """
    check_network(width, (seed,))
    if force and resume:
        raise UsageError("--force and --resume are both given: replace or go on; give one")
    unfinished = (out / CHECKPOINT).exists()
    if resume and not unfinished and (out / WEIGHTS).exists():
        raise UsageError(f"{out} holds a finished run; examine it, or replace it with --force")
    if not (resume and unfinished):
        clear_run(out, force=force)
    atomic.check_writable(out)
    trained = train_stack(
        task,
        width,
        recipe,
        (seed,),
        device=device,
        threads=threads,
        checkpoint=out / CHECKPOINT,
        resume=resume,
        on_progress=watch_training(watch),
    )[0]
    write_training(out, trained.history, trained.film, trained.film_steps)
    write_network(out, trained.net, Origin(task, seed, recipe=recipe), labels)
    (out / CHECKPOINT).unlink(missing_ok=True)
    return trained.history


def construct_run(
    task: KSparseTask,
    width: int,
    labels: tuple[str, ...],
    out: Path,
    *,
    family: Family = "constant-weight",
    weight: int | None = None,
    seconds: float = SEARCH_SECONDS,
    sharpness: float | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, Any]:
    """Write the exact network of a code of the family; returns how it was made.

    `weight`, `seconds` and `seed` are those of `code.make_code`.

    Raises:
        UsageError: a value breaks its rule, or `out` holds something and `force` is not given.
    """
    if len(labels) != task.vocab_size:
        raise UsageError(
            f"{len(labels)} token labels for {task.vocab_size} tokens: give one label a token"
        )
    k = task.sizes[0]
    code = make_code(family, task.vocab_size, width, k, weight=weight, seed=seed, seconds=seconds)
    if sharpness is None:
        sharpness = default_sharpness(task.vocab_size, k)
    net = construct(code, sharpness)
    made = {
        "family": family,
        "weight": float(code.weights.mean()),
        "code_seed": seed,
        "sharpness": sharpness,
    }
    clear_run(out, force=force)
    write_network(out, net, Origin(task, seed, construction=made), labels)
    return made


def examine_run(
    folder: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    threads: int = 1,
    watch: Watch = unwatched,
) -> RunRow:
    """Gather evidence about the network in a run folder and write it there.

    Returns the row that `study.json` would hold. `set_size` where the folder does not say it,
    `sets` where its sets file lies now.
    """
    refuse_study(folder)
    net = ReluNet.from_pretrained(folder)
    task = read_task(folder, net, set_size, sets)
    evidence = gather_evidence(
        net,
        task.evaluation_sets(),
        threads,
        lambda stage, done, total: watch(stage, done, total, ""),
        depth="full",
    )
    write_evidence(folder, evidence)
    film = read_film(folder)
    write_or_remove(folder, Dynamics, None if film is None else dynamics_of(net, *film))
    return row_of(folder, read_config(folder).get("seed"))


def certify_run(
    folder: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    method: str | None = None,
    threads: int = 1,
    watch: Watch = unwatched,
) -> Certificate:
    """Certify the network in a run folder over all sets of one size; writes `certificate.json`.

    `set_size` where the folder does not say it, or to certify another. A sets file that the
    folder names is not read: all C(vocab, k) sets count alike.

    Raises:
        UsageError: the folder says no single set size, or the method cannot answer.
        FileError: the folder is no run folder.
    """
    refuse_study(folder)
    net = ReluNet.from_pretrained(folder)
    if set_size is None:
        set_size = said_sizes(folder, read_config(folder).get("task") or {})
    task = KSparseTask(net.vocab_size, set_size)
    certificate = certify(
        net,
        task,
        method=method,
        workers=threads,
        on_sets=lambda done, total: watch("certifying", done, total, ""),
    )
    write_record(folder, certificate)
    return certificate


def clear_run(out: Path, *, force: bool) -> None:
    """Make `out` ready for a run folder: it is empty, or `force` removes the run that is there.

    Raises:
        UsageError: `out` is no folder, or holds something and `force` is not given, or holds
            something that is no run folder.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: --out names a folder; choose another")
    if is_empty(out):
        return
    if not force:
        raise UsageError(f"{out} is not empty; replace it with --force, or choose another --out")
    if not (out / WEIGHTS).exists() and not (out / CHECKPOINT).exists():
        raise UsageError(f"{out} holds no run: --force replaces only those; choose another")
    remove_figures(out)
    for name in (*RUN_FILES, *(FILE_NAMES[kind] for kind in EVIDENCE_KINDS)):
        (out / name).unlink(missing_ok=True)


def refuse_study(folder: Path) -> None:
    """Point from a study to one of its run folders.

    Raises:
        FileError: the folder is a study.
    """
    runs = sorted(folder.glob("seed-*/config.json"))
    if runs and not (folder / WEIGHTS).exists():
        raise FileError(
            f"{folder} is a study; give one of its run folders, such as {runs[0].parent}"
        )
