"""`relubloom report` and `relubloom query`: a folder's page, and one question to its network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relubloom.cli import options
from relubloom.errors import FileError
from relubloom.progress import say

if TYPE_CHECKING:
    from relubloom.study.query import Answer, FalsePositive


LONG = 10_000_000  # entries of W_in
SECONDS_AN_ENTRY = 1e-6  # to read a code off; docs/trust.md


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A study, a run folder, or a folder of them.")
    ],
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A sweep's folder: its runs of the same task are drawn as error against width.",
        ),
    ] = None,
    set_size: Annotated[
        str | None,
        options.task_option(
            "--set-size",
            "-k",
            metavar="k|a..b",
            help="The sizes that the page must be about: an error where others were examined.",
        ),
    ] = None,
    sets: Annotated[
        Path | None,
        options.task_option(
            metavar="FILE",
            help="The file of sets that the page must be about: an error where the folder was "
            "examined on other sets.",
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        options.task_option(
            metavar="FILE",
            help="The tokens' names, one per line in the order of their ids; kept in tokens.txt.",
        ),
    ] = None,
    lesson: Annotated[
        bool,
        typer.Option(
            "--lesson",
            help="Write lesson.html instead: the page's short form, with three questions; for a "
            "Bloom filter that is right on two of three sets.",
        ),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    *,
    how: options.Answering,
) -> None:
    """Write report.html from what a study or run folder holds; of several, an index.

    A page shows figures that are there: `relubloom examine` gathers them, on the sets it is given.
    """
    from relubloom.report.lesson import write_lesson
    from relubloom.report.page import write_report
    from relubloom.study.steps import check_figures, name_tokens
    from relubloom.sweep.results import Results

    if lesson:
        options.refuse_beside("--lesson", "it draws no widths", {"--results": results})
    _refuse_sweep(folder)
    check_figures(folder, options.sizes_of(set_size), sets)
    if tokens is not None:
        name_tokens(folder, tokens)
    if lesson:
        path = write_lesson(folder)
    else:
        path = write_report(folder, () if results is None else Results(results).rows())
    how.answer({"report": str(path)}, lambda: f"report: {path}")
    if open_page:
        typer.launch(path.resolve().as_uri())


def _refuse_sweep(folder: Path) -> None:
    """Say what to do with a sweep's folder.

    Raises:
        FileError: it is one.
    """
    from relubloom.sweep.results import RESULTS
    from relubloom.sweep.sweep import NETWORKS

    if (folder / RESULTS).exists():
        pages = folder / NETWORKS
        kept = f"`relubloom report {pages}` makes a page for each network" if pages.is_dir() else ""
        raise FileError(
            f"{folder} is a sweep's, and a page is about networks: draw its table with `relubloom "
            f"results {folder} --plot mse.svg`; {kept or 'sweep --keep-networks keeps networks'}"
        )


def query(
    folder: options.RunDir,
    tokens: Annotated[list[str], typer.Argument(metavar="TOKEN...", help="Labels or ids.")],
    *,
    how: options.Answering,
) -> None:
    """Put tokens into a network: what comes out, the union, each false positive and why."""
    from relubloom.network.relu_net import ReluNet
    from relubloom.records.folder_task import refuse_sizes
    from relubloom.records.labels import read_labels
    from relubloom.records.run_folder import CODE
    from relubloom.study.folders import refuse_study
    from relubloom.study.query import ask, code_of

    refuse_study(folder)
    net = ReluNet.from_pretrained(folder)
    refuse_sizes(folder, len(tokens))
    entries = net.W_in.numel()
    if entries > LONG and not how.quiet and not (folder / CODE).exists():
        say(
            f"{folder} holds no code: reading it off {entries:,} weights takes about "
            f"{entries * SECONDS_AN_ENTRY:.0f} s; `relubloom examine {folder}` keeps it"
        )
    code = code_of(folder, net, len(tokens))
    answer = ask(net, code, read_labels(folder, net.vocab_size), tokens)
    how.answer(asdict(answer), lambda: _answer_text(answer))


def _answer_text(answer: Answer) -> str:
    lines = [
        f"in:     {' '.join(answer.members)}",
        f"union:  {len(answer.union)} units covered: {' '.join(map(str, answer.union))}",
    ]
    if answer.leaking:
        lines.append(f"        of these leak, covered half: {' '.join(map(str, answer.leaking))}")
    odd = sorted((set(answer.union) - set(answer.leaking)) ^ set(answer.units_off))
    if odd:
        lines.append(f"        units that disagree with the union: {' '.join(map(str, odd))}")
    lines.append("out:    token, probability, logit, missing bits")
    for scored in answer.top:
        mark = "in" if scored.member else "  "
        half = f" ({scored.missing_half_bits} half)" if scored.missing_half_bits else ""
        lines.append(
            f"     {mark} {scored.token:<16} {scored.probability:8.4f} {scored.logit:9.2f} "
            f"{scored.missing_bits:3d}{half}"
        )
    if answer.misses:
        lines.append(f"misses: {' '.join(answer.misses)}")
    if not answer.false_positives:
        lines.append("no false positives")
    for wrong in answer.false_positives:
        lines.append(f"false positive: {wrong.token}, {_why(wrong.called, wrong.covered)}")
        lines += [f"        {_bit(wrong, bit)}" for bit in wrong.covered_by]
    if (more := answer.all_false_positives - len(answer.false_positives)) > 0:
        lines.append(f"and {more:,} false positives more, of lower probability")
    return "\n".join(lines)


def _bit(wrong: FalsePositive, bit: int) -> str:
    """A bit of a false positive, and what the members make of its unit."""
    members, half = " ".join(wrong.covered_by[bit]), bit in wrong.half_bits
    name = f"{'half bit' if half else 'bit'} {bit:3d}"
    if not members:
        return f"{name}: missing"
    if wrong.states.get(bit) == "leaking":
        enough = ", which is enough for a half bit" if half else ": missing"
        return f"{name}: covered half, from {members}{enough}"
    return f"{name}: from {members}"


def _why(called: bool, covered: bool) -> str:
    if called and covered:
        return "called by the network: every bit it probes is already covered"
    if called:
        return "called by the network although its hash is not covered"
    return "of the hash alone: all bits are covered, the network does not call it"
