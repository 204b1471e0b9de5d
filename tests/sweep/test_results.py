"""The results table: what is done stays, what failed may be made again."""

import csv
import sqlite3
from pathlib import Path

import pytest
from pyarrow import parquet

import relubloom as rb
from build.sweep import done_row, missing_row
from relubloom.errors import FileError, UsageError
from relubloom.records.sweep_row import UNSAID, SweepRow
from relubloom.sweep.results import SCHEMA_VERSION, Results
from relubloom.sweep.selection import export_records
from relubloom.training.recipe import LATER_FIELDS

DONE = done_row("a", {"width": 8, "seed": 0}, mse=0.25)
FAILED = missing_row("b", {"width": 9, "seed": 0}, "out of memory")
IMPOSSIBLE = SweepRow("c", "impossible", {"width": 0}, reason="width is 0")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = Results(tmp_path, create=True)
    made.record([DONE, FAILED, IMPOSSIBLE])
    return made


def test_records_are_flat(results: Results) -> None:
    done, failed, impossible = rb.load_results(results.path)
    assert done["run"] == "a"
    assert (done["width"], done["seed"], done["mse"], done["verdict"]) == (8, 0, 0.25, "bloom")
    assert (done["status"], done["reason"], done["seconds"]) == ("done", None, 1.5)
    assert [key for key in done if key in ("seed", "width")] == ["seed", "width"]  # by the alphabet
    assert done["relubloom_version"] == rb.__version__
    assert (failed["status"], failed["reason"]) == ("failed", "out of memory")
    assert impossible["reason"] == "width is 0"


def test_a_default_is_told_beside_what_departs_from_it(results: Results) -> None:
    results.record([done_row("d", {"weight_decay": 0.1, "softmax": "batch"})])
    done, failed, impossible, decayed = rb.load_results(results.path)
    told = [(row["weight_decay"], row["softmax"]) for row in (done, failed, decayed)]
    assert told == [(0, "all"), (0, "all"), (0.1, "batch")]
    assert "weight_decay" not in impossible
    assert "optimiser" not in done


def test_what_settings_leave_out_is_the_default() -> None:
    task, recipe = rb.KSparseTask(8, 2), rb.Recipe()
    assert {name: getattr(task, name, getattr(recipe, name, None)) for name in UNSAID} == UNSAID
    left_out = {*LATER_FIELDS, "generator"} - {"activation"}  # which a run always says
    assert left_out == UNSAID.keys()


def test_rows_are_read_as_they_were_recorded(tmp_path: Path) -> None:
    whole = {"vocab_size": 9, "width": 8, "set_size": [2, 3], "objective": "mse"}
    done = done_row("d", whole | {"steps": 9, "batch_size": 4})
    results = Results(tmp_path, create=True)
    results.record([done, FAILED, IMPOSSIBLE])
    assert results.rows() == [done, FAILED, IMPOSSIBLE]


def test_a_table_without_a_figure_is_remade(results: Results) -> None:
    with sqlite3.connect(results.path) as database:
        database.execute("UPDATE runs SET figures = '{}' WHERE run = 'a'")
    assert rb.load_results(results.path)[0]["status"] == "done"
    with pytest.raises(FileError, match=r"no usable 'sets'; make the results anew with `relubloom"):
        results.rows()


def test_a_folder_is_as_good_as_its_file(results: Results) -> None:
    assert rb.load_results(results.path.parent) == rb.load_results(str(results.path))


def test_what_is_done_stays(results: Results) -> None:
    results.record([done_row("a", {}, mse=9.0), missing_row("a", {}, "late")])
    assert rb.load_results(results.path)[0]["mse"] == 0.25


def test_what_failed_may_be_made_again(results: Results) -> None:
    results.record([done_row("b", {"width": 9, "seed": 0}, mse=0.5)])
    assert [record["status"] for record in rb.load_results(results.path)] == [
        "done",
        "done",
        "impossible",
    ]
    assert results.statuses() == {"a": "done", "b": "done", "c": "impossible"}


def test_rows_are_written_all_or_none(results: Results) -> None:
    unwritable = done_row("e", {}, mse=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        results.record([done_row("d", {}), unwritable])
    assert "d" not in results.statuses()


def test_two_sweeps_share_a_table(results: Results) -> None:
    other = Results(results.path.parent)
    other.record([done_row("d", {}, mse=0.1)])
    results.record([done_row("d", {}, mse=0.2), done_row("e", {}, mse=0.3)])
    assert [r["mse"] for r in other.records() if r["run"] in "de"] == [0.1, 0.3]


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"results.sqlite is not there; give the out folder"):
        rb.load_results(tmp_path)


def test_another_version_is_refused_and_left_alone(results: Results) -> None:
    with sqlite3.connect(results.path) as database:
        database.execute("PRAGMA user_version = 99")
    before = results.path.read_bytes()
    said = rf"of schema version 99, and this relubloom .* reads version {SCHEMA_VERSION}"
    for create in (False, True):
        with pytest.raises(FileError, match=said):
            Results(results.path, create=create)
    assert results.path.read_bytes() == before


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("no database, but long enough to be taken for one" * 9)
    with pytest.raises(FileError, match=r"cannot use .*: file is not a database"):
        rb.load_results(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE theirs (x)")
    with pytest.raises(FileError, match="is no results file of a sweep"):
        Results(other, create=True)


def test_a_full_disk_is_one_line(results: Results) -> None:
    # As many pages as there are is all that the file may have: the next page is refused as by a
    # disk that is full.
    rows = [done_row(f"x{i}", {"pad": "x" * 5000}) for i in range(20)]
    with sqlite3.connect(results.path) as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
    connect = sqlite3.connect

    def limited(*arguments: object, **options: object) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.execute(f"PRAGMA max_page_count = {pages}")
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", limited)
        with pytest.raises(FileError, match=r"cannot use .*: database or disk is full; make room"):
            results.record(rows)
    assert len(rb.load_results(results.path)) == 3
    results.record(rows)
    assert len(rb.load_results(results.path)) == 23


def test_csv_has_a_column_for_every_key(results: Results, tmp_path: Path) -> None:
    results.record([done_row("d", {"set_size": [2, 4]}, mse=0.1)])
    export_records(results.records(), tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["run"] for row in rows] == ["a", "b", "c", "d"]
    assert (rows[0]["mse"], rows[1]["mse"], rows[3]["set_size"]) == ("0.25", "", "[2, 4]")


def test_parquet_holds_the_same(results: Results, tmp_path: Path) -> None:
    results.record([done_row("d", {"set_size": [2, 4]}), done_row("e", {"set_size": 3})])
    export_records(results.records(), tmp_path / "all.parquet")
    table = parquet.read_table(tmp_path / "all.parquet").to_pylist()
    assert [row["run"] for row in table] == ["a", "b", "c", "d", "e"]
    assert table[0]["mse"] == 0.25
    assert table[1]["mse"] is None
    assert [row["set_size"] for row in table] == [None, None, None, "[2, 4]", "3"]


def test_another_format_is_refused(results: Results, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"all.xlsx: its suffix says the format"):
        export_records(results.records(), tmp_path / "all.xlsx")
