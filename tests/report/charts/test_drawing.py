"""Figures as files: they stand alone, and --force and resuming know them."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from build.report_runs import page, trained_run
from build.small_study import small_study
from build.svg import roles
from relubloom.records.files import FIGURE_MARK, remove_figures
from relubloom.records.labels import default_labels
from relubloom.report.charts.chart import Chart
from relubloom.report.charts.drawing import Drawing, standalone
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


@pytest.fixture
def line() -> Drawing:
    """A line in ink, described by words that HTML would take for its own."""
    chart = Chart.canvas(100, 50)
    chart.plot([0, 100], [0, 50], color=INK)
    return Drawing("line", 'less < "more" \x07', chart.figure)


def test_inline_svg_has_the_colours_of_the_page(line: Drawing) -> None:
    assert line.svg.startswith('<svg viewBox="0 0 100 50" role="img" aria-label="less &lt;')
    assert roles(line.svg) == {"ink": 1}
    assert "\x07" not in line.svg
    assert line.narrow is None


def test_ids_are_unique_where_a_figure_is_drawn_twice() -> None:
    wide, narrow = (Chart(width, 50, left=20, bottom=20, top=0) for width in (100, 50))
    drawn = Drawing("twice", "", wide.figure, narrow.figure)
    assert drawn.narrow is not None
    for svg, start in ((drawn.svg, "twice-wide-"), (drawn.narrow, "twice-narrow-")):
        ids = re.findall(r' id="([^"]*)"', svg)
        assert ids and all(each.startswith(start) for each in ids)
        assert set(re.findall(r'href="#([^"]*)"', svg)) <= set(ids)


def test_colours_of_a_file_are_those_of_the_light_theme(line: Drawing) -> None:
    alone = standalone(line.svg)
    assert "#1d2126" in alone  # --ink on paper
    assert '<rect width="100" height="50" fill="#fdfdfb"/>' in alone
    assert ElementTree.fromstring(alone).get("aria-label") == 'less < "more" \ufffd'


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
