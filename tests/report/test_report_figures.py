"""Figures as files: they stand alone, and --force and resuming know them."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from build.report_runs import page, trained_run
from build.small_study import small_study
from relubloom.code import Code
from relubloom.network.construct import construct
from relubloom.records.run_folder import default_labels
from relubloom.report.charts.answers import find_example
from relubloom.report.charts.drawing import FIGURE_MARK, drawing, remove_figures, standalone
from relubloom.report.charts.marks import posterised, segments, tiles
from relubloom.report.charts.style import INK
from relubloom.report.page import write_report
from relubloom.study.study import run_study


def test_every_figure_of_the_page_is_a_file_that_stands_alone(tmp_path: Path) -> None:
    trained_run(tmp_path)
    html = page(tmp_path)
    files = sorted((tmp_path / "figures").iterdir())
    assert {"example.svg", "matrix.svg", "histogram.svg", "loss.svg"} <= {
        path.name for path in files
    }
    for path in files:
        assert f'href="figures/{path.name}"' in html
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("font-family")
        assert float(root.get("width", "0")) > 0
        assert "var(" not in text
        assert text.startswith(FIGURE_MARK)


def test_colours_of_a_file_are_those_of_the_light_theme() -> None:
    def paint(figure: Figure) -> None:
        figure.add_axes((0, 0, 1, 1)).plot([0, 1], [0, 1], color=INK)

    drawn = drawing("line", 'less < "more"', (100, 50), paint)
    assert "var(--ink)" in drawn.svg
    alone = standalone(drawn.svg)
    assert "#1d2126" in alone  # --ink on paper
    assert '<rect width="100" height="50" fill="#fdfdfb"/>' in alone
    assert ElementTree.fromstring(alone).get("aria-label") == 'less < "more"'


def test_figures_of_an_earlier_report_do_not_linger(tmp_path: Path) -> None:
    trained_run(tmp_path)
    write_report(tmp_path)
    (tmp_path / "figures" / "mine.svg").write_text("<svg/>")
    (tmp_path / "history.jsonl").unlink()
    html = page(tmp_path)
    assert "figures/loss.svg" not in html
    assert not (tmp_path / "figures" / "loss.svg").exists()
    assert (tmp_path / "figures" / "mine.svg").read_text() == "<svg/>"


def test_removing_figures_keeps_what_is_not_ours(tmp_path: Path) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "ours.svg").write_text(f"{FIGURE_MARK}\n<svg/>")
    remove_figures(tmp_path)
    assert not figures.exists()
    remove_figures(tmp_path)
    figures.mkdir()
    (figures / "theirs.svg").write_bytes(b"\xff\xfe not text")
    remove_figures(tmp_path)
    assert (figures / "theirs.svg").exists()


@pytest.mark.usefixtures("unchecked")
def test_force_removes_figures_and_resume_does_not_mind_them(tmp_path: Path) -> None:
    out = tmp_path / "study"
    plan = small_study(default_labels(12))
    first = run_study(plan, out)
    assert (out / "figures").is_dir()
    assert run_study(plan, out, resume=True) == first
    (out / "figures" / "stale.svg").write_text(FIGURE_MARK)
    run_study(plan, out, force=True)
    assert (out / "figures" / "matrix.svg").exists()
    assert not (out / "figures" / "stale.svg").exists()


def test_example_is_a_false_positive_of_network_and_hash() -> None:
    """Hashes 1100, 0011, 0110: the first two cover the third, so all three share the mass."""
    code = Code(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool))
    example = find_example(construct(code, 20.0), code, 2)
    assert example is not None
    assert (example.members, example.false_positive, example.called) == ((0, 1), 2, True)
    np.testing.assert_allclose(example.p, 1 / 3, atol=1e-6)
    np.testing.assert_array_equal(example.levels, 0)  # every unit is covered
    assert example.ranked == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 3, 7])
def test_sizes_that_have_no_example(size: int) -> None:
    code = Code(np.eye(3, dtype=bool))
    assert find_example(construct(code, 20.0), code, size) is None


def test_shapes_of_nothing_can_be_drawn() -> None:
    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.add_patch(segments([], edgecolor=INK))
        axes.add_patch(tiles([], INK))

    assert "<svg" in drawing("empty", "nothing", (10, 10), paint).svg


def test_posterised_opacity_by_hand() -> None:
    """24 levels lie 255 / 23 = 11.09 apart: 5 rounds to 0 and clears the pixel, 6 to 11."""
    colours = np.array([[9, 9, 9, 5], [9, 9, 9, 6], [9, 9, 9, 255]], dtype=np.uint8)
    assert posterised(colours).tolist() == [[0, 0, 0, 0], [9, 9, 9, 11], [9, 9, 9, 255]]
