"""What the article is built of: sections of parts, each with words, figures and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from relubloom.report.charts.drawing import Drawing

LABEL_LENGTH = 40  # characters of a token's label that running text shows


@dataclass(frozen=True)
class Panel:
    """A figure with its heading and caption."""

    heading: str
    drawing: Drawing
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Headings and rows; the first cell of a row names it.

    Below stand `note` and `legend`, pairs of a heading and its meaning. `kind` names a layout of
    its own in `style.css`.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class Part:
    """One step of a section's argument: paragraphs, then what shows them.

    `block` is ready-made HTML between the paragraphs and the figures; `mount` names the live part
    of the page that comes next, in place of the figures if `fallback`; `scale` is what all panels
    share; `kind` names a layout of its own in `style.css`.
    """

    heading: str = ""
    text: tuple[str, ...] = ()
    block: Markup = field(default_factory=Markup)
    panels: tuple[Panel, ...] = ()
    scale: Drawing | None = None
    caption: str = ""
    tables: tuple[Table, ...] = ()
    mount: str | None = None
    fallback: bool = False
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the article; `short` is its name where there is little room."""

    key: str
    heading: str
    parts: tuple[Part, ...]
    short: str = ""

    @property
    def drawings(self) -> list[Drawing]:
        """All figures in it."""
        drawings = [panel.drawing for part in self.parts for panel in part.panels]
        return drawings + [part.scale for part in self.parts if part.scale is not None]


def absent(sentence: str, heading: str = "", mount: str | None = None) -> Part:
    """The part that says what the folder does not hold."""
    return Part(heading, (sentence,), mount=mount)


def marked_up(text: str) -> Markup:
    """Escape a sentence; `code` becomes code and W_in, W_out, b_in, b_out get their subscripts."""
    if isinstance(text, Markup):
        return text
    safe = str(escape(text))
    safe = re.sub(r"`([^`]*)`", r"<code>\1</code>", safe)
    return Markup(re.sub(r"\b([Wb])_(in|out)\b", r"\1<sub>\2</sub>", safe))


def named(label: str) -> Markup:
    """A token's label in running text, cut where it is long, whatever its script's direction."""
    text = label if len(label) <= LABEL_LENGTH else label[: LABEL_LENGTH - 1] + "…"
    return Markup('<bdi class="token">{}</bdi>').format(text)


def listed(items: list[Markup] | list[str]) -> Markup:
    """`a`, `a and b`, `a, b and c`."""
    safe = [escape(item) for item in items]
    if len(safe) < 2:
        return Markup("").join(safe)
    return Markup(", ").join(safe[:-1]) + Markup(" and ") + safe[-1]


def sentence(template: str, **values: object) -> Markup:
    """A sentence with labels in it: the words are marked up, what is filled in is escaped."""
    return Markup(marked_up(template)).format(**values)
