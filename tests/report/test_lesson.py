"""The page's short form for a lesson: an example, the weights, the live part, three questions."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import relubloom as rb
from build.browser import PHONE, WIDE, OpenPage
from build.golden import lines
from build.page_probes import scroll_through, serious_findings
from build.process import Outcome
from build.reports import HOSTILE
from relubloom.records.behaviour import Behaviour, Calls
from relubloom.records.files import read_record
from relubloom.records.labels import id_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.report.lesson import no_lesson, right_share, write_lesson
from relubloom.report.numbers import figure, percent
from relubloom.report.read import read_run
from relubloom.study.settings import PRESETS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("unchecked")
TASK = rb.KSparseTask(16, 2)


def examined(folder: Path, width: int, weight: int, **how: Any) -> Path:
    """An exact network of 16 tokens that was examined on pairs."""
    net = rb.construct(rb.random_constant_weight(16, width, weight, seed=0), 12.0)
    return rb.gather_evidence(net, TASK).save(folder, **how)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Right on most sets, its tokens named to do harm."""
    return examined(tmp_path_factory.mktemp("lesson") / "run", 18, 5, tokens=HOSTILE)


@pytest.fixture(scope="module")
def lesson(folder: Path) -> Path:
    return write_lesson(folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lesson page of a network that preset `class` trains."""
    preset = PRESETS["class"]
    task = rb.KSparseTask(preset.vocab_size, preset.set_size)
    net, _ = rb.train(task, preset.width, preset.recipe, seed=0)
    return write_lesson(
        rb.gather_evidence(net, task).save(tmp_path_factory.mktemp("trained") / "run")
    )


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
    assert "come out: those whose bits are all covered" in text
    assert "on none of all 120 sets of 2 tokens does a member fail to come out" in text
    for word in ("tokens", "hidden units", "bits", "entry", "bias", "ReLU", "score", "logit"):
        assert f"<dfn>{word}</dfn>" in html, word


def test_right_is_exactly_the_members_and_nothing_else(folder: Path) -> None:
    """Of 100 sets 10 miss a member and 20 call another token, 5 of them both: 75 do neither."""
    calls = Calls(sets_with_misses=0.1, sets_with_false_positives=0.2, sets_with_both=0.05)
    found = read_record(folder, Behaviour)
    assert found is not None
    assert right_share(replace(found, calls=calls)) == pytest.approx(0.75)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_page_says_what_its_own_buttons_answer(
    trained: Path, open_page: Callable[..., "Page"], size: int
) -> None:
    """Over all sets of a size, exact members and false positives counted by the page's script."""
    page, said = open_page(trained), lines(trained.read_text(encoding="utf-8"))
    exact, missed, others = page.evaluate(
        """sets => {
          const total = [0, 0, 0];
          for (const ids of sets) {
            const { logits } = relubloomExplorer.forward(ids);
            const least = Math.max(...logits) - Math.LN2;
            const missed = ids.filter(id => logits[id] < least).length;
            const called = logits.filter(logit => logit >= least).length;
            const others = called - ids.length + missed;
            [missed + others === 0, missed, others].forEach((each, at) => total[at] += each);
          }
          return total.map(each => each / sets.length);
        }""",
        [list(each) for each in combinations(range(40), size)],
    )
    row = next(line.split(" | ") for line in said.splitlines() if line.startswith(f"{size} | "))
    assert row[2:4] == [figure(missed), figure(others)]
    assert row[1].endswith(" all")
    assert "come out: mostly those whose bits are all covered" in said
    assert re.search(r"^6 \| [\d,]+ drawn \|", said, re.M)
    if size == 3:
        assert (
            f"On {percent(exact)} of all 9,880 sets of 3 tokens, exactly".replace("\u00a0", " ")
            in said
        )


def test_it_is_guessed_before_it_is_seen(trained: Path, open_page: Callable[..., "Page"]) -> None:
    page = open_page(trained)
    hero = page.get_by_test_id("outcome")
    example = re.search(r"<h2><bdi class=\"token\">(.*?)</bdi>", trained.read_text("utf-8"))
    assert example is not None
    guessed = page.locator("[data-testid^='guess-']").evaluate_all(
        "all => all.map(one => Number(one.dataset.testid.slice(6)))"
    )
    assert hero.inner_text().startswith("Which of")
    assert (len(guessed), guessed) == (8, sorted(guessed))
    assert page.locator("[data-p]").count() == 0
    assert page.get_by_role("heading", name="Score of").count() == 0
    assert page.locator(".x-wire").count() == 0
    page.get_by_test_id("look").click()
    assert "never put in" in hero.inner_text()
    (wrong,) = page.locator(".x-is-stranger").evaluate_all("all => all.map(e => e.dataset.token)")
    assert int(wrong) in guessed
    shown = page.locator("[data-p]")
    for new_set in ("random-set", "find-false-positive", "toggle"):
        if new_set == "toggle":
            page.locator("[data-testid^='toggle-']").first.click()
        else:
            page.get_by_test_id(new_set).click()
        page.get_by_text("Show what comes out").wait_for()
        assert (shown.count(), hero.inner_text()[:8]) == (0, "Which of")
        page.get_by_test_id("look").click()
        assert shown.count() > 3
    page.get_by_test_id("look").click()
    assert shown.count() == 0


def test_a_list_that_is_cut_says_so(trained: Path, open_page: Callable[..., "Page"]) -> None:
    page = open_page(trained)
    cut = page.get_by_test_id("cut")
    assert cut.inner_text() == "and 29 more not put in"  # of 40, beside 3 members and 8 rows
    page.evaluate("location.hash = '#set=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15&net=network'")
    page.get_by_test_id("chip-15").wait_for()
    page.get_by_test_id("look").click()
    said = page.get_by_test_id("outcome").inner_text()
    told = re.match(r"(\d+)\s+tokens? that were never put in come out", said)
    assert told is not None, said
    called, rows = int(told[1]), page.locator(".x-is-stranger").count()
    assert called > rows > 0
    assert cut.inner_text() == f"and {called - rows} more that come out"


def test_a_unit_has_the_number_of_its_column(
    trained: Path, open_page: Callable[..., "Page"]
) -> None:
    run = read_run(trained.parent)
    post = open_page(trained).evaluate("relubloomExplorer.forward([3, 14, 15], 'network').post")
    cache = run.net.double().run_with_cache([[3, 14, 15]])[1]
    assert post == pytest.approx(cache["hook_post"][0, run.order.tolist()].tolist(), abs=1e-5)


def test_the_command_writes_it_beside_the_page(
    folder: Path, relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    mine = shutil.copytree(folder, tmp_path / "run")
    (mine / "report.html").write_text("the page")
    done = relubloom("report", mine, "--lesson", "--json")
    assert done.json == {"report": str(mine / "lesson.html")}
    assert (mine / "report.html").read_text() == "the page"
    before = (mine / "tokens.txt").read_text()
    (names := tmp_path / "names").write_text("".join(f"x{line}\n" for line in before.split()))
    refused = relubloom("report", mine, "--lesson", "--results", mine, "--tokens", names)
    assert refused.error == "--results is given beside --lesson: it draws no widths; leave one out"
    assert (mine / "tokens.txt").read_text() == before


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
        "train `--preset class` on sets of 3"
    )


def test_a_lesson_needs_a_network_that_is_right_and_errs(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    wrong, right = examined(tmp_path / "wrong", 12, 3), tmp_path / "right"
    exact = rb.construct(rb.Code(np.eye(16, dtype=bool)), 12.0)
    rb.gather_evidence(exact, TASK).save(right)
    assert relubloom("report", wrong, "--lesson").error == (
        f"{wrong} is right on 45.83% of the sets, and a lesson asks for two of three; train "
        "`--preset class` on sets of 3"
    )
    assert relubloom("report", right, "--lesson").error == (
        f"{right} has no false positive that can be drawn, and a lesson explains one; train "
        "`--preset class` on sets of 3"
    )


@pytest.mark.parametrize(
    ("tokens", "width", "seed", "remedy"),
    [
        (20, 36, 0, "with 40 to 64 tokens"),
        (100, 48, 0, "with 40 to 64 tokens"),
        (45, 8, 0, "with --width 36"),
        (40, 36, 0, "with --width 34"),
        (45, 36, 2, "with --seed 3"),
    ],
)
def test_the_remedy_is_not_what_was_done(
    tmp_path: Path, tokens: int, width: int, seed: int, remedy: str
) -> None:
    net = rb.construct(rb.random_constant_weight(tokens, width, 3, seed=0), 12.0)
    write_network(tmp_path, net, Origin(rb.KSparseTask(tokens, 3), seed), id_labels(tokens))
    refused = no_lesson(tmp_path, read_run(tmp_path), "is partly")
    assert refused.args[0] == f"{tmp_path} is partly; train `--preset class` {remedy}"


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")])
def test_in_a_browser(lesson: Path, open_watched: OpenPage, width: int, theme: str) -> None:
    watched = open_watched(lesson, width=width, theme=theme)
    page = watched.page
    scroll_through(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.get_by_text("others that come out").is_visible()
    page.get_by_text("What happens when more and more").click()
    assert page.get_by_text("others that come out").is_visible()
    assert serious_findings(page) == []
    page.get_by_test_id("look").click()
    assert serious_findings(page) == []
    assert (watched.requests, watched.complaints) == ([], [])
    assert page.evaluate("window.hacked") is None
