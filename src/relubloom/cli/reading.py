"""`relubloom examine`, `report` and `query`: what can be asked of a run folder."""

from __future__ import annotations

import json as json_text
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relubloom.cli import options
from relubloom.cli.progress import ProgressDisplay

if TYPE_CHECKING:
    from relubloom.records.study import RunRow
    from relubloom.report.width_section import SweepResults
    from relubloom.study.query import Answer


def examine(
    folder: options.RunDir,
    set_size: options.SetSize = None,
    sets: options.SetsPath = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    threads: options.Threads = None,
    device: options.CpuOnly = "cpu",
    debug: options.Debug = False,
) -> None:
    """Test the Bloom reading on the network of a run folder, and write the evidence there.

    Behaviour (what it answers), mechanism (how), seven interventions with their predictions, and
    the explanation ladder (what reproduces its failures at which length), each in a JSON file.
    """
    from relubloom.records.files import as_json
    from relubloom.study.steps import examine_run

    with ProgressDisplay(quiet) as watch:
        row = examine_run(
            folder,
            set_size=options.parse_set_size(set_size),
            sets=sets,
            threads=options.cores(threads),
            watch=watch,
        )
    if json:
        typer.echo(json_text.dumps(as_json(row), allow_nan=False))
    else:
        typer.echo(f"{_evidence_text(row)}\n{_explained_text(folder)}")


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A study, a run folder, or a folder of them.")
    ],
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="DIR",
            help="A sweep's folder: its runs of the same task are drawn as error against width.",
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: options.Json = False,
    quiet: options.NoProgress = False,
    device: options.CpuOnly = "cpu",
    threads: options.OneThread = None,
    debug: options.Debug = False,
) -> None:
    """Write report.html from what a study or run folder holds; of several, an index."""
    from relubloom.report.page import write_report

    path = write_report(folder, None if results is None else _sweep_results(results))
    typer.echo(json_text.dumps({"report": str(path)}) if json else f"report: {path}")
    if open_page:
        typer.launch(path.resolve().as_uri())


def _sweep_results(results: Path) -> SweepResults:
    """A sweep's records, and the rivals that benchmarks/width_results.py may have left beside."""
    from relubloom.report.width_section import SweepResults
    from relubloom.sweep.results import load_results
    from relubloom.width_law.rivals_file import RIVALS, read_rivals

    beside = (results if results.is_dir() else results.parent) / RIVALS
    return SweepResults(load_results(results), tuple(read_rivals(beside).values()))


def query(
    folder: options.RunDir,
    tokens: Annotated[list[str], typer.Argument(metavar="TOKEN...", help="Labels or ids.")],
    json: options.Json = False,
    quiet: options.NoProgress = False,
    device: options.CpuOnly = "cpu",
    threads: options.OneThread = None,
    debug: options.Debug = False,
) -> None:
    """Put tokens into a network: what comes out, the union, each false positive and why."""
    from relubloom.network.extract import extract_code
    from relubloom.network.relu_net import ReluNet
    from relubloom.records.run_folder import read_labels
    from relubloom.study.query import ask
    from relubloom.study.steps import refuse_study

    refuse_study(folder)
    net = ReluNet.from_pretrained(folder)
    answer = ask(net, extract_code(net), read_labels(folder, net.vocab_size), tokens)
    if json:
        typer.echo(json_text.dumps(asdict(answer), allow_nan=False))
    else:
        typer.echo(_answer_text(answer))


def _evidence_text(row: RunRow) -> str:
    gap = "two exact values" if row.two_valued else _number(row.mode_gap, ".2f")
    bits, extracted = row.bits_per_token, row.extracted
    rows = [
        ("verdict", row.verdict),
        ("mse", f"{row.mse:.6f}   (its hash as a Bloom filter {extracted.mse:.6f})"),
        ("kl", f"{row.kl:.6f}   (its hash as a Bloom filter {extracted.kl:.6f})"),
        ("exact sets", f"{row.p_exact:.4%}   (its hash {extracted.p_exact:.4%})"),
        ("mode gap", gap),
        ("entries near threshold", f"{row.near_threshold:.2%}"),
        ("bits per token", f"{bits.mean:.2f} ± {bits.sd:.2f}"),
        ("units agree with union", f"{row.unit_agreement:.2%}"),
        ("loss failures predicted, F1", _number(extracted.loss_failure_f1, ".3f")),
        ("sets where the hash fails", f"{row.code_failure_share:.2%}"),
        ("ranking failures inside", _number(row.failures_explained, ".2%")),
        ("loss failures inside", _number(row.failures_explained_by_loss, ".2%")),
    ]
    return "\n".join(f"{name:<28} {value}" for name, value in rows)


def _explained_text(folder: Path) -> str:
    """The best explanation on the ladder, and where to look next."""
    from relubloom.records.files import read_record
    from relubloom.records.ladder import Ladder

    ladder = read_record(folder, Ladder)
    assert ladder is not None, "examine_run wrote it"
    explanations = [rung for rung in ladder.rungs if rung.kind == "explanation"]
    best = max(explanations, key=lambda rung: _agreement(rung.loss_failures.f1))
    share = best.bits / ladder.rungs[-1].bits
    f1 = _number(best.loss_failures.f1, ".3f")
    said = f"{best.name}, F1 {f1}, at {share:.1%} of the network's bits"
    return f"{'best explanation':<28} {said}\nnext: relubloom report {folder} draws the page"


def _agreement(f1: float | None) -> float:
    """Of F1; where there is nothing to count, both sides agree."""
    return math.inf if f1 is None else f1


def _number(value: float | None, form: str) -> str:
    return "none to count" if value is None else format(value, form)


def _answer_text(answer: Answer) -> str:
    lines = [
        f"in:     {' '.join(answer.members)}",
        f"union:  {len(answer.union)} units covered: {' '.join(map(str, answer.union))}",
    ]
    odd = sorted(set(answer.union) ^ set(answer.units_off))
    if odd:
        lines.append(f"        units that disagree with the union: {' '.join(map(str, odd))}")
    lines.append("out:    token, probability, logit, missing bits")
    for scored in answer.top:
        mark = "in" if scored.member else "  "
        lines.append(
            f"     {mark} {scored.token:<16} {scored.probability:8.4f} {scored.logit:9.2f} "
            f"{scored.missing_bits:3d}"
        )
    if answer.misses:
        lines.append(f"misses: {' '.join(answer.misses)}")
    if not answer.false_positives:
        lines.append("no false positives")
    for wrong in answer.false_positives:
        lines.append(f"false positive: {wrong.token}, {_why(wrong.called, wrong.covered)}")
        for bit, members in wrong.covered_by.items():
            lines.append(
                f"        bit {bit:3d}: {'from ' + ' '.join(members) if members else 'missing'}"
            )
    return "\n".join(lines)


def _why(called: bool, covered: bool) -> str:
    if called and covered:
        return "called by the network: every bit it probes is already covered"
    if called:
        return "called by the network although its hash is not covered"
    return "of the hash alone: all bits are covered, the network does not call it"
