"""How the library's objects show themselves: in one line, and as a small table in a notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 180  # characters of a line
LONGEST_VALUE = 60  # of one value in it
MOST_ROWS = 12
INNER = ("mean", "path")  # attributes that are called by what has them
TOKENS, UNITS = 24, 64  # of a matrix
STEPS = 4  # of opacity on either side of 0
STYLE = """
.relubloom { display: inline-block; max-width: 100%; overflow-x: auto; padding: 0.6rem 0.8rem;
  background: var(--paper); color: var(--ink); font: 0.85rem/1.45 system-ui, sans-serif; }
.relubloom table { border-collapse: collapse; margin: 0.2rem 0 0.5rem; color: inherit; }
.relubloom caption { text-align: left; font-weight: 600; color: inherit; }
.relubloom tr { background: none !important; }
.relubloom :is(th, td) { padding: 0.1rem 0.9rem 0.1rem 0; text-align: left; font-weight: normal;
  border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; }
.relubloom th { color: var(--muted); white-space: nowrap; }
.relubloom svg { display: block; max-width: 100%; height: auto; }
"""


class Shown:
    """Shows itself by its `MAIN` attributes, the main one first (dots lead into an attribute).

    A line names them as they are reached, `behaviour.mse`; a table by their last word.
    """

    MAIN: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        parts = [f"{path}={_written(value, LONGEST_VALUE)}" for path, value in _figures(self)]
        head = type(self).__name__
        while len(line := f"{head}({', '.join(parts)})") > LONGEST and len(parts) > 1:
            parts = [*parts[: -1 - (parts[-1] == "...")], "..."]
        return line

    def _repr_html_(self) -> str:
        """A small table in the page's style, light or dark as the notebook or the screen is."""
        rows = [(_words(path), value) for path, value in _figures(self)]
        table, picture = self._table(), self._picture()
        parts = [_table(type(self).__name__, rows)]
        if len(table) > 1:
            parts.append(_table("", table[1 : 1 + MOST_ROWS], table[0]))
        if (left := len(table) - 1 - MOST_ROWS) > 0:
            parts.append(Markup("<p>and {:,} more</p>").format(left))
        if picture is not None:
            parts.append(_tiles(picture))
        style = Markup(_colours() + STYLE)
        return f'<div class="relubloom"><style>{style}</style>{Markup().join(parts)}</div>'

    def _table(self) -> Sequence[Sequence[object]]:
        """Rows to show below the figures, headings first; none by default."""
        return []

    def _picture(self) -> NDArray[Any] | None:
        """A matrix [tokens, units] to show below: bits are below 0; none by default."""
        return None


def printable(text: str) -> str:
    """The text without what would steer a terminal, which names and labels may hold."""
    safe = re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", text)
    return safe.encode("utf-8", "backslashreplace").decode()


def upstairs(module: str) -> Any:
    """A module of a room above, for a method that opens it: `net.report()` needs `study`.

    Rooms import from below only; this is the one way up, at the moment of the call.
    """
    return import_module(f"relubloom.{module}")


def _figures(of: Shown) -> list[tuple[str, Any]]:
    """The path and value of each attribute of `MAIN` that is there."""
    found: list[tuple[str, Any]] = []
    for path in of.MAIN:
        value, parts = of, path.split(".")
        for part in parts:
            value = None if value is None else getattr(value, part)
        if value is not None:
            found.append((path, value))
    return found


@cache
def _colours() -> str:
    """The palette for tables: the screen's, unless JupyterLab or VS Code says another."""
    light, dark = re.findall(r":root (\{.*?\})", palette(), re.DOTALL)
    return palette().replace(":root", ".relubloom") + "".join(
        f":is([data-jp-theme-light={says}], .vscode-{name}) .relubloom {colours}\n"
        for says, name, colours in (("true", "light", light), ("false", "dark", dark))
    )


def _words(path: str) -> str:
    parts = path.split(".")
    return parts[-2 if parts[-1] in INNER else -1].replace("_", " ")


def _written(value: Any, longest: int) -> str:
    if isinstance(value, tuple | list):  # sizes
        text = "..".join(_written(part, longest) for part in value)
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _table(
    caption: str, rows: Sequence[Sequence[object]], headings: Sequence[object] = ()
) -> Markup:
    head = Markup().join(Markup("<th>{}</th>").format(each) for each in headings)
    lines = [Markup("<tr>{}</tr>").format(head)] if headings else []
    for name, *cells in rows:
        written = [escape(_written("–" if cell is None else cell, 200)) for cell in cells]
        row = Markup().join(Markup("<td>{}</td>").format(cell) for cell in written)
        lines.append(Markup("<tr><th>{}</th>{}</tr>").format(_written(name, 80), row))
    title = Markup("<caption>{}</caption>").format(caption) if caption else ""
    return Markup("<table>{}{}</table>").format(title, Markup().join(lines))


def _tiles(matrix: NDArray[Any]) -> Markup:
    """The first rows and columns as tiles, blue below 0 and orange above, columns sorted so that
    those that are low in the first row come first, then those low in the second, ..."""
    import numpy as np  # here: the command line does without

    part = np.asarray(matrix, dtype=np.float64)[:TOKENS]
    low = part < (part.min(0) + part.max(0)) / 2
    part = part[:, np.lexsort(~low[::-1])[:UNITS]]
    level = np.rint(STEPS * part / (np.abs(part).max() or 1.0)).astype(int)
    paths: list[str] = []
    for step in np.unique(level[level != 0]).tolist():
        places = np.argwhere(level == step).tolist()
        drawn = "".join(f"M{unit} {token}h.9v.9h-.9z" for token, unit in places)
        colour = "var(--bit)" if step < 0 else "var(--other)"
        opacity = f"{abs(step) / STEPS:g}"
        paths.append(f'<path fill="{colour}" fill-opacity="{opacity}" d="{drawn}"/>')
    tokens, units = part.shape
    said = f"{tokens} tokens by {units} hidden units, sorted"
    across = min(26, 14 * units / tokens)
    head = (
        f'<svg viewBox="0 0 {units} {tokens}" style="width: {across:g}rem" role="img" '
        f'aria-label="{said}">'
    )
    return Markup(f"{head}{''.join(paths)}</svg>")


@cache
def palette() -> str:
    """The page's colours, light and dark, as variables of `:root` in CSS."""
    return files("relubloom").joinpath("palette.css").read_text(encoding="utf-8")
