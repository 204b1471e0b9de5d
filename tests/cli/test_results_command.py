"""`relubloom results`: what is listed fits the screen, and figures in three kinds of file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import DATA, Outcome
from build.sweep import done_row, missing_row
from relubloom.sweep.results import Results


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two widths and objectives, and a run that failed."""
    settings = {"vocab_size": 256, "set_size": 3, "objective": "kl-then-mse", "seed": 0}
    rows = [
        done_row("a" * 16, settings | {"width": 24}, verdict="graded-bloom"),
        done_row("b" * 16, settings | {"width": 48, "objective": "mse"}, mse=0.5),
        missing_row("c" * 16, settings | {"width": 64}, "out of memory"),
    ]
    Results(tmp_path, create=True).record(rows)
    return tmp_path


def test_what_does_not_vary_is_said_once(table: Path, relubloom: Callable[..., Outcome]) -> None:
    assert relubloom("results", table, "--where", "status=done").out.splitlines() == [
        "run               width  objective    mse    verdict",
        "aaaaaaaaaaaaaaaa  24     kl-then-mse  0.004  graded-bloom",
        "bbbbbbbbbbbbbbbb  48     mse          0.5    bloom",
        "all of vocab_size 256, set_size 3, seed 0",
        "2 of 3 runs",
    ]
    everything = relubloom("results", table).out.splitlines()
    assert everything[0].split()[-1] == "status"
    assert everything[3].split() == ["c" * 16, "64", "kl-then-mse", "-", "-", "failed"]


def test_a_range_of_sizes_is_told_as_it_is_asked_for(
    table: Path, relubloom: Callable[..., Outcome]
) -> None:
    row = done_row("d" * 16, {"vocab_size": 256, "set_size": [2, 3], "width": 24}, mse=0.25)
    Results(table).record([row])
    asked = ("results", table, "--columns", "run,set_size", "--where", "set_size=2..3")
    assert relubloom(*asked).out.splitlines()[1].split() == ["d" * 16, "2..3"]
    path = table / "sizes.svg"
    relubloom("results", table, "--where", "status=done", "--plot", path, "--by", "set_size")
    assert "set_size 2..3" in path.read_text()


def test_columns_that_do_not_fit_follow_below(
    table: Path, relubloom: Callable[..., Outcome]
) -> None:
    wide = "run,objective,verdict,status,mse,kl,p_exact,mode_gap,bits_mean,extracted_p_exact"
    shown = relubloom("results", table, "--columns", wide).out
    first, second = (block.splitlines() for block in shown.split("\n\n"))
    assert max(map(len, [*first, *second])) <= 80
    assert [*first[0].split(), *second[0].split()[1:]] == wide.split(",")
    assert second[1].startswith("aaaaaaaaaaaaaaaa  ")


@pytest.mark.parametrize(
    ("kind", "start"), [("svg", b"<!-- a figure"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_a_figure_takes_the_place_of_the_table(
    table: Path, relubloom: Callable[..., Outcome], kind: str, start: bytes
) -> None:
    path = table / f"mse.{kind}"
    done = relubloom("results", table, "--plot", path)
    assert done.out == f"3 of 3 runs\nwritten: {path}\n"
    assert path.read_bytes().startswith(start)
    assert len(relubloom("results", table, "--plot", path, "--limit", 1).out.splitlines()) == 5


def test_another_kind_of_figure_is_refused(table: Path, relubloom: Callable[..., Outcome]) -> None:
    done = relubloom("results", table, "--plot", "mse.jpg")
    assert done.status == 2
    assert done.error == (
        "--plot is mse.jpg: the end of its name says its kind; give one of .svg, .png, .pdf"
    )


def test_a_report_on_a_sweep_says_what_to_do(
    tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    shutil.copy(DATA / "schema-1" / "results.sqlite", tmp_path)
    done = relubloom("report", tmp_path)
    assert done.status == 1
    assert f"relubloom results {tmp_path} --plot mse.svg`; sweep --keep-networks" in done.error
    (tmp_path / "networks").mkdir()
    assert f"`relubloom report {tmp_path / 'networks'}`" in relubloom("report", tmp_path).error
