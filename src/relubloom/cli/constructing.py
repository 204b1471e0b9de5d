"""`relubloom construct`: a network whose weights are set by hand, from a code of some family."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from relubloom.cli import options
from relubloom.cli.options import task_option
from relubloom.cli.studying import say_what_was_left_out
from relubloom.errors import UsageError
from relubloom.progress import ProgressDisplay, say

Family = Literal[
    "constant-weight",
    "with-replacement",
    "bernoulli",
    "partitioned",
    "kautz-singleton",
    "greedy",
    "search",
    "graded",
    "graded-greedy",
    "graded-search",
    "frequency",
    "learned",
]


def construct(
    out: options.RunOut,
    family: Annotated[
        Family,
        task_option(
            metavar="NAME",
            help=f"Family of codes: {', '.join(get_args(Family))}. kautz-singleton has no false "
            "positive on any set; search lowers the exact number of false positives for --seconds. "
            "graded codes have half and full bits. frequency and learned are made from --sets.",
        ),
    ] = "constant-weight",
    vocab_size: options.VocabSize = None,
    width: Annotated[int, task_option("--width", "-d", help="Number of units.")] = 48,
    set_size: Annotated[
        str | None,
        task_option(
            "--set-size",
            "-k",
            metavar="k|a..b",
            help="Tokens per set, 3 if left out; a..b: made for the largest; of --sets the lines "
            "of these sizes.",
        ),
    ] = None,
    sets: Annotated[
        Path | None,
        task_option(help="A file of real sets; a part is held out to judge the code by."),
    ] = None,
    skip_bad: options.SkipBad = False,
    weight: Annotated[
        int | None,
        task_option(help="Bits per token; the family's default if left out."),
    ] = None,
    half: Annotated[
        int | None, task_option(help="Half bits per token of a graded code; with --full.")
    ] = None,
    full: Annotated[
        int | None, task_option(help="Full bits per token of a graded code; with --half.")
    ] = None,
    seconds: Annotated[
        float | None,
        task_option(
            help="What --family search, graded-search or learned may take; by default 60.",
        ),
    ] = None,
    sharpness: Annotated[
        float | None,
        task_option(
            help="Logit lost per missing bit; by default enough for a mass of 1e-9 on others.",
        ),
    ] = None,
    leak: Annotated[
        float | None,
        task_option(help="Level of a unit that one half bit covers; by default 2^-12."),
    ] = None,
    tokens: options.TokensPath = None,
    seed: Annotated[int | None, task_option(help="Seed of the code, 0 if left out.")] = None,
    force: options.Force = False,
    *,
    how: options.Watched,
) -> None:
    """Set a network's weights so that it is exactly a Bloom filter, or a graded one."""
    from relubloom.code.families import SEARCH_SECONDS, greedy_seconds
    from relubloom.study.constructing import construct_run
    from relubloom.study.settings import planned

    if seconds is not None and family not in ("search", "graded-search", "learned"):
        raise UsageError(
            f"--seconds is {seconds:g} and --family is {family!r}: only a search takes its time; "
            "leave --seconds out"
        )
    if seed is not None and family == "kautz-singleton":
        raise UsageError(
            f"--seed is {seed} and --family is {family!r}: such a code is not drawn; leave it out"
        )
    asked = planned(
        vocab_size=vocab_size,
        width=width,
        set_size=set_size,
        sets=sets,
        tokens=tokens,
        skip_bad=skip_bad,
    )
    if not how.quiet:
        say_what_was_left_out(asked.task)
        there = asked.task.vocab_size
        if family == "greedy" and (expected := greedy_seconds(there, width)) > 5:
            say(f"a greedy code of {there:,} tokens takes about {expected:.0f} s")
    with ProgressDisplay(how.quiet) as watch:
        made = construct_run(
            asked.task,
            width,
            asked.labels,
            out,
            family=family,
            weight=weight,
            half=half,
            full=full,
            seconds=SEARCH_SECONDS if seconds is None else seconds,
            sharpness=sharpness,
            leak=leak,
            seed=0 if seed is None else seed,
            force=force,
            watch=watch,
        )
    how.answer({"dir": str(out)} | made, lambda: _made_text(made, out))


def _made_text(made: dict[str, Any], out: Path) -> str:
    uniform = made["false_positives"]
    mean, total = uniform["mean"], uniform["total"]
    counted = "drawn sets" if total is None else f"{total:,} over all sets"
    kinds = f" ({made['half']:g} half, {made['full']:g} full)" if "half" in made else ""
    lines = [
        f"{out}: a {made['family']} code of weight {made['weight']:g}{kinds}, "
        f"sharpness {made['sharpness']:.2f}",
        f"false positives a set: {mean:.4g} on uniform sets ({counted})",
    ]
    if "held_out" in made:
        held_out, rivals = made["held_out"], made["rivals"]
        codes = {
            "this code": held_out,
            "frequency-aware, random": rivals["frequency"],
            "constant weight, random": rivals["constant-weight"],
        }
        rows = [["held-out sets", "false positives", "exact", "mse"]]
        for name, row in codes.items():
            figures = f"{row['false_positives']:.4g}", f"{row['p_exact']:.1%}", f"{row['mse']:.4g}"
            rows.append([name, *figures])
        lines += options.aligned(rows)
        unseen = held_out["unseen"]
        if unseen is not None:
            lines.append(
                f"{made['unseen_tokens']:,} tokens are in no training set; on the "
                f"{unseen['sets']:,} held-out sets with one of them: "
                f"{unseen['false_positives']:.4g}"
            )
    if made.get("stopped"):
        lines.append("stopped by Ctrl-C: the best code so far")
    return "\n".join([*lines, f"next: relubloom examine {out}"])
