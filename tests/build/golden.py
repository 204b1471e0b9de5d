"""Expected texts of rendered pages, in `tests/data/report/`.

UPDATE_GOLDEN=1 python -m pytest tests/report writes them anew; read what changed before it is kept.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

from relubloom.report.page import SECTIONS, render
from relubloom.report.read import Contents
from relubloom.report.render import SectionData

DATA = Path(__file__).parent.parent / "data" / "report"
LINE = {"p", "h1", "h2", "h3", "tr", "li", "div", "figcaption", "section", "header", "footer"}
CELL = {"td", "th", "dt", "dd"}
UNSEEN = {"style", "script", "svg", "title"}


class Lines(HTMLParser):
    """The text of a page as a reader sees it: a line for each paragraph, row and caption."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag in UNSEEN
        self.text += "\n" if tag in LINE else ""

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN
        self.text += "\n" if tag in LINE else " | " if tag in CELL else ""

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.text += data.replace("\n", " ")


def lines(html: str) -> str:
    """The visible text of a page, its white space made single."""
    parser = Lines()
    parser.feed(html)
    found = (
        re.sub(r"\s+", " ", line.replace("\u00a0", " ")).strip(" |")
        for line in parser.text.split("\n")
    )
    return "".join(f"{line}\n" for line in found if line)


def bare_html(html: str) -> str:
    """The elements of a fragment, a line each, without drawings."""
    text = re.sub(r"<svg.*?</svg>", "<svg/>", html, flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", text).strip() + "\n"


def section_text(contents: Contents, name: str, *inside: str) -> str:
    """The visible text of one section, rendered alone with those that stand inside it."""
    return lines(section_html(contents, name, *inside))


def section_html(contents: Contents, name: str, *inside: str) -> str:
    """One section, rendered alone with those that stand inside it."""
    found = {each: SECTIONS[each](contents) for each in (name, *inside) if each in SECTIONS}
    drawings = (drawing for each in found.values() for drawing in each.drawings)
    told = SectionData({each: data.values for each, data in found.items()}, tuple(drawings))
    return render(contents, told, template=f"{name}.html.j2")


def hold(name: str, text: str) -> None:
    """Assert that a text is the expected one of that name."""
    path = DATA / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
