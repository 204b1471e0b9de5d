"""The page's section on width: drawn from a sweep's records, a sentence where there are none."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import Outcome
from build.report_runs import trained_run
from build.sweep import Record, sweep
from relubloom.report.contents import read_contents
from relubloom.report.page import write_report
from relubloom.report.parts import Section
from relubloom.report.subject import Subject, load_subject
from relubloom.report.width_section import SweepResults, width_section
from relubloom.sweep.results import Results, Row
from relubloom.task import KSparseTask
from relubloom.theory import best_constant_weight
from relubloom.width_law.rivals import rivals_at, with_design
from relubloom.width_law.rivals_file import RIVALS, complete_rivals

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
    return sweep(
        WIDTHS,
        lambda width: 0.5 * best_constant_weight(32, width, 3).mse,
        vocab_size=32,
        **fields,
    )


def text_of(section: Section) -> str:
    return " ".join(text for part in section.parts for text in part.text)


def test_without_records_a_sentence(subject: Subject) -> None:
    section = width_section(subject, SweepResults())
    assert section.drawings == []
    assert text_of(section).startswith("One width was studied here, 20, so no curve")


@pytest.mark.parametrize(
    "fields",
    [{"vocab_size": 33}, {"set_size": 2}, {"training_pool": 100}, {"activation": "none"}],
)
def test_records_of_other_tasks_are_passed_over(
    subject: Subject, fields: dict[str, object]
) -> None:
    others = [row | fields for row in records()]
    assert width_section(subject, SweepResults(others)).drawings == []


def test_a_curve_and_its_table(subject: Subject) -> None:
    section = width_section(subject, SweepResults(records()))
    assert [drawing.name for drawing in section.drawings] == ["width-law-mse", "width-slopes-mse"]
    (table,) = section.parts[0].tables
    assert [row[0] for row in table.rows] == [str(width) for width in WIDTHS]
    exact = best_constant_weight(32, 24, 3).mse
    random = [row[table.headings.index("random code")] for row in table.rows]
    assert float(random[3]) == pytest.approx(exact, rel=0.005)
    assert "At every width the median network has less error than the best random code." in text_of(
        section
    )


def test_the_objective_of_the_run_comes_first(subject: Subject) -> None:
    # The run was trained by kl-then-mse.
    rows = records() + records(objective="kl-then-mse")
    section = width_section(subject, SweepResults(rows))
    headings = [part.heading for part in section.parts if part.heading]
    assert headings == ["Objective kl-then-mse", "Objective mse"]
    assert len({drawing.name for drawing in section.drawings}) == 4


def test_designed_codes_are_shown_where_the_sweep_brings_them(subject: Subject) -> None:
    made = with_design(rivals_at(32, 24, 3))
    assert made.designed is not None
    section = width_section(subject, SweepResults(records(), (made,)))
    (table,) = section.parts[0].tables
    designed = [row[table.headings.index("designed code")] for row in table.rows]
    assert [cell != "–" for cell in designed] == [False, False, False, True, False]
    assert float(designed[3]) == pytest.approx(made.designed.mse, rel=0.005)


def test_the_page_takes_the_sweep(folder: Path) -> None:
    plain = write_report(folder).read_text(encoding="utf-8")
    assert "One width was studied here" in plain
    html = write_report(folder, SweepResults(records())).read_text(encoding="utf-8")
    assert "One width was studied here" not in html
    section = html[html.index('<section id="width">') :]
    section = section[: section.index("</section>")]
    assert section.count("<svg") == 4  # two figures, each wide and narrow
    assert not re.search(r"\bnan\b|\binf\b", section)
    assert (folder / "figures" / "width-law-mse.svg").exists()


def test_the_command_draws_a_sweeps_folder(
    folder: Path, tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    rows = [
        Row(f"{index:016x}", "done", dict(record), {}) for index, record in enumerate(records())
    ]
    Results(tmp_path, create=True).record(rows)
    complete_rivals(tmp_path / RIVALS, [(32, 12, 3)])
    done = relubloom("report", folder, "--results", tmp_path)
    assert done.status == 0, done.err
    page = (folder / "report.html").read_text()
    assert "Error against width, sets of 3" in page
    assert "designed code" in page
    assert relubloom("report", folder, "--results", tmp_path / "gone").status == 1
