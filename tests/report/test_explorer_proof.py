"""The re-check in the page: every set counted anew, against the certificate by enumeration."""

import json
import re
from collections.abc import Callable
from itertools import combinations

import pytest
import torch

import relubloom as rb
from build.explorer_page import CALLED, VOCAB_SIZE, Explorer, K
from relubloom.records.files import as_json

Explore = Callable[..., Explorer]
SETS = 41_664  # C(64, 3)
COUNTS = "dl[data-exact]"


def at_proof(explorer: Explorer, key: str = "trained") -> Explorer:
    """With the network chosen and the re-check offered."""
    explorer.choose(key)
    button = explorer.page.get_by_test_id("recheck")
    button.scroll_into_view_if_needed()
    button.filter(has_text="41,664").wait_for()
    return explorer


def counted(explorer: Explorer) -> dict[str, float]:
    """Start the re-check, wait for its end, and read its table."""
    explorer.click("recheck")
    result = explorer.page.get_by_test_id("recheck-result")
    result.get_by_text("All 41,664 sets").wait_for(timeout=60_000)
    rows = result.locator(f"{COUNTS} > div").evaluate_all(
        "all => all.map(row => [...row.children].map(each => each.textContent))"
    )
    return {name: float(value.split("(")[0].replace(",", "")) for name, value in rows}


def by_pytorch(net: rb.ReluNet) -> dict[str, float]:
    """The same figures, set by set, straight from their definitions."""
    sets = torch.tensor(list(combinations(range(VOCAB_SIZE), K)))
    with torch.no_grad():
        logits = net(sets)
    p = logits.softmax(1)
    mse = (p * p).sum(1) - 2 / K * p.gather(1, sets).sum(1) + 1 / K
    inside = torch.zeros_like(p, dtype=torch.bool).scatter_(1, sets, value=True)
    exact = logits.gather(1, sets).amin(1) > logits.masked_fill(inside, -torch.inf).amax(1)
    called = p >= CALLED * p.amax(1, keepdim=True)
    return {
        "exactly right": float(exact.sum()),
        "ranking failures": float((~exact).sum()),
        "loss failures": float((mse > 1 / (2 * K * (K + 1))).sum()),
        "false positives, in all": float((called & ~inside).sum()),
        "mean mse": float(mse.mean()),
        "undecided by rounding": 0.0,
    }


@pytest.mark.parametrize("key", ["trained", "constructed"])
def test_recheck_counts_what_the_certificate_counts(explore: Explore, key: str) -> None:
    explorer = at_proof(explore(), key)
    found, expected = counted(explorer), by_pytorch(explorer.net())
    assert found.keys() == expected.keys()
    assert found.pop("mean mse") == pytest.approx(expected.pop("mean mse"), rel=0.005)
    assert found == expected
    certificate = as_json(rb.certify(explorer.net(), rb.KSparseTask(VOCAB_SIZE, K)))
    assert certificate["exact_sets"] == found["exactly right"]
    assert certificate["method"] in ("enumeration", "counting")
    agreement = explorer.page.get_by_test_id("recheck-certificate")
    assert "the same, to the set" in agreement.inner_text()


def test_a_certificate_of_other_weights_is_found_out(
    explore: Explore, open_page: Callable[..., object]
) -> None:
    """The page's certificate is made wrong by one set before a browser reads it."""
    explorer = explore()
    told = explorer.told
    told["networks"][0]["certificate"]["exact_sets"] -= 1
    block = r'(<script type="application/json" id="explorer-data">).*?(</script>)'
    text = json.dumps(told).replace("<", "\\u003c")
    html = (explorer.folder / "report.html").read_text(encoding="utf-8")
    path = explorer.folder / "wrong.html"
    path.write_text(re.sub(block, lambda found: f"{found[1]}{text}{found[2]}", html), "utf-8")
    wrong = Explorer(open_page(path), explorer.folder)
    counted(at_proof(wrong))
    assert "not the same" in wrong.page.get_by_test_id("recheck-certificate").inner_text()


def test_failing_sets_are_listed_and_open(explore: Explore) -> None:
    explorer = at_proof(explore())
    failures = int(counted(explorer)["ranking failures"])
    links = explorer.page.locator("[data-testid='failing-sets'] a")
    assert links.count() == min(failures, 50) > 0
    links.first.click()
    logits = explorer.logits()
    members = set(explorer.tokens)
    assert len(members) == K
    top = set(logits.topk(K).indices.tolist())
    assert top != members
    assert explorer.agrees()


def test_recheck_is_cancelled_and_says_so(explore: Explore) -> None:
    explorer = at_proof(explore())
    explorer.page.evaluate(
        """() => {
          const button = name => document.querySelector(`[data-testid=${name}]`);
          new MutationObserver((_, watch) => {
            watch.disconnect();
            button('recheck-cancel').click();
          }).observe(button('recheck-progress'), { attributeFilter: ['value'] });
          button('recheck').click();
        }"""
    )
    result = explorer.page.get_by_test_id("recheck-result")
    result.get_by_text("Cancelled").wait_for()
    said = re.search(r"([\d,]+) of 41,664 sets, which is no proof", result.inner_text())
    assert said is not None
    assert 0 < int(said[1].replace(",", "")) < SETS
    assert explorer.page.get_by_test_id("recheck-certificate").count() == 0
    assert counted(explorer)["exactly right"] == by_pytorch(explorer.net())["exactly right"]


def test_recheck_without_workers_is_the_same(explore: Explore) -> None:
    explorer = at_proof(explore())
    explorer.page.evaluate("() => { window.Worker = undefined }")
    assert counted(explorer)["exactly right"] == by_pytorch(explorer.net())["exactly right"]
