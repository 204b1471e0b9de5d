"""The index of a folder of runs."""

import re
import shutil
from pathlib import Path

import pytest

from build.report_runs import Balance, constructed_run, edited, study, trained_run, words
from relubloom import atomic
from relubloom.errors import FileError
from relubloom.report.numbers import figure
from relubloom.report.page import write_report

PAGE = "a page of its own"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs, a study and what is neither; pages are there where the test needs none drawn."""
    folder = tmp_path_factory.mktemp("runs")
    trained_run(folder / "worse <b>", 1)
    trained_run(folder / "better #1", 0)
    constructed_run(folder / "exact")
    study(folder / "study", seeds=2)
    edited(folder / "study", "study.json", verdict="partly")
    edited(folder / "worse <b>", "behaviour.json", mse=0.5)
    edited(folder / "better #1", "behaviour.json", mse=0.001)
    for name in ("worse <b>", "exact", "study"):
        (folder / name / "report.html").write_text(PAGE)
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("not a run")
    return folder


@pytest.fixture(scope="module")
def index(runs: Path) -> str:
    path = write_report(runs)
    assert path == runs / "report.html"
    return path.read_text(encoding="utf-8")


def test_each_run_has_a_row_least_mse_first(index: str) -> None:
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', index)
    names = [words(row[0]) for row in rows]
    assert len(rows) == 4
    assert names[0] == " better #1 "
    assert names[-1] == " worse &lt;b&gt; "
    assert figure(0.001) in rows[0][1]
    assert "constant-weight" in index
    text = words(index)
    assert "4 runs in" in text
    assert "partly" in text


def test_links_lead_to_pages(runs: Path, index: str) -> None:
    assert 'href="better%20%231/report.html"' in index
    assert 'href="worse%20%3Cb%3E/report.html"' in index
    assert (runs / "better #1" / "report.html").read_text() != PAGE
    assert (runs / "worse <b>" / "report.html").read_text() == PAGE  # what is there is kept


def test_index_is_well_formed_and_runs_nothing(index: str) -> None:
    parser = Balance()
    parser.feed(index)
    assert parser.open == []
    assert "<script" not in index
    assert "default-src 'none'" in index


def test_runs_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    trained_run(tmp_path / "good")
    (tmp_path / "good" / "report.html").write_text(PAGE)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("[]")
    shutil.copytree(tmp_path / "good", tmp_path / "torn")
    (tmp_path / "torn" / "report.html").unlink()
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"torn")
    text = words(write_report(tmp_path).read_text(encoding="utf-8"))
    assert text.count("cannot be read") == 2
    assert "holds no JSON object" in text
    assert "torn/model.safetensors" in text


def test_unexamined_runs_come_last(tmp_path: Path) -> None:
    for name in ("a", "b"):
        trained_run(tmp_path / name)
        (tmp_path / name / "report.html").write_text(PAGE)
    (tmp_path / "a" / "behaviour.json").unlink()
    (tmp_path / "a" / "mechanism.json").unlink()
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert html.index(">b</a>") < html.index(">a</a>")
    assert "not examined" in html


def test_folder_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    atomic.write_json(tmp_path / "deep" / "deeper" / "config.json", {})
    with pytest.raises(FileError, match=r"config\.json is not there"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
