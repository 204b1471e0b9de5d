"""The page's short form for a lesson: an example, the weights, the live part, three questions."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import relubloom as rb
from build.browser import PHONE, WIDE, OpenPage
from build.page_probes import scroll_through, serious_findings
from build.process import Outcome
from build.reports import HOSTILE

pytestmark = pytest.mark.usefixtures("unchecked")
TASK = rb.KSparseTask(16, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exact network that was examined, its tokens named to do harm."""
    made = tmp_path_factory.mktemp("lesson")
    net = rb.construct(rb.random_constant_weight(16, 8, 2, seed=0), 12.0)
    return rb.gather_evidence(net, TASK).save(made / "run", tokens=HOSTILE)


@pytest.fixture(scope="module")
def lesson(folder: Path) -> Path:
    from relubloom.report.page import write_lesson

    return write_lesson(folder)


def test_what_stands_in_it(lesson: Path) -> None:
    html = lesson.read_text(encoding="utf-8")
    assert re.findall(r'<section id="([^"]+)"', html) == ["example", "weights", "own", "questions"]
    assert html.count("<details>") == html.count("<summary>") == 3
    assert html.count('<div id="explorer-hero"') == 1
    assert "data-fallback" not in html.partition("<body>")[2].partition("<script")[0]
    assert "All its entries" not in html
    assert "<script>window.hacked" not in html and "<svg onload" not in html
    text = html.replace("\u00a0", " ")
    assert "remember which 2 of 16 tokens were put in" in text
    assert "on none of the sets does it miss a member" in text


def test_the_command_writes_it_beside_the_page(
    folder: Path, relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    mine = shutil.copytree(folder, tmp_path / "run")
    (mine / "report.html").write_text("the page")
    done = relubloom("report", mine, "--lesson", "--json")
    assert done.json == {"report": str(mine / "lesson.html")}
    assert (mine / "report.html").read_text() == "the page"
    refused = relubloom("report", mine, "--lesson", "--results", mine)
    assert refused.error == "--results is given beside --lesson: it draws no widths; leave one out"


def test_a_lesson_needs_a_bloom_filter_that_was_examined(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    net, _ = rb.train(TASK, 3, rb.Recipe(steps=2, batch_size=8))
    net.save_pretrained(tmp_path)
    bare = relubloom("report", tmp_path, "--lesson")
    assert (bare.status, bare.error) == (
        1,
        f"{tmp_path} was not examined, and a lesson is about figures; run `relubloom examine "
        f"{tmp_path}` first",
    )
    evidence = rb.gather_evidence(net, TASK)
    evidence.save(tmp_path)
    assert relubloom("report", tmp_path, "--lesson").error == (
        f"{tmp_path} is {evidence.mechanism.verdict}, and a lesson shows a Bloom filter; "
        "`relubloom study --preset class` trains one"
    )


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
def test_in_a_browser(lesson: Path, open_watched: OpenPage, width: int, theme: str) -> None:
    watched = open_watched(lesson, width=width, theme=theme)
    page = watched.page
    scroll_through(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.get_by_text("tokens put in").is_visible()
    page.get_by_text("What happens when more and more").click()
    assert page.get_by_text("tokens put in").is_visible()
    assert serious_findings(page) == []
    assert (watched.requests, watched.complaints) == ([], [])
    assert page.evaluate("window.hacked") is None
