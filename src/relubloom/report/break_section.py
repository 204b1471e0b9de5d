"""Section 7: change a part of the network; the code says beforehand what will happen."""

from __future__ import annotations

from typing import Any

from relubloom.report.charts.evidence import Result, draw_interventions
from relubloom.report.contents import JsonObject, block, rows_of
from relubloom.report.numbers import NONE, count, decimal, optional, percent
from relubloom.report.parts import Panel, Part, Section, Table, absent
from relubloom.report.subject import Subject

HEADING = "Break it"
LEAD = (
    "A reading that only describes can be an accident. So parts of the network were changed, and "
    "the code said before each run which tokens would come out. The control makes the same "
    "prediction wrongly on purpose, to show how far luck goes."
)
EXPLAINED = (
    "The code knows two levels. What it misses by that, the best explanation on the ladder says, "
    "which is a network of few numbers: the same was done to it, and its answer is the prediction."
)

SIZE = (
    "One prediction fails: a false positive put in as a member changes nothing in the union, and "
    "yet it changes the answer. The units that stay on tell how many tokens were put in, so the "
    "network is a Bloom filter at the set size that it was trained on, and at no other."
)
PREDICTED = 0.5  # exactly as predicted in fewer cases: the prediction fails

CAPTION = (
    "F1 of the false positives among the called tokens where the intervention is meant to make "
    "some, else of the tokens whose call it changes."
)


def break_section(subject: Subject) -> Section:
    """Predicted against actual for every intervention, with its control."""
    rows = rows_of(subject.run.interventions, "interventions")
    if not rows:
        nothing = "The folder holds no interventions; `relubloom examine` makes them."
        return Section("break", HEADING, (absent(nothing, mount="break"),))
    results = [
        Result(_title(row), _f1(row), _f1(row["control"]), _f1(block(row, "explained")))
        for row in rows
    ]
    drawn = draw_interventions(
        results,
        "; ".join(
            f"{each.name}: F1 {_decimal(each.f1)}, control {_decimal(each.control)}"
            + ("" if each.explained is None else f", explanation {_decimal(each.explained)}")
            for each in results
        ),
    )
    text = [LEAD]
    if any(each.explained is not None for each in results):
        text.append(EXPLAINED)
    text += [SIZE for each in rows if _is_another_size(each)]
    figure = Part(panels=(Panel("", drawn),), caption=CAPTION, tables=(_table(rows),))
    return Section("break", HEADING, (Part(text=tuple(text), mount="break"), figure))


def _is_another_size(row: JsonObject) -> bool:
    """Whether the intervention that adds a token without a new bit comes out otherwise."""
    exact = row.get("exact_match")
    return row["name"] == "patch-false-positive" and exact is not None and exact < PREDICTED


def _title(row: JsonObject) -> str:
    return str(row["name"]).replace("-", " ")


def _f1(found: JsonObject | None) -> float | None:
    """Of the false positives; of the changes where there are none to compare."""
    if found is None:
        return None
    value = found.get("f1")
    return (block(found, "changes") or {}).get("f1") if value is None else value


def _table(rows: list[JsonObject]) -> Table:
    headings = (
        "intervention",
        "the question, and what the code predicts",
        "precision",
        "recall",
        "F1",
        "exactly as predicted",
        "F1 of changes",
        "F1 of failures",
        "by the explanation",
        "control F1",
    )
    return Table(
        headings,
        tuple(
            (
                _title(row),
                f"{row['question']} {row['prediction']}",
                _decimal(row["precision"]),
                _decimal(row["recall"]),
                _decimal(row["f1"]),
                optional(row["exact_match"], percent),
                _decimal((block(row, "changes") or {}).get("f1")),
                _decimal((block(row, "by_loss") or {}).get("f1")),
                _explained(row),
                _control(row),
            )
            for row in rows
        ),
        note="Precision, recall and F1: predicted false positives among the called tokens, pooled "
        f"over up to {count(max(row['cases'] for row in rows))} cases. Exactly as predicted: cases "
        "whose called tokens are exactly those. F1 of changes: tokens whose call the intervention "
        "changes. F1 of failures: cases that fail by loss. By the explanation: F1, and F1 of "
        "failures. A dash: nothing to compare.",
        kind="wordy second",
    )


def _explained(row: JsonObject) -> str:
    found = block(row, "explained")
    if found is None:
        return NONE
    return f"{_decimal(_f1(found))}, {_decimal((block(found, 'by_loss') or {}).get('f1'))}"


def _control(row: JsonObject) -> str:
    control = block(row, "control")
    return NONE if control is None else f"{_decimal(_f1(control))} ({control['name']})"


def _decimal(value: Any) -> str:
    return optional(value, decimal)
