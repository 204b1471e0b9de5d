"""A page in headless Chromium, watched: what it asks for and what it complains of."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPTIONS = (
    "--no-sandbox",  # root has none in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HERE = ("data:", "blob:", "about:")  # addresses that ask nobody
REQUIRED = "RELUBLOOM_REQUIRE_BROWSER"
WIDE, PHONE = 1280, 360  # px


@dataclass
class Watched:
    """A page, and everything it asked for or complained of since it was opened."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, address: str) -> None:
        """Note each request but that for the page itself, and each warning, error and dialog."""
        context = self.page.context
        context.on("request", lambda asked: self._asked(asked.url, address))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        context.on("console", lambda said: self._said(said.type, said.text))
        context.on("weberror", lambda thrown: self.complaints.append(f"thrown: {thrown.error}"))
        self.page.on("dialog", self._dismiss)

    def _asked(self, url: str, address: str) -> None:
        if url.split("#")[0] != address and not url.startswith(HERE):
            self.requests.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _dismiss(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


OpenPage = Callable[..., Watched]


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """One Chromium for all tests; without it they skip, or fail where it is required."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _absent("playwright is not installed: run `make install`")
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if program is None:
        _absent("chromium is not installed: `apt-get install chromium`, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield launched
        launched.close()


@pytest.fixture
def open_watched(browser: "Browser") -> Iterator[OpenPage]:
    """Open a file in a context of its own: `open_watched(path, width=360, theme="dark", ...)`."""
    contexts: list[Any] = []

    def call(
        path: Path, *, width: int = WIDE, theme: str = "light", fragment: str = "", **options: Any
    ) -> Watched:
        height = 800 if width < 600 else 900
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **options
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        watched = Watched(context.new_page())
        watched.watch(path.as_uri())
        watched.page.goto(path.as_uri() + fragment)
        return watched

    yield call
    for context in contexts:
        context.close()


@pytest.fixture
def open_page(open_watched: OpenPage) -> Iterator[Callable[..., "Page"]]:
    """As `open_watched`, for a page that must ask for nothing and complain of nothing."""
    opened: list[Watched] = []

    def call(path: Path, **options: Any) -> "Page":
        opened.append(open_watched(path, **options))
        return opened[-1].page

    yield call
    for watched in opened:
        watched.page.evaluate("new Promise(done => requestAnimationFrame(() => done()))")
        assert watched.requests == []
        assert watched.complaints == []


def _absent(message: str) -> NoReturn:
    """Fail where a browser is required, as in CI; skip elsewhere."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{message} ({REQUIRED} is 1)", pytrace=False)
    pytest.skip(message)
