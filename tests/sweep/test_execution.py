"""Groups through an executor: nothing lost, nothing twice, whatever becomes of a worker."""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import relubloom as rb
from build.networks import random_net
from build.sweep import done_row
from build.tracker import Recorder
from relubloom.errors import DivergedError, FileError, StoppedError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.records import run_folder
from relubloom.records.sweep_row import SweepRow
from relubloom.sweep import execution
from relubloom.sweep.group import Group, Trained, in_groups, run_group
from relubloom.sweep.results import Results
from relubloom.sweep.settings import RunSettings
from relubloom.sweep.spec import Spec
from relubloom.sweep.sweep import SweepPlan, SweepProgress, prepare, run_sweep, summary
from relubloom.sweep.tracking import Tracker
from relubloom.sweep.workers import Workers
from relubloom.task import KSparseTask
from relubloom.training import Recipe, train_stack
from relubloom.training.devices import training_bytes

Fate = Callable[[Group, int], None]
"""What becomes of a group at its n-th try: it may raise."""


class Broken(BrokenExecutor):
    """As when a worker's process was killed."""


class Scripted(Executor):
    """Runs a group when its result is asked for, and breaks as `concurrent.futures` does."""

    started = 0

    def __init__(self) -> None:
        Scripted.started += 1
        self.broken = False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.broken:
            raise Broken
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BrokenExecutor as error:
            self.broken = True
            future.set_exception(error)
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


def run_of(width: int, seed: int = 0) -> RunSettings:
    return RunSettings(KSparseTask(8, 2), width, Recipe(steps=1), seed, 10)


SPEC = Spec("x", tuple(run_of(width, seed) for width in (3, 4, 5) for seed in (0, 1)), ())


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a sweep whose groups meet a fate instead of training."""
    tries: dict[str, int] = {}

    def call(fate: Fate = lambda group, n: None, slots: int = 2, **options: Any) -> dict[str, Any]:
        def pretend(group: Group, checkpoint: Path | None) -> list[Trained]:
            tries[group.identity] = tries.get(group.identity, 0) + 1
            fate(group, tries[group.identity])
            return [
                Trained(
                    done_row(run.identity, run.describe(), mse=run.width / 10),
                    random_net(8, run.width, run.seed),
                )
                for run in group.runs
            ]

        monkeypatch.setattr(execution, "run_group", pretend)
        plan = prepare(options.pop("spec", SPEC), tmp_path, resume=options.pop("resume", False))
        crew = Workers(Scripted, lambda: slots, lambda: None, shared_disk=True)
        return run_sweep(plan, tmp_path, crew, **options)

    return call


def statuses(folder: Path) -> list[str]:
    return [record["status"] for record in rb.load_results(folder)]


def test_runs_alike_but_for_the_seed_are_grouped() -> None:
    groups = in_groups(SPEC.runs, 16)
    assert [group.seeds for group in groups] == [(0, 1)] * 3
    assert [group.seeds for group in in_groups(SPEC.runs, 1)] == [(0,), (1,)] * 3
    assert len({group.identity for group in groups}) == 3


def test_a_device_trains_as_many_at_once_as_its_memory_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = tuple(run_of(3, seed) for seed in range(600))
    spec, alike = Spec("x", runs, ()), (8, 3, 2, runs[0].recipe.batch_size)

    def sizes_with(free: int, device: str) -> list[int]:
        monkeypatch.setattr("relubloom.training.devices.free_bytes", lambda _: free)
        groups = prepare(spec, tmp_path, resume=False, device=device).groups
        assert {group.device for group in groups} == {device}
        return [len(group.runs) for group in groups]

    assert sizes_with(1 << 30, "cuda") == [256, 256, 88]
    assert sizes_with(training_bytes(*alike, 100), "cuda") == [100, 100, 56, 100, 100, 56, 88]
    assert sizes_with(0, "cuda") == [1] * 600  # and each says what it lacks
    assert max(sizes_with(0, "cpu")) <= 16


def test_every_run_is_recorded_once(sweep: Callable[..., Any], tmp_path: Path) -> None:
    started = Scripted.started
    result = sweep()
    assert Scripted.started == started + 1
    assert (result["runs"], result["done"], result["made_now"]) == (6, 6, 6)
    assert statuses(tmp_path) == ["done"] * 6
    again = sweep(resume=True)
    assert (again["done"], again["made_now"]) == (6, 0)


def test_a_run_is_logged_once(sweep: Callable[..., Any], tmp_path: Path) -> None:
    def fate(group: Group, n: int) -> None:
        if group.runs[0].width == 4 and n == 1:
            raise OSError("no room")

    api = Recorder()
    sweep(fate, tracker=Tracker("mine", api))
    assert len(api.runs) == 4  # what failed is not there yet
    sweep(fate, resume=True, tracker=Tracker("mine", api))
    recorded = [record["run"] for record in rb.load_results(tmp_path)]
    assert sorted(run["name"] for run in api.runs) == sorted(recorded)
    sweep(fate, resume=True, tracker=Tracker("mine", api))
    assert len(api.runs) == 6
    assert {run["project"] for run in api.runs} == {SPEC.name}


def test_a_tracker_that_fails_is_left_out(sweep: Callable[..., Any], tmp_path: Path) -> None:
    said: list[str] = []
    done = sweep(
        tracker=Tracker("mine", Recorder("no network\nand more")),
        on_progress=lambda progress: said.extend(progress.warnings[len(said) :]),
    )
    assert done["done"] == 6
    assert statuses(tmp_path) == ["done"] * 6
    assert said == ["mine failed (OSError: no network); the sweep goes on without it"]


def test_results_that_are_there_need_resume(sweep: Callable[..., Any], tmp_path: Path) -> None:
    sweep()
    with pytest.raises(UsageError, match="holds results; add to them with resume=True"):
        sweep()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        prepare(SPEC, tmp_path / "file", resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_other_things_is_refused(resume: bool, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="is not empty and holds no results of a sweep"):
        prepare(SPEC, tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_products_that_the_device_lacks_are_refused_before_anything_is_recorded(
    tmp_path: Path,
) -> None:
    run = replace(run_of(4), recipe=Recipe(steps=2, products="tf32"))
    with pytest.raises(UsageError, match="products is 'tf32' and device is 'cpu'"):
        prepare(replace(SPEC, runs=(run,)), tmp_path, resume=True)


def test_an_error_fails_alone(sweep: Callable[..., Any], tmp_path: Path) -> None:
    def fate(group: Group, _try: int) -> None:
        width = group.runs[0].width
        if width == 3:
            raise RuntimeError("no luck\nat all")
        if width == 4:
            raise MemoryError

    result = sweep(fate)
    assert (result["done"], result["failed"]) == (2, 4)
    reasons = {each["reason"] for each in result["without_figures"]}
    assert reasons == {
        "RuntimeError: no luck",
        "out of memory; give fewer --workers, or a smaller network",
    }
    assert sweep(resume=True)["done"] == 6  # the machine may be luckier


def test_a_rule_that_is_broken_stays_broken(sweep: Callable[..., Any]) -> None:
    def fate(group: Group, _try: int) -> None:
        if group.runs[0].width == 4:
            raise UsageError("the weights hold NaN")

    first = sweep(fate)
    assert (first["done"], first["impossible"], first["made_now"]) == (4, 2, 4)
    again = sweep(resume=True)  # nothing is wrong any more, but it is not asked
    assert (again["done"], again["impossible"], again["made_now"]) == (4, 2, 0)


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("killed", [3, 4, 5])
def test_a_worker_that_dies_once_costs_nothing(
    sweep: Callable[..., Any], slots: int, killed: int
) -> None:
    def fate(group: Group, nth: int) -> None:
        if group.runs[0].width == killed and nth == 1:
            raise Broken

    assert sweep(fate, slots)["done"] == 6


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("deadly", [(3,), (4,), (5,), (3, 4), (3, 4, 5)])
def test_what_kills_its_workers_fails_alone(
    sweep: Callable[..., Any], slots: int, deadly: tuple[int, ...]
) -> None:
    def fate(group: Group, _nth: int) -> None:
        if group.runs[0].width in deadly:
            raise Broken

    result = sweep(fate, slots)
    assert result["failed"] == 2 * len(deadly)
    assert result["done"] == 6 - 2 * len(deadly)
    assert {each["reason"] for each in result["without_figures"]} == {execution.DIED}


def test_ctrl_c_keeps_what_is_done(sweep: Callable[..., Any], tmp_path: Path) -> None:
    def fate(group: Group, nth: int) -> None:
        if group.runs[0].width == 4 and nth == 1:
            raise StoppedError("stopped at step 3 of 5")

    with pytest.raises(StoppedError, match="the runs that are done are kept"):
        sweep(fate, 1)
    assert statuses(tmp_path) == ["done"] * 2
    assert sweep(resume=True)["made_now"] == 4


def test_impossible_points_are_recorded(sweep: Callable[..., Any], tmp_path: Path) -> None:
    spec = Spec("x", SPEC.runs, (SweepRow("x", "impossible", {"width": 0}, reason="width is 0"),))
    result = sweep(spec=spec)
    assert (result["runs"], result["done"], result["impossible"]) == (7, 6, 1)
    assert statuses(tmp_path).count("impossible") == 1


def test_runs_that_another_sweep_made_meanwhile_are_not_repeated(
    sweep: Callable[..., Any], tmp_path: Path
) -> None:
    seen: list[int] = []

    def fate(group: Group, _nth: int) -> None:
        seen.append(group.runs[0].width)
        if group.runs[0].width == 3:  # the other sweep is quicker
            rows = [done_row(run.identity, run.describe()) for run in SPEC.runs[2:4]]
            Results(tmp_path).record(rows)

    assert sweep(fate, 1)["done"] == 6
    assert seen == [3, 5]


def test_a_full_disk_stops_no_run(
    sweep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record, calls, warnings, counted = Results.record, [0], [], []

    def full_for_a_while(self: Results, rows: Any) -> None:
        calls[0] += 1
        if calls[0] in (2, 3):
            raise FileError("cannot use it: database or disk is full")
        record(self, rows)

    monkeypatch.setattr(Results, "record", full_for_a_while)

    def watch(progress: SweepProgress) -> None:
        warnings.extend(progress.warnings)
        counted.append(progress.done)

    result = sweep(on_progress=watch)
    assert result["done"] == counted[-1] == 6
    assert set(warnings) == {"cannot use it: database or disk is full; the other runs go on"}


def test_a_disk_that_stays_full_is_an_error_in_the_end(
    sweep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record, tried = Results.record, []

    def full(self: Results, rows: Any) -> None:
        if listed := list(rows):
            tried.append(len(listed))
            raise FileError("cannot use it: disk is full")

    monkeypatch.setattr(Results, "record", full)
    with pytest.raises(
        FileError, match=r"6 runs could not be written to .*disk is full; make room"
    ):
        sweep()
    monkeypatch.setattr(Results, "record", record)
    assert sweep(resume=True)["done"] == 6


def test_networks_are_kept_on_request(sweep: Callable[..., Any], tmp_path: Path) -> None:
    sweep(keep_networks=True)
    for run in SPEC.runs:
        net = ReluNet.from_pretrained(tmp_path / "networks" / run.identity)
        assert net.width == run.width


def test_a_network_that_a_full_disk_cut_short_is_kept_whole(
    sweep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write, calls = run_folder.write_labels, list[Path]()

    def full_at_first(folder: Path, labels: tuple[str, ...]) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise FileError("cannot write it: disk is full")
        write(folder, labels)

    monkeypatch.setattr(run_folder, "write_labels", full_at_first)
    sweep(keep_networks=True)
    assert all((tmp_path / "networks" / run.identity / "tokens.txt").exists() for run in SPEC.runs)


def test_a_plan_prices_what_is_left(tmp_path: Path) -> None:
    plan = prepare(SPEC, tmp_path, resume=False)
    assert isinstance(plan, SweepPlan)
    assert plan.runs_left == 6
    # 6 batch width vocab FLOPs a step: 512 sets, 8 tokens, widths 3, 4, 5 twice, one step each
    assert plan.cost.flops == 6 * 512 * 8 * 2 * (3 + 4 + 5)
    assert not any(tmp_path.iterdir())


def test_a_run_that_diverges_fails_and_the_others_of_its_stack_are_as_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[int, ...]] = []

    def diverging(*arguments: Any, **options: Any) -> Any:
        seeds = arguments[3]
        asked.append(seeds)
        if 1 in seeds:
            raise DivergedError("step 1 of 1 of seed 1, at learning rate 5", (1,))
        return train_stack(*arguments, **options)

    monkeypatch.setattr("relubloom.sweep.group.train_stack", diverging)
    group = Group(tuple(run_of(3, seed) for seed in range(3)))
    lost, *others = run_group(group, tmp_path / "state.safetensors")
    assert (lost.row.status, lost.net) == ("failed", None)
    assert lost.row.reason == "step 1 of 1 of seed 1, at learning rate 5"
    assert asked == [(0, 1, 2), (0, 2)]
    for seed, found in zip((0, 2), others, strict=True):
        (alone,) = run_group(Group((run_of(3, seed),)))
        assert found.row.figures == alone.row.figures
        assert found.row.run == alone.row.run


def test_a_sweep_goes_on_past_a_run_that_diverges(tmp_path: Path) -> None:
    # Its network is not written; the line of `train` is its reason.
    runs = [replace(run_of(3), recipe=Recipe(steps=2, learning_rate=r)) for r in (0.02, 1e38)]
    plan = prepare(Spec("x", tuple(runs), ()), tmp_path, resume=False)
    crew = Workers(Scripted, lambda: 1, lambda: None, shared_disk=True)
    result = run_sweep(plan, tmp_path, crew, keep_networks=True)
    assert (result["done"], result["failed"]) == (1, 1)
    (lost,) = result["without_figures"]
    assert lost["reason"].startswith("step 2 of 2 of seed 0, at learning rate 1e+38, gave NaN")
    assert [each.name for each in (tmp_path / "networks").iterdir()] == [runs[0].identity]
    assert not (tmp_path / "checkpoints").exists()
    assert summary(plan, Results(tmp_path), 1.26) == result | {"seconds": 1.3}
