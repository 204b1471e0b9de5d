"""The report page in a real browser: alone, quiet, readable at every width and in both themes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from build.browser import PHONE, WIDE, OpenPage, close, watch
from build.page_probes import (
    luminance,
    pale_svg_text,
    referred_ids,
    scroll_through,
    serious_findings,
)
from build.reports import HOSTILE, STATES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenQuiet = Callable[..., "Page"]
THEMES = ("light", "dark")
SECTIONS = [
    "example",
    "weights",
    "networks",
    "behaviour",
    "mechanism",
    "break",
    "proof",
    "training",
    "width",
]


# The instruments can fail ----------------------------------------------------------------------


def test_a_request_and_a_complaint_are_noticed(open_watched: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "noisy.html"
    path.write_text(
        "<img src='beside.png'><img src='http://localhost:8/x.png'>"
        "<script>console.warn('look'); alert(1)</script><script>throw Error('thrown')</script>"
    )
    watched = open_watched(path)
    watched.page.wait_for_timeout(50)
    said = " ".join(watched.complaints)
    assert {address.rpartition("/")[2] for address in watched.requests} == {"beside.png", "x.png"}
    assert all(word in said for word in ("warning: look", "thrown: thrown", "dialog: 1"))


def test_poor_contrast_is_noticed(open_watched: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "poor.html"
    path.write_text(
        "<html lang=en><title>t</title><main><h1 style='color:#aaa'>pale</h1></main>"
        "<svg><text y=20 fill='#aaa'>pale</text></svg>"
    )
    page = open_watched(path).page
    assert [finding["id"] for finding in serious_findings(page)] == ["color-contrast"]
    assert pale_svg_text(page) == ["pale"]


# What holds for every page ---------------------------------------------------------------------


LOOKS = [
    (state, theme, width) for state in STATES for theme, width in (("light", PHONE), ("dark", WIDE))
]


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: "-".join(map(str, look)))
def page(
    request: pytest.FixtureRequest, browser: "Browser", reports: dict[str, Path]
) -> Iterator["Page"]:
    """Each report on a phone in light and on a desk in dark, all parts drawn; only looked at."""
    state, theme, width = request.param
    watched = watch(browser, reports[state], theme=theme, width=width)
    scroll_through(watched.page)
    yield watched.page
    close(watched)


def test_no_serious_accessibility_finding(page: "Page") -> None:
    assert serious_findings(page) == []
    assert pale_svg_text(page) == []


def test_nothing_is_wider_than_the_screen(page: "Page") -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_ids_are_unique_and_references_resolve(page: "Page") -> None:
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    assert set(referred_ids(page)) <= set(ids)


def test_every_section_stands_in_its_place_and_says_something(page: "Page") -> None:
    found = page.evaluate(
        "[...document.querySelectorAll('main > section')].map(one => [one.id, one.innerText])"
    )
    assert [name for name, _ in found] == SECTIONS
    assert all(len(text.split()) > 8 for _, text in found), found


def test_every_picture_has_words(page: "Page") -> None:
    named = page.evaluate(
        "[...document.querySelectorAll('svg:not([aria-hidden=true]), canvas')]"
        ".map(each => each.getAttribute('role') + ' ' + (each.getAttribute('aria-label') ?? ''))"
    )
    assert named
    assert all(re.match(r"img \S.{9,}", words, re.DOTALL) for words in named), named


# What holds while it is used, printed, or seen with fewer means --------------------------------


def test_no_serious_finding_while_a_reader_clicks(
    open_page: OpenQuiet, reports: dict[str, Path]
) -> None:
    page = open_page(reports["study"], width=PHONE)
    scroll_through(page)
    for testid in ("find-false-positive", "swap-example", "break-random", "recheck"):
        page.get_by_test_id(testid).click()
    page.get_by_test_id("recheck-result").get_by_text("41,664 sets").wait_for()
    page.get_by_test_id("token-search").fill("a")
    assert page.get_by_role("option").count() > 1
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        assert serious_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_a_search_without_a_match_has_no_serious_finding(
    open_page: OpenQuiet, reports: dict[str, Path]
) -> None:
    page = open_page(reports["bare"])
    page.get_by_test_id("token-search").fill("no such token")
    page.get_by_text("no such token").wait_for()
    assert serious_findings(page) == []


def test_themes_differ_and_print_is_dark_on_white(
    open_page: OpenQuiet, reports: dict[str, Path]
) -> None:
    light, dark = (open_page(reports["study"], theme=theme) for theme in THEMES)
    assert luminance(light, "backgroundColor") > 0.7 > 0.2 > luminance(light, "color")
    assert luminance(dark, "backgroundColor") < 0.2 < 0.7 < luminance(dark, "color")
    dark.emulate_media(media="print")
    assert luminance(dark, "backgroundColor") == 1
    assert luminance(dark, "color") < 0.2


def test_a_printed_sheet_cuts_nothing_off(open_page: OpenQuiet, reports: dict[str, Path]) -> None:
    """A4 at 96 pixels an inch, less a margin of 10 mm on either side, is 718 pixels wide.

    Chromium shrinks what is wider until it fits; a tenth smaller can still be read.
    """
    sheet = 718
    page = open_page(reports["study"], width=sheet)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1.1 * sheet
    hidden = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(each => !each.closest('svg'))"
        ".filter(each => getComputedStyle(each).overflowX !== 'visible')"
        ".filter(each => each.scrollWidth > each.clientWidth + 1)"
        ".map(each => each.outerHTML.slice(0, 80))"
    )
    assert hidden == []


def test_paper_shows_each_figure_live_or_still(
    open_page: OpenQuiet, reports: dict[str, Path]
) -> None:
    """Printed at once: a live part that no one scrolled to must not hide the figure it replaces."""
    page = open_page(reports["study"])
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    absent = page.evaluate(
        """[...document.querySelectorAll('[data-mount]')].filter(part => {
          const still = part.nextElementSibling;
          return still?.matches('figure') && !still.offsetHeight && !part.innerText.trim();
        }).map(part => part.dataset.mount)"""
    )
    assert absent == []


def test_nothing_moves_where_motion_is_reduced(
    open_page: OpenQuiet, reports: dict[str, Path]
) -> None:
    page = open_page(reports["study"], reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll('*')].filter(each => {
          const style = getComputedStyle(each);
          return [style.transitionDuration, style.animationDuration]
            .some(times => times.split(',').some(time => parseFloat(time) > 0.01));
        }).map(each => each.outerHTML.slice(0, 80))"""
    )
    assert moving == []
    assert page.evaluate("document.getAnimations().length") == 0


# Hostile labels --------------------------------------------------------------------------------


def test_hostile_labels_are_text(open_page: OpenQuiet, reports: dict[str, Path]) -> None:
    page = open_page(reports["hostile"])
    shown = page.evaluate("[...document.querySelectorAll('svg text')].map(e => e.textContent)")
    for label in HOSTILE[::2]:
        assert any(label[:9] in text for text in shown), label[:40]
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.locator("img, svg[onload], [onmouseover]").count() == 0
    assert len(page.evaluate("document.title")) < 200
