"""The verdict rule, line by line, beside what was measured."""

from __future__ import annotations

from relubloom.records.verdict import (
    AGREEMENT_BLOOM,
    AGREEMENT_NOT,
    F1_BLOOM,
    NEAR_BLOOM,
    SKILL_BLOOM,
)
from relubloom.report.contents import Contents, Run
from relubloom.report.numbers import percent
from relubloom.report.parts import Part, Table
from relubloom.report.wording import NAMES

RULE = (
    "A network is “bloom” when all the lines below hold; “not bloom” when its unit agreement is "
    f"under {percent(AGREEMENT_NOT, 0)} or its entries have no two modes; “partly” otherwise. The "
    "verdict of a study is the commonest among its seeds. A ranking failure is a set on which some "
    "other token scores at least as high as a member; a loss failure is a set whose mse exceeds "
    "half of what one false positive costs."
)


def verdict_rule_part(contents: Contents) -> Part:
    """The rule as a table; a sentence where nothing was measured."""
    run = contents.featured
    lines = criteria(run)
    if not lines:
        return Part("The verdict rule", (RULE, "This network has not been examined against it."))
    who = f"seed {run.seed}" if contents.study else "this network"
    verdict = NAMES.get(run.verdict or "", run.verdict or "")
    table = Table(
        ("bloom asks for", who, "met"),
        (*lines, ("verdict", verdict, "")),
        kind="rule",
    )
    return Part("The verdict rule", (RULE,), tables=(table,))


def criteria(run: Run) -> list[tuple[str, str, str]]:
    """What `bloom` asks for, what this run has, and whether that is enough."""
    mechanism = run.mechanism
    if mechanism is None:
        return []
    agreement, near = mechanism["unit_agreement"], mechanism["near_threshold"]
    f1, two_modes = mechanism["extracted"]["loss_failure_f1"], mechanism["two_modes"]
    lines = [
        (
            "the entries of W_in have two modes (BIC of two normals against one)",
            "two modes" if two_modes else "one mode",
            two_modes,
        ),
        (
            f"unit agreement at least {percent(AGREEMENT_BLOOM, 0)}",
            percent(agreement),
            agreement >= AGREEMENT_BLOOM,
        ),
        (
            f"at most {percent(NEAR_BLOOM, 0)} of the entries near the threshold",
            percent(near),
            near <= NEAR_BLOOM,
        ),
        (
            f"the bare hash predicts the loss failures with F1 at least {F1_BLOOM}",
            "no failures on either side" if f1 is None else f"{f1:.3f}",
            f1 is None or f1 >= F1_BLOOM,
        ),
    ]
    skill = mechanism.get("union_skill")  # older files lack it
    if skill is not None:
        lines.append(
            (
                "the union tells units on from off with at most "
                f"{percent(1 - SKILL_BLOOM, 0)} of the errors of a constant answer",
                percent(1 - skill),
                skill >= SKILL_BLOOM,
            )
        )
    return [(rule, found, "✓ yes" if met else "✗ no") for rule, found, met in lines]
