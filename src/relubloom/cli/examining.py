"""`relubloom examine` and `relubloom certify`: what can be found out about a network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relubloom.cli import options
from relubloom.cli.importing import brought_in
from relubloom.errors import RelubloomError
from relubloom.progress import ProgressDisplay
from relubloom.records.certificate import Method

if TYPE_CHECKING:
    from relubloom.records.behaviour import Behaviour
    from relubloom.records.certificate import Certificate
    from relubloom.records.mechanism import Strengths
    from relubloom.records.study import RunRow


def examine(
    path: Annotated[
        Path,
        typer.Argument(metavar="DIR|FILE", help="A run folder, or a file with a network."),
    ],
    asked: options.SetsAsked,
    foreign: options.Foreign,
    out: Annotated[
        Path | None,
        options.output_option(
            "--out", "-o", help="Run folder for a FILE; by default FILE-run, beside it."
        ),
    ] = None,
    force: options.Force = False,
    device: options.Device = "cpu",
    *,
    how: options.Working,
) -> None:
    """Test whether the network of a run folder is a Bloom filter, and write the evidence there.

    The network is put to the sets that the folder was made for, or to those asked for.

    Behaviour (what it answers), mechanism (how), seven interventions with their predictions, and
    the explanation ladder (what reproduces its failures at which length), each in a JSON file. A
    FILE is brought in first, as by relubloom import, and its page is drawn at the end.
    """
    from relubloom.records.behaviour import Behaviour
    from relubloom.records.files import as_json, read_record
    from relubloom.study.steps import examine_run
    from relubloom.training.devices import check_device

    check_device(device)
    folder, is_new = brought_in(path, foreign, asked, out, force=force, say=not how.json)
    with ProgressDisplay(how.quiet) as watch:
        row = examine_run(
            folder, **asked.arguments(), device=device, threads=how.cores, watch=watch
        )
    behaviour = read_record(folder, Behaviour)
    assert behaviour is not None, "examine_run wrote it"
    over = as_json(behaviour)
    page: dict[str, str] = {}
    if is_new:
        from relubloom.report.page import write_report

        page = {"report": str(write_report(folder))}
    how.answer(
        as_json(row) | {key: over[key] for key in ("sets", "method", "source", "file")} | page,
        lambda: "\n".join(
            [
                _evidence_text(row, behaviour, folder),
                _explained_text(behaviour, folder),
                f"report: {page['report']}"
                if page
                else f"next: relubloom report {folder} draws the page",
            ]
        ),
    )


def certify(
    folder: options.RunDir,
    asked: options.SetsAsked,
    method: Annotated[
        Method | None,
        options.task_option(
            metavar="NAME",
            help="How to certify; by default the first that answers: enumeration of all sets, "
            "counting for an exact Bloom filter, bounds, or else sampled (no proof).",
        ),
    ] = None,
    device: options.Device = "cpu",
    *,
    how: options.Working,
) -> None:
    """Prove what a network does over all C(N, k) sets, and write certificate.json there.

    With --sets over the lines of a file instead, of one size; they are evaluated one by one.
    """
    from relubloom.records.files import as_json
    from relubloom.study.steps import certify_run
    from relubloom.training.devices import check_device

    check_device(device)
    given = asked.arguments()
    try:
        with ProgressDisplay(how.quiet) as watch:
            result = certify_run(
                folder, **given, method=method, device=device, threads=how.cores, watch=watch
            )
    except KeyboardInterrupt:
        raise RelubloomError("stopped; nothing was written; run it again from the start") from None
    how.answer(as_json(result), lambda: _certificate_text(result, folder))


def _evidence_text(row: RunRow, behaviour: Behaviour, folder: Path) -> str:
    from relubloom.records.behaviour import figures_over
    from relubloom.records.files import read_record
    from relubloom.records.mechanism import Mechanism
    from relubloom.records.shortfall import filter_words, reading_words, shortfall

    mechanism = read_record(folder, Mechanism)
    assert mechanism is not None, "examine_run wrote it"
    lacking, reading = shortfall(mechanism), reading_words(row)
    positives = filter_words(row.hash_false_positives, row.random_code_false_positives, row.graded)
    gap = "two exact values" if row.two_valued else _number(row.mode_gap, ".2f")
    bits, extracted = row.bits_per_token, row.extracted
    rows = [
        ("verdict", row.verdict),
        *([("reading", reading)] if reading else []),
        *([("what falls short", lacking)] if lacking else []),
        ("examined on", figures_over(behaviour)),
        ("mse", f"{row.mse:.6f}   (its hash as a Bloom filter {extracted.mse:.6f})"),
        ("kl", f"{row.kl:.6f}   (its hash as a Bloom filter {extracted.kl:.6f})"),
        ("exact sets", f"{row.p_exact:.4%}   (its hash {extracted.p_exact:.4%})"),
        *_interval_rows(folder),
        ("mode gap", gap),
        ("entries near threshold", f"{row.near_threshold:.2%}"),
        ("bits per token", f"{bits.mean:.2f} ± {bits.sd:.2f}"),
        ("units agree with union", f"{row.unit_agreement:.2%}"),
        ("loss failures predicted, F1", _number(extracted.loss_failure_f1, ".3f")),
        ("false positives per set", positives),
        ("", "(a unit of the code is one bit, a unit of the network a real number of 32 bits)"),
        ("the hash fails on", f"{row.code_failure_share:.2%} of all sets"),
        ("  of the ranking failures", _number(row.failures_explained, ".2%")),
        ("  of the loss failures", _number(row.failures_explained_by_loss, ".2%")),
        *([] if row.graded is None else _graded_rows(row.graded)),
    ]
    return "\n".join(f"{name:<28} {value}" for name, value in rows)


def _interval_rows(folder: Path) -> list[tuple[str, str]]:
    """Where the sets are a sample: how far figures over all sets may be from those."""
    from relubloom.records.certificate import Certificate
    from relubloom.records.files import read_record

    found = read_record(folder, Certificate)
    if found is None or found.confidence is None:
        return []
    rows = ("mse", found.mse, ".6f"), ("exact sets", found.p_exact, ".4%")
    said = [f"{what} {each.lower:{form}} to {each.upper:{form}}" for what, each, form in rows]
    return [(f"{found.confidence:.0%} intervals, all sets", ", ".join(said))]


def _graded_rows(found: Strengths) -> list[tuple[str, str]]:
    """What the strengths of the bits add."""
    calls = [_number(each, ".3f") for each in (found.called_precision, found.called_recall)]
    f1 = _number(found.extracted.loss_failure_f1, ".3f")
    return [
        ("half bits", f"{found.half_share:.1%} of the bits, {found.levels} strengths"),
        ("units agree with states", f"{found.state_agreement:.2%}"),
        ("loss failures, graded hash", f"F1 {f1}, mse {found.extracted.mse:.6f}"),
        ("wrong calls, graded hash", f"precision {calls[0]}, recall {calls[1]}"),
    ]


def _explained_text(behaviour: Behaviour, folder: Path) -> str:
    """The best explanation on the ladder."""
    from relubloom.evidence.gather import EXPLAINED_UP_TO
    from relubloom.records.files import read_record
    from relubloom.records.ladder import Ladder
    from relubloom.records.shortfall import always_f1

    base = always_f1(behaviour.loss_failures)
    ladder = read_record(folder, Ladder)
    if ladder is None:
        said = f"not looked for, and no interventions: W_in has over {EXPLAINED_UP_TO:,} entries"
        return f"{'best explanation':<28} {said}"
    explanations = [rung for rung in ladder.rungs if rung.kind == "explanation"]
    best = max(explanations, key=lambda rung: _agreement(rung.loss_failures.f1))
    share = best.bits / ladder.rungs[-1].bits
    f1 = _number(best.loss_failures.f1, ".3f")
    beside = "" if base is None else f" ({base:.3f} by saying that every set fails)"
    said = f"{best.name}, F1 {f1}{beside}, at {share:.1%} of the network's bits"
    return f"{'best explanation':<28} {said}"


def _agreement(f1: float | None) -> float:
    """Of F1; where there is nothing to count, both sides agree."""
    return math.inf if f1 is None else f1


def _number(value: float | None, form: str) -> str:
    return "none to count" if value is None else format(value, form)


def _certificate_text(result: Certificate, folder: Path) -> str:
    confidence = result.confidence
    wrong = result.false_positives
    total = "" if wrong.total is None else f"   ({wrong.total:,} in all)"
    rows = [
        ("sets", _certified_sets(result)),
        ("method", result.method + (", proven" if confidence is None else "")),
        ("", result.reasons),
        *([] if confidence is not None else _exact_sets(result)),
        ("share exact", result.p_exact.written(".9g")),
        ("mse", result.mse.written(".9g")),
        ("false positives per set", wrong.mean.written(".9g") + total),
        *_imported(result),
        ("written", str(folder / "certificate.json")),
    ]
    return "\n".join(f"{name:<24} {value}" for name, value in rows)


def _certified_sets(result: Certificate) -> str:
    if (file := result.file) is None:
        return f"all {result.sets:,} sets of {result.set_size} tokens count alike"
    which = "the held-out" if file.held_out else "all"
    return f"{which} {result.sets:,} lines of {result.set_size} tokens in {file.path}"


def _exact_sets(result: Certificate) -> list[tuple[str, str]]:
    """Counted sets; a sample counts none of the rest."""
    low, high = result.exact_sets_bounds
    return [
        ("exact sets", f"{low:,}" if low == high else f"{low:,} to {high:,}"),
        ("undecided sets", f"{result.undecided_sets:,}"),
    ]


def _imported(result: Certificate) -> list[tuple[str, str]]:
    """Of which file a network that was brought in is, and whether that was verified."""
    origin = result.imported
    if origin is None:
        return []
    verified = "" if origin.verified else "NOT "
    sha = "" if origin.sha256 is None else f" (SHA-256 {origin.sha256[:12]}...)"
    return [("network of", f"{origin.file}{sha}, {verified}verified against the original")]
