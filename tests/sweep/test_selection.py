"""Choosing among the runs of a sweep, and the command that lists, draws and exports them."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import Outcome
from build.sweep import done_row, missing_row
from relubloom.errors import UsageError
from relubloom.sweep.results import Results
from relubloom.sweep.selection import in_order, select

RECORDS = [
    {"run": "a", "width": 8, "objective": "mse", "mse": 0.5, "training_pool": None},
    {"run": "b", "width": 16, "objective": "kl", "mse": 0.25, "training_pool": 100},
    {"run": "c", "width": 24, "objective": "mse", "two_modes": True, "training_pool": None},
    {"run": "d", "status": "impossible", "width": 0, "set_size": "2..4"},
]


@pytest.mark.parametrize(
    ("conditions", "runs"),
    [
        ([], "abcd"),
        (["width=16"], "b"),
        (["width = 16"], "b"),
        (["width!=16"], "acd"),
        (["width<16"], "ad"),
        (["width<=16", "width>=8"], "ab"),
        (["width>8"], "bc"),
        (["objective=mse"], "ac"),
        (["objective>a"], "abc"),
        (["mse<1"], "ab"),  # c and d have none, and null is less than nothing
        (["mse=null"], "cd"),
        (["training_pool=null"], "acd"),
        (["two_modes=true"], "c"),
        (["objective<3"], ""),
        (["set_size=2..4"], "d"),
        (["mse<=2.5e-1"], "b"),
    ],
)
def test_conditions(conditions: list[str], runs: str) -> None:
    assert "".join(record["run"] for record in select(RECORDS, conditions)) == runs


@pytest.mark.parametrize("condition", ["width", "width~3", "=3", ""])
def test_a_condition_has_a_form(condition: str) -> None:
    with pytest.raises(UsageError, match="it is KEY=VALUE"):
        select(RECORDS, [condition])


def test_an_unknown_key_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"where names 'widht', .*nearest is 'width'"):
        select(RECORDS, ["widht=3"])


def test_a_key_is_known_whichever_runs_an_earlier_condition_left() -> None:
    assert select(RECORDS, ["mse=null", "mse<1"]) == []
    lone = [{"run": "a", "mse": 1.0}, {"run": "b"}]
    assert select(lone, ["run=b", "mse<2"]) == []
    with pytest.raises(UsageError, match="where names 'widht'"):
        select(RECORDS, ["width=999", "widht=3"])


def test_a_range_of_sizes_is_written_as_everywhere() -> None:
    records = [{"run": "a", "set_size": [2, 3]}, {"run": "b", "set_size": 3}]
    assert select(records, ["set_size=2..3"]) == records[:1]
    assert select(records, ["set_size!=2..3"]) == records[1:]


def test_order_puts_what_is_missing_last() -> None:
    assert [record["run"] for record in in_order(RECORDS, "mse")] == ["b", "a", "c", "d"]
    assert [record["run"] for record in in_order(RECORDS, "objective")] == ["b", "a", "c", "d"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        done_row(
            f"{index:016x}",
            {"vocab_size": 64, "width": 8 * (index % 4 + 1), "objective": "mse", "seed": index},
            mse=math.exp(-(index % 4)),
        )
        for index in range(60)
    ]
    Results(tmp_path, create=True).record([*rows, missing_row("x", {"width": 8}, "why")])
    return tmp_path


def test_runs_are_listed(folder: Path, relubloom: Callable[..., Outcome]) -> None:
    done = relubloom("results", folder)
    lines = done.out.splitlines()
    assert done.status == 0
    assert lines[0].split()[:3] == ["run", "vocab_size", "width"]
    assert len(lines) == 1 + 40 + 1 + 1
    assert lines[-2].startswith("all of ")
    assert lines[-1] == "61 of 61 runs, 40 shown; --limit 0 shows all"
    assert "failed" in relubloom("results", folder, "--where", "status=failed").out


def test_columns_order_and_limit(folder: Path, relubloom: Callable[..., Outcome]) -> None:
    options = ("--columns", "seed,mse", "--sort", "mse", "--limit", "2", "--where", "width>=24")
    lines = relubloom("results", folder, *options).out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["seed", "mse"],
        ["3", "0.04979"],
        ["7", "0.04979"],
    ]
    assert lines[3] == "30 of 61 runs, 2 shown; --limit 0 shows all"


def test_json_holds_every_record(folder: Path, relubloom: Callable[..., Outcome]) -> None:
    records = relubloom("results", folder, "--json", "--where", "width=8").json["runs"]
    assert len(records) == 16
    assert records[0]["mse"] == 1.0


def test_a_plot_has_a_dot_for_each_run(folder: Path, relubloom: Callable[..., Outcome]) -> None:
    plot, table = folder / "all.svg", folder / "all.csv"
    options = ("--plot", plot, "--by", "objective", "--export", table)
    done = relubloom("results", folder, *options)
    assert done.status == 0
    assert done.out.splitlines()[-2:] == [f"written: {plot}", f"written: {table}"]
    text = plot.read_text()
    assert "mse against width of 60 runs, by objective" in text
    assert text.count("<use") >= 60
    assert len(table.read_text().splitlines()) == 62


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--where", "widht=3"), 2, "the nearest is 'width'"),
        (("--columns", "mes"), 2, "--columns or --by names 'mes'"),
        (("--sort", "mes"), 2, "the nearest is 'mse'"),
        (("--y", "mse"), 2, "--y is mse without --plot: it says what to draw"),
        (("--plot", "all.svg", "--y", "mes"), 2, "--x or --y names 'mes'"),
        (("--export", "all.xlsx"), 2, "end it in .csv or .parquet"),
    ],
)
def test_mistakes(
    folder: Path,
    relubloom: Callable[..., Outcome],
    options: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    done = relubloom("results", folder, *options)
    assert done.status == status
    assert said in done.error


def test_no_results_is_said(tmp_path: Path, relubloom: Callable[..., Outcome]) -> None:
    done = relubloom("results", tmp_path)
    assert done.status == 1
    assert "is not there; give the --out folder of a sweep" in done.error


def test_listing_loads_no_torch(folder: Path, python: Callable[..., Outcome]) -> None:
    arguments = ["results", str(folder), "--plot", str(folder / "all.svg"), "--by", "seed"]
    source = (
        f"import sys; from relubloom.cli.app import run; assert run({arguments!r}) == 0; "
        "print('torch' in sys.modules)"
    )
    done = python(source)
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == "False"
