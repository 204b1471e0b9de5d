"""The main job: train, construct, gather evidence, report."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from relubloom import atomic
from relubloom._version import __version__
from relubloom.code import random_constant_weight
from relubloom.evidence.gather import Depth
from relubloom.evidence.random_code import BestRandomCode, best_random_code
from relubloom.progress import ProgressDisplay
from relubloom.records.files import write_record
from relubloom.records.run_folder import CHECKPOINT, REPORT
from relubloom.records.study import RandomCodeFigures, StudyRecord
from relubloom.records.verdict import commonest
from relubloom.report.page import write_report
from relubloom.study.folders import CONSTRUCTED, prepare_study
from relubloom.study.settings import Study, StudyOptions, as_study, planned
from relubloom.study.steps import (
    Watch,
    examine_network,
    is_examined,
    row_of,
    train_networks,
    unwatched,
    was_examined,
    write_constructed,
)
from relubloom.threads import cores
from relubloom.training.checkpoint import remove_checkpoint
from relubloom.training.devices import check_device

QUICK_SETS = 20_000


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
    quick_sets: int = QUICK_SETS,
) -> StudyRecord:
    """Do the study in the folder `out` and return what `study.json` holds.

    A finished study of the same settings is returned as it is when `resume` is given; an
    unfinished one goes on where it stopped. A quick one is evaluated on `quick_sets` sets.

    Raises:
        UsageError: `study` is none, `out` holds something and neither `resume` nor `force` is
            given, or it holds a study of other settings.
        StoppedError: Ctrl-C; what was done is kept for `resume`.
        FileError: something cannot be written.
    """
    study, out = as_study(study), Path(out)
    finished = prepare_study(study.describe(), out, resume=resume, force=force)
    if finished is not None:
        if not (out / REPORT).exists():
            write_report(out)
        return finished
    atomic.check_writable(out)
    draw = quick_sets if study.quick else None
    depth: Depth = "quick" if study.quick else "study"
    rival = best_random_code(study.task, study.width, draw)
    networks = train_networks(
        study, lambda seed: out / f"seed-{seed}", out, resume, device, threads, watch
    )
    _write_best_random(study, rival, out / CONSTRUCTED)
    sets = study.task.evaluation_sets(draw)
    seeds = {each.seed: out / f"seed-{each.seed}" for each in networks}
    named = {"constructed": out / CONSTRUCTED} | {f"seed {s}": at for s, at in seeds.items()}
    for name, folder in named.items():
        if not is_examined(folder, len(sets), depth):
            examine_network(folder, sets, depth, threads, watch, f"{name}: ")
    rows = [row_of(folder, seed) for seed, folder in seeds.items()]
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
        resume, force: go on with what lies there, or replace it.
        device: "cpu", "cuda" or "mps".
        threads: to use; all cores by default.
        quiet: show no progress.
        asked: the command's other options by name, as `vocab_size=64, set_size=3, width=24`; see
            `study.settings.StudyOptions`.

    Raises:
        UsageError: an option breaks its rule, or `out` holds something and neither `resume` nor
            `force` is given.
        StoppedError: as `run_study`.
    """
    wanted = planned(**asked)
    check_device(device)
    with ProgressDisplay(quiet) as watch:
        return run_study(
            *(wanted, wanted.default_folder if out is None else out),
            resume=resume,
            force=force,
            device=device,
            threads=cores(threads),
            watch=watch,
        )


def _write_best_random(study: Study, rival: BestRandomCode, folder: Path) -> None:
    """The exact network of a random code of the best weight."""
    seed = study.seed if rival.closed_form else rival.seed
    code = random_constant_weight(study.task.vocab_size, study.width, rival.weight, seed)
    made = {"family": "constant-weight", "weight": rival.weight, "code_seed": seed}
    if not was_examined(folder):
        write_constructed(folder, study.task, code, made, study.labels)
