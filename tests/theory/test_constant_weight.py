"""The exact laws of random constant-weight codes against values computed elsewhere."""

import json
from pathlib import Path

import pytest

from relubloom.errors import UsageError
from relubloom.theory import best_constant_weight, constant_weight
from relubloom.theory.cover import Floats
from relubloom.theory.union_size import Occupancy, union_sizes

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "theory.json").read_text())[
    "expectations"
]
FIGURES = ("fpr", "false_positives", "p_exact", "mse", "kl")


@pytest.mark.parametrize(
    "case", VECTORS, ids=lambda c: f"{c['vocab_size']}-{c['width']}-{c['set_size']}"
)
def test_agrees_with_the_exact_rational_program(case: dict[str, float]) -> None:
    best = best_constant_weight(int(case["vocab_size"]), int(case["width"]), int(case["set_size"]))
    assert best.weight == case["weight"]
    for figure in FIGURES:
        assert getattr(best, figure) == pytest.approx(case[figure], rel=1e-11), figure


def test_three_units_one_bit_worked_by_hand() -> None:
    # N = 3, d = 2, h = 1, k = 1: the member covers one unit, each of two others hits it with
    # chance 1/2. F = 0, 1, 2 with chance 1/4, 1/2, 1/4; mse F/(1+F) = 0, 1/2, 2/3.
    errors = constant_weight(3, 2, 1, 1)
    assert errors.fpr == pytest.approx(1 / 2, rel=1e-14)
    assert errors.p_exact == pytest.approx(1 / 4, rel=1e-14)
    assert errors.mse == pytest.approx(1 / 2 * 1 / 2 + 1 / 4 * 2 / 3, rel=1e-13)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((10, 0, 1, 1), "width is 0: a code has at least one unit"),
        ((10, 4, 5, 1), "weight is 5: a hash has between 0 and width = 4 bits"),
        ((10, 4, -1, 1), "weight is -1"),
        ((10, 4, 1, 0), "set_size is 0: a set has at least one token"),
        ((3, 4, 1, 4), "set_size is 4 and vocab_size is 3: a set has distinct tokens"),
    ],
)
def test_impossible_sizes_are_refused_in_one_line(arguments: tuple[int, ...], text: str) -> None:
    with pytest.raises(UsageError) as error:
        constant_weight(*arguments)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("law", [union_sizes(8, 3, 10**8), Occupancy(8, 10**8).after(3)])
def test_a_hundred_million_hashes_cover_all_units(law: tuple[Floats, int]) -> None:
    probability, smallest = law
    assert (probability.tolist(), smallest) == ([1.0], 8)
