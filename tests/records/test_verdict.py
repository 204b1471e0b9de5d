"""The verdict rule at its boundaries."""

from typing import Any

import pytest

from relubloom.records.shortfall import always_f1, reading_words
from relubloom.records.verdict import GRADED_RULE, RULE, Reading, Verdict, commonest, judge, read

SOUND: dict[str, Any] = {
    "two_modes": True,
    "unit_agreement": 1.0,
    "near_threshold": 0.0,
    "loss_failure_f1": 1.0,
    "union_skill": 1.0,
    "failures_told_apart": 1.0,
}


GRADED: dict[str, float | None] = {
    "matrices_agree": 1.0,
    "state_agreement": 1.0,
    "state_skill": 1.0,
    "loss_failure_f1": 1.0,
    "f1_gain": 0.7,
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
        # an F1 must be more than saying that every set fails has
        ({"failures_told_apart": 0.2}, "bloom"),
        ({"failures_told_apart": 0.1999}, "partly"),
        ({"failures_told_apart": None}, "bloom"),  # no set fails, or all
    ],
)
def test_the_verdict_rule_at_its_boundaries(changes: dict[str, Any], verdict: Verdict) -> None:
    assert judge(**(SOUND | changes)) == verdict


def test_the_table_has_a_line_for_each_figure() -> None:
    assert [line.figure for line in RULE] == list(SOUND)
    assert [line.figure for line in GRADED_RULE] == ["two_modes", *GRADED]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "graded-bloom"),
        ({"matrices_agree": 0.97}, "graded-bloom"),
        ({"matrices_agree": 0.9699}, "partly"),
        ({"matrices_agree": None}, "graded-bloom"),  # no full bits, so nothing to tell apart
        ({"state_agreement": 0.97}, "graded-bloom"),
        ({"state_agreement": 0.9699}, "partly"),
        ({"state_skill": 0.5}, "graded-bloom"),
        ({"state_skill": 0.4999}, "partly"),
        ({"loss_failure_f1": 0.8}, "graded-bloom"),
        ({"loss_failure_f1": 0.7999}, "partly"),
        ({"f1_gain": 0.05}, "graded-bloom"),
        ({"f1_gain": 0.0499}, "partly"),  # strengths that change nothing
        ({"f1_gain": None, "loss_failure_f1": None}, "graded-bloom"),  # no failures at all
    ],
)
def test_half_bits_make_a_graded_filter(changes: dict[str, float | None], verdict: Verdict) -> None:
    """A network whose units leak, so that its bare hash says less than a `bloom` verdict asks."""
    leaking: dict[str, Any] = SOUND | {"unit_agreement": 0.94, "loss_failure_f1": 0.23}
    assert judge(**leaking, graded=GRADED | changes) == verdict
    assert judge(**leaking) == "partly"


def test_half_bits_are_no_excuse() -> None:
    one_mode: dict[str, Any] = SOUND | {"two_modes": False}
    no_union: dict[str, Any] = SOUND | {"unit_agreement": 0.7}
    assert judge(**one_mode, graded=GRADED) == "not-bloom"
    assert judge(**no_union, graded=GRADED | {"f1_gain": 0.0}) == "not-bloom"
    assert judge(**SOUND, graded=GRADED | {"f1_gain": 0.0}) == "bloom"


@pytest.mark.parametrize(
    ("verdicts", "study"),
    [
        (["bloom"], "bloom"),
        (["bloom", "partly", "bloom"], "bloom"),
        (["bloom", "partly"], "partly"),
        (["bloom", "not-bloom"], "not-bloom"),
        (["bloom", "bloom", "not-bloom", "not-bloom", "partly"], "not-bloom"),
        (["graded-bloom", "graded-bloom", "partly"], "graded-bloom"),
        (["bloom", "graded-bloom"], "graded-bloom"),
        (["graded-bloom", "partly"], "partly"),
    ],
)
def test_the_verdict_of_a_study_is_the_commonest(verdicts: list[Verdict], study: Verdict) -> None:
    assert commonest(verdicts) == study


USUAL: dict[str, float] = {
    "p_exact": 1.0,
    "set_size": 3,
    "width": 48,
    "narrow_below": 48,
    "try_width": 53,
    "units_off": 0.4,
    "dead_unit_share": 0.1,
    "dead_token_share": 0.1,
}


@pytest.mark.parametrize(
    ("changes", "well_trained", "reading", "quantity"),
    [
        ({}, True, None, None),
        ({"set_size": 2}, True, "superposition", "set_size"),
        ({"set_size": 2, "p_exact": 0.89}, True, None, None),
        ({"width": 47}, True, "too-narrow", "width"),
        ({"width": 47}, False, "too-narrow", "width"),
        ({"units_off": 0.1}, True, "nearly-linear", "units_off"),
        ({"units_off": 0.1001}, True, None, None),
        ({"dead_unit_share": 0.5}, True, "mostly-dead", "dead_unit_share"),
        ({"dead_unit_share": 0.49}, True, None, None),
        ({"dead_token_share": 0.5}, True, "mostly-dead", "dead_token_share"),
        # trained well, its task explains it; badly, its units do
        ({"width": 16, "units_off": 0.01}, True, "too-narrow", "width"),
        ({"width": 16, "units_off": 0.01}, False, "nearly-linear", "units_off"),
        ({"set_size": 2, "width": 16}, True, "superposition", "set_size"),
        ({"set_size": 2, "dead_unit_share": 0.8}, False, "mostly-dead", "dead_unit_share"),
        ({"units_off": 0.0, "dead_token_share": 1.0}, False, "nearly-linear", "units_off"),
    ],
)
def test_the_reading_at_its_boundaries(
    changes: dict[str, float], well_trained: bool, reading: Reading | None, quantity: str | None
) -> None:
    found = read("not-bloom", USUAL | changes, well_trained=well_trained)
    assert (found.reading, found.quantity) == (reading, quantity)
    assert (found.value is None) == (found.threshold is None) == (reading is None)
    assert found.try_width == (53 if reading == "too-narrow" else None)
    assert bool(reading_words(found)) == (reading is not None)


def test_a_bloom_filter_has_no_reading() -> None:
    assert read("bloom", USUAL | {"width": 8, "units_off": 0.0}, well_trained=True).reading is None


def test_no_width_to_try_is_no_narrow_network() -> None:
    known = {key: value for key, value in USUAL.items() if key not in ("narrow_below", "try_width")}
    assert read("partly", known | {"width": 1}, well_trained=True).reading is None


def test_the_f1_of_saying_that_every_set_fails() -> None:
    # Half fail: precision 1/2, recall 1.
    assert always_f1(0.5) == pytest.approx(2 / 3)
    assert always_f1(0.0) is None
