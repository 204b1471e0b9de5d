"""The report page in a real browser: alone, quiet, readable at every width and in both themes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import PHONE, WIDE, OpenPage
from reports import HOSTILE, STATES

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenQuiet = Callable[..., "Page"]
THEMES = ("light", "dark")


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


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("theme", "width"), [("light", PHONE), ("dark", WIDE)])
def test_no_serious_accessibility_finding(
    open_page: OpenQuiet, reports: dict[str, Path], state: str, theme: str, width: int
) -> None:
    page = open_page(reports[state], theme=theme, width=width)
    assert serious_findings(page) == []
    assert pale_svg_text(page) == []


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_wider_than_a_phone(
    open_page: OpenQuiet, reports: dict[str, Path], state: str
) -> None:
    page = open_page(reports[state], width=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("state", STATES)
def test_ids_are_unique_and_references_resolve(
    open_page: OpenQuiet, reports: dict[str, Path], state: str
) -> None:
    page = open_page(reports[state])
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    assert set(referred_ids(page)) <= set(ids)


@pytest.mark.parametrize("state", STATES)
def test_every_picture_has_words(
    open_page: OpenQuiet, reports: dict[str, Path], state: str
) -> None:
    page = open_page(reports[state])
    named = page.evaluate(
        "[...document.querySelectorAll('svg:not([aria-hidden=true]), canvas')]"
        ".map(each => each.getAttribute('role') + ' ' + (each.getAttribute('aria-label') ?? ''))"
    )
    assert named
    assert all(re.match(r"img \S.{9,}", words, re.DOTALL) for words in named), named


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
    assert page.pdf(format="A4").startswith(b"%PDF")


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


def serious_findings(page: "Page") -> list[dict[str, Any]]:
    """What axe-core calls serious or critical, with the elements it means."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        {"id": one["id"], "at": [node["html"][:120] for node in one["nodes"][:4]]}
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def pale_svg_text(page: "Page") -> list[str]:
    """Texts in figures with a contrast under 4.5 to the page (axe-core leaves SVG out)."""
    return page.evaluate(
        LUMINANCE
        + """; const page = luminance(getComputedStyle(document.body).backgroundColor) ;
        [...document.querySelectorAll('svg text')].filter(each => {
          const text = luminance(getComputedStyle(each).fill);
          return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05) < 4.5;
        }).map(each => each.textContent)"""
    )


def luminance(page: "Page", what: str) -> float:
    """Relative luminance (WCAG 2) of a colour of the body, 0 to 1."""
    return page.evaluate(f"{LUMINANCE}; luminance(getComputedStyle(document.body).{what})")


LUMINANCE = """
luminance = colour => {
  const numbers = colour.match(/[\\d.]+/g).map(Number);
  if (numbers[3] === 0) return 1;
  const [r, g, b] = numbers.slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


def referred_ids(page: "Page") -> list[str]:
    """Every id that an attribute of the page refers to."""
    return page.evaluate(
        """[...document.querySelectorAll('*')].flatMap(each => [
          ...['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-owns', 'for', 'list',
              'aria-activedescendant', 'aria-details', 'headers']
            .flatMap(name => (each.getAttribute(name) ?? '').split(/\\s+/)),
          (each.getAttribute('href') ?? '').match(/^#(.*)/)?.[1],
          ...[...each.attributes].flatMap(
            one => [...one.value.matchAll(/url\\(["']?#([^"')]+)/g)].map(found => found[1])),
        ]).filter(Boolean)"""
    )
