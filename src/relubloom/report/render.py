"""Templates: how they are found, the filters they write numbers and labels with, and escaping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from relubloom.records.behaviour import Behaviour, LinesOfFile, figures_over
from relubloom.report import numbers
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import shortened
from relubloom.shown import palette

LABEL_LENGTH = 40  # characters of a token's label that running text shows


@dataclass(frozen=True)
class SectionData:
    """What a section's template needs: values by name, and figures, which it takes by theirs."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    drawings: tuple[Drawing, ...] = ()


def rendered(template: str, **values: Any) -> str:
    """A template of this package filled in; whatever comes from the data is escaped."""
    style = Markup(palette() + package_text("style.css"))
    return environment().get_template(template).render(style=style, **values)


def environment() -> Environment:
    """The templates of the package, with escaping on and missing variables an error."""
    made = Environment(
        loader=FunctionLoader(package_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "several": numbers.several,
        "spans": numbers.spans,
        "listed": listed,
        "marked_up": marked_up,
        "named": named,
        "over": over,
        "named_file": named_file,
    }
    for write in (numbers.count, numbers.percent, numbers.figure, numbers.decimal):
        filters[write.__name__] = _or_dash(write)
    made.filters.update(filters)
    return made


def package_text(name: str) -> str:
    """A template, or the style sheet."""
    return (files("relubloom.report") / "templates" / name).read_text(encoding="utf-8")


def marked_up(text: str) -> Markup:
    """Escape a sentence out of a record; `code` becomes code, and W_in and the like get their
    subscripts."""
    safe = re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\b([Wb])_(in|out)\b", r"\1<sub>\2</sub>", safe))


def named(label: str) -> Markup:
    """A token's label in running text, cut where it is long, whatever its script's direction."""
    return Markup('<bdi class="token">{}</bdi>').format(shortened(label, LABEL_LENGTH))


def over(behaviour: Behaviour) -> str:
    """Over which sets figures are; a file is called by its name alone."""
    lines = behaviour.file
    return figures_over(behaviour, None if lines is None else named_file(lines))


def named_file(lines: LinesOfFile) -> str:
    """The file's name, without where it lies."""
    return Path(lines.path).name


def listed(items: Iterable[str]) -> Markup:
    """`a`, `a and b`, `a, b and c`."""
    safe = [escape(item) for item in items]
    if len(safe) < 2:
        return Markup("").join(safe)
    return Markup(", ").join(safe[:-1]) + Markup(" and ") + safe[-1]


def _or_dash(write: Callable[..., str]) -> Callable[..., str]:
    """A filter that writes a dash for what is absent."""

    def filtered(value: Any, *options: Any) -> str:
        return numbers.NONE if value is None else write(value, *options)

    return filtered
