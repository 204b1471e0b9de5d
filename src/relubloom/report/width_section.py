"""Section 10: error against width, where a sweep's records of the same task were given."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relubloom.report.numbers import figure, optional, percent
from relubloom.report.parts import Panel, Part, Section, Table, absent
from relubloom.report.slopes_figure import SlopePanel, draw_slopes
from relubloom.report.subject import Subject
from relubloom.report.width_figure import LawPanel, draw_law
from relubloom.report.width_wording import (
    against_rivals,
    curvature_sentences,
    designed_error,
    law_sentences,
    onset_sentences,
    random_errors,
    random_fit,
    random_logs,
)
from relubloom.width_law.curves import Curve, curves
from relubloom.width_law.phases import phases
from relubloom.width_law.records import measurements
from relubloom.width_law.rivals import Rivals, rivals_at

CAPTION = (
    "Every dot is a network. On these axes an exponential is a straight line and a power law bends "
    "upwards. Random code: the exact expected error of the best random constant-weight code. Lines "
    "that leave at the foot go on below it, or to 0."
)
SLOPES = (
    "How fast the error falls between neighbouring widths. An exponential falls everywhere alike; "
    "a power law ever more slowly. Random codes reach their limit only at large widths, and that "
    "curve is exact."
)


@dataclass(frozen=True)
class SweepResults:
    """What a sweep gives the page: its records, and the rivals that were already made."""

    records: Sequence[Mapping[str, Any]] = ()
    rivals: Sequence[Rivals] = field(default=())


def width_section(subject: Subject, sweep: SweepResults) -> Section:
    """The curves of the subject's vocabulary and set size; a sentence where there are none.

    Cost: rivals that the sweep does not bring are made, but no designed codes: up to a second a
    width, some seconds at set_size 2.
    """
    found = _curves(subject, sweep)
    relu = [each for each in found if each.cell.activation == "relu" and len(each.points) > 1]
    if not relu:
        sentence = (
            f"One width was studied here, {subject.width}, so no curve of error against width can "
            f"be drawn. `relubloom plan --vocab-size {subject.vocab_size} --set-size k --width d` "
            "says what theory expects of any other."
        )
        parts: tuple[Part, ...] = (absent(sentence),)
    else:
        rivals = _rivals(found, sweep.rivals)
        parts = tuple(
            part
            for curve in relu
            for part in _parts(curve, _linear_of(curve, found), rivals, named=len(relu) > 1)
        )
    return Section("width", "Error against width", parts, short="Width")


def _curves(subject: Subject, sweep: SweepResults) -> list[Curve]:
    """Curves of the same task, those of the subject's own objective first."""
    own = (subject.run.recipe or {}).get("objective")
    found = [
        curve
        for curve in curves(measurements(sweep.records).networks)
        if curve.cell.vocab_size == subject.vocab_size
        and curve.cell.set_size == subject.run.task.get("set_size")
        and curve.cell.training_pool is None
    ]
    return sorted(found, key=lambda curve: curve.cell.objective != own)


def _rivals(found: list[Curve], made: Sequence[Rivals]) -> dict[int, Rivals]:
    """Rivals of every width, ascending."""
    cell = found[0].cell
    known = {
        each.width: each
        for each in made
        if (each.vocab_size, each.set_size) == (cell.vocab_size, cell.set_size)
    }
    widths = sorted({point.width for curve in found for point in curve.points})
    return {
        width: known[width] if width in known else rivals_at(cell.vocab_size, width, cell.set_size)
        for width in widths
    }


def _linear_of(curve: Curve, found: list[Curve]) -> Curve | None:
    return next(
        (
            each
            for each in found
            if each.cell.activation == "none" and each.cell.objective == curve.cell.objective
        ),
        None,
    )


def _parts(
    curve: Curve, linear: Curve | None, rivals: dict[int, Rivals], *, named: bool
) -> tuple[Part, Part]:
    cell = curve.cell
    fit = curve.fit(random_errors(rivals))
    random = random_fit(rivals, fit.widths) if fit else None
    own = {point.width: rivals[point.width] for point in curve.points}
    law = draw_law(
        f"width-law-{cell.objective}",
        [[LawPanel("", curve, linear, tuple(own.values()), fit)]],
        f"Mean squared error against width, every seed, objective {cell.objective}",
    )
    slopes = draw_slopes(
        f"width-slopes-{cell.objective}",
        [SlopePanel("", curve, fit, random_logs(own))],
        f"Local slope of the error against width, objective {cell.objective}",
    )
    said = (
        " ".join(law_sentences(curve, fit, random)),
        " ".join([*against_rivals(curve, linear, rivals), *onset_sentences(curve)]),
    )
    bent = [] if fit is None else curvature_sentences(curve, fit, random)
    return (
        Part(
            f"Objective {cell.objective}" if named else "",
            said,
            panels=(Panel(f"Error against width, sets of {cell.set_size}", law),),
            caption=CAPTION,
            tables=(_table(curve, linear, own),),
        ),
        Part(
            "",
            (" ".join([SLOPES, *bent]),),
            panels=(Panel("Local slopes, times the set size", slopes),),
        ),
    )


def _table(curve: Curve, linear: Curve | None, rivals: dict[int, Rivals]) -> Table:
    without = {} if linear is None else {each.width: each.median for each in linear.points}
    rows: list[tuple[str, ...]] = []
    for point, phase in zip(curve.points, phases(curve), strict=True):
        rival = rivals[point.width]
        exact = statistics.median(network.p_exact for network in point.networks)
        row = (
            f"{point.width}",
            f"{phase.seeds}",
            figure(point.median),
            figure(max(point.errors)),
            percent(exact),
            percent(phase.binarised, 0),
            figure(rival.random_mse),
        )
        linear_mse = optional(without.get(point.width), figure)
        rows.append((*row, designed_error(rival), linear_mse, figure(rival.counting_mse)))
    return Table(
        (
            "width",
            "seeds",
            "mse, median",
            "worst",
            "exact, median",
            "binarised",
            "random code",
            "designed code",
            "without ReLU",
            "counting bound",
        ),
        tuple(rows),
        note=(
            "Binarised: seeds whose W_in has two modes that are apart, and at most 3 % of its "
            "entries near the threshold. No network with binary hidden units has less error than "
            "the counting bound."
        ),
        kind="seeds",
    )
