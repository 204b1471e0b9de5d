"""A page in headless Chromium, watched: what it asks for and what it complains of."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
PROGRAM = os.environ.get("CHROMIUM", "chromium")
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


def why_absent() -> str | None:
    """What to do for a browser, in one line; None where there is one."""
    if find_spec("playwright") is None:
        return "playwright is not installed: run `make install`"
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} is not installed: `apt-get install chromium`, or name one in CHROMIUM"
    return None


@contextmanager
def launched() -> Iterator["Browser"]:
    """A headless Chromium of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which(PROGRAM), args=list(OPTIONS)
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """One Chromium for all tests; without it they skip, or fail where it is required, as in CI."""
    if (absent := why_absent()) is not None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{absent} ({REQUIRED} is 1)", pytrace=False)
        pytest.skip(absent)
    with launched() as chromium:
        yield chromium


def watch(
    browser: "Browser",
    path: Path,
    *,
    width: int = WIDE,
    theme: str = "light",
    fragment: str = "",
    **options: Any,
) -> Watched:
    """Open a file in a context of its own, watched from the first byte on."""
    height = 800 if width < 600 else 900
    viewport = {"width": width, "height": height}
    context = browser.new_context(viewport=viewport, color_scheme=theme, **options)
    watched = Watched(context.new_page())
    watched.watch(path.as_uri())
    watched.page.goto(path.as_uri() + fragment)
    return watched


def close(watched: Watched, *, quiet: bool = True) -> None:
    """Close it; if `quiet`, it must have asked for nothing and complained of nothing."""
    watched.page.evaluate("new Promise(done => requestAnimationFrame(() => done()))")
    watched.page.context.close()
    assert not quiet or watched.requests == [], watched.requests
    assert not quiet or watched.complaints == [], watched.complaints


@pytest.fixture
def open_watched(browser: "Browser") -> Iterator[OpenPage]:
    """`open_watched(path, width=360, theme="dark", ...)`: a page that may ask and complain."""
    opened: list[Watched] = []

    def call(path: Path, **options: Any) -> Watched:
        opened.append(watch(browser, path, **options))
        return opened[-1]

    yield call
    for watched in opened:
        close(watched, quiet=False)


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Callable[..., "Page"]]:
    """As `open_watched`, for a page that must ask for nothing and complain of nothing."""
    opened: list[Watched] = []

    def call(path: Path, **options: Any) -> "Page":
        opened.append(watch(browser, path, **options))
        return opened[-1].page

    yield call
    for watched in opened:
        close(watched)
