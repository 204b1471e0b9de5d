"""The main job: train, construct, gather evidence, report."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Unpack

from relubloom import atomic
from relubloom._version import __version__
from relubloom.code import Code, random_constant_weight, worth_on
from relubloom.errors import StoppedError, as_path
from relubloom.evidence.gather import Depth
from relubloom.evidence.random_code import best_random_code
from relubloom.progress import ProgressDisplay, Watch, unwatched
from relubloom.records.files import read_record, write_record
from relubloom.records.run_folder import CHECKPOINT, CODE, CONSTRUCTED, LEARNED, REPORT
from relubloom.records.study import LearnedCodeFigures, StudyRecord, Swaps
from relubloom.records.verdict import commonest
from relubloom.report.page import write_report
from relubloom.study.constructing import write_constructed
from relubloom.study.folders import alone_in, prepare_study
from relubloom.study.settings import Study, StudyOptions, as_study, planned
from relubloom.study.source_codes import source_code
from relubloom.study.steps import (
    examine_network,
    is_examined,
    row_of,
    train_networks,
    was_examined,
)
from relubloom.study.swaps import choose_swaps
from relubloom.threads import cores
from relubloom.training.checkpoint import remove_checkpoint
from relubloom.training.devices import check_device

QUICK_SETS = 20_000
CODE_SECONDS, QUICK_CODE_SECONDS = 15.0, 3.0  # for the code that is learned


def run_study(
    study: Study,
    out: Path | str,
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
    unfinished one goes on where it stopped. A quick one is evaluated on 20,000 sets.

    Raises:
        UsageError: `study` is no Study, `out` holds something and neither `resume` nor `force` is
            given, or it holds a study of other settings.
        StoppedError: Ctrl-C; the state is kept in `out`, and `resume=True` goes on with it.
        FileError: something cannot be written.
    """
    study, out = as_study(study), as_path("out", out)
    with alone_in(out):
        finished = prepare_study(study.describe(), out, resume=resume, force=force)
        if finished is None:
            return _made(study, out, command, resume, device, threads, watch)
        if not (out / REPORT).exists():
            write_report(out)
    runs = [replace(row, dir=str(out / f"seed-{row.seed}")) for row in finished.runs]
    return replace(finished, runs=runs, report=str(out / REPORT))  # it may have been moved


def _made(
    study: Study,
    out: Path,
    command: str,
    resume: bool,
    device: str,
    threads: int,
    watch: Watch,
) -> StudyRecord:
    """What `run_study` does where no finished study lies."""
    atomic.check_writable(out)
    study, swaps = _with_swaps(study, out, threads, watch)
    draw = QUICK_SETS if study.quick else None
    depth: Depth = "quick" if study.quick else "study"
    rival, median_seed = best_random_code(study.task, study.width, draw)
    networks = train_networks(
        study, lambda seed: out / f"seed-{seed}", out, resume, device, threads, watch
    )
    seed = study.seed if median_seed is None else median_seed
    _write_random(study, rival.weight, seed, out / CONSTRUCTED)
    learned = _write_learned(study, out / LEARNED, watch)
    sets = study.task.evaluation_sets(draw)
    seeds = {each.seed: out / f"seed-{each.seed}" for each in networks}
    built = {CONSTRUCTED: out / CONSTRUCTED} | ({LEARNED: out / LEARNED} if learned else {})
    named = built | {f"seed {s}": at for s, at in seeds.items()}
    for name, folder in named.items():
        if not is_examined(folder, len(sets), depth):
            examine_network(folder, sets, depth, device, threads, watch, f"{name}: ")
    rows = [row_of(folder, seed) for seed, folder in seeds.items()]
    result = StudyRecord(
        relubloom_version=__version__,
        command=command,
        configuration=study.describe(),
        runs=rows,
        best_random_code=rival,
        verdict=commonest(row.verdict for row in rows),
        report=str(out / REPORT),
        learned_code=learned,
        swaps=swaps,
    )
    watch("report", 0, 1, "")
    write_record(out, result)
    write_report(out)
    watch("report", 1, 1, "")
    remove_checkpoint(out / CHECKPOINT)
    return result


def study(
    out: Path | str | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "cpu",
    threads: int | None = None,
    quiet: bool = False,
    **asked: Unpack[StudyOptions],
) -> StudyRecord:
    """Everything in one call, as `relubloom study`: train, construct, examine, report.

    Args:
        out: the folder to write; by default `runs` and a name made of the settings.
        resume: go on with the unfinished study that lies there, or return the finished one.
        force: replace the study that lies there.
        device: "cpu", "cuda" or "mps".
        threads: to use; all cores by default.
        quiet: show no progress.
        asked: the command's other options by name, as `vocab_size=64, set_size=3, width=24`; see
            `StudyOptions`.

    Raises:
        UsageError: an option breaks its rule, or `out` holds something and neither `resume` nor
            `force` is given.
        StoppedError: Ctrl-C; the state is kept in `out`, and `resume=True` goes on with it.
    """
    wanted = planned(choose_swaps=not asked.get("quick", False), **asked)
    check_device(device)
    folder = wanted.default_folder if out is None else as_path("out", out)
    try:
        with ProgressDisplay(quiet) as watch:
            return run_study(
                *(wanted, folder),
                resume=resume,
                force=force,
                device=device,
                threads=cores(threads),
                watch=watch,
            )
    except StoppedError as stopped:
        raise StoppedError(
            f"{stopped}, kept in {folder}; go on with the same call and resume=True"
        ) from None


def _with_swaps(study: Study, out: Path, threads: int, watch: Watch) -> tuple[Study, Swaps | None]:
    """The study with the share of swapped tokens that it asks to choose, and the choice.

    What was chosen is written, for `resume`. A training that earlier versions began has no swaps.
    """
    if not study.choose_swaps:
        return study, None
    swaps = read_record(out, Swaps)
    if swaps is None:
        begun = (out / CHECKPOINT).exists()
        swaps = Swaps(0.0, []) if begun else choose_swaps(study, threads, watch)
        write_record(out, swaps)
    task = replace(study.task, swaps=swaps.share)
    return replace(study, task=task, choose_swaps=False), swaps


def _write_random(study: Study, weight: int, seed: int, folder: Path) -> None:
    """The exact network of a random code of a weight."""
    code = random_constant_weight(study.task.vocab_size, study.width, weight, seed)
    made = {"family": "constant-weight", "weight": weight, "code_seed": seed}
    if not was_examined(folder):
        write_constructed(folder, study.task, code, made, study.labels)


def _write_learned(study: Study, folder: Path, watch: Watch) -> LearnedCodeFigures | None:
    """Learn a code from the training sets of a study's file and write its exact network; what it
    is worth on the held-out sets. It takes 15 seconds, of a quick study 3, unless it was written.

    None where the sets are no file's, or a set may cover every unit (`code.learned.check_width`).
    """
    task = study.task
    if task.file is None or study.width <= task.sizes[1]:
        return None
    if not (folder / CODE).exists():
        seconds = QUICK_CODE_SECONDS if study.quick else CODE_SECONDS
        code, history = source_code("learned", task, study.width, seconds, study.seed, watch)
        made = {"family": "learned", "weight": float(code.weights.mean()), "code_seed": study.seed}
        write_constructed(folder, task, code, made | history, study.labels)
        code.save(folder / CODE)
    code, sets = Code.load(folder / CODE), task.evaluation_sets()
    copies = sets.weights(0, len(sets)).numpy()
    found = worth_on(code, sets.chunk(0, len(sets)).numpy(), copies)
    return LearnedCodeFigures(weight=float(code.weights.mean()), **asdict(found))
