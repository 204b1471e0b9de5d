"""Putting the page together: contents, article and foot into one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from relubloom import atomic
from relubloom.errors import FileError
from relubloom.network.weights_file import CONFIG
from relubloom.records.run_folder import FIGURES, remove_figures
from relubloom.records.sweep_row import SweepRow
from relubloom.report import foot, wording
from relubloom.report.article import Article, tell
from relubloom.report.charts.drawing import Drawing, standalone
from relubloom.report.contents import STUDY, Contents, read_contents
from relubloom.report.explorer import embed
from relubloom.report.parts import marked_up
from relubloom.report.runs_index import index_variables, read_entries, run_folders
from relubloom.report.tiles import tiles

REPORT = "report.html"


@runtime_checkable
class Explorer(Protocol):
    """The live part of the page, as elements ready to be put in."""

    @property
    def style(self) -> Markup:
        """Its `<style>`."""
        ...

    @property
    def data(self) -> Markup:
        """`<script>`s that hold data and are not run."""
        ...

    @property
    def script(self) -> Markup:
        """The one `<script>` that is."""
        ...

    @property
    def policy(self) -> str:
        """Directives of the security policy that let this script run, by its hash."""
        ...


def write_report(folder: Path, sweep: Sequence[SweepRow] = ()) -> Path:
    """Write `folder/report.html` and `folder/figures/` for a study or a run folder.

    `sweep` holds the rows behind the section on width; of other tasks they are passed over.

    The page is one file that asks for nothing else. What the folder does not hold is said in a
    sentence where it would stand. A folder with runs or studies one level below it gets an index
    of them, and those of them that have no page get theirs. Returns the page's path.

    Raises:
        FileError: the folder is none of these, or a file in it is damaged.
    """
    if not any((folder / name).exists() for name in (STUDY, CONFIG)) and run_folders(folder):
        return _write_index(folder, sweep)
    contents = read_contents(folder)
    try:
        article = tell(contents, sweep)
        page = render(contents, article, embed(contents))
    except KeyError as error:
        raise FileError(
            f"a JSON file in {folder} has no {error}; make it anew with `relubloom examine`"
        ) from error
    _write_figures(folder, article.drawings)
    atomic.write_text(folder / REPORT, page)
    return folder / REPORT


def _write_index(folder: Path, sweep: Sequence[SweepRow]) -> Path:
    """The page of a folder of runs; a run that cannot be read has its reason in its row."""

    def give_page(run: Path) -> None:
        if not (run / REPORT).exists():
            write_report(run, sweep)

    entries = read_entries(folder, give_page)
    template = environment().get_template("index.html.j2")
    variables = index_variables(folder, entries, REPORT)
    page = template.render(style=Markup(package_text("style.css")), **variables)
    atomic.write_text(folder / REPORT, page)
    return folder / REPORT


def render(contents: Contents, article: Article, explorer: Explorer | None = None) -> str:
    """The page as text; whatever comes from the data is escaped."""
    template = environment().get_template("page.html.j2")
    return template.render(_variables(contents, article, explorer))


def environment() -> Environment:
    """The templates of the package, with escaping on and missing variables an error."""
    made = Environment(
        loader=FunctionLoader(package_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["marked_up"] = marked_up
    return made


def package_text(name: str) -> str:
    """A text file of this package."""
    return files("relubloom.report").joinpath(name).read_text(encoding="utf-8")


def _write_figures(folder: Path, drawings: list[Drawing]) -> None:
    remove_figures(folder)
    for each in drawings:
        atomic.write_text(folder / FIGURES / f"{each.name}.svg", standalone(each.svg))


def _variables(contents: Contents, article: Article, explorer: Explorer | None) -> dict[str, Any]:
    run = contents.featured
    return {
        "style": Markup(package_text("style.css")),
        "explorer": explorer,
        "title": wording.title(contents),
        "kicker": wording.kicker(run, article.vocab_size, article.width),
        "verdict": wording.verdict_sentences(contents),
        "remarks": wording.remarks(contents),
        "tiles": tiles(contents),
        "task": wording.task_sentence(run.task),
        "making": wording.making_sentence(
            run, article.vocab_size, article.width, len(contents.runs)
        ),
        "rival": wording.best_random_sentence(contents),
        "sections": article.sections,
        "configuration": foot.configuration_rows(contents),
        "command": (contents.study or {}).get("command", ""),
        "file_rows": foot.file_rows(contents, article.drawings),
    }
