"""The loss curve and moments of W_in: golden facts of what is drawn."""

import numpy as np
import pytest

from build.svg import marks, strokes, words
from relubloom.report.charts.training import draw_loss, draw_moment, stretches

HISTORY = [
    {"step": 10 * row, "objective": "kl" if row <= 3 else "mse", "loss": 10.0**-row}
    for row in range(1, 7)
]


def test_a_history_is_cut_where_the_objective_changes() -> None:
    kl, mse = stretches(HISTORY)
    assert (kl.objective, kl.steps) == ("kl", [10, 20, 30])
    assert (mse.objective, mse.losses) == ("mse", [1e-4, 1e-5, 1e-6])


def test_a_loss_of_zero_stays_on_the_log_scale() -> None:
    assert stretches([{"step": 1, "objective": "mse", "loss": 0.0}])[0].losses == [1e-12]


def test_the_loss_has_a_stretch_and_a_band_for_each_objective() -> None:
    twice = [{**row, "loss": 2 * row["loss"]} for row in HISTORY]
    shorter = HISTORY[:2]
    drawn = draw_loss(HISTORY, [twice, shorter], 1e-5, "falling")
    said = words(drawn.svg)
    assert said[:8] == ["0", "10", "20", "30", "40", "50", "60", "training step"]
    assert said[8:14] == ["10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1"]
    assert said[-3:-1] == ["kl (nats per set)", "mse (squared error per set)"]
    assert said[-1].startswith("best random code: mse 1.00")
    assert (strokes(drawn.svg, "accent"), marks(drawn.svg, "rule")) == (2, 2)
    assert drawn.narrow is not None
    assert words(drawn.narrow)[-3:] == ["kl", "mse", "best random code"]  # there is less room
    assert drawn.figure.axes[0].get_xlim() == (0, 60)


def test_random_codes_have_no_level_where_the_loss_is_no_mse() -> None:
    drawn = draw_loss(HISTORY[:3], [], 1e-5, "kl only")
    assert strokes(drawn.svg, "ink") == 0
    assert words(drawn.svg)[-1] == "kl (nats per set)"


def test_near_losses_have_ticks_at_1_2_and_5() -> None:
    rows = [
        {"step": step, "objective": "mse", "loss": loss} for step, loss in ((1, 0.5), (9, 0.01))
    ]
    said = words(draw_loss(rows, [], None, "").svg)
    assert said[said.index("training step") + 1 : -2] == [
        "0.01",
        "0.02",
        "0.05",
        "0.1",
        "0.2",
        "0.5",
    ]


@pytest.mark.parametrize("threshold", [0.1, None])
def test_a_moment_is_a_picture_over_a_histogram(threshold: float | None) -> None:
    shares, edges = np.array([0.25, 0.25, 0.5, 0.0]), np.linspace(-2, 2, 5)
    part = np.array([[-1.0, 0.5, 0.25], [0, -2.0, 1.0]])
    drawn = draw_moment("film-3", "after 3 steps", part, shares, edges, threshold)
    assert words(drawn.svg) == ["−2", "−1", "0", "1", "2"]
    assert drawn.svg.count("<image") == 1
    assert drawn.svg.startswith('<svg viewBox="0 0 170 187"')  # 170 * 2 / 3 + 44 + 30
    cut = threshold is not None
    assert strokes(drawn.svg, "bit") == strokes(drawn.svg, "ink") == cut
    assert drawn.figure.axes[1].get_xlim() == (-2, 2)
