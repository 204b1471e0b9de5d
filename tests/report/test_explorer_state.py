"""The explorer's links, its Python, its keyboard and labels that mean harm, in a real browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from build.browser import PHONE
from build.explorer_page import NETWORKS, Explorer, printed_probabilities
from build.reports import HOSTILE

Explore = Callable[..., Explorer]


# Permalinks ------------------------------------------------------------------------------------


def test_permalink_opens_the_same_state(explore: Explore) -> None:
    explorer = explore()
    explorer.choose("extracted")
    explorer.click("random-set")
    explorer.add(explorer.labels[7])
    fragment = "#" + explorer.page.url.partition("#")[2]
    again = explore(fragment=fragment, theme="dark", width=PHONE)
    assert again.tokens == explorer.tokens
    assert again.network == "extracted"
    assert again.scores == explorer.scores
    assert again.outcome == explorer.outcome


def test_back_button_goes_back(explore: Explore) -> None:
    explorer = explore()
    start = explorer.tokens
    explorer.click("random-set")
    first = explorer.tokens
    explorer.choose("random")
    explorer.page.go_back()
    assert (explorer.tokens, explorer.network) == (first, "trained")
    explorer.page.go_back()
    assert explorer.tokens == start
    explorer.page.go_forward()
    assert explorer.tokens == first
    assert explorer.agrees()


@pytest.mark.parametrize(
    "fragment",
    [
        "#set=999999,abc,-1,3,3&net=none&force=999-open,x&swap=5,5",
        "#&&==&set=%3Cscript%3E&%E0%A4%A",
        "#__proto__=1&constructor=2&set=1,2,3",
        "#set=" + ",".join(map(str, range(64))),
    ],
)
def test_a_damaged_permalink_does_no_harm(explore: Explore, fragment: str) -> None:
    explorer = explore(fragment=fragment)
    tokens = explorer.tokens
    assert len(set(tokens)) == len(tokens) <= 16
    assert all(0 <= token < 64 for token in tokens)
    assert explorer.network == "trained"
    assert not tokens or explorer.agrees()
    explorer.click("random-set")
    assert explorer.agrees()


# Taking it along -------------------------------------------------------------------------------


def test_copied_python_prints_what_the_page_shows(
    explore: Explore, python: Callable[..., Any]
) -> None:
    """Each network's snippet runs as it stands, in a process that knows nothing of the page."""
    explorer = explore(permissions=["clipboard-read", "clipboard-write"])
    sources, shown = [], []
    for key in NETWORKS:
        explorer.choose(key)
        explorer.click("random-set")
        explorer.click("copy-python")
        explorer.page.get_by_text("Python copied").wait_for()
        sources.append(explorer.page.evaluate("navigator.clipboard.readText()"))
        shown.append((explorer.tokens, explorer.scores))
    one_by_one = "import sys\nfor source in sys.argv[1:]:\n    exec(source, {})\n    print('end')"
    done = python(one_by_one, *sources, cwd=explorer.folder)
    assert done.status == 0, done.err
    outputs = done.out.split("end\n")
    for output, (tokens, scores) in zip(outputs, shown, strict=False):
        printed = printed_probabilities(output)
        common = printed.keys() & scores.keys()
        assert set(tokens) <= common
        assert all(abs(printed[token] - scores[token][0]) < 1e-5 for token in common)
    assert len(outputs) == len(NETWORKS) + 1


def test_python_can_be_read_where_the_clipboard_is_closed(
    explore: Explore,
) -> None:
    explorer = explore()
    explorer.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    explorer.click("copy-python")
    explorer.page.get_by_test_id("python-source").wait_for(state="visible")
    assert str(explorer.tokens) in explorer.page.get_by_test_id("python-source").inner_text()


# Keyboard --------------------------------------------------------------------------------------


def test_everything_is_reached_by_tab_and_shows_its_focus(
    explore: Explore,
) -> None:
    explorer = explore()
    reached: set[str] = set()
    for _ in range(120):
        explorer.page.keyboard.press("Tab")
        here = explorer.page.evaluate(
            """(() => {
              const element = document.activeElement;
              const look = getComputedStyle(element.type === 'radio'
                ? element.nextElementSibling ?? element : element);
              return {
                name: element.dataset.testid ?? '',
                seen: look.outlineStyle !== 'none' || look.boxShadow !== 'none',
                tag: element.outerHTML.slice(0, 90),
              };
            })()"""
        )
        assert here["seen"] or here["tag"].startswith("<body"), here["tag"]
        reached.add(re.sub(r"-\d+$", "", here["name"]))
    assert reached >= {
        "chip",
        "token-search",
        "find-false-positive",
        "random-set",
        "worst-case",
        "copy-python",
        "network-select-trained",
        "unit",
        "toggle",
    }


def test_a_set_is_made_without_a_mouse(explore: Explore) -> None:
    explorer = explore()
    keys = explorer.page.keyboard
    explorer.page.get_by_test_id("token-search").focus()
    for _ in explorer.tokens:
        keys.press("Backspace")
    assert explorer.tokens == []
    keys.type(explorer.labels[4])
    keys.press("Enter")
    keys.type(explorer.labels[9][:2])
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Enter")
    assert len(explorer.tokens) == 2
    assert explorer.tokens[0] == 4
    explorer.page.get_by_test_id("network-select-trained").focus()
    keys.press("ArrowDown")
    assert explorer.network == "extracted"
    assert explorer.agrees()


def test_arrow_keys_move_along_the_units(explore: Explore) -> None:
    explorer = explore()
    first, second = explorer.page.locator("[data-testid^='unit-']").all()[:2]
    first.focus()
    explorer.page.keyboard.press("ArrowRight")
    assert second.evaluate("one => one === document.activeElement")
    explorer.page.keyboard.press("Home")
    assert first.evaluate("one => one === document.activeElement")


# Hostile labels --------------------------------------------------------------------------------


def test_hostile_labels_are_tokens_like_others(explore: Explore) -> None:
    explorer = explore("hostile", width=PHONE)
    page = explorer.page
    assert explorer.labels == list(HOSTILE)
    for token in explorer.tokens:
        explorer.click(f"chip-{token}")
    for label in HOSTILE:
        page.get_by_test_id("token-search").fill(label[:60])
        page.keyboard.press("Enter")
    assert sorted(explorer.tokens) == list(range(len(HOSTILE)))
    for token in range(4, 16):
        explorer.click(f"chip-{token}")
    assert explorer.agrees()
    page.get_by_test_id("unit-0").click()
    explorer.click("find-false-positive")
    page.wait_for_timeout(600)
    shown = page.evaluate("document.body.textContent")
    assert all(HOSTILE[token][:30] in shown for token in explorer.tokens)
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.locator("img, svg[onload], [onmouseover]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_copied_python_holds_hostile_labels_in_its_comments_only(explore: Explore) -> None:
    explorer = explore("hostile", fragment="#set=" + ",".join(map(str, range(16))))
    assert len(printed_probabilities(explorer.run_python())) == 10
