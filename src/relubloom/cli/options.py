"""The options that several commands share, and what their values mean."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from relubloom.errors import UsageError

if TYPE_CHECKING:
    from relubloom.task import KSparseTask

PresetName = Literal["article", "wide"]
Objective = Literal["mse", "kl", "kl-then-mse"]
Activation = Literal["relu", "none"]
Source = Literal["uniform", "zipf"]

TASK, TRAINING, OUTPUT, MACHINE = "Task", "Training", "Output", "Machine"

VocabSize = Annotated[
    int | None,
    typer.Option("--vocab-size", "-N", help="Number of tokens.", rich_help_panel=TASK),
]
Width = Annotated[
    int | None,
    typer.Option("--width", "-d", help="Number of hidden units.", rich_help_panel=TASK),
]
SetSize = Annotated[
    str | None,
    typer.Option(
        "--set-size",
        "-k",
        metavar="k|a..b",
        help="Tokens per set; a..b draws sizes uniformly, or keeps a file's lines of those sizes.",
        rich_help_panel=TASK,
    ),
]
SourceOption = Annotated[
    Source, typer.Option(help="How sets are drawn (without --sets).", rich_help_panel=TASK)
]
SetsPath = Annotated[
    Path | None,
    typer.Option(
        "--sets",
        help="A file of real sets: one per line, tokens separated by spaces or commas.",
        rich_help_panel=TASK,
    ),
]
TokensPath = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        help="Token labels, one per line; without --sets their number is the vocabulary's.",
        rich_help_panel=TASK,
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option(
        "--skip-bad", help="Skip a sets file's bad lines, and count them.", rich_help_panel=TASK
    ),
]
Preset = Annotated[
    PresetName,
    typer.Option(
        help="Sizes and recipe to start from: article is N=256, d=48, k=3 with mse; wide is "
        "N=1000, d=64, k=3 with kl-then-mse.",
        rich_help_panel=TASK,
    ),
]
ObjectiveOption = Annotated[
    Objective | None,
    typer.Option("--objective", help="What training minimises.", rich_help_panel=TRAINING),
]
Steps = Annotated[
    int | None, typer.Option("--steps", help="Optimiser steps.", rich_help_panel=TRAINING)
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", help="Sets per step.", rich_help_panel=TRAINING)
]
LearningRate = Annotated[
    float | None,
    typer.Option("--learning-rate", help="Peak learning rate.", rich_help_panel=TRAINING),
]
ActivationOption = Annotated[
    Activation | None,
    typer.Option(
        "--activation",
        help="relu, or none: a linear network of the same sizes, the control without a ReLU.",
        rich_help_panel=TRAINING,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The (first) seed.", rich_help_panel=TRAINING)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where it stopped.", rich_help_panel=OUTPUT)
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what lies there.", rich_help_panel=OUTPUT)
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder to write; by default runs/ and a name made of the settings.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on standard output.", rich_help_panel=OUTPUT),
]
# Every command takes --quiet, so that a script may always pass it.
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.", rich_help_panel=OUTPUT)]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=MACHINE),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, mps.", rich_help_panel=MACHINE)]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Threads to use; all cores by default.",
        show_default=False,
        rich_help_panel=MACHINE,
    ),
]
RunDir = Annotated[Path, typer.Argument(metavar="DIR", help="A run folder.")]


def parse_set_size(text: str | None) -> int | tuple[int, int] | None:
    """`k` or `a..b` as numbers.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(-?\d+)(?:\.\.(-?\d+))?", text.strip())
    if found is None:
        raise UsageError(f"--set-size is {text!r}: give a number, or a range such as 3..8")
    low = int(found[1])
    return low if found[2] is None or int(found[2]) == low else (low, int(found[2]))


def cores(threads: int | None) -> int:
    """The number of threads asked for, or the cores this process may use."""
    if threads is not None:
        return threads
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def build_task(
    preset_sizes: tuple[int, int],
    vocab_size: int | None,
    set_size: str | None,
    source: Source,
    sets: Path | None,
    tokens: Path | None,
    skip_bad: bool,
) -> tuple[KSparseTask, tuple[str, ...]]:
    """The task that the options describe, and the tokens' labels.

    Raises:
        UsageError: options contradict each other or break a rule.
        FileError: the sets file or the tokens file cannot be used.
    """
    from relubloom.records.run_folder import default_labels
    from relubloom.task import KSparseTask, read_tokens

    sizes = parse_set_size(set_size)
    labels = None if tokens is None else read_tokens(tokens)
    if sets is not None:
        if vocab_size is not None:
            raise UsageError(
                f"--vocab-size is {vocab_size} and --sets is given: the vocabulary is the file's "
                "tokens; leave --vocab-size out"
            )
        if source != "uniform":
            raise UsageError(
                f"--source is {source!r} and --sets is given: the file says which sets there are; "
                "leave one out"
            )
        task = KSparseTask.from_file(sets, sizes, labels, skip_bad=skip_bad)
        assert task.file is not None
        return task, task.file.tokens
    if vocab_size is None:
        vocab_size = len(labels) if labels else preset_sizes[0]
    task = KSparseTask(vocab_size, preset_sizes[1] if sizes is None else sizes, source)
    labels = labels or default_labels(task.vocab_size)
    if len(labels) != task.vocab_size:
        raise UsageError(
            f"{tokens} lists {len(labels)} tokens and --vocab-size is {task.vocab_size}: give one "
            "label a token"
        )
    return task, labels
