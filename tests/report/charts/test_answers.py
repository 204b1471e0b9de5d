"""A worked example and the answers of several networks: what is chosen, and what is drawn."""

import re

import numpy as np
import pytest

from build.svg import strokes, words
from relubloom.code import Code
from relubloom.network.construct import construct
from relubloom.report.charts.answers import draw_answer, draw_example, find_example

# The first two hashes cover the third, so all three share the mass.
COVERED = Code(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool))


def test_example_is_a_false_positive_of_network_and_hash() -> None:
    example = find_example(construct(COVERED, 20.0), COVERED, 2)
    assert example is not None
    assert (example.members, example.false_positive, example.called) == ((0, 1), 2, True)
    np.testing.assert_allclose(example.p, 1 / 3, atol=1e-6)
    np.testing.assert_array_equal(example.levels, 0)  # every unit is covered
    assert example.ranked == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 3, 7])
def test_sizes_that_have_no_example(size: int) -> None:
    code = Code(np.eye(3, dtype=bool))
    assert find_example(construct(code, 20.0), code, size) is None


def test_example_shows_hashes_union_units_and_scores() -> None:
    example = find_example(construct(COVERED, 20.0), COVERED, 2)
    assert example is not None
    drawn = draw_example(example, COVERED, np.arange(4), ("<a>", "b", "x" * 20), "covered")
    assert words(drawn.svg) == [
        *("<a>", "b", "their union", "units, measured", "0", "1", "2", "3", "x" * 16 + "…"),
        "probability that the network answers",
        *("<a>", "0.333 in", "b", "0.333 in", "x" * 16 + "…", "0.333 not in"),
    ]
    assert drawn.narrow is not None
    assert words(drawn.narrow)[2:9:6] == ["union", "x" * 10 + "…"]
    assert strokes(drawn.svg, "bit") == 4 + 2  # bits of the members; their bars
    assert strokes(drawn.svg, "rule") == 4  # bits that are off, of the union none
    assert strokes(drawn.svg, "other") == 2 + 2 + 1  # wires, probed bits, a bar
    ends = re.findall(r'd="M128 \d+ (\d+) ', drawn.svg)
    assert ends[:3] == ["500"] * 3  # of the bars, all of the highest p
    first, second, third = map(int, re.findall(r'd="M128 (\d+) 500 ', drawn.svg)[:3])
    assert third - second == second - first > 10  # a bar below the other


def test_answers_say_what_is_in_what_is_missed_and_what_is_false() -> None:
    """0.25 is half of the largest probability: 0.3 is called, 0.2 is not."""
    p = np.array([0.5, 0.3, 0.2, 0.0])
    drawn = draw_answer("answer", p, [0, 1, 2, 3], (0, 2), 0.6, ("a", "b", "c", "d"), "four")
    said = words(drawn.svg)
    assert said[1::2] == ["0.500 in", "0.300 false pos.", "0.200 in, missed", "0.000"]
    assert (strokes(drawn.svg, "bit"), strokes(drawn.svg, "other")) == (2, 1)
    assert drawn.svg.startswith('<svg viewBox="0 0 340 82"')
