"""The verdict rule at its boundaries."""

from typing import Any

import pytest

from relubloom.records.verdict import RULE, Verdict, commonest, judge

SOUND: dict[str, Any] = {
    "two_modes": True,
    "unit_agreement": 1.0,
    "near_threshold": 0.0,
    "loss_failure_f1": 1.0,
    "union_skill": 1.0,
}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "bloom"),
        ({"loss_failure_f1": None}, "bloom"),
        ({"loss_failure_f1": 0.8}, "bloom"),
        ({"loss_failure_f1": 0.7999}, "partly"),
        ({"loss_failure_f1": 0.0}, "partly"),
        ({"unit_agreement": 0.97}, "bloom"),
        ({"unit_agreement": 0.9699}, "partly"),
        ({"near_threshold": 0.03}, "bloom"),
        ({"near_threshold": 0.0301}, "partly"),
        ({"unit_agreement": 0.8}, "partly"),
        ({"unit_agreement": 0.7999}, "not-bloom"),
        ({"two_modes": False}, "not-bloom"),
        ({"two_modes": False, "near_threshold": 1.0}, "not-bloom"),
        # agreement must be more than a constant answer has
        ({"union_skill": 0.5}, "bloom"),
        ({"union_skill": 0.4999}, "partly"),
    ],
)
def test_the_verdict_rule_at_its_boundaries(changes: dict[str, Any], verdict: Verdict) -> None:
    assert judge(**(SOUND | changes)) == verdict


def test_the_table_has_a_line_for_each_figure() -> None:
    assert [line.figure for line in RULE] == list(SOUND)


@pytest.mark.parametrize(
    ("verdicts", "study"),
    [
        (["bloom"], "bloom"),
        (["bloom", "partly", "bloom"], "bloom"),
        (["bloom", "partly"], "partly"),
        (["bloom", "not-bloom"], "not-bloom"),
        (["bloom", "bloom", "not-bloom", "not-bloom", "partly"], "not-bloom"),
    ],
)
def test_the_verdict_of_a_study_is_the_commonest(verdicts: list[Verdict], study: Verdict) -> None:
    assert commonest(verdicts) == study
