"""The steps of a study, each on run folders: train, examine, certify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from relubloom import atomic
from relubloom.errors import FileError
from relubloom.evidence import Evidence, gather_evidence
from relubloom.evidence.certificate import certify, certify_lines
from relubloom.evidence.dynamics import dynamics_of
from relubloom.evidence.gather import Depth
from relubloom.measure.forward import placed
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import read_config
from relubloom.progress import Watch, unwatched
from relubloom.reading import sha256_of
from relubloom.records.behaviour import Behaviour, figures_over
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import FILE_NAMES, read_record, remove_record, write_record
from relubloom.records.folder_task import read_task, refuse_sizes, remember, said_sizes, said_task
from relubloom.records.interventions import Interventions
from relubloom.records.labels import given_labels
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import (
    CHECKPOINT,
    CODE,
    FILM,
    Origin,
    imported_from,
    read_film,
    write_labels,
    write_network,
    write_training,
)
from relubloom.records.study import RunRow
from relubloom.study.folders import alone_in, prepare_run, refuse_study
from relubloom.study.settings import Study
from relubloom.task import KSparseTask, SetCollection, as_sizes, format_sizes
from relubloom.task.sets_file import refuse_skip_bad
from relubloom.tokens_file import read_tokens
from relubloom.training import HistoryRow, TrainedNetwork, TrainingProgress, train_stack
from relubloom.training.checkpoint import remove_checkpoint

T = TypeVar("T")


def train_run(
    study: Study,
    out: Path,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
) -> list[HistoryRow]:
    """Train the network of a study's first seed into the run folder `out`; returns its history.

    Raises:
        UsageError: a value breaks its rule, or `out` holds something and neither `resume` nor
            `force` is given.
        StoppedError: Ctrl-C; the state is kept for `resume`.
    """
    with alone_in(out):
        prepare_run(out, resume=resume, force=force)
        atomic.check_writable(out)
        trained = train_networks(study, lambda _seed: out, out, resume, device, threads, watch)[0]
        remove_checkpoint(out / CHECKPOINT)
    return trained.history


def train_networks(
    study: Study,
    folder_of: Callable[[int], Path],
    out: Path,
    resume: bool,
    device: str,
    threads: int,
    watch: Watch,
) -> list[TrainedNetwork]:
    """Train a network a seed, all at once, and write each to its folder unless it was examined.

    The checkpoint lies in `out`; it stays there, for the work that follows.
    """

    def on_progress(progress: TrainingProgress) -> None:
        shown = f"{progress.objective} {progress.loss:.5f}", progress.note
        watch("training", progress.step, progress.steps, ", ".join(filter(None, shown)))

    networks = train_stack(
        study.task,
        study.width,
        study.recipe,
        study.all_seeds,
        device=device,
        threads=threads,
        checkpoint=out / CHECKPOINT,
        resume=resume,
        init_from=None if study.start is None else study.start.net,
        on_progress=on_progress,
    )
    started = None if study.start is None else study.start.describe()
    for each in networks:
        folder = folder_of(each.seed)
        if not was_examined(folder):
            write_training(folder, each.history, each.film, each.film_steps)
            origin = Origin(study.task, each.seed, recipe=study.recipe, init_from=started)
            write_network(folder, each.net, origin, study.labels)
    return networks


def examine_run(
    folder: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    tokens: Path | None = None,
    skip_bad: bool = False,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
) -> RunRow:
    """Gather all evidence about the network in a run folder and write it there.

    Returns the row that `study.json` would hold. What the network is examined on is that of
    `folder_task.read_task`; it is remembered there, and so are the labels of `tokens`. It is run on
    the `device` where that is CUDA, and else on the CPU.

    Raises:
        UsageError: nothing says the set size, or the labels are not one a token.
        FileError: the folder is no run folder, or a file is damaged or gone.
        RelubloomError: the device has too little memory.
    """
    refuse_study(folder)
    read_config(folder)
    with alone_in(folder):
        net = ReluNet.from_pretrained(folder)
        task = read_task(folder, net, set_size, sets, tokens=tokens, skip_bad=skip_bad)
        examine_network(folder, task.evaluation_sets(), "full", device, threads, watch)
        remember(folder, task, None if tokens is None else read_tokens(tokens))
        return row_of(folder, read_config(folder).get("seed"))


def examine_network(
    folder: Path,
    sets: SetCollection,
    depth: Depth,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
    name: str = "",
) -> None:
    """Gather evidence about the network of a run folder and write it there; stages are called
    by `name` and their own. Unless `quick`, its film is read too, where it has one.

    Raises:
        RelubloomError: the device has too little memory.
    """
    net = ReluNet.from_pretrained(folder)
    evidence = gather_evidence(
        placed(net, device),
        sets,
        threads,
        lambda stage, done, total: watch(name + stage, done, total, ""),
        depth=depth,
    )
    write_evidence(folder, evidence)
    film = None if depth == "quick" else read_film(folder)
    _write_or_remove(folder, Dynamics, None if film is None else dynamics_of(net, *film))


def is_examined(folder: Path, sets: int, depth: Depth) -> bool:
    """Whether an interrupted study has examined this network, on as many sets."""
    behaviour = read_record(folder, Behaviour)
    filmed = depth != "quick" and (folder / FILM).exists()
    return (
        was_examined(folder)
        and behaviour is not None
        and behaviour.sets == sets
        and (not filmed or (folder / FILE_NAMES[Dynamics]).exists())
    )


def was_examined(folder: Path) -> bool:
    """Whether the folder holds a network with its evidence: `mechanism.json` is written last."""
    return (folder / FILE_NAMES[Mechanism]).exists()


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `code.npz` and a file for each kind of evidence, each atomically.

    A file of interventions or of a ladder that was not asked for, from an earlier examination, is
    removed. A certificate stays where this one says no more: none, or a sample beside a proof.
    """
    graded = evidence.graded
    (evidence.code if graded.levels == 1 else graded).save(folder / CODE)
    _write_or_remove(folder, Interventions, evidence.interventions)
    _write_or_remove(folder, Ladder, evidence.ladder)
    _write_certificate(folder, evidence.certificate)
    write_record(folder, evidence.behaviour)
    write_record(folder, evidence.mechanism)


def row_of(folder: Path, seed: int | None) -> RunRow:
    """A row of `study.json`, from the folder's files.

    Raises:
        FileError: as `examined_files`.
    """
    return RunRow.of(str(folder), seed, *examined_files(folder))


def examined_files(folder: Path) -> tuple[Behaviour, Mechanism]:
    """What every examination writes.

    Raises:
        FileError: the folder was not examined, or a file is damaged.
    """
    behaviour, mechanism = read_record(folder, Behaviour), read_record(folder, Mechanism)
    if behaviour is None or mechanism is None:
        raise FileError(f"{folder} was not examined; run `relubloom examine {folder}`")
    return behaviour, mechanism


def certify_run(
    folder: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    tokens: Path | None = None,
    skip_bad: bool = False,
    method: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    watch: Watch = unwatched,
) -> Certificate:
    """Certify the network in a run folder over sets of one size; writes `certificate.json`.

    All C(vocab, k) sets count alike, also where the folder was made from a file of sets; `sets`
    takes the lines of a file instead, as `folder_task.read_task` does. `set_size` where the folder
    does not say it, or to certify another; where the folder did not say it, it is remembered
    there, and so are the labels of `tokens`. Sets are evaluated on the `device` where that is
    CUDA, and else on the CPU.

    Raises:
        UsageError: nothing says a single set size, or the method cannot answer, or the labels are
            not one a token.
        FileError: the folder is no run folder, or the file of sets cannot be used.
        RelubloomError: the device has too little memory.
    """
    refuse_study(folder)
    read_config(folder)

    def on_sets(done: int, total: int) -> None:
        watch("certifying", done, total, "")

    with alone_in(folder):
        net = placed(ReluNet.from_pretrained(folder), device)
        labels = None if tokens is None else given_labels(folder, net.vocab_size, tokens)
        if sets is not None:
            task = read_task(folder, net, set_size, sets, tokens=tokens, skip_bad=skip_bad)
            certificate = certify_lines(net, task, method=method, workers=threads, on_sets=on_sets)
        else:
            refuse_skip_bad(skip_bad, sets)
            size = said_sizes(folder) if set_size is None else set_size
            refuse_sizes(folder, size)
            task = KSparseTask(net.vocab_size, size)
            certificate = certify(net, task, method=method, workers=threads, on_sets=on_sets)
        certificate = replace(certificate, imported=imported_from(folder))
        write_record(folder, certificate)
        if labels is not None:
            write_labels(folder, labels)
        if said_task(folder).get("set_size") is None:
            remember(folder, task)
    return certificate


def check_figures(
    folder: Path,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
) -> None:
    """Refuse a folder whose figures are not over these sets: a page shows what was examined.

    Raises:
        FileError: the folder is a study or no run folder, was not examined, or was examined on
            other sets.
    """
    if set_size is None and sets is None:
        return
    refuse_study(folder)
    read_config(folder)
    behaviour = read_record(folder, Behaviour)
    asked = [] if sets is None else ["--sets", str(sets)]
    asked += [] if set_size is None else ["--set-size", format_sizes(as_sizes(set_size))]
    remedy = f"run `relubloom examine {folder} {' '.join(asked)}` first"
    if behaviour is None:
        raise FileError(f"{folder} was not examined, and a page shows figures; {remedy}")
    right_file = sets is None or (
        behaviour.file is not None and behaviour.file.sha256 == sha256_of(sets)
    )
    low, high = behaviour.sizes
    wanted = behaviour.sizes if set_size is None else as_sizes(set_size)
    right_sizes = wanted == (low, high) or (
        behaviour.file is not None and wanted[0] <= low and high <= wanted[1]
    )
    if not (right_file and right_sizes):
        raise FileError(f"{folder} was examined on {figures_over(behaviour)}; {remedy}")


def name_tokens(folder: Path, tokens: Path) -> None:
    """Write the labels of a file to the run folder's `tokens.txt`.

    Raises:
        UsageError: they are not one a token.
        FileError: the folder is a study or no run folder, or the file cannot be used.
    """
    refuse_study(folder)
    labels = given_labels(folder, ReluNet.from_pretrained(folder).vocab_size, tokens)
    assert labels is not None
    write_labels(folder, labels)


def _write_or_remove(folder: Path, kind: type[T], record: T | None) -> None:
    """Write the record; where there is none, remove what an earlier examination left."""
    if record is None:
        remove_record(folder, kind)
    else:
        write_record(folder, record)


def _write_certificate(folder: Path, found: Certificate | None) -> None:
    """Write the certificate, unless it is a sample of sets that a proof is there of."""
    if found is None:
        return
    try:
        there = read_record(folder, Certificate)
    except FileError:  # damaged: made anew
        there = None
    proven = there is not None and there.confidence is None and there.file is None
    proven = proven and there is not None and there.set_size == found.set_size
    if not (proven and found.confidence is not None):
        write_record(folder, replace(found, imported=imported_from(folder)))
