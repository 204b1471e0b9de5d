"""Putting the page together: contents, sentences, tables and figures into one HTML file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from relubloom import atomic
from relubloom.errors import FileError
from relubloom.report import tables, wording
from relubloom.report.contents import Contents, read_contents
from relubloom.report.explorer import embed
from relubloom.report.numbers import figure
from relubloom.report.sections import Figures, draw_figures

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Write `folder/report.html` for a study or any run folder, and return its path.

    The page is one file that asks for nothing else: no request, no script. What the folder does
    not hold is said in a sentence where it would stand.

    Raises:
        FileError: the folder is neither a study nor a run folder, or a file in it is damaged.
    """
    contents = read_contents(folder)
    try:
        page = render(contents, draw_figures(contents))
    except KeyError as error:
        raise FileError(
            f"a JSON file in {folder} has no {error}; make it anew with `relubloom examine`"
        ) from error
    atomic.write_text(folder / REPORT, page)
    return folder / REPORT


def render(contents: Contents, figures: Figures) -> str:
    """The page as text; whatever comes from the data is escaped."""
    environment = Environment(
        loader=FunctionLoader(_package_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(_variables(contents, figures))


def _variables(contents: Contents, figures: Figures) -> dict[str, Any]:
    run = contents.featured
    return {
        "explorer": embed(contents),
        "style": Markup(_package_text("style.css")),
        "title": wording.title(contents),
        "verdict": wording.verdict_sentences(contents),
        "remarks": wording.remarks(contents),
        "tiles": tables.tiles(contents),
        "task": wording.task_sentence(run.task),
        "making": wording.making_sentence(
            run, figures.vocab_size, figures.width, len(contents.runs)
        ),
        "rival": wording.best_random_sentence(contents),
        "rival_mse": figure((contents.best_random_code or {"mse": 0})["mse"]),
        "scope": wording.scope_of_figures(run),
        "contents": contents,
        "run": run,
        "figures": figures,
        "columns": tables.COLUMNS,
        "rows": tables.seed_rows(contents),
        "criteria": tables.criteria(run),
        "verdict_name": wording.NAMES.get(run.verdict or "", run.verdict),
        "unit_tiles": tables.unit_tiles(run),
        "agreement": tables.agreement_sentence(run),
        "unit_counts": tables.unit_counts(run),
        "set_sizes": tables.set_size_rows(run),
        "configuration": tables.configuration_rows(contents),
        "command": (contents.study or {}).get("command", ""),
        "file_rows": tables.file_rows(contents),
    }


def _package_text(name: str) -> str:
    return files("relubloom.report").joinpath(name).read_text(encoding="utf-8")
