"""The planner: its contract, that it meets its goal with nothing to spare, and what it refuses."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relubloom.errors import UsageError
from relubloom.theory import (
    FAMILY_COLUMNS,
    FamilyRow,
    Plan,
    best_bernoulli,
    best_constant_weight,
    best_with_replacement,
    bounds_table,
    counting_width,
    family_notes,
    family_table,
    partitioned,
    plan,
)
from relubloom.theory.plan_families import smallest_width

CONTRACT = {
    "vocab_size": 1000,
    "set_size": 3,
    "width": 64,
    "weight": 12,
    "false_positives": 0.0315147666,
    "fpr": 3.16095954e-5,
    "p_exact": 0.969392782,
    "mse": 0.00259550267,
    "kl": 0.00900649029,
}
FAMILIES = ["constant weight", "with replacement", "Bernoulli", "partitioned"]


def row(of: Plan, family: str) -> FamilyRow:
    return next(r for r in of.families if r.family == family)


def test_the_contract_holds_as_strict_json() -> None:
    text = json.dumps(plan(1000, 3, width=64).to_json(), allow_nan=False)
    read = json.loads(text)
    for name, value in CONTRACT.items():
        assert read[name] == pytest.approx(value, rel=1e-8), name
    assert read["counting_bound"] == pytest.approx(counting_width(1000, 3, read["p_exact"]))
    graded = read["graded"]
    assert (graded["half"], graded["full"]) == (9, 7)
    assert graded["mse"] == pytest.approx(4.96280879e-5, rel=1e-8)
    assert read["parameters"] == 2 * 1000 * 64 + 1000 + 64
    assert read["bytes_float32"] == 4 * read["parameters"]


def test_the_width_for_an_error_is_the_smallest() -> None:
    # .00259550 is what 64 units reach, so a hair more than that asks for 64, a hair less for 65.
    assert plan(1000, 3, mse=0.0025956).width == 64
    assert plan(1000, 3, mse=0.0025954).width == 65


def test_a_plan_for_p_exact_takes_the_weight_that_is_best_for_it() -> None:
    planned = plan(1000, 4, p_exact=0.6)
    best = best_constant_weight(1000, planned.width, 4, by="p_exact")
    assert planned.weight == best.weight
    assert planned.p_exact == best.p_exact >= 0.6
    assert best_constant_weight(1000, planned.width - 1, 4, by="p_exact").p_exact < 0.6


@settings(deadline=None, max_examples=25)
@given(
    others=st.integers(1, 10**6),
    k=st.integers(1, 8),
    exponent=st.floats(-9, -0.7),
    kind=st.booleans(),
)
def test_every_random_family_meets_the_goal_and_constant_weight_just_so(
    others: int, k: int, exponent: float, kind: bool
) -> None:
    error = 10**exponent
    planned = plan(others + k, k, mse=error) if kind else plan(others + k, k, p_exact=1 - error)
    for family in FAMILIES:
        found = row(planned, family)
        assert found.method in ("exact", "bounds")
        assert (found.mse <= error) if kind else (found.p_exact >= (1 - error) * (1 - 1e-14))
    if planned.width > 1:
        by = "mse" if kind else "p_exact"
        short = best_constant_weight(others + k, planned.width - 1, k, by=by)
        assert short.mse > error if kind else short.p_failure > 1 - (1 - error)


def test_rows_are_the_laws_they_name() -> None:
    planned = plan(1000, 3, width=64)
    assert row(planned, "with replacement").mse == best_with_replacement(1000, 64, 3).mse
    assert row(planned, "Bernoulli").mse == best_bernoulli(1000, 64, 3).mse
    blocks = row(planned, "partitioned")
    assert blocks.mse == partitioned(1000, blocks.width, int(blocks.weight), 3).mse
    exact = row(planned, "Kautz-Singleton")
    assert (exact.width, exact.mse, exact.p_exact) == (77, 0.0, 1.0)
    assert "takes more than 64 units, unless construct can shorten it" in exact.note
    assert row(planned, "linear superposition").method == "Monte Carlo"


def test_too_many_states_give_bounds_and_say_so() -> None:
    found = row(plan(10**5, 12, width=400), "partitioned")
    assert found.method == "bounds"
    assert 0 < found.p_exact < 1
    assert found.mse > 0


def test_ten_million_tokens_are_planned() -> None:
    assert plan(10**7, 8, p_exact=0.999).p_exact >= 0.999


def test_notes_say_where_the_plan_means_little() -> None:
    assert any("linear superposition" in note for note in plan(1000, 2, width=64).notes)
    wide = plan(1000, 3, width=64)
    assert wide.notes == ()
    assert wide.believable
    narrow = plan(1000, 4, width=20)
    assert not narrow.believable
    assert any(
        "5.0 units per token" in note and "is not believable" in note for note in narrow.notes
    )
    between = plan(1000, 4, width=32)
    assert between.believable
    assert any("may not be believable" in note for note in between.notes)
    assert any("one unit per token" in note for note in plan(20, 3, mse=1e-9).notes)
    assert any("below 1e-230" in note for note in plan(10, 1, width=900).notes)


def test_a_set_of_the_whole_vocabulary_needs_nothing() -> None:
    planned = plan(5, 5, mse=0.1)
    assert (planned.width, planned.mse, planned.p_exact) == (1, 0.0, 1.0)
    json.dumps(planned.to_json(), allow_nan=False)


def test_tables_have_a_row_for_each_family_and_bound() -> None:
    planned = plan(50257, 8, p_exact=0.99999)
    table = family_table(planned)
    assert [r[0] for r in table] == [*FAMILIES, "Kautz-Singleton", "linear superposition"]
    assert {len(r) for r in table} == {len(FAMILY_COLUMNS)}
    shares = table[0][FAMILY_COLUMNS.index("P_exact")]
    assert shares.startswith("1 - ")  # not "1", which would read as certain
    values = dict(bounds_table(planned))
    assert values["parameters of the network"] == f"{planned.parameters:,}"
    assert values["no disjunct code below width"] == "45"  # C(10, 2)
    assert any(note.startswith("Bernoulli: density 1/9") for note in family_notes(planned))


def test_smallest_width_looks_below_a_dent() -> None:
    assert smallest_width(lambda w: w >= 37, 10) == 37
    assert smallest_width(lambda w: w >= 37, 500) == 37
    assert smallest_width(lambda w: w >= 1, 64) == 1
    assert smallest_width(lambda w: w >= 2, 1) == 2
    assert smallest_width(lambda w: w >= 37 or w == 35, 37) == 35  # bisection stops at 37


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        ({}, "the plan got no goal: it takes exactly one of width, mse and p_exact"),
        ({"width": 3, "mse": 0.1}, "the plan got width and mse: it takes exactly one"),
        ({"p_exact": 1.0}, "p_exact is 1.0: a random code reaches any share"),
        ({"p_exact": 0.0}, "p_exact is 0.0"),
        ({"mse": 0.0}, "mse is 0.0: a random code reaches any error strictly between 0 and 1"),
        ({"mse": float("nan")}, "mse is nan"),
        ({"mse": 1e-250}, "mse is 1e-250: the exact laws hold down to 1e-200"),
        ({"width": 0}, "width is 0: a code has at least one unit"),
        ({"width": 60_000}, "the plan is for about 60000 units: the exact laws are offered up to"),
    ],
)
def test_impossible_plans_are_refused_in_one_line(goal: dict[str, float], text: str) -> None:
    with pytest.raises(UsageError) as error:
        plan(1000, 3, **goal)  # type: ignore[arg-type]
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_a_plan_for_large_sets_is_refused_by_the_rule_of_thumb() -> None:
    # 2000 / ln(2)^2 x ln(998,000 / (1e-6 x 2000 x 2001)) = 4162.737 x 12.42671
    with pytest.raises(UsageError, match=r"^the plan is for about 51729 units: "):
        plan(10**6, 2000, mse=1e-6)


def test_an_impossible_plan_names_the_width_that_makes_no_error() -> None:
    with pytest.raises(UsageError, match="use a disjunct code of 77 units, which makes no error"):
        plan(1000, 3, p_exact=1.0)


def test_sets_larger_than_the_vocabulary_are_refused() -> None:
    with pytest.raises(UsageError, match="set_size is 4 and vocab_size is 3"):
        plan(3, 4, width=8)
