"""`relubloom construct`."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Literal

import typer

from relubloom.cli import options

Family = Literal[
    "constant-weight", "bernoulli", "partitioned", "kautz-singleton", "greedy", "search"
]

FamilyOption = Annotated[
    Family,
    typer.Option(
        "--family",
        help="Family of codes. kautz-singleton has no false positive on any set; search lowers "
        "the exact number of false positives for --seconds.",
        rich_help_panel=options.TASK,
    ),
]
VocabSize = Annotated[
    int, typer.Option("--vocab-size", "-N", help="Number of tokens.", rich_help_panel=options.TASK)
]
Width = Annotated[
    int, typer.Option("--width", "-d", help="Number of units.", rich_help_panel=options.TASK)
]
SetSize = Annotated[
    int, typer.Option("--set-size", "-k", help="Tokens per set.", rich_help_panel=options.TASK)
]
Weight = Annotated[
    int | None,
    typer.Option(
        "--weight",
        help="Bits per token; the family's default if left out.",
        show_default=False,
        rich_help_panel=options.TASK,
    ),
]
Seconds = Annotated[
    float,
    typer.Option("--seconds", help="What --family search may take.", rich_help_panel=options.TASK),
]
Sharpness = Annotated[
    float | None,
    typer.Option(
        "--sharpness",
        help="Logit lost per missing bit; by default enough for a mass of 1e-9 on others.",
        show_default=False,
        rich_help_panel=options.TASK,
    ),
]
CodeSeed = Annotated[
    int, typer.Option("--seed", help="Seed of the code.", rich_help_panel=options.TASK)
]


def construct(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Run folder to write.", rich_help_panel=options.OUTPUT),
    ],
    family: FamilyOption = "constant-weight",
    vocab_size: VocabSize = 256,
    width: Width = 48,
    set_size: SetSize = 3,
    weight: Weight = None,
    seconds: Seconds = 60.0,
    sharpness: Sharpness = None,
    tokens: options.TokensPath = None,
    seed: CodeSeed = 0,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Set a network's weights so that it is exactly a Bloom filter."""
    from relubloom.memory import refuse_too_large
    from relubloom.records.run_folder import default_labels
    from relubloom.study.steps import construct_run
    from relubloom.task import KSparseTask, read_tokens

    refuse_too_large(vocab_size, width)
    task = KSparseTask(vocab_size, set_size)
    labels = default_labels(vocab_size) if tokens is None else read_tokens(tokens)
    construction = construct_run(
        task,
        width,
        labels,
        out,
        family=family,
        weight=weight,
        seconds=seconds,
        sharpness=sharpness,
        seed=seed,
        force=force,
    )
    if json:
        typer.echo(json_text.dumps({"dir": str(out)} | construction, allow_nan=False))
    else:
        typer.echo(
            f"{out}: a {family} code of weight {construction['weight']:g}, "
            f"sharpness {construction['sharpness']:.2f}"
        )
        typer.echo(f"next: relubloom examine {out}")
