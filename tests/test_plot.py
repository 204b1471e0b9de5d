"""`rb.plot`: the report's charts as figures, and what to run where something is missing."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

import relubloom as rb
from build.process import Outcome
from build.sweep import rows_of, sweep
from relubloom.report.charts.style import VARIABLES
from relubloom.sweep.results import Results

pytestmark = pytest.mark.usefixtures("unchecked")
TASK = rb.KSparseTask(12, 2)
NET = rb.construct(rb.random_constant_weight(12, 8, 3, seed=0), 8.0)


@pytest.fixture(scope="module")
def evidence() -> rb.Evidence:
    return rb.gather_evidence(NET, TASK, depth="study")


def colours(figure: Figure) -> set[str]:
    """Every colour that is drawn."""
    figure.canvas.draw()  # makes the ticks
    found: set[str] = set()
    for artist in figure.findobj():
        for name in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            get = getattr(artist, f"get_{name}", None)
            for colour in [] if get is None else np.atleast_2d(np.array(get(), dtype=object)):
                found.add(to_hex(tuple(colour) if len(colour) > 1 else colour[0]))
    return found


def test_matplotlib_is_loaded_when_a_figure_is_drawn(python: Callable[..., Outcome]) -> None:
    source = (
        "import sys, relubloom as rb; rb.plot; print('matplotlib' in sys.modules, end=' ');"
        "rb.plot.matrix(rb.construct(rb.Code([[1, 0], [0, 1]]), 8.0));"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    assert python(source).out.split() == ["False", "True", "False"]


def test_figures_stand_in_the_colours_of_paper(evidence: rb.Evidence) -> None:
    figures = [
        rb.plot.matrix(NET),
        rb.plot.histogram(NET),
        rb.plot.levels(evidence),
        rb.plot.ladder(evidence),
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        assert not colours(figure) & VARIABLES.keys()
        assert to_hex(figure.get_facecolor()) == "#fdfdfb"
        assert figure._repr_png_().startswith(b"\x89PNG")
    assert "#1962b2" in colours(figures[2])  # the colour of bits


def test_the_matrix_has_a_row_of_tiles_for_each_token() -> None:
    figure = rb.plot.matrix(NET, tokens=[f"word {index}" for index in range(12)])
    (image,) = figure.axes[0].get_images()
    assert image.get_extent() == [0.0, 8.0, 12, 0.0]
    assert figure.axes[0].get_yticklabels()[0].get_text() == "word 0"


def test_the_matrix_says_how_much_of_it_is_drawn() -> None:
    net = rb.ReluNet(np.full((300, 130), -2.0), None, np.zeros((130, 300)))
    assert rb.plot.matrix(net).get_suptitle() == (
        "W_in: the first 64 of 300 tokens, the first 128 of 130 units\n"
        "blue: −2 and below, clear: 0, orange: 2 and above"
    )


def test_the_ladder_has_a_key(evidence: rb.Evidence) -> None:
    (axes,) = rb.plot.ladder(evidence, "ranking").axes
    legend = axes.get_legend()
    assert {text.get_text() for text in legend.get_texts()} == {
        *("baseline", "explanation", "quantisation", "network")
    }
    assert any("1 hash\n2 " in text.get_text() for text in axes.texts)


def test_the_histogram_counts_every_entry() -> None:
    steps = [each for each in rb.plot.histogram(NET).axes[0].patches if isinstance(each, StepPatch)]
    assert sum(float(each.get_data().values.sum()) for each in steps) == pytest.approx(100)
    assert float(steps[0].get_data().values.sum()) == pytest.approx(100 * 3 / 8)  # the bits


def test_levels_examine_a_network_that_knows_its_task(evidence: rb.Evidence) -> None:
    net, _ = rb.train(TASK, 6, rb.Recipe(steps=2, batch_size=8))
    assert net.task == TASK
    drawn = rb.plot.levels(NET, TASK), rb.plot.levels(evidence)
    points = [figure.axes[0].lines[0].get_ydata() for figure in drawn]
    np.testing.assert_array_equal(*points)
    assert len(rb.plot.levels(net).axes[0].lines) >= 1


def test_width_draws_every_seed(tmp_path: Path) -> None:
    rows = sweep([20, 24, 32], lambda width: 1 / width, seeds=2)
    Results(tmp_path, create=True).record(rows_of(rows))
    axes = rb.plot.width(tmp_path).axes[0]
    dots = next(line for line in axes.lines if line.get_label() == "each seed")
    assert sorted(dots.get_ydata()) == pytest.approx(sorted(row["mse"] for row in rows))


def test_width_names_the_objective_that_it_draws(tmp_path: Path) -> None:
    rows = [
        row | {"objective": name, "mse": row["mse"] * factor}
        for name, factor in (("kl", 2), ("mse", 1))
        for row in sweep([20, 24], lambda width: 1 / width)
    ]
    Results(tmp_path, create=True).record(rows_of(rows))
    for asked, name, highest in ((None, "mse", 1 / 20), ("kl", "kl", 2 / 20)):
        figure = rb.plot.width(tmp_path, asked)
        median = next(line for line in figure.axes[0].lines if line.get_label() == "median")
        assert max(median.get_ydata()) == pytest.approx(highest, rel=0.1)  # seeds differ
        assert figure.get_suptitle() == f"objective {name}: 256 tokens, sets of 3"


MISSING: dict[str, tuple[Callable[[], object], str]] = {
    "a network without sets": (
        lambda: rb.plot.levels(NET),
        "the network does not say what it was made for: give sets, such as KSparseTask(12, "
        "set_size), or gather_evidence(net, sets)",
    ),
    "no ladder": (
        lambda: rb.plot.ladder(rb.gather_evidence(NET, TASK)),
        'the evidence holds no ladder: give gather_evidence(net, sets, depth="study")',
    ),
    "no such failures": (
        lambda: rb.plot.ladder(rb.gather_evidence(NET, TASK), "los"),  # type: ignore[arg-type]
        "failures is 'los': choose one of loss, ranking",
    ),
    "no evidence": (
        lambda: rb.plot.ladder("run"),  # type: ignore[arg-type]
        "evidence is 'run' (str): give gather_evidence(net, sets)",
    ),
    "labels": (
        lambda: rb.plot.matrix(NET, tokens=["kiwi"]),
        "1 token labels for 12 tokens: give one label a token",
    ),
    "a table": (
        lambda: rb.plot.width([{}]),  # type: ignore[arg-type]
        "results is [{}] (list): it must be a path; give such as 'runs/a'",
    ),
    "evidence for a network": (
        lambda: rb.plot.matrix(rb.gather_evidence(NET, TASK)),  # type: ignore[arg-type]
        "the network is an Evidence: give its network, which is its net",
    ),
    "no network": (lambda: rb.plot.histogram("run"), "from_file"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("call", "text"), MISSING.values(), ids=MISSING)
def test_what_is_missing_says_what_to_run(call: Callable[[], object], text: str) -> None:
    with pytest.raises(rb.RelubloomError, match=re.escape(text)):
        call()


def test_one_width_is_no_curve(tmp_path: Path) -> None:
    Results(tmp_path, create=True).record(rows_of(sweep([24], lambda _: 0.01)))
    with pytest.raises(rb.RelubloomError, match=r"no networks of several widths: .* width = \["):
        rb.plot.width(tmp_path)
