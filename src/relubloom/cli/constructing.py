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


def construct(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Run folder to write.", rich_help_panel=options.OUTPUT),
    ],
    family: Annotated[
        Family,
        typer.Option(
            help="Family of codes. kautz-singleton has no false positive on any set; search lowers "
            "the exact number of false positives for --seconds.",
            rich_help_panel=options.TASK,
        ),
    ] = "constant-weight",
    vocab_size: Annotated[
        int, typer.Option("--vocab-size", "-N", rich_help_panel=options.TASK)
    ] = 256,
    width: Annotated[int, typer.Option("--width", "-d", rich_help_panel=options.TASK)] = 48,
    set_size: Annotated[int, typer.Option("--set-size", "-k", rich_help_panel=options.TASK)] = 3,
    weight: Annotated[
        int | None,
        typer.Option(
            help="Bits per token; the family's default if left out.",
            show_default=False,
            rich_help_panel=options.TASK,
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(help="What --family search may take.", rich_help_panel=options.TASK),
    ] = 60.0,
    sharpness: Annotated[
        float | None,
        typer.Option(
            help="Logit lost per missing bit; by default enough for a mass of 1e-9 on others.",
            show_default=False,
            rich_help_panel=options.TASK,
        ),
    ] = None,
    tokens: options.TokensPath = None,
    seed: Annotated[int, typer.Option(help="Seed of the code.", rich_help_panel=options.TASK)] = 0,
    force: options.Force = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Set a network's weights so that it is exactly a Bloom filter."""
    from relubloom.run_folder import default_labels
    from relubloom.single_run import construct_run
    from relubloom.task import KSparseTask, read_tokens

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
