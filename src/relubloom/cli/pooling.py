"""`relubloom pool` and `relubloom pool decode`: pooling designs, and what their results say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relubloom.cli import options
from relubloom.cli.options import output_option, task_option
from relubloom.errors import UsageError
from relubloom.progress import ProgressDisplay

if TYPE_CHECKING:
    from relubloom.code.pool_decoding import DecodedPools
    from relubloom.code.pools import PoolDesign
    from relubloom.theory import Plan

SHOWN = 10  # explanations printed; --json has a hundred
LISTED = 100


def pool(
    samples: Annotated[
        int | None, task_option("--samples", "-N", help="How many samples there are.")
    ] = None,
    positives: Annotated[
        str | None,
        task_option(
            "--positives",
            "-k",
            metavar="k|1..k",
            help="The most positives to be named; fewer are named as well.",
        ),
    ] = None,
    tests: Annotated[
        int | None,
        task_option("--tests", "-d", help="Take so many tests; by default the fewest found."),
    ] = None,
    max_pool_size: Annotated[int | None, task_option(help="Samples in a test, at most.")] = None,
    max_pools_per_sample: Annotated[
        int | None, task_option(help="Tests that a sample is in, at most.")
    ] = None,
    seconds: Annotated[float, task_option(help="Time for the search.")] = 20.0,
    tokens: Annotated[Path | None, task_option(help="The samples' names, one per line.")] = None,
    seed: Annotated[int, task_option(help="Seed of the search.")] = 0,
    out: Annotated[
        Path | None,
        output_option("--out", "-o", help="Folder for tests.csv, samples.csv, code.npz, code.csv."),
    ] = None,
    force: options.Force = False,
    *,
    how: options.Watched,
) -> None:
    """Design pooled tests that name a few positive samples, with a proof; or decode their results.

    Each sample goes into several tests, each test pools many samples. `relubloom pool decode`
    reads the results.
    """
    from relubloom.code.csv_files import numbered, write_pools
    from relubloom.code.pools import design_pools
    from relubloom.study.folders import alone_in, prepare_pools
    from relubloom.task import as_sizes, parse_sizes
    from relubloom.theory import plan
    from relubloom.tokens_file import read_tokens

    labels = None if tokens is None else read_tokens(tokens)
    count = samples if labels is None else len(labels)
    missing = {"--samples": count, "--positives": positives, "--out": out}
    if positives is None or count is None or out is None:
        names = " and ".join(name for name, value in missing.items() if value is None)
        raise UsageError(f"missing {names}: give such as --samples 96 --positives 2 --out DIR")
    if samples not in (None, count):
        raise UsageError(
            f"{tokens} lists {count} samples and --samples is {samples}: give one name a sample"
        )
    most = as_sizes(parse_sizes(positives, "--positives"))[1]
    prepare_pools(out, force)
    with ProgressDisplay(how.quiet) as watch:
        design = design_pools(
            count,
            most,
            tests=tests,
            seconds=seconds,
            max_pool_size=max_pool_size,
            max_pools_per_sample=max_pools_per_sample,
            seed=seed,
            watch=watch,
        )
    with alone_in(out):
        prepare_pools(out, force)  # another may have written to it meanwhile
        write_pools(design.code, out, labels or numbered("S", count))
    planned = plan(count, design.positives, width=design.code.width)
    how.answer(_described(design, planned, out), lambda: _design_text(design, planned, out))


def decode(
    design: Annotated[
        Path, typer.Argument(metavar="DESIGN", help="tests.csv or samples.csv of a design.")
    ],
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="CSV: a test's name, and 1 or 0, a row each.")
    ],
    positives: Annotated[
        int | None,
        task_option(
            "--positives",
            "-k",
            help="The most positives; by default what the design is proved for.",
        ),
    ] = None,
    false_negatives: Annotated[int, task_option(help="Tests that may wrongly be negative.")] = 0,
    false_positives: Annotated[int, task_option(help="Tests that may wrongly be positive.")] = 0,
    *,
    how: options.Answering,
) -> None:
    """Name the positive samples from the results of a design's tests, or what is not certain."""
    from relubloom.code.csv_files import read_pools, read_results
    from relubloom.code.pool_decoding import decode_pools

    code, samples, tests = read_pools(design)
    found = decode_pools(
        code,
        read_results(results, tests),
        positives,
        false_negatives=false_negatives,
        false_positives=false_positives,
    )
    named = _named(found, samples, tests)
    how.answer(named, lambda: _decoded_text(named))


def _described(design: PoolDesign, planned: Plan, out: Path) -> dict[str, Any]:
    code = design.code
    return {
        "dir": str(out),
        "samples": code.vocab_size,
        "positives": design.positives,
        "tests": code.width,
        "certificate": {
            "certified": design.false_positives == 0,
            "patterns": design.patterns,
            "false_positives": design.false_positives,
        },
        "pool_size": {"least": int(code.bits.sum(0).min()), "most": int(code.bits.sum(0).max())},
        "pools_per_sample": {"least": int(code.weights.min()), "most": int(code.weights.max())},
        "least_tests": design.least_tests,
        "plan": planned.to_json(),
    }


def _design_text(design: PoolDesign, planned: Plan, out: Path) -> str:
    code, most = design.code, design.positives
    pools, each = code.bits.sum(0), code.weights
    proof = (
        f"proved: each of the {design.patterns:,} patterns of up to {most} positives is named "
        "without error"
        if design.false_positives == 0
        else f"not free of errors: {design.false_positives:,} negatives look positive over all "
        f"patterns of {most} positives; take more tests or seconds"
    )
    without_error = [row for row in planned.families if row.mse == 0]
    return "\n".join(
        [
            f"{code.vocab_size:,} samples, up to {most} positives: {code.width} tests of "
            f"{_span(pools.tolist())} samples, each sample in {_span(each.tolist())}",
            proof,
            f"plan: a random design of {code.width} tests has {planned.false_positives:.3g} false "
            f"positives a pattern of {most}"
            + "".join(f"; {row.family} needs {row.width} tests" for row in without_error)
            + f"; none does with fewer than {design.least_tests}",
            f"{out}: tests.csv, samples.csv, code.csv, code.npz",
            f"next: relubloom pool decode {out / 'tests.csv'} RESULTS.csv",
        ]
    )


def _span(counts: list[int]) -> str:
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least} to {most}"


def _named(found: DecodedPools, samples: list[str], tests: list[str]) -> dict[str, Any]:
    def names(places: Iterable[int], of: list[str]) -> list[str]:
        return [of[place] for place in places]

    return {
        "decided": found.decided,
        "positives": names(found.positives, samples),
        "candidates": names(found.candidates, samples),
        "most_positives": found.most_positives,
        "explanations_total": len(found.explanations),
        "explanations": [
            {
                "positives": names(each.positives, samples),
                "false_negatives": names(each.false_negatives, tests),
                "false_positives": names(each.false_positives, tests),
            }
            for each in found.explanations[:LISTED]
        ],
    }


def _decoded_text(named: dict[str, Any]) -> str:
    most, explanations = named["most_positives"], named["explanations"]
    if named["decided"]:
        return _explanation_text(explanations[0])
    if not explanations:
        return (
            f"cannot tell: no pattern of up to {most} positives explains the results; there are "
            "more positives, or a test is wrong (--false-negatives 1, --false-positives 1)\n"
            f"candidates, in no negative test: {_listed(named['candidates'])}"
        )
    total = named["explanations_total"]
    return "\n".join(
        [
            f"cannot tell: {total:,} patterns of up to {most} positives explain the results",
            f"positive in all of them: {_listed(named['positives'])}",
            f"candidates, positive in some: {_listed(named['candidates'])}",
            *(f"  {_explanation_text(each)}" for each in explanations[:SHOWN]),
            *([f"  and {total - SHOWN:,} more"] if total > SHOWN else []),
        ]
    )


def _explanation_text(each: dict[str, Any]) -> str:
    kinds = ("positives", "false_negatives", "false_positives")
    parts = [
        f"{kind.replace('_', ' ')}: {_listed(each[kind])}"
        for kind in kinds
        if each[kind] or kind == "positives"
    ]
    return "; ".join(parts)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
