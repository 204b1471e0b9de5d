"""The matrix, its histogram, units' levels and hashes' bits: golden facts of what is drawn."""

import numpy as np
import pytest

from build.svg import marks, roles, strokes, words
from relubloom.code import Code
from relubloom.records.mechanism import CoveredLevel, InputModes, Spread
from relubloom.report.charts.weights import (
    bin_edges,
    bin_shares,
    density,
    draw_colour_bar,
    draw_distribution,
    draw_histogram,
    draw_levels,
    draw_matrix,
    shared_limit,
    shown,
    unit_order,
)

EDGES = np.linspace(-2, 2, 9)
SHARES = np.array([0, 0.2, 0.1, 0, 0, 0.3, 0.4, 0])
MODES = InputModes(
    mode_gap=9.0,
    two_valued=False,
    two_modes=True,
    mode_means=(-1.25, 1.1),
    mode_sds=(0.2, 0.3),
    mode_shares=(0.3, 0.7),
    near_threshold=0.0,
)


def level(free: float, covered: float | None) -> tuple[Spread, CoveredLevel | None]:
    above = None if covered is None else CoveredLevel(covered, covered + 0.1)
    return Spread(free, 0.5), above


def test_units_are_sorted_by_the_bits_of_the_first_tokens() -> None:
    """Unit 2 has the first token's bit, unit 0 the second's, unit 1 neither."""
    code = Code(np.array([[0, 0, 1], [1, 0, 1]], dtype=bool))
    W_in = np.where(code.bits, -1, 0.5).astype(np.float32)
    assert unit_order(W_in, code).tolist() == [2, 0, 1]
    np.testing.assert_array_equal(shown(W_in, np.array([2, 0, 1])), [[-1, 0.5, 0.5], [-1, -1, 0.5]])
    assert shared_limit([W_in.astype(np.float64)]) == 1.0


def test_the_matrix_is_one_picture_with_labelled_rows() -> None:
    part = np.array([[-1.0, 0.5, 0.25], [0, -2.0, 1.0]])
    drawn = draw_matrix("matrix", part, 1.0, ("a<b", "a long label of letters"), "two tokens")
    said = ["0", "1", "2", "hidden units, sorted", "a<b", "a long label…"]
    assert words(drawn.svg) == said
    assert drawn.svg.count("<image") == 1
    assert drawn.svg.startswith('<svg viewBox="0 0 340 122" role="img" aria-label="two tokens">')
    (axes,) = drawn.figure.axes
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 3), (2, 0))


def test_the_colour_bar_names_both_ends() -> None:
    drawn = draw_colour_bar(1.234)
    assert words(drawn.svg)[:5] == ["≤ −1.23", "−0.62", "0", "0.62", "≥ 1.23"]
    assert "from -1.23 (blue) through 0 (clear) to 1.23 (orange)" in drawn.description


def test_bins_hold_every_entry() -> None:
    matrix = np.array([[-1, 0], [1, 1]], dtype=np.float32)
    edges = bin_edges([matrix])
    shares = bin_shares(matrix, edges)
    assert (edges[0], edges[-1]) == pytest.approx((-1.06, 1.06))
    assert (shares[2], shares.sum(), np.count_nonzero(shares)) == (0.25, 1.0, 3)


def test_the_histogram_marks_threshold_and_modes() -> None:
    drawn = draw_histogram("histogram", SHARES, EDGES, MODES, "two modes")
    said = words(drawn.svg)
    assert said[:5] == ["−2", "−1", "0", "1", "2"]
    assert said[6:11] == ["0", "10", "20", "30", "40"]  # per cent
    assert said[-3:] == ["threshold −0.07", "−1.25 ± 0.20", "1.10 ± 0.30"]
    assert (strokes(drawn.svg, "bit"), strokes(drawn.svg, "other")) == (1, 1)
    (axes,) = drawn.figure.axes
    assert axes.get_ylim() == pytest.approx((0, 1.38 * 40))
    # The first mode: .3 / (.2 sqrt(2 pi)), in per cent of bins of .5. The other one is cut off.
    curve = dict(axes.lines[-1].get_xydata())
    assert curve[-1.25] == pytest.approx(100 * 0.5 * 0.3 / (0.2 * np.sqrt(2 * np.pi)))
    assert max(curve.values()) == pytest.approx(1.02 * 40)


def test_a_histogram_without_modes_is_all_of_one_colour() -> None:
    drawn = draw_histogram("histogram", SHARES, EDGES, None, "before training")
    assert not {"bit", "other", "accent"} & roles(drawn.svg).keys()
    assert words(drawn.svg)[-1] == "share of entries per bin (%)"


def test_a_density_integrates_to_one() -> None:
    values = np.linspace(-5, 5, 2001)
    assert density(MODES, values).sum() * 0.005 == pytest.approx(1)


def test_levels_are_sorted_and_units_that_are_never_covered_have_one_mark() -> None:
    drawn = draw_levels([level(1, 0), level(2, None), level(3, 0.1)], "levels")
    assert words(drawn.svg)[0] == "hidden units, sorted by their level"
    assert words(drawn.svg)[-2:] == ["not covered: mean ± sd", "covered: mean, 95th percentile"]
    free, covered = drawn.figure.axes[0].lines
    assert (list(free.get_xdata()), list(free.get_ydata())) == ([0, 1, 2], [3, 2, 1])
    assert (list(covered.get_xdata()), list(covered.get_ydata())) == ([0, 2], [0.1, 0])
    assert (strokes(drawn.svg, "bit"), strokes(drawn.svg, "other")) == (3, 2)  # whiskers
    assert drawn.narrow is not None


def test_many_levels_are_thinned_out_evenly() -> None:
    drawn = draw_levels([level(unit, None) for unit in range(401)], "levels")
    assert list(drawn.figure.axes[0].lines[0].get_ydata())[:2] == [400, 397]


def test_a_distribution_ends_where_bars_and_chance_do() -> None:
    shares, chance = np.array([0, 0.25, 0.5, 0.25, 0, 0]), np.array([0, 0.2, 0.4, 0.2, 0.1, 1e-5])
    drawn = draw_distribution("bits", "four bars", shares, chance, ("bits of a token", "tokens"))
    assert words(drawn.svg)[:5] == ["1", "2", "3", "4", "bits of a token"]
    assert words(drawn.svg)[-2:] == ["by chance", "tokens"]
    assert marks(drawn.svg, "bit") == 4 + 1  # bars, the legend's
    assert drawn.figure.axes[0].get_xlim() == pytest.approx((0.3, 4.7))
