"""`relubloom study` and `train`: the commands that train networks."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from relubloom.cli import options
from relubloom.cli.options import output_option, task_option, training_option
from relubloom.errors import UsageError
from relubloom.progress import ProgressDisplay, say
from relubloom.records.verdict import SUPERPOSED

if TYPE_CHECKING:
    from relubloom.records.study import RunRow, StudyRecord, Swaps
    from relubloom.study.settings import Study
    from relubloom.task import KSparseTask

PresetName = Literal["article", "article-full", "class", "vocab-4096", "vocab-50257", "wide"]
LONG_SECONDS = 1800.0  # of one core, from which on a training's time is predicted beforehand
Objective = Literal["mse", "kl", "kl-then-mse"]
Activation = Literal["relu", "none"]
Source = Literal["uniform", "zipf"]


@dataclass(frozen=True)
class Asked:
    """What is to be trained: a preset, and what differs from it."""

    preset: Annotated[
        PresetName,
        task_option(
            metavar="NAME",
            help="Sizes and recipe to start from: article is N=256, d=48, k=3 with mse; "
            "article-full the same, trained to the end in 80,000 steps; class is N=40, d=34, k=3 "
            "in seconds, or 40 to 64 --tokens; wide is N=1000, d=64, k=3 with kl-then-mse; "
            "vocab-4096 is N=4096, d=64, k=3 with kl, in minutes; vocab-50257 is N=50257, d=128, "
            "k=4, in more than an hour; these two fit their recipe to other sizes.",
        ),
    ] = "article"
    vocab_size: options.VocabSize = None
    width: Annotated[int | None, task_option("--width", "-d", help="Number of hidden units.")] = (
        None
    )
    set_size: Annotated[
        str | None,
        task_option(
            "--set-size",
            "-k",
            metavar="k|a..b",
            help="Tokens per set; a..b draws sizes uniformly, or keeps a file's lines of those "
            "sizes.",
        ),
    ] = None
    source: Annotated[Source, task_option(help="How sets are drawn (without --sets).")] = "uniform"
    sets: Annotated[
        Path | None,
        task_option(
            help="A file of real sets: one per line, tokens separated by spaces or commas.",
        ),
    ] = None
    tokens: options.TokensPath = None
    skip_bad: options.SkipBad = False
    objective: Annotated[Objective | None, training_option(help="What training minimises.")] = None
    steps: Annotated[int | None, training_option(help="Optimiser steps.")] = None
    batch_size: Annotated[int | None, training_option(help="Sets per step.")] = None
    learning_rate: Annotated[float | None, training_option(help="Peak learning rate.")] = None
    activation: Annotated[
        Activation | None,
        training_option(
            help="relu, or none: a linear network of the same sizes, the control without a ReLU.",
        ),
    ] = None
    swaps: Annotated[
        float | None,
        training_option(
            metavar="SHARE",
            help="Share of the sets of --sets trained on that have a token swapped, so that more "
            "is learned than the lines. A study tries 0, 0.5 and 0.8 on a part of the training "
            "sets, which takes three fifths of a training; train and --quick take 0.",
        ),
    ] = None
    init_from: Annotated[
        Path | None,
        training_option(
            metavar="DIR",
            help="A run folder whose network training starts from, trained or constructed; the "
            "peak rate is then 3e-3 unless it is given.",
        ),
    ] = None
    seed: Annotated[int, training_option(help="The (first) seed.")] = 0

    def study(self, seeds: int = 1, quick: bool = False, *, choose_swaps: bool = False) -> Study:
        """As `study.settings.planned`; tokens are looked at before PyTorch is loaded."""
        from relubloom.tokens_file import read_tokens

        if self.tokens is not None:
            read_tokens(self.tokens)
        from relubloom.study.settings import planned

        return planned(**vars(self), seeds=seeds, quick=quick, choose_swaps=choose_swaps)


def study(
    asked: Asked,
    seeds: Annotated[int, training_option(help="Networks to train.")] = 1,
    quick: Annotated[
        bool,
        training_option(
            "--quick",
            help="An answer within seconds: at most 2,000 steps, figures over 20,000 drawn sets.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        output_option(
            "--out", "-o", help="Folder to write; by default runs/ and a name made of the settings."
        ),
    ] = None,
    resume: options.Resume = False,
    force: options.Force = False,
    device: options.Device = "cpu",
    *,
    how: options.Working,
) -> None:
    """Train, construct, examine, report: everything, from a task to a verdict."""
    planned = asked.study(seeds, quick, choose_swaps=not quick)
    from relubloom.records.files import document
    from relubloom.study.study import run_study
    from relubloom.training.devices import check_device

    check_device(device)
    if not how.quiet:
        say_what_was_left_out(planned.task)
        _say_what_tokens_look_like(planned, asked)
        _say_what_to_expect(planned, asked)
        _say_how_long(planned, device)
    with ProgressDisplay(how.quiet) as watch:
        result = run_study(
            planned,
            out or planned.default_folder,
            command=shlex.join(["relubloom", *sys.argv[1:]]),
            resume=resume,
            force=force,
            device=device,
            threads=how.cores,
            watch=watch,
        )
    how.answer(document(result), lambda: _study_text(result, planned))


def train(
    out: options.RunOut,
    asked: Asked,
    resume: options.Resume = False,
    force: options.Force = False,
    device: options.Device = "cpu",
    *,
    how: options.Working,
) -> None:
    """Train one network into a run folder: its weights, and how they came about.

    `relubloom examine` says afterwards whether it is a Bloom filter.
    """
    planned = asked.study()
    from relubloom.study.steps import train_run
    from relubloom.training.devices import check_device

    check_device(device)
    if not how.quiet:
        say_what_was_left_out(planned.task)
        _say_what_tokens_look_like(planned, asked)
        _say_how_long(planned, device)
    with ProgressDisplay(how.quiet) as watch:
        last = train_run(
            planned,
            out,
            resume=resume,
            force=force,
            device=device,
            threads=how.cores,
            watch=watch,
        )[-1]
    how.answer(
        {"dir": str(out), "seed": asked.seed} | last,
        lambda: (
            f"{out}: {last['objective']} {last['loss']:.5f} after {last['step']:,} steps\n"
            f"next: relubloom examine {out}"
        ),
    )


def say_what_was_left_out(task: KSparseTask) -> None:
    """Of a file of sets: how many there are, and what was left out of it."""
    if task.file is None:
        return
    file = task.file
    notes = [f"{file.lines:,} sets of {task.vocab_size:,} tokens from {file.path}"]
    if file.left_out:
        notes.append(f"{file.left_out:,} of other sizes left out")
    if file.bad_lines:
        notes.append(f"{file.bad_lines:,} bad lines skipped")
    if file.merged_duplicates:
        notes.append(f"{file.merged_duplicates:,} repeated tokens merged")
    say("; ".join(notes))


def _say_what_tokens_look_like(planned: Study, asked: Asked) -> None:
    from relubloom.tokens_file import doubtful_lines

    if asked.tokens is not None and (said := doubtful_lines(asked.tokens, planned.labels)):
        say(said)


def _study_text(result: StudyRecord, planned: Study) -> str:
    from relubloom.records.shortfall import filter_words, reading_words
    from relubloom.records.study import best_words
    from relubloom.task import format_sizes

    rival, task = result.best_random_code, planned.task
    sizes = (
        f"{task.vocab_size:,} tokens in {planned.width} units, sets of {format_sizes(task.sizes)}"
    )
    lines = [f"verdict: {result.verdict}", f"  {sizes}"]
    for row in result.runs:
        lines.append(
            f"  seed {row.seed}: {row.verdict}, mse {row.mse:.5f}, "
            f"{row.p_exact:.2%} of the sets exact"
        )
        lines.append(f"    {_hash_words(row)}")
        if reading := reading_words(row):
            lines.append(f"    reading: {reading}")
        positives = filter_words(
            row.hash_false_positives, row.random_code_false_positives, row.graded
        )
        if positives:
            lines.append(f"    false positives per set: {positives}")
    lines.append(
        f"  best random code: weight {rival.weight}, mse {rival.mse:.5f}, "
        f"{rival.p_exact:.2%} exact\n    it keeps a bit a unit, the network a number of 32 bits"
    )
    if (learned := result.learned_code) is not None:
        lines.append(
            f"  learned code: weight {learned.weight:.2f}, mse {learned.mse:.5f}, "
            f"{learned.p_exact:.2%} exact, {learned.false_positives:.3g} false positives per set"
        )
        lines.append(f"  {best_words(result)}")
    if (swaps := result.swaps) is not None:
        lines.append(f"  {_swaps_words(swaps)}")
    lines.append(f"report: {result.report}")
    return "\n".join(lines)


def _swaps_words(swaps: Swaps) -> str:
    """The share of swapped tokens that was chosen, and why."""
    if not swaps.tried:
        return "swapped tokens: none, as nothing was compared"
    tried = ", ".join(f"{each.mse:.4f} with {each.share:g}" for each in swaps.tried)
    return (
        f"swapped tokens: a share of {swaps.share:g}, for its mse is the least on a fifth of the "
        f"training sets ({tried})"
    )


def _hash_words(row: RunRow) -> str:
    """How often the hash fails where the network does, beside how often it fails at all.

    Of a graded hash, how well that says where the network fails by loss.
    """
    if (graded := row.graded) is not None and row.verdict == "graded-bloom":
        f1 = graded.extracted.loss_failure_f1
        said = (
            "no loss failures on either side" if f1 is None else f"loss failures with F1 {f1:.3f}"
        )
        return f"{graded.half_share:.0%} half bits; its graded hash predicts {said}"
    if row.failures_explained is None:
        return f"its hash has a false positive on {row.code_failure_share:.1%} of the sets"
    return (
        f"its hash has a false positive on {row.code_failure_share:.1%} of all sets, and on "
        f"{row.failures_explained:.1%} of those not exact"
    )


def _say_what_to_expect(planned: Study, asked: Asked) -> None:
    """Before training: sizes at which a Bloom filter is not to be expected, and what to try."""
    from relubloom.theory import CLASS_SET_SIZE, CLASS_TOKENS, narrow_below, width_to_try

    (low, high), tokens, width = planned.task.sizes, planned.task.vocab_size, planned.width
    if low != high or high <= SUPERPOSED or planned.recipe.activation == "none":
        return
    fewest, most = CLASS_TOKENS
    as_class, uniform = asked.preset == "class", planned.task.file is None
    named = (
        f"--vocab-size {tokens}"
        if asked.tokens is None
        else f"--tokens {shlex.quote(str(asked.tokens))}"
    )
    said = ""
    if as_class and high != CLASS_SET_SIZE:
        said = f"preset class is for sets of {CLASS_SET_SIZE}, not {high}: leave --set-size out"
    elif as_class and tokens > most:
        said = (
            f"{tokens:,} tokens are too many for preset class: expect no Bloom filter; take at "
            f"most {most}"
        )
    elif uniform and high == CLASS_SET_SIZE and tokens < fewest:
        preset = "" if as_class else "--preset class and "
        said = (
            f"{tokens} tokens are few: a Bloom filter is not sure to come out, and it would hardly "
            f"err; take {preset}{fewest} to {most} tokens"
        )
    elif uniform and high == CLASS_SET_SIZE and tokens <= most and not as_class:
        said = (
            f"{tokens} tokens are few: this recipe seldom makes a Bloom filter of them; try "
            f"--preset class {named}"
        )
    else:
        with suppress(UsageError):
            if width < narrow_below(tokens, high):
                said = (
                    f"width {width} is narrow for sets of {high} of {tokens:,} tokens: expect no "
                    f"Bloom filter; try --width {width_to_try(tokens, high)}"
                )
    if said:
        say(said)


def _say_how_long(planned: Study, device: str) -> None:
    """Before hours of training on a CPU: how many, as this machine's speed predicts them."""
    from relubloom.cli.sweeping import spoken
    from relubloom.sweep.cost import machine_speed, run_seconds
    from relubloom.sweep.settings import RunSettings

    run = RunSettings(planned.task, planned.width, planned.recipe, planned.seed, figure_sets=1)
    seconds = run_seconds(run) * planned.seeds
    if device != "cpu" or seconds < LONG_SECONDS:
        return
    say(
        f"training takes about {spoken(seconds / machine_speed())} of one core of this machine: "
        "a GPU takes less (--device cuda), and after Ctrl-C --resume goes on"
    )
