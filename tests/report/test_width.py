"""The page's section on width: drawn from a sweep's rows, a sentence where there are none."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from build.golden import lines
from build.process import Outcome
from build.report_runs import trained_run
from build.sweep import Record, rows_of, sweep
from relubloom.records.sweep_row import SweepRow
from relubloom.report.page import render, write_report
from relubloom.report.read import Contents, read_contents
from relubloom.report.render import SectionData
from relubloom.report.sections.width import WidthRow, width
from relubloom.sweep.results import Results
from relubloom.task import KSparseTask
from relubloom.theory import best_constant_weight

WIDTHS = (12, 16, 20, 24, 28)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 32 tokens, sets of 3."""
    made = tmp_path_factory.mktemp("run")
    trained_run(made, task=KSparseTask(32, 3), width=20)
    return made


@pytest.fixture(scope="module")
def contents(folder: Path) -> Contents:
    return read_contents(folder)


def records(**fields: object) -> list[Record]:
    """Networks with half of the best random code's error."""
    return sweep(
        WIDTHS,
        lambda width: 0.5 * best_constant_weight(32, width, 3).mse,
        vocab_size=32,
        **fields,
    )


def curves(contents: Contents, rows: Sequence[SweepRow]) -> dict[str, list[WidthRow]]:
    return width(contents, rows).values["objectives"]


def text_of(contents: Contents, rows: Sequence[SweepRow] = ()) -> list[str]:
    found = width(contents, rows)
    told = SectionData({"sweep": found.values}, found.drawings)
    return lines(render(contents, told, template="width.html.j2")).splitlines()


def test_without_rows_a_sentence(contents: Contents) -> None:
    assert width(contents).drawings == ()
    assert text_of(contents) == [
        "Error against width",
        "One width was studied here, 20, so no curve of error against width can be drawn. "
        "relubloom plan --vocab-size 32 --set-size k --width d says what theory expects of any "
        "other.",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"vocab_size": 33},
        {"set_size": 2},
        {"set_size": [2, 3]},
        {"source": "zipf"},
        {"training_pool": 100},
        {"activation": "none"},
        {"width": 20},
    ],
)
def test_rows_of_other_tasks_and_of_one_width_are_passed_over(
    contents: Contents, fields: dict[str, object]
) -> None:
    others = [row | fields for row in records()]
    assert width(contents, rows_of(others)).drawings == ()


def test_a_curve_and_its_table(contents: Contents) -> None:
    rows = rows_of(records())
    assert [drawing.name for drawing in width(contents, rows).drawings] == ["width-mse"]
    (curve,) = curves(contents, rows).values()
    assert [(row.width, row.seeds) for row in curve] == [(width, 4) for width in WIDTHS]
    assert curve[3].random_code == best_constant_weight(32, 24, 3).mse
    text = text_of(contents, rows)
    assert text[1].startswith(
        "A sweep trained 20 networks of 5 widths with the objective mse. The median network has "
        "less error than the best random code at 5 of them. At 28 units it errs by "
    )
    assert text[2] == "Error against width, sets of 3"
    assert [line.split(" | ")[0] for line in text if line.count(" | ") == 6] == [
        "width",
        *map(str, WIDTHS),
    ]


def test_the_objective_of_the_run_comes_first(contents: Contents) -> None:
    # The run was trained by kl-then-mse.
    rows = rows_of(records() + records(objective="kl-then-mse"))
    headings = [line for line in text_of(contents, rows) if line.startswith("Objective ")]
    assert headings == ["Objective kl-then-mse", "Objective mse"]
    assert len({drawing.name for drawing in width(contents, rows).drawings}) == 2


def test_one_recipe_is_drawn_chosen_without_a_look_at_its_results(contents: Contents) -> None:
    # Another recipe has more seeds and less error, at fewer widths.
    other = [row | {"steps": 9000, "mse": 1e-6} for row in records(seeds=8) if row["width"] < 24]
    (curve,) = curves(contents, rows_of(other + records())).values()
    assert [(row.width, row.seeds) for row in curve] == [(width, 4) for width in WIDTHS]
    assert min(row.median for row in curve) > 1e-5


def test_pairs_have_no_estimate_of_random_directions(tmp_path: Path) -> None:
    # Both members' scores are equal, so only rare pairs err: drawn sets do not resolve it.
    trained_run(tmp_path, task=KSparseTask(32, 2), width=20)
    rows = rows_of(records(set_size=2))
    text = text_of(read_contents(tmp_path), rows)
    assert next(line for line in text if line.startswith("28 | ")).endswith(" | –")
    assert len(width(read_contents(tmp_path), rows).drawings) == 1


def test_the_page_takes_the_rows(folder: Path) -> None:
    plain = write_report(folder).read_text(encoding="utf-8")
    assert "One width was studied here" in plain
    html = write_report(folder, rows_of(records())).read_text(encoding="utf-8")
    assert "One width was studied here" not in html
    section = html[html.index('<section id="width">') :]
    section = section[: section.index("</section>")]
    assert section.count("<svg") == 1
    assert not re.search(r"\bnan\b|\binf\b", section)
    assert (folder / "figures" / "width-mse.svg").exists()


def test_the_command_draws_a_sweeps_folder(
    folder: Path, tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    Results(tmp_path, create=True).record(rows_of(records()))
    done = relubloom("report", folder, "--results", tmp_path)
    assert done.status == 0, done.err
    page = (folder / "report.html").read_text()
    assert "Error against width, sets of 3" in page
    assert relubloom("report", folder, "--results", tmp_path / "gone").status == 1
