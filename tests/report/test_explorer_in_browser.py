"""The explorer in a real browser: what a reader clicks, against PyTorch on the files' weights."""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import relubloom as rb
from build.explorer_page import NETWORKS, Explorer, K
from relubloom.report.page import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

Explore = Callable[..., Explorer]


def fixed_sets(count: int, vocab_size: int, largest: int) -> list[list[int]]:
    """Seeded sets of sizes 1, 2, ..., `largest`, 1, 2, ..."""
    generator = np.random.default_rng(0)
    return [
        generator.choice(vocab_size, 1 + index % largest, replace=False).tolist()
        for index in range(count)
    ]


# The numbers are PyTorch's ---------------------------------------------------------------------


def test_forward_pass_is_pytorchs_on_200_sets_and_every_network(
    explore: Explore,
) -> None:
    explorer = explore()
    sets = fixed_sets(200, 64, 2 * K)
    padded = torch.tensor([each + [64] * (2 * K - len(each)) for each in sets])
    assert [each["key"] for each in explorer.told["networks"]] == list(NETWORKS)
    for key in NETWORKS:
        found = explorer.page.evaluate(
            """([sets, key]) => sets.map(ids => {
              const answer = relubloomExplorer.forward(ids, key);
              return ['pre', 'post', 'logits', 'probabilities'].map(name => [...answer[name]]);
            })""",
            [sets, key],
        )
        pre, post, logits, p = (
            torch.tensor(list(each)).double() for each in zip(*found, strict=True)
        )
        with torch.no_grad():
            expected, cache = explorer.net(key).run_with_cache(padded)
        assert (p - expected.softmax(1)).abs().max() < 1e-5, key
        for here, there in (
            (pre, cache["hook_pre"]),
            (post, cache["hook_post"]),
            (logits, expected),
        ):
            assert torch.allclose(here, there, rtol=1e-5, atol=1e-5), key


def test_networks_are_those_of_the_folder(explore: Explore) -> None:
    explorer = explore()
    folder = explorer.folder
    seeds = [rb.ReluNet.from_pretrained(folder / f"seed-{seed}").double() for seed in range(2)]
    assert any(torch.equal(explorer.net("trained").W_in, seed.W_in) for seed in seeds)
    built = rb.ReluNet.from_pretrained(folder / "constructed").double()
    assert torch.equal(explorer.net("constructed").W_in, built.W_in)
    code = rb.extract_code(explorer.net("trained"))
    assert rb.extract_code(explorer.net("extracted")) == code


# The hero --------------------------------------------------------------------------------------


def test_it_opens_on_a_real_false_positive(explore: Explore) -> None:
    explorer = explore()
    [stranger] = explorer.strangers
    code = rb.extract_code(explorer.net())
    assert code.decode(np.array([explorer.tokens]))[0, stranger]
    assert explorer.labels[stranger] in explorer.outcome
    assert "never put in" in explorer.outcome
    assert explorer.agrees()


def test_tokens_go_in_and_out(explore: Explore) -> None:
    explorer = explore()
    first, *rest = explorer.tokens
    explorer.click(f"chip-{first}")
    assert explorer.tokens == rest
    assert explorer.agrees()
    explorer.add(explorer.labels[first])
    assert sorted(explorer.tokens) == sorted([first, *rest])
    assert explorer.agrees()
    other = next(token for token in explorer.scores if token not in explorer.tokens)
    explorer.click(f"toggle-{other}")
    assert other in explorer.tokens
    assert explorer.agrees()


def test_an_empty_set_and_one_token_are_answered(explore: Explore) -> None:
    explorer = explore()
    for token in explorer.tokens:
        explorer.click(f"chip-{token}")
    assert explorer.tokens == []
    assert "Nothing is put in" in explorer.outcome
    explorer.add(explorer.labels[5])
    assert explorer.tokens == [5]
    assert explorer.agrees()


def test_search_without_a_match_changes_nothing(explore: Explore) -> None:
    explorer = explore()
    before = explorer.tokens
    explorer.add("no token is called this")
    assert explorer.tokens == before


@pytest.mark.parametrize("key", NETWORKS)
def test_false_positives_are_found_and_named(explore: Explore, key: str) -> None:
    explorer = explore()
    explorer.choose(key)
    code = rb.extract_code(explorer.net())
    seen: set[tuple[int, ...]] = set()
    for _ in range(3):
        before = explorer.page.url
        explorer.click("find-false-positive")
        explorer.page.wait_for_function("before => location.href !== before", arg=before)
        tokens = explorer.tokens
        covered = np.flatnonzero(code.decode(np.array([tokens]))[0])
        found = set(covered.tolist()) & set(explorer.strangers)
        assert found, tokens
        assert len(found) > 4 or any(explorer.labels[token] in explorer.outcome for token in found)
        assert explorer.agrees()
        seen.add(tuple(tokens))
    assert len(seen) == 3


def test_random_sets_differ_and_keep_their_size(explore: Explore) -> None:
    explorer = explore()
    seen: set[tuple[int, ...]] = set()
    for _ in range(6):
        explorer.click("random-set")
        seen.add(tuple(explorer.tokens))
    assert len(seen) > 3
    assert all(len(set(tokens)) == K and set(tokens) <= set(range(64)) for tokens in seen)


def test_worst_case_is_among_the_worst_of_all_sets(explore: Explore) -> None:
    """Of all C(64, 3) = 41,664 sets at most one in a thousand may be worse than what was found."""
    explorer = explore()
    before = explorer.page.url
    explorer.click("worst-case")
    explorer.page.wait_for_function("before => location.href !== before", arg=before)
    sets = torch.tensor(list(combinations(range(64), K)))
    with torch.no_grad():
        p = explorer.net()(sets).softmax(1)
    mse = (p * p).sum(1) - 2 / K * p.gather(1, sets).sum(1) + 1 / K
    chosen = mse[(sets == torch.tensor(sorted(explorer.tokens))).all(1)]
    assert (mse > chosen).double().mean() <= 1e-3
    said = re.search(
        r"mse (0?\.\d+|\d[\d.]*)", explorer.page.get_by_test_id("search-note").inner_text()
    )
    assert said is not None
    assert float(said[1]) == pytest.approx(chosen.item(), rel=0.01)


def test_every_network_answers_the_same_set(explore: Explore) -> None:
    explorer = explore()
    tokens = explorer.tokens
    for key in NETWORKS:
        explorer.choose(key)
        assert (explorer.network, explorer.tokens) == (key, tokens)
        assert explorer.agrees()


# Sentences that hold for every set -------------------------------------------------------------


@pytest.fixture
def raised(tmp_path: Path, open_page: Callable[..., "Page"]) -> tuple[Explorer, rb.Code]:
    """A filter on sets of 3 whose units are off by themselves, and turned on by entries above 0.

    A unit is at -0.5 + 0.5 * 3 = 1 where no member has a bit, and at -1 or less where one has.
    Token 0 is scored too low to be called.
    """
    code = rb.random_constant_weight(16, 12, 4, seed=0)
    bits = torch.tensor(code.bits, dtype=torch.float32)
    lowered = torch.zeros(16)
    lowered[0] = -2
    net = rb.ReluNet(0.5 - 2 * bits, torch.full((12,), -0.5), -12 * bits.T, lowered)
    net.save_pretrained(tmp_path)
    return Explorer(open_page(write_report(tmp_path)), tmp_path), code


def test_a_missed_member_is_named_beside_a_false_positive(
    raised: tuple[Explorer, rb.Code],
) -> None:
    explorer, code = raised
    sets = np.array([[0, a, b] for a, b in combinations(range(1, 16), 2)])
    ids = sets[code.false_positives(sets) == 1][0]
    explorer.page.goto(explorer.page.url.partition("#")[0] + f"#set={','.join(map(str, ids))}")
    (wrong,) = explorer.strangers
    assert f"{explorer.labels[wrong]} was never put in" in explorer.outcome
    assert explorer.outcome.endswith("t00 was put in and scored too low to be called.")


def test_of_the_empty_set_and_of_units_that_entries_turn_on(
    raised: tuple[Explorer, rb.Code],
) -> None:
    explorer, code = raised
    for token in explorer.tokens:
        explorer.click(f"chip-{token}")
    assert "0 of 12 units are on, and 15 tokens come out" in explorer.outcome.replace("\xa0", " ")
    free = int(np.flatnonzero(~code.bits[[1, 2, 3]].any(0))[0])
    panel = explorer.page.locator(".x-panel").first
    explorer.click(f"unit-{free}")
    assert "Covered by none, yet off: nothing turns it on." in panel.inner_text()
    score = explorer.page.locator(".x-panel").last
    assert "4 of its 4 bits are not covered, yet every unit that has its bits is off" in (
        score.inner_text()
    )
    explorer.page.goto(explorer.page.url.partition("#")[0] + "#set=1,2,3")
    explorer.page.get_by_test_id(f"unit-{free}").hover()
    assert "Covered by none: the positive entries turn it on." in panel.inner_text()


def test_a_note_is_gone_with_the_set_that_it_is_about(explore: Explore) -> None:
    explorer = explore()
    explorer.click("find-false-positive")
    explorer.page.get_by_text(re.compile("Found after")).wait_for()
    explorer.click(f"chip-{explorer.tokens[0]}")
    assert explorer.page.get_by_test_id("search-note").inner_text() == ""
