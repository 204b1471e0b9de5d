"""The explorer of a report, as a reader sees it, and its networks as PyTorch has them."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from relubloom import ReluNet

OpenQuiet = Callable[..., "Page"]
K = 3  # of the study's sets
VOCAB_SIZE = 64
NETWORKS = ("trained", "extracted", "constructed", "random")
CALLED = 0.5  # of the largest probability


class Explorer:
    """The explorer of a page, as a reader sees it, and its networks as PyTorch has them."""

    def __init__(self, page: "Page", folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.told = page.evaluate(
            "JSON.parse(document.getElementById('explorer-data').textContent)"
        )
        self.labels: list[str] = self.told["labels"]

    def click(self, testid: str) -> None:
        self.page.get_by_test_id(testid).click()

    def add(self, text: str) -> None:
        """Type into the search field and take the first token that it offers."""
        field = self.page.get_by_test_id("token-search")
        field.fill(text)
        field.press("Enter")

    def choose(self, key: str) -> None:
        self.page.get_by_test_id(f"network-select-{key}").check(force=True)

    @property
    def tokens(self) -> list[int]:
        """What is put in."""
        chips = self.page.locator("[data-testid^='chip-']")
        return [
            int(name[5:])
            for name in chips.evaluate_all("all => all.map(one => one.dataset.testid)")
        ]

    @property
    def network(self) -> str:
        """The key of the network looked at."""
        return self.page.locator("[data-testid^='network-select-']:checked").evaluate(
            "one => one.dataset.testid.slice('network-select-'.length)"
        )

    @property
    def scores(self) -> dict[int, tuple[float, float]]:
        """Probability and logit of each token that has a row."""
        rows = self.page.locator("[data-testid^='score-']").evaluate_all(
            "all => all.map(one => [one.dataset.testid.slice(6), one.dataset.p, one.dataset.logit])"
        )
        return {int(token): (float(p), float(logit)) for token, p, logit in rows}

    @property
    def outcome(self) -> str:
        """The sentence under the headline."""
        return self.page.get_by_test_id("outcome").inner_text()

    @property
    def python(self) -> str:
        """The set on screen as Python."""
        return self.page.get_by_test_id("python-source").text_content() or ""

    def run_python(self) -> str:
        """What that prints in the folder of the report."""
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()) as out:
            exec(self.python, {})
        return out.getvalue()

    def net(self, key: str | None = None) -> "ReluNet":
        """A network, made by the lines of Python that the page gives for it, in float64."""
        told = next(each for each in self.told["networks"] if each["key"] == (key or self.network))
        import relubloom

        names: dict[str, Any] = {"rb": relubloom}
        with contextlib.chdir(self.folder):
            exec("\n".join(told["python"]), names)
        return names["net"].double()

    def logits(self, key: str | None = None) -> Tensor:
        """PyTorch's answer to the set on screen."""
        sets = torch.tensor([self.tokens], dtype=torch.int64)
        with torch.no_grad():
            return self.net(key)(sets)[0]

    def agrees(self) -> bool:
        """Whether each score on screen is PyTorch's."""
        logits, scores = self.logits(), self.scores
        tokens = list(scores)
        here = torch.tensor([scores[token] for token in tokens], dtype=torch.float64)
        there = torch.stack([logits.softmax(0)[tokens], logits[tokens]], 1)
        return bool(torch.allclose(here, there, rtol=1e-5, atol=1e-5)) and len(tokens) > K

    @property
    def strangers(self) -> list[int]:
        """False positives of the network on the set on screen, by PyTorch."""
        p = self.logits().softmax(0)
        called = (p >= CALLED * p.max()).nonzero().flatten().tolist()
        return [token for token in called if token not in self.tokens]


def printed_probabilities(output: str) -> dict[int, float]:
    """Of lines `id ["put in"] probability`."""
    rows = [line.split() for line in output.splitlines()]
    return {int(row[0]): float(row[-1]) for row in rows}


@pytest.fixture
def explore(open_page: OpenQuiet, reports: dict[str, Path]) -> Callable[..., Explorer]:
    """Open the explorer of one of the reports."""

    def call(state: str = "study", **options: Any) -> Explorer:
        page = open_page(reports[state], **options)
        return Explorer(page, reports[state].parent)

    return call
