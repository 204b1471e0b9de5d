"""`relubloom sweep` as a user meets it."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import relubloom as rb
from build.elsewhere import play_cuda
from build.process import Outcome
from build.tracker import Recorder
from relubloom.sweep.group import Group, run_group
from relubloom.sweep.settings import RunSettings
from relubloom.task import KSparseTask
from relubloom.training import Recipe, TrainedNetwork, train_stack
from relubloom.training.step import ChunkedStep

SPEC = """
[defaults]
vocab_size = 16
set_size = 2
steps = 20
batch_size = 32
[[grid]]
width = [4, 6]
seeds = 2
[[grid]]
width = 0
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "sweep.toml"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


def test_the_example_is_printed(relubloom: Callable[..., Outcome]) -> None:
    assert relubloom("sweep", "--example").out == EXAMPLE.read_text()
    for line in ("--example --json", "--json --example", "spec.toml --json --example"):
        done = relubloom("sweep", *line.split())
        assert (done.status, done.out) == (2, "")
        assert done.error == "--json is given beside --example: a spec is TOML; leave one out"


def test_a_sweep_from_end_to_end(
    spec: Path,
    tmp_path: Path,
    relubloom: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracker: Any = Recorder()
    monkeypatch.setitem(sys.modules, "trackio", tracker)
    out, table = tmp_path / "out", tmp_path / "all.csv"
    options = ("--out", out, "--workers", 1, "--export", table, "--keep-networks", "--json")
    options += ("--track", "trackio")
    done = relubloom("sweep", spec, *options)
    assert done.status == 0, done.err
    said = done.json
    assert (said["runs"], said["done"], said["impossible"], said["made_now"]) == (5, 4, 1, 4)
    assert "width is 0" in said["without_figures"][0]["reason"]
    assert all(line.startswith("sweep: ") for line in done.err.splitlines())
    with table.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 5
    for record in rb.load_results(out):
        if record["status"] == "done":
            # C(16, 2) = 120 sets, all of them
            assert (record["sets"], record["sampled"], record["mse_se"]) == (120, False, 0.0)
            net = rb.ReluNet.from_pretrained(out / "networks" / record["run"])
            assert net.width == record["width"]
            (run,) = [run for run in tracker.runs if run["name"] == record["run"]]
            assert len({step for step, _ in run["logged"]}) == 20  # each step has its loss
            assert run["logged"][-1][1]["mse"] == record["mse"]
    assert relubloom("sweep", spec, "--out", out).status == 2
    again = relubloom("sweep", spec, "--out", out, "--resume", "--json")
    assert (again.json["made_now"], again.json["done"]) == (0, 4)


def test_a_dry_run_says_the_cost_and_writes_nothing(
    tmp_path: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.sweep.cost.machine_speed", lambda: 7.0)
    done = relubloom("sweep", EXAMPLE, "--out", tmp_path / "out", "--dry-run", "--json")
    assert done.status == 0, done.err
    said = done.json
    assert said["runs"] == said["left"] == 6 * 2 * 4 + 3 * 2
    # 6 batch width vocab FLOPs a step, 1,000 steps: widths 8 to 28 in steps of 4, and 8, 16, 24
    widths = 2 * 4 * sum(range(8, 29, 4)) + 2 * (8 + 16 + 24)
    assert said["gflop"] == round(6 * 512 * 64 * widths * 1000 / 1e9, 1)
    assert said["core_seconds"] == round(said["core_seconds"], 1) > said["seconds"] > 0
    assert said["seconds"] == round(said["seconds"], 1)
    assert not (tmp_path / "out").exists()
    text = relubloom("sweep", EXAMPLE, "--out", tmp_path / "out", "--dry-run").out
    assert text.startswith("error against width, small: 54 runs, 54 to make in ")


def test_a_run_has_the_figures_it_has_alone() -> None:
    task, recipe = KSparseTask(16, 2), Recipe(steps=20, batch_size=32)
    runs = [RunSettings(task, 5, recipe, seed, 1000) for seed in range(3)]
    together = run_group(Group(tuple(runs)))
    for run, made in zip(runs, together, strict=True):
        (alone,) = run_group(Group((run,)))
        own, shared = (each.row.figures for each in (alone, made))
        assert own is not None and shared is not None
        assert own == shared


def test_on_a_device_a_run_has_the_figures_it_has_alone_but_for_rounding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A CPU plays the device, with all instances in one operation as there.
    def on_cuda(*stack: Any, device: str, **options: Any) -> list[TrainedNetwork]:
        assert device == "cuda"
        return train_stack(*stack, step=ChunkedStep("relu"), **options)

    task, recipe = KSparseTask(16, 2), Recipe(steps=20, batch_size=32)
    runs = tuple(RunSettings(task, 5, recipe, seed, 1000) for seed in range(3))
    alone = run_group(Group(runs))
    monkeypatch.setattr("relubloom.training.step.instances_together", lambda count, _: count)
    monkeypatch.setattr("relubloom.sweep.group.train_stack", on_cuda)
    there = play_cuda(monkeypatch)
    for own, other in zip(alone, run_group(Group(runs, "cuda")), strict=True):
        assert own.row.figures is not None and other.row.figures is not None
        assert own.row.run == other.row.run
        assert other.row.figures.mse == pytest.approx(own.row.figures.mse, rel=1e-4)
        assert other.net is not None and other.net.W_in.device.type == "cpu"
    assert there.on > 0  # it was measured there


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        (("--dry-run",), "--device is given beside --dry-run: it makes no runs"),
        (("--cluster", "tcp://x:1"), "--device is given beside --cluster: its workers are"),
    ],
)
def test_a_device_is_of_this_machine_and_for_runs(
    beside: tuple[str, ...],
    why: str,
    spec: Path,
    tmp_path: Path,
    relubloom: Callable[..., Outcome],
) -> None:
    done = relubloom("sweep", spec, "--out", tmp_path / "out", "--device", "cuda", *beside)
    assert done.status == 2
    assert why in done.error


def test_a_pool_of_training_sets_is_all_that_is_trained_on() -> None:
    task = KSparseTask(64, 3, training_pool=5)
    seen = {tuple(row) for step in range(30) for row in task.training_sets(0, step, 16).tolist()}
    assert len(seen) == 5
    other = {tuple(row) for row in task.training_sets(1, 0, 200).tolist()}
    assert not seen & other  # another seed has other sets
    assert task.describe()["training_pool"] == 5
    assert "training_pool" not in KSparseTask(64, 3).describe()
    a, b = train_stack(task, 4, Recipe(steps=3), (0, 1))
    (alone,) = train_stack(task, 4, Recipe(steps=3), (1,))
    assert b.net.W_in.equal(alone.net.W_in)
    assert not a.net.W_in.equal(b.net.W_in)


def test_mistakes_are_one_line(
    spec: Path,
    tmp_path: Path,
    relubloom: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("relubloom.training.devices.check_device", lambda _: None)
    for options, said in (
        (("--workers", 0), "--workers is 0"),
        (("--workers", 0, "--device", "cuda"), "--workers is 0"),
        (("--export", "x.xls"), "end it in .csv or .parquet"),
    ):
        done = relubloom("sweep", spec, "--out", out, *options)
        assert done.status == 2
        assert said in done.error
    spec.write_text("[[grid]]\nwdith = 3\n")
    done = relubloom("sweep", spec, "--out", out)
    assert done.status == 2
    assert "the nearest is 'width'" in done.error
    assert not out.exists()
