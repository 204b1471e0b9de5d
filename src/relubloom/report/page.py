"""Putting the page together: contents, sections and live part into one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from relubloom import atomic
from relubloom.network.weights_file import CONFIG
from relubloom.records.files import FIGURES, remove_figures
from relubloom.records.run_folder import REPORT
from relubloom.records.sweep_row import SweepRow
from relubloom.report.charts.drawing import standalone
from relubloom.report.explorer.embed import Explorer, embed
from relubloom.report.read import STUDY, Contents, read_contents
from relubloom.report.render import SectionData, listed, named, rendered
from relubloom.report.runs_index import index_page, run_folders
from relubloom.report.sections.behaviour import behaviour
from relubloom.report.sections.explanation import break_it, ladder
from relubloom.report.sections.foot import foot
from relubloom.report.sections.head import head, hero
from relubloom.report.sections.mechanism import mechanism
from relubloom.report.sections.networks import networks
from relubloom.report.sections.weights import film, weights
from relubloom.report.sections.width import width

SECTIONS: dict[str, Callable[[Contents], SectionData]] = {
    "head": head,
    "hero": hero,
    "weights": weights,
    "networks": networks,
    "behaviour": behaviour,
    "mechanism": mechanism,
    "ladder": ladder,
    "break_it": break_it,
    "film": film,
    "foot": foot,
}


def write_report(folder: Path, rows: Sequence[SweepRow] = ()) -> Path:
    """Write `folder/report.html` and `folder/figures/` for a study or a run folder.

    `rows` of a sweep's table are behind the section on width; those of other tasks are passed over.

    The page is one file that asks for nothing else. What the folder does not hold is said in a
    sentence where it would stand. A folder with runs or studies one level below it gets an index
    of them, and those of them that have no page get theirs. Returns the page's path.

    Raises:
        FileError: the folder is none of these, or a file in it is damaged.
    """
    if not any((folder / name).exists() for name in (STUDY, CONFIG)) and run_folders(folder):
        page = index_page(folder, lambda run: (run / REPORT).exists() or write_report(run, rows))
        atomic.write_text(folder / REPORT, page)
        return folder / REPORT
    contents = read_contents(folder)
    told = tell(contents, rows)
    page = render(contents, told, embed(contents))
    remove_figures(folder)
    for each in told.drawings:
        atomic.write_text(folder / FIGURES / f"{each.name}.svg", standalone(each.svg))
    atomic.write_text(folder / REPORT, page)
    return folder / REPORT


def tell(
    contents: Contents,
    rows: Sequence[SweepRow] = (),
    sections: Sequence[str] = tuple(SECTIONS),
) -> SectionData:
    """The values of the sections, each under its name, and all figures in their order.

    Cost: the weights of a few networks, and a few seconds.
    """
    told = {name: SECTIONS[name](contents) for name in sections}
    told["sweep"] = width(contents, rows)
    drawings = [drawing for each in told.values() for drawing in each.drawings]
    return SectionData({name: each.values for name, each in told.items()}, tuple(drawings))


def render(
    contents: Contents,
    told: SectionData,
    explorer: Explorer | None = None,
    template: str = "page.html.j2",
) -> str:
    """The page, or one section of it by its template; whatever comes from the data is escaped."""
    run, example = contents.featured, contents.example
    members = [] if example is None else [named(run.labels[token]) for token in example.members]
    return rendered(
        template,
        contents=contents,
        run=run,
        examined=run.behaviour is not None and run.mechanism is not None,
        labels=run.labels,
        vocab_size=run.vocab_size,
        width=run.width,
        example_labels=listed(members),
        drawn={drawing.name: drawing for drawing in told.drawings},
        explorer=explorer,
        **{"lesson": None, **told.values},
    )
