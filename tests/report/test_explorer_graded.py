"""The explorer of a network with half bits: states, words and predictions, by the graded code."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import relubloom as rb
from build.explorer_page import CALLED, Explorer, printed_probabilities

Explore = Callable[..., Explorer]


@pytest.fixture
def graded(explore: Explore) -> Callable[..., tuple[Explorer, rb.GradedCode]]:
    """Open the page of a graded network; the explorer and its code."""

    def call(fragment: str = "") -> tuple[Explorer, rb.GradedCode]:
        explorer = explore("graded", fragment=fragment)
        return explorer, rb.GradedCode.load(explorer.folder / "code.npz")

    return call


Graded = Callable[..., tuple[Explorer, rb.GradedCode]]


def state_of(code: rb.GradedCode, explorer: Explorer) -> list[int]:
    return code.states([explorer.tokens])[0].tolist()


def test_scores_are_pytorchs(graded: Graded) -> None:
    explorer, _ = graded()
    for key in ("network", "extracted", "random"):
        explorer.choose(key)
        assert explorer.agrees(), key


def test_copied_python_prints_what_the_page_shows(graded: Graded) -> None:
    explorer, _ = graded()
    explorer.choose("extracted")
    printed = printed_probabilities(explorer.run_python())
    for token, (p, _) in explorer.scores.items():
        assert p == pytest.approx(printed.get(token, 0.0), abs=1e-6)


@pytest.mark.parametrize("key", ["network", "extracted"])
def test_units_are_drawn_and_named_by_their_states(graded: Graded, key: str) -> None:
    explorer, code = graded("#set=3,14,15&net=" + key)
    states = state_of(code, explorer)
    assert set(states) == {0, 1, 2}
    looks = ("x-unit", "x-unit x-partly", "x-unit x-covered")
    words = ("covered by none", "covered half by", "covered by")
    for unit, state in enumerate(states):
        cell = explorer.page.locator(f"[data-testid='unit-{unit}']")
        assert cell.get_attribute("class") == looks[state], unit
        assert words[state] in (cell.get_attribute("aria-label") or ""), unit
        assert (float(cell.get_attribute("data-post") or 0) > 0) == (state < 2), unit
    counted = explorer.page.locator(".x-hidden").inner_text()
    assert f"{states.count(2)} of 24 covered" in counted
    assert f"{states.count(1)} covered half" in counted


def test_a_leaking_unit_is_explained(graded: Graded) -> None:
    explorer, code = graded("#set=3,14,15&net=network")
    unit = state_of(code, explorer).index(1)
    (member,) = [token for token in explorer.tokens if code.strengths[token, unit]]
    explorer.click(f"unit-{unit}")
    panel = explorer.page.locator(".x-panel").first.inner_text()
    assert f"Covered half by {explorer.labels[member]}: it leaks" in panel
    assert "its half bit" in panel
    assert "on, weakly" in panel


def test_a_full_bit_is_not_covered_by_a_half_one(graded: Graded) -> None:
    """Half bits are half filled; a cross is a bit whose unit is in too low a state."""
    explorer, code = graded("#set=3,14,15&net=network")
    missing = code.missing_bits([explorer.tokens])[0]
    for token in explorer.scores:
        row = explorer.page.get_by_test_id(f"score-{token}")
        path = row.locator(".x-missing").evaluate_all("all => all.map(one => one.outerHTML)")
        crosses = sum(each.count("M") for each in path) / 2
        assert crosses == missing[token], token
        name = explorer.page.get_by_test_id(f"toggle-{token}").get_attribute("aria-label") or ""
        assert f"{missing[token]} missing bit" in name.replace("\u00a0", " ")


def test_false_positives_are_those_of_the_graded_code(graded: Graded) -> None:
    explorer, code = graded()
    for _ in range(3):
        before = explorer.page.url
        explorer.click("find-false-positive")
        explorer.page.wait_for_function("before => location.href !== before", arg=before)
        covered = np.flatnonzero(code.decode([explorer.tokens])[0])
        assert set(covered.tolist()) & set(explorer.strangers)
        assert "already covered" in explorer.outcome or "come out too" in explorer.outcome


def test_two_half_bits_that_cover_are_told(graded: Graded) -> None:
    """A set that covers a token, one full bit of it by no member alone."""
    explorer, code = graded()
    sets = np.array([[a, b, c] for a in range(20) for b in range(a) for c in range(b)])
    covered = code.decode(sets)
    alone = (code.strengths[sets].max(1)[:, None] >= code.strengths[None]).all(2)
    rows, tokens = np.nonzero(covered & ~alone)
    lone = [at for at, row in enumerate(rows) if covered[row].sum() == 4]
    ids, token = sets[rows[lone[0]]].tolist(), tokens[lone[0]]
    explorer, _ = graded(f"#set={','.join(map(str, ids))}&net=extracted")
    assert explorer.outcome.startswith(explorer.labels[token])
    assert "two half bits together cover" in explorer.outcome


def test_predictions_follow_the_states(graded: Graded) -> None:
    """Forcing a leaking unit covers it; the fewest bits that ask for more are called."""
    explorer, code = graded("#set=3,14,15&net=network")
    explorer.page.locator("[data-mount='break']").scroll_into_view_if_needed()
    explorer.page.get_by_test_id("predicted").wait_for()
    states = np.array(state_of(code, explorer))

    def check() -> None:
        missing = (code.strengths > states).sum(1)
        said = explorer.page.get_by_test_id("predicted").get_attribute("data-tokens") or ""
        expected = np.flatnonzero(missing == missing.min()).tolist()
        assert [int(each) for each in said.split(",")] == expected

    check()
    for state, forced in ((1, 2), (2, 0)):
        unit = int(np.flatnonzero(states == state)[0])
        explorer.click(f"break-unit-{unit}")
        states[unit] = forced
        check()
    came = explorer.page.get_by_test_id("actual").get_attribute("data-tokens") or ""
    p = printed_probabilities(explorer.run_python())
    called = sorted(token for token in p if p[token] >= CALLED * max(p.values()))
    assert called == [int(each) for each in came.split(",")]


def test_recheck_counts_the_extracted_filter(graded: Graded) -> None:
    explorer, code = graded("#set=3,14,15&net=extracted")
    button = explorer.page.get_by_test_id("recheck")
    button.scroll_into_view_if_needed()
    button.filter(has_text="41,664").wait_for()
    button.click()
    result = explorer.page.get_by_test_id("recheck-result")
    result.get_by_text("All 41,664 sets").wait_for(timeout=60_000)
    sets = torch.combinations(torch.arange(64), 3).numpy()
    failures = int((code.false_positives(sets) > 0).sum())
    shown = result.locator("dl[data-loss-failures]").get_attribute("data-loss-failures")
    assert int(shown or 0) == failures > 0


def test_networks_beside_each_other_show_half_covered_units(graded: Graded) -> None:
    """They appear when what stands before them comes near."""
    explorer, code = graded("#set=3,14,15&net=network")
    explorer.page.locator("#networks h2").scroll_into_view_if_needed()
    panel = explorer.page.get_by_test_id("network-panel-extracted")
    panel.wait_for()
    path = panel.locator(".x-s-covered").get_attribute("d") or ""
    states = state_of(code, explorer)
    assert (path.count("v2.5"), path.count("v5")) == (states.count(1), states.count(2))
