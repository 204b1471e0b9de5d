"""`relubloom certify`: what holds for a network over all sets of a size."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from relubloom.cli import options
from relubloom.cli.progress import ProgressDisplay
from relubloom.errors import RelubloomError

if TYPE_CHECKING:
    from relubloom.records.certificate import Certificate, Interval

MethodName = Literal["enumeration", "counting", "bounds", "sampled"]

MethodOption = Annotated[
    MethodName | None,
    typer.Option(
        "--method",
        help="How to certify; by default the first that answers: enumeration of all sets, counting "
        "for an exact Bloom filter, bounds, or else a sample (no proof).",
        show_default=False,
        rich_help_panel=options.TASK,
    ),
]
OneSetSize = Annotated[
    str | None,
    typer.Option(
        "--set-size",
        "-k",
        metavar="k",
        help="Tokens per set, where the folder does not say it or to certify another size.",
        show_default=False,
        rich_help_panel=options.TASK,
    ),
]


def certify(
    folder: options.RunDir,
    set_size: OneSetSize = None,
    method: MethodOption = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    threads: options.Threads = None,
    device: options.CpuOnly = "cpu",
    debug: options.Debug = False,
) -> None:
    """Prove what a network does over all C(N, k) sets, and write certificate.json there."""
    from relubloom.records.files import as_json
    from relubloom.study.steps import certify_run

    try:
        with ProgressDisplay(quiet) as watch:
            result = certify_run(
                folder,
                set_size=options.parse_set_size(set_size),
                method=method,
                threads=options.cores(threads),
                watch=watch,
            )
    except KeyboardInterrupt:
        raise RelubloomError("stopped; nothing was written; run it again from the start") from None
    if json:
        typer.echo(json_text.dumps(as_json(result), allow_nan=False))
    else:
        typer.echo(_certificate_text(result, folder))


def _certificate_text(result: Certificate, folder: Path) -> str:
    confidence = result.confidence
    wrong = result.false_positives
    total = "" if wrong.total is None else f"   ({wrong.total:,} in all)"
    rows = [
        ("sets", f"all {result.sets:,} sets of {result.set_size} tokens count alike"),
        ("method", result.method + (", proven" if confidence is None else "")),
        ("", result.reasons),
        *([] if confidence is not None else _exact_sets(result)),
        ("share exact", _range(result.p_exact)),
        ("mse", _range(result.mse)),
        ("false positives per set", _range(wrong.mean) + total),
        ("written", str(folder / "certificate.json")),
    ]
    return "\n".join(f"{name:<24} {value}" for name, value in rows)


def _exact_sets(result: Certificate) -> list[tuple[str, str]]:
    """Counted sets; a sample counts none of the rest."""
    low, high = result.exact_sets_bounds
    return [
        ("exact sets", f"{low:,}" if low == high else f"{low:,} to {high:,}"),
        ("undecided sets", f"{result.undecided_sets:,}"),
    ]


def _range(bounds: Interval) -> str:
    """Both ends, or one number where nine digits do not tell them apart."""
    low, high = f"{bounds.lower:.9g}", f"{bounds.upper:.9g}"
    return low if low == high else f"{low} to {high}"
