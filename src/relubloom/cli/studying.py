"""`relubloom study` and `relubloom train`."""

from __future__ import annotations

import json as json_text
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relubloom.cli import options
from relubloom.cli.progress import ProgressDisplay

if TYPE_CHECKING:
    from relubloom.records.study import StudyRecord
    from relubloom.study.settings import Study
    from relubloom.task import KSparseTask


def study(
    preset: options.Preset = "article",
    vocab_size: options.VocabSize = None,
    width: options.Width = None,
    set_size: options.SetSize = None,
    source: options.SourceOption = "uniform",
    sets: options.SetsPath = None,
    tokens: options.TokensPath = None,
    skip_bad: options.SkipBad = False,
    objective: options.ObjectiveOption = None,
    steps: options.Steps = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    activation: options.ActivationOption = None,
    seed: options.Seed = 0,
    seeds: Annotated[
        int, typer.Option(help="Networks to train.", rich_help_panel=options.TRAINING)
    ] = 1,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="An answer within seconds: at most 2,000 steps, figures over 20,000 drawn sets.",
            rich_help_panel=options.TRAINING,
        ),
    ] = False,
    out: options.Out = None,
    resume: options.Resume = False,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Train, construct, examine, report: everything, from a task to a verdict."""
    from relubloom.records.files import document
    from relubloom.study.study import run_study

    planned = _planned(
        *(preset, vocab_size, width, set_size, source, sets, tokens, skip_bad),
        *(objective, steps, batch_size, learning_rate, activation),
        *(seed, seeds, quick, device, quiet),
    )
    folder = out or Path("runs") / _folder_name(planned)
    with ProgressDisplay(quiet) as watch:
        result = run_study(
            planned,
            folder,
            command=shlex.join(["relubloom", *sys.argv[1:]]),
            resume=resume,
            force=force,
            device=device,
            threads=options.cores(threads),
            watch=watch,
        )
    if json:
        typer.echo(json_text.dumps(document(result), allow_nan=False))
    else:
        typer.echo(_study_text(result))


def train(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Run folder to write.", rich_help_panel=options.OUTPUT),
    ],
    preset: options.Preset = "article",
    vocab_size: options.VocabSize = None,
    width: options.Width = None,
    set_size: options.SetSize = None,
    source: options.SourceOption = "uniform",
    sets: options.SetsPath = None,
    tokens: options.TokensPath = None,
    skip_bad: options.SkipBad = False,
    objective: options.ObjectiveOption = None,
    steps: options.Steps = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    activation: options.ActivationOption = None,
    seed: options.Seed = 0,
    resume: options.Resume = False,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    device: options.Device = "cpu",
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Train one network into a run folder (examine it afterwards)."""
    from relubloom.study.steps import train_run

    planned = _planned(
        *(preset, vocab_size, width, set_size, source, sets, tokens, skip_bad),
        *(objective, steps, batch_size, learning_rate, activation),
        *(seed, 1, False, device, quiet),
    )
    with ProgressDisplay(quiet) as watch:
        history = train_run(
            planned,
            out,
            resume=resume,
            force=force,
            device=device,
            threads=options.cores(threads),
            watch=watch,
        )
    last = history[-1]
    if json:
        typer.echo(json_text.dumps({"dir": str(out), "seed": seed} | last, allow_nan=False))
    else:
        typer.echo(f"{out}: {last['objective']} {last['loss']:.5f} after {last['step']:,} steps")
        typer.echo(f"next: relubloom examine {out}")


def _planned(
    preset: options.PresetName,
    vocab_size: int | None,
    width: int | None,
    set_size: str | None,
    source: options.Source,
    sets: Path | None,
    tokens: Path | None,
    skip_bad: bool,
    objective: options.Objective | None,
    steps: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    activation: options.Activation | None,
    seed: int,
    seeds: int,
    quick: bool,
    device: str,
    quiet: bool,
) -> Study:
    """The preset, changed by the options; the device works."""
    from dataclasses import replace

    from relubloom.memory import refuse_too_large
    from relubloom.study.settings import PRESETS, Study, quick_recipe
    from relubloom.training.devices import check_device

    base = PRESETS[preset]
    wide = base.width if width is None else width
    refuse_too_large(base.vocab_size if vocab_size is None else vocab_size, wide)
    task, labels = options.build_task(
        (base.vocab_size, base.set_size), vocab_size, set_size, source, sets, tokens, skip_bad
    )
    changes: dict[str, Any] = {
        "objective": objective,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "activation": activation,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    recipe = replace(base.recipe, **given)
    check_device(device)
    _say_what_was_left_out(task, quiet)
    return Study(task, wide, quick_recipe(recipe) if quick else recipe, labels, seed, seeds, quick)


def _folder_name(planned: Study) -> str:
    from relubloom.task import format_sizes

    task, recipe = planned.task, planned.recipe
    parts = [
        f"N{task.vocab_size}" if task.file is None else Path(task.file.path).stem,
        *(["zipf"] if task.source == "zipf" else []),
        f"d{planned.width}",
        f"k{format_sizes(task.sizes)}",
        recipe.objective,
        f"seed{planned.seed}",
    ]
    if planned.seeds > 1:
        parts.append(f"x{planned.seeds}")
    if recipe.activation != "relu":
        parts.append("linear")
    if planned.quick:
        parts.append("quick")
    return "-".join(parts)


def _say_what_was_left_out(task: KSparseTask, quiet: bool) -> None:
    if task.file is None or quiet:
        return
    file = task.file
    notes = [f"{file.lines:,} sets of {task.vocab_size:,} tokens from {file.path}"]
    if file.left_out:
        notes.append(f"{file.left_out:,} of other sizes left out")
    if file.bad_lines:
        notes.append(f"{file.bad_lines:,} bad lines skipped")
    if file.merged_duplicates:
        notes.append(f"{file.merged_duplicates:,} repeated tokens merged")
    typer.echo("; ".join(notes), err=True)


def _study_text(result: StudyRecord) -> str:
    rival = result.best_random_code
    lines = [f"verdict: {result.verdict}"]
    for row in result.runs:
        explained = row.failures_explained
        reason = (
            "no ranking failures"
            if explained is None
            else f"its own hash explains {explained:.1%} of its ranking failures "
            f"(false positives on {row.code_failure_share:.1%} of the sets)"
        )
        lines.append(
            f"  seed {row.seed}: {row.verdict}, mse {row.mse:.5f}, "
            f"{row.p_exact:.2%} of the sets exact, {reason}"
        )
    lines.append(
        f"  best random code: weight {rival.weight}, mse {rival.mse:.5f}, {rival.p_exact:.2%} exact"
    )
    lines.append(f"report: {result.report}")
    return "\n".join(lines)
