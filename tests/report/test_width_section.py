"""The page's section on width: drawn from a sweep's rows, a sentence where there are none."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import Outcome
from build.report_runs import trained_run
from build.sweep import Record, rows_of, sweep
from relubloom.report.contents import read_contents
from relubloom.report.page import write_report
from relubloom.report.parts import Section
from relubloom.report.subject import Subject, load_subject
from relubloom.report.width_section import width_section
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
def subject(folder: Path) -> Subject:
    return load_subject(read_contents(folder))


def records(**fields: object) -> list[Record]:
    """Networks with half of the best random code's error."""
    return sweep(
        WIDTHS,
        lambda width: 0.5 * best_constant_weight(32, width, 3).mse,
        vocab_size=32,
        **fields,
    )


def text_of(section: Section) -> str:
    return " ".join(text for part in section.parts for text in part.text)


def test_without_rows_a_sentence(subject: Subject) -> None:
    section = width_section(subject)
    assert section.drawings == []
    assert text_of(section).startswith("One width was studied here, 20, so no curve")


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
    subject: Subject, fields: dict[str, object]
) -> None:
    others = [row | fields for row in records()]
    assert width_section(subject, rows_of(others)).drawings == []


def test_a_curve_and_its_table(subject: Subject) -> None:
    section = width_section(subject, rows_of(records()))
    assert [drawing.name for drawing in section.drawings] == ["width-mse"]
    (table,) = section.parts[0].tables
    assert [row[0] for row in table.rows] == [str(width) for width in WIDTHS]
    assert {row[1] for row in table.rows} == {"4"}
    exact = best_constant_weight(32, 24, 3).mse
    random = [row[table.headings.index("random code")] for row in table.rows]
    assert float(random[3]) == pytest.approx(exact, rel=0.005)
    assert text_of(section).startswith(
        "A sweep trained 20\u00a0networks of 5 widths with the objective mse. The median network "
        "has less error than the best random code at 5 of them. At 28 units it errs by "
    )


def test_the_objective_of_the_run_comes_first(subject: Subject) -> None:
    # The run was trained by kl-then-mse.
    section = width_section(subject, rows_of(records() + records(objective="kl-then-mse")))
    headings = [part.heading for part in section.parts if part.heading]
    assert headings == ["Objective kl-then-mse", "Objective mse"]
    assert len({drawing.name for drawing in section.drawings}) == 2


def test_one_recipe_is_drawn_chosen_without_a_look_at_its_results(subject: Subject) -> None:
    # Another recipe has more seeds and less error, at fewer widths.
    other = [row | {"steps": 9000, "mse": 1e-6} for row in records(seeds=8) if row["width"] < 24]
    section = width_section(subject, rows_of(other + records()))
    (table,) = section.parts[0].tables
    assert [row[:2] for row in table.rows] == [(str(width), "4") for width in WIDTHS]
    assert "0.000" not in {row[2][:5] for row in table.rows}


def test_pairs_have_no_estimate_of_random_directions(tmp_path: Path) -> None:
    # Both members' scores are equal, so only rare pairs err: drawn sets do not resolve it.
    trained_run(tmp_path, task=KSparseTask(32, 2), width=20)
    section = width_section(load_subject(read_contents(tmp_path)), rows_of(records(set_size=2)))
    (table,) = section.parts[0].tables
    directions = [row[table.headings.index("random directions")] for row in table.rows]
    assert directions[-1] == "–"
    assert len(section.drawings) == 1


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
