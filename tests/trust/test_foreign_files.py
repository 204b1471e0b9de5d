"""Files that anyone may have written: what is refused, in one line, before it costs anything."""

import csv
import io
import json
import os
import re
import sqlite3
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from build.networks import random_net
from build.process import Outcome
from build.report_runs import edited, trained_run
from build.sweep import record
from relubloom import Code, GradedCode, ReluNet, plot, reading
from relubloom.errors import FileError
from relubloom.records.sweep_row import Glance, SweepRow
from relubloom.sweep.results import Results
from relubloom.sweep.selection import export_records
from relubloom.task import KSparseTask
from relubloom.tokens_file import read_tokens

Command = Callable[..., Outcome]
TASK = {"task": {"source": "uniform", "vocab_size": 6, "set_size": 2}, "seed": 0}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    random_net(6, 5, 0).save_pretrained(tmp_path / "run", TASK)
    return tmp_path / "run"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    settings = {"vocab_size": 12, "width": 3, "objective": '=HYPERLINK("http://x")', "seed": 0}
    row = SweepRow("0" * 16, "done", settings, Glance.of(record()), None, 1.0, 2.0)
    Results(tmp_path / "sweep", create=True).record([row])
    return tmp_path / "sweep"


def replaced(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("text", ["apple, kiwi, plum\nkiwi pear\n", "a\nb\n"])
def test_finding_4_a_study_of_a_very_small_sets_file(
    text: str, tmp_path: Path, relubloom: Command
) -> None:
    (tmp_path / "sets.txt").write_text(text)
    line = ("--sets", tmp_path / "sets.txt", "--steps", 2, "-d", 3, "--quick", "--quiet")
    done = relubloom("study", *line, "--out", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("text", ["a\n", "a b\na b\nb a\n"])
def test_finding_4_one_distinct_set_has_nothing_to_hold_out(
    text: str, tmp_path: Path, relubloom: Command
) -> None:
    (tmp_path / "sets.txt").write_text(text)
    done = relubloom("study", "--sets", tmp_path / "sets.txt", "--out", tmp_path / "out")
    assert done.status == 1
    assert "has 1 distinct set: at least 2 are needed" in done.error


@pytest.mark.parametrize("grid", ["seeds = 3000000", *(["width = [%s]\nsteps = [%s]"] * 1)])
def test_finding_5_a_sweep_spec_is_counted_before_it_is_expanded(
    grid: str, tmp_path: Path, relubloom: Command
) -> None:
    axis = ", ".join(map(str, range(1, 1001)))
    grid = grid.replace("%s", axis)
    (tmp_path / "spec.toml").write_text(f"[[grid]]\nvocab_size = 20\nset_size = 2\n{grid}\n")
    started = time.process_time()
    done = relubloom("sweep", tmp_path / "spec.toml", "--out", tmp_path / "out", "--dry-run")
    assert done.status == 2
    assert re.search(
        r"asks for [13],000,000 runs: a spec has at most 100,000; split it", done.error
    )
    assert time.process_time() - started < 5


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize(
    "name",
    [
        *("config.json", "model.safetensors", "code.npz", "tokens.txt"),
        *("checkpoint.safetensors", "sets", "spec", "table"),
    ],
)
def test_finding_6_only_regular_files_are_read(
    name: str, kind: str, run: Path, relubloom: Command
) -> None:
    path = run / name if "." in name else run.parent / name
    replaced(path, kind)
    line = {
        "checkpoint.safetensors": (
            "train",
            "-N",
            "6",
            "-d",
            "4",
            "-k",
            "2",
            "--resume",
            "--out",
            run,
        ),
        "sets": ("certify", run, "--sets", path, "--quiet"),
        "spec": ("sweep", path, "--out", run.parent / "out", "--dry-run"),
        "table": ("results", path.rename(path.with_suffix(".sqlite")) if name == "table" else ""),
    }.get(name, ("query", run, "0", "1"))
    done = relubloom(*line)
    assert done.status == 1
    assert f"is a {kind}: only regular files are read; give the path of a file" in done.error


@pytest.mark.parametrize("named", ["/dev/zero", "a\0b", "\ud800"])
def test_finding_6_a_config_that_names_no_sets_file(
    named: str, run: Path, relubloom: Command
) -> None:
    config = json.loads((run / "config.json").read_text())
    config["task"] = {"source": "file", "sets": named, "sha256": "0" * 64, "vocab_size": 6}
    (run / "config.json").write_text(json.dumps(config))
    done = relubloom("examine", run, "--quiet")
    assert done.status == 1
    assert "is not there; pass --sets FILE" in done.error


def test_finding_6_sizes_have_a_limit(tmp_path: Path) -> None:
    limits = (reading.SPEC, reading.JSON, reading.TEXT, reading.ARRAYS, reading.TABLE)
    assert limits == (2**20, 2**25, 2**28, 2**32, 2**30)
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(reading.TEXT + 1)  # holes: no byte is written
    with pytest.raises(
        FileError, match=r"has 268,435,457 bytes: at most 268,435,456 are read; give a smaller file"
    ):
        read_tokens(path)
    path.write_bytes(b"12345678")
    assert reading.read_bytes(path, 8) == b"12345678"
    with pytest.raises(FileError, match="has 8 bytes: at most 7 are read"):
        reading.read_bytes(path, 7)
    with pytest.raises(FileError, match="at most 8 are read"):
        reading.read_bytes(Path("/proc/self/status"), 8)  # has no size


def bomb(path: Path) -> None:
    """Two megabytes of zeros, where one is the most."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("packed_bits.npy", "w", force_zip64=True) as member,
    ):
        member.write(bytes(2 << 20))


def lying(path: Path, shape: str) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        content = b"\x93NUMPY\x01\x00v\x00" + header.encode() + bytes(8)
        archive.writestr("packed_bits.npy", content)
        archive.writestr("strengths.npy", content)


@pytest.mark.parametrize("load", [Code.load, GradedCode.load])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (bomb, r"unpacked, has 2,097,152 bytes: at most 1,048,576 are read"),
        (lambda path: lying(path, "(1000000000000, 8)"), r"tells of 8000000000000 bytes and 8 are"),
        (lambda path: lying(path, f"({10**30}, 8)"), r"an array's header tells of"),
        (lambda path: lying(path, "(-8, -1)"), r"an array's header tells of"),
        (lambda path: np.savez(path, strengths=np.array([{}])), r"holds an array of objects"),
        (lambda path: path.write_bytes(b"\x93NUMPY"), r"is not a code"),
    ],
)
def test_finding_7_archives_that_lie_about_a_code(
    make: Callable[[Path], None],
    said: str,
    load: Callable[[Path], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("relubloom.code.bits.MOST_ENTRIES", 1 << 20)
    make(tmp_path / "code.npz")
    with pytest.raises(FileError, match=said):
        load(tmp_path / "code.npz")


@pytest.mark.parametrize("version", [-5, 0, 99])
def test_finding_7_a_code_of_a_schema_that_there_is_not(version: int, tmp_path: Path) -> None:
    path = tmp_path / "code.npz"
    Code(np.eye(3)).save(path)
    np.savez(path, **{**np.load(path), "schema_version": np.int64(version)})
    with pytest.raises(FileError, match=rf"schema_version {version}: this relubloom reads 1 to 1;"):
        Code.load(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000, "it is nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "a whole number has 5000 digits: at most 4300 are read"),
        ('{"seed": NaN}', "NaN is no finite number"),
        ('{"seed": 1e999}', "1e999 is no finite number"),
        ("\ufeff{}", "Unexpected UTF-8 BOM"),
    ],
)
def test_json_has_limits(text: str, said: str, run: Path, relubloom: Command) -> None:
    (run / "config.json").write_text(text)
    done = relubloom("query", run, "0")
    assert done.status == 1
    assert said in done.error


@pytest.mark.parametrize("factor", [1e37, 1e300])
def test_weights_whose_figures_overflow(factor: float, run: Path, relubloom: Command) -> None:
    net = random_net(6, 5, 0, torch.float64 if factor > 1e38 else torch.float32)
    ReluNet(*(value.detach() * factor for value in net.parameters())).save_pretrained(run, TASK)
    for line in (("query", run, "0", "1", "--json"), ("report", run), ("examine", run, "--quiet")):
        done = relubloom(*line)
        assert done.status == 1
        assert "are at most 1e+34; scale them down" in done.error


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p_exact": 1.5}, "is damaged (p_exact is 1.5: a share is 0 to 1); make it anew with"),
        ({"sets": -3}, "damaged at sets (invalid value"),
        ({"mse": "low"}, "damaged at mse (invalid value"),
        ({"tokens": []}, "damaged at tokens"),
    ],
)
def test_a_record_keeps_to_its_types_and_ranges(
    changes: dict[str, object], said: str, tmp_path: Path, relubloom: Command
) -> None:
    trained_run(tmp_path / "run", task=KSparseTask(6, 2), width=5)
    edited(tmp_path / "run", "behaviour.json", **changes)
    done = relubloom("report", tmp_path / "run")
    assert done.status == 1
    assert said in done.error


def test_half_a_character_in_a_history_is_not_drawn(tmp_path: Path, relubloom: Command) -> None:
    trained_run(tmp_path / "run", task=KSparseTask(6, 2), width=5)
    row = {"step": 1, "objective": "\ud800", "learning_rate": 0.1, "loss": 0.5}
    (tmp_path / "run" / "history.jsonl").write_text(json.dumps(row))
    done = relubloom("report", tmp_path / "run")
    assert done.status == 1
    assert "history.jsonl is damaged" in done.error


def test_lists_by_token_are_of_one_length(tmp_path: Path, relubloom: Command) -> None:
    trained_run(tmp_path / "run", task=KSparseTask(6, 2), width=5)
    tokens = json.loads((tmp_path / "run" / "behaviour.json").read_text())["tokens"]
    tokens["false_positive_rate"] = [0.5]
    edited(tmp_path / "run", "behaviour.json", tokens=tokens)
    done = relubloom("report", tmp_path / "run")
    assert done.status == 1
    assert "damaged at tokens" in done.error


def test_a_label_does_not_steer_the_terminal(run: Path, relubloom: Command) -> None:
    (run / "tokens.txt").write_text("a\x1b[2J\nb\nc\nd\ne\nf\n")
    done = relubloom("query", run, "0", "1")
    assert done.status == 0
    assert "\x1b" not in done.out
    assert r"a\x1b[2J" in done.out


def test_an_exported_text_is_no_formula(table: Path, tmp_path: Path) -> None:
    export_records(Results(table).records(), tmp_path / "runs.csv")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "runs.csv").read_text()))
    assert row["objective"] == '\'=HYPERLINK("http://x")'
    assert row["seconds"] == "2.0"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "ALTER TABLE runs RENAME TO kept; CREATE VIEW runs AS WITH RECURSIVE n(run) AS (SELECT "
            "1 UNION ALL SELECT run + 1 FROM n) SELECT *, 2, 3, 4, 5, 6, 7, 8 FROM n",
            "holds a view 'runs' that no sweep makes",
        ),
        (
            "CREATE TRIGGER endless AFTER INSERT ON runs BEGIN DELETE FROM runs; END",
            "holds a trigger 'endless' that no sweep makes",
        ),
        ("UPDATE runs SET figures = '{'", "run '0000000000000000': Expecting property name"),
        ("UPDATE runs SET settings = '[1]'", "'[1]' is no JSON object"),
        ("UPDATE runs SET status = 'well'", "status is 'well'"),
        ("UPDATE runs SET seconds = 'x'", "seconds is 'x'"),
        ("UPDATE runs SET reason = x'ff'", r"reason is b'\xff'"),
    ],
)
def test_a_damaged_table_is_one_line(sql: str, said: str, table: Path, relubloom: Command) -> None:
    with sqlite3.connect(table / "results.sqlite") as database:
        database.executescript(sql)
    database.close()
    done = relubloom("results", table, "--json")
    assert done.status == 1
    assert said in done.error


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", "[2, 3]"),
        ("width", "-3"),
        ("vocab_size", '"8"'),
        ("set_size", "null"),
        ("objective", "null"),
        ("steps", "null"),
    ],
)
def test_a_chart_of_a_damaged_table_is_one_line(key: str, value: str, table: Path) -> None:
    whole = {"vocab_size": 12, "width": 3, "set_size": 2, "objective": "mse"}
    whole |= {"steps": 9, "batch_size": 4, key: json.loads(value)}
    with sqlite3.connect(table / "results.sqlite") as database:
        database.execute("UPDATE runs SET settings = ?", [json.dumps(whole)])
    database.close()
    with pytest.raises(FileError, match=rf"results\.sqlite, run '0{{16}}': {key} is .*restore"):
        plot.width(table)


def test_a_table_whose_names_are_no_unicode(table: Path, relubloom: Command) -> None:
    path = table / "results.sqlite"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE runs", b"CREATE TABL\xea runs"))
    done = relubloom("results", table, "--json")
    assert done.status == 1
    assert "cannot use" in done.error
    assert "invalid continuation byte" in done.error


def test_nan_in_a_table_is_null(table: Path, relubloom: Command) -> None:
    with sqlite3.connect(table / "results.sqlite") as database:
        database.execute(
            """UPDATE runs SET figures = '{"mse": NaN, "kl": 1e999}', seconds = 9e999"""
        )
    database.close()
    (row,) = relubloom("results", table, "--json").json["runs"]
    assert (row["mse"], row["kl"], row["seconds"]) == (None, None, None)
