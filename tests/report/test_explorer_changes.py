"""Breaking a network in the page: predicted and actual, against hooks in PyTorch."""

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
import torch

import relubloom as rb
from build.explorer_page import CALLED, VOCAB_SIZE, Explorer, K, printed_probabilities

Explore = Callable[..., Explorer]
START = "#set=3,14,15&net=trained"


def fewest_missing(code: rb.Code, union: np.ndarray) -> list[int]:
    """What a Bloom filter says of a union: the tokens with the fewest bits outside it."""
    missing = (code.bits & ~union).sum(1)
    return np.flatnonzero(missing == missing.min()).tolist()


def called(net: rb.ReluNet, ids: list[int], forced: dict[int, float]) -> list[int]:
    """Tokens with at least half of the largest probability, with units set to values."""

    def force(post: torch.Tensor, hook: object) -> torch.Tensor:
        for unit, value in forced.items():
            post[:, unit] = value
        return post

    with torch.no_grad():
        logits = net.run_with_hooks(torch.tensor([ids]), fwd_hooks=[("hook_post", force)])[0]
    p = logits.softmax(0)
    return (p >= CALLED * p.max()).nonzero().flatten().tolist()


def shown(explorer: Explorer, testid: str) -> list[int]:
    """The tokens that one of the two columns lists."""
    said = explorer.page.get_by_test_id(testid).get_attribute("data-tokens")
    return [int(token) for token in (said or "").split(",") if token]


def open_breaking(explore: Explore, **options: object) -> Explorer:
    explorer = explore(fragment=START, **options)
    explorer.page.locator("[data-mount='break']").scroll_into_view_if_needed()
    explorer.page.get_by_test_id("predicted").wait_for()
    return explorer


def union_of(code: rb.Code, ids: list[int]) -> np.ndarray:
    return code.bits[ids].any(0)


def test_untouched_network_is_predicted_by_its_hash(explore: Explore) -> None:
    explorer = open_breaking(explore)
    net = explorer.net()
    code = rb.extract_code(net)
    assert shown(explorer, "predicted") == fewest_missing(code, union_of(code, explorer.tokens))
    assert shown(explorer, "actual") == called(net, explorer.tokens, {})


@pytest.mark.parametrize("key", ["trained", "constructed"])
def test_a_unit_forced_off_and_on(explore: Explore, key: str) -> None:
    """Off is value 0; on is the unit's mean over sets of this size that leave it uncovered."""
    explorer = open_breaking(explore)
    explorer.choose(key)
    net = explorer.net()
    code = rb.extract_code(net)
    union = union_of(code, explorer.tokens)
    uncovered, covered = (int(np.flatnonzero(bits)[0]) for bits in (~union, union))
    select = explorer.page.get_by_test_id("force-unit")
    select.select_option(str(uncovered))
    explorer.click("force-covered")
    select.select_option(str(covered))
    explorer.click("force-open")
    values = forced_values(explorer)
    assert values.keys() == {covered, uncovered}
    assert values[uncovered] == 0
    assert abs(values[covered] - usual_level(net, code, covered)) < 0.05
    union[uncovered], union[covered] = True, False
    assert shown(explorer, "predicted") == fewest_missing(code, union)
    assert shown(explorer, "actual") == called(net, explorer.tokens, values)
    explorer.click("break-reset")
    assert shown(explorer, "actual") == called(net, explorer.tokens, {})


def test_a_click_on_a_unit_turns_it_over_and_back(explore: Explore) -> None:
    explorer = open_breaking(explore)
    before = shown(explorer, "actual")
    code = rb.extract_code(explorer.net())
    union = union_of(code, explorer.tokens)
    for unit in (int(np.flatnonzero(~union)[0]), int(np.flatnonzero(union)[0])):
        explorer.click(f"break-unit-{unit}")
        turned = union.copy()
        turned[unit] = not turned[unit]
        assert shown(explorer, "predicted") == fewest_missing(code, turned)
        assert f"force={unit}-" in explorer.page.url
        explorer.click(f"break-unit-{unit}")
        assert shown(explorer, "actual") == before


def test_swapped_hashes(explore: Explore) -> None:
    """Rows of W_in change places, so the network hears the other token's hash."""
    explorer = open_breaking(explore)
    member, other = explorer.tokens[0], 40
    for testid, token in (("swap-a", member), ("swap-b", other)):
        field = explorer.page.get_by_test_id(testid)
        field.fill(explorer.labels[token])
        field.press("Enter")
    net = explorer.net()
    code = rb.extract_code(net)
    heard = [other if token == member else token for token in explorer.tokens]
    assert shown(explorer, "predicted") == fewest_missing(code, union_of(code, heard))
    assert shown(explorer, "actual") == called(net, heard, {})
    assert other in shown(explorer, "predicted")


def test_changes_are_in_the_permalink(explore: Explore) -> None:
    explorer = open_breaking(explore)
    explorer.page.get_by_test_id("force-unit").select_option("5")
    explorer.click("force-open")
    explorer.click("swap-example")
    again = explore(fragment="#" + explorer.page.url.partition("#")[2])
    again.page.locator("[data-mount='break']").scroll_into_view_if_needed()
    again.page.get_by_test_id("predicted").wait_for()
    for testid in ("predicted", "actual"):
        assert shown(again, testid) == shown(explorer, testid)
    assert forced_values(again) == forced_values(explorer)


def test_copied_python_makes_the_same_change(explore: Explore) -> None:
    explorer = open_breaking(explore)
    explorer.page.get_by_test_id("force-unit").select_option("5")
    explorer.click("force-open")
    explorer.click("swap-example")
    p = printed_probabilities(explorer.run_python())
    found = sorted(token for token in p if p[token] >= CALLED * max(p.values()))
    assert found == shown(explorer, "actual")


def forced_values(explorer: Explorer) -> dict[int, float]:
    """The units that the page's own Python sets, and to what."""
    said = re.search(r"in \{(.*)\}\.items", explorer.python)
    pairs = said[1].split(", ") if said else []
    return {int(unit): float(value) for unit, value in (pair.split(": ") for pair in pairs)}


def usual_level(net: rb.ReluNet, code: rb.Code, unit: int) -> float:
    """Mean value over all C(64, 3) sets whose union leaves the unit uncovered."""
    sets = torch.tensor(list(combinations(range(VOCAB_SIZE), K)))
    with torch.no_grad():
        post = net.run_with_cache(sets)[1]["hook_post"][:, unit]
    uncovered = ~torch.tensor(code.bits[:, unit])[sets].any(1)
    return float(post[uncovered].mean())
