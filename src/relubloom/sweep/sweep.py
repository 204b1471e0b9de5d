"""The job of a sweep: what is asked for, less what is done, through workers into the results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from relubloom import atomic
from relubloom.errors import FileError, UsageError
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import TOKENS, Origin, is_empty, write_network
from relubloom.records.sweep_row import SweepRow
from relubloom.study.folders import refuse_file
from relubloom.sweep.cost import Cost, predict, run_seconds
from relubloom.sweep.execution import Execution
from relubloom.sweep.group import Group, Trained, in_groups
from relubloom.sweep.results import RESULTS, Results
from relubloom.sweep.spec import Spec
from relubloom.sweep.tracking import Tracker
from relubloom.sweep.workers import Workers
from relubloom.training.checkpoint import remove_checkpoint
from relubloom.training.devices import check_products, networks_that_fit

STACK = 16  # networks a worker trains at once; docs/performance.md: more are no faster
DEVICE_STACK = 256  # and as many on an accelerator: docs/training-speed.md
STACK_SECONDS = 120.0  # predicted, of a group; the same on every machine, and so are the groups
CHECKPOINTS, NETWORKS = "checkpoints", "networks"


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep would do: the runs that are left, in groups.

    `cost` is that of the runs that are left, on the machine that `sweep.cost` is about.
    """

    spec: Spec
    groups: tuple[Group, ...]
    cost: Cost

    @property
    def runs_left(self) -> int:
        """How many runs are to be made."""
        return sum(len(group.runs) for group in self.groups)


@dataclass
class SweepProgress:
    """Where a sweep stands; `share_left` is the predicted work that is left, as a share of all."""

    total: int
    done: int = 0
    failed: int = 0
    share_left: float = 1.0
    running: list[Group] = field(default_factory=list)
    latest: list[SweepRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


OnProgress = Callable[[SweepProgress], None]


def prepare(spec: Spec, out: Path, *, resume: bool, device: str = "cpu") -> SweepPlan:
    """Compare what the spec asks for with what `out` holds; nothing is written.

    Args:
        spec: what to run.
        out: the folder of the results.
        resume: go on with the results that are there, whichever sweep made them.
        device: "cpu", "cuda" or "mps", which trains and measures the networks; its groups are
            as large as its memory allows.

    Raises:
        UsageError: `out` is a file, or holds something else than results, or results and `resume`
            is not given; or the device has no such products as a recipe asks for.
        FileError: the results are of another version.
    """
    refuse_file(out)
    there = (out / RESULTS).exists()
    if there and not resume:
        raise UsageError(
            f"{out} holds results; add to them with --resume (finished runs are kept), or choose "
            "another --out"
        )
    if not there and not is_empty(out):
        raise UsageError(
            f"{out} is not empty and holds no results of a sweep; choose another --out"
        )
    for run in spec.runs:
        check_products(run.recipe.products, torch.device(device))
    statuses = Results(out).statuses() if there else {}
    left = [run for run in spec.runs if statuses.get(run.identity, "failed") == "failed"]
    groups: list[Group] = []
    for group in in_groups(left, STACK if device == "cpu" else DEVICE_STACK):
        first, most = group.runs[0], len(group.runs)
        if device == "cpu":
            fit = int(STACK_SECONDS / run_seconds(first))
        else:
            sizes = first.task.vocab_size, first.width, first.task.sizes[1]
            fit = networks_that_fit(torch.device(device), *sizes, first.recipe.batch_size, most)
        groups += in_groups(group.runs, max(1, min(most, fit)), device)
    return SweepPlan(spec, tuple(groups), predict(left))


def run_sweep(
    plan: SweepPlan,
    out: Path,
    workers: Workers,
    *,
    keep_networks: bool = False,
    tracker: Tracker | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Do what the plan leaves to do; returns what `relubloom sweep --json` prints.

    Each group's rows are written when it ends, in one transaction; the state of training under
    way lies in `out`/checkpoints. With `keep_networks` each network becomes a run folder in
    `out`/networks/RUN. With `tracker` each run that is done is logged there once it is recorded.

    Raises:
        StoppedError: Ctrl-C; what is done is kept.
        FileError: results could not be written until the end (a full disk): the other runs went
            on, and `--resume` makes again those that were not.
    """
    started = time.monotonic()
    atomic.check_writable(out)
    store = Results(out, create=True)
    store.record(plan.spec.impossible)
    job = _Job(plan, out, store, keep_networks, tracker, on_progress)
    checkpoints = out / CHECKPOINTS if workers.shared_disk else None
    Execution(workers, checkpoints, job.is_done, job.begin, job.end).run(plan.groups)
    job.write()
    if lost := sum(len(group.runs) for group, _, _ in job.unsaved):
        raise FileError(
            f"{lost} runs could not be written to {store.path}: {job.trouble}; "
            "make room and repeat with --resume"
        )
    if (out / CHECKPOINTS).is_dir() and not any((out / CHECKPOINTS).iterdir()):
        (out / CHECKPOINTS).rmdir()
    return summary(plan, store, time.monotonic() - started)


def summary(plan: SweepPlan, store: Results, seconds: float) -> dict[str, Any]:
    """Counts of the spec's runs, and each that has no figures with its reason."""
    wanted = {run.identity for run in plan.spec.runs} | {row.run for row in plan.spec.impossible}
    rows = [record for record in store.records() if record["run"] in wanted]
    counts = Counter(record["status"] for record in rows)
    left = {run.identity for group in plan.groups for run in group.runs}
    return {
        "results": str(store.path),
        "runs": len(wanted),
        "done": counts["done"],
        "failed": counts["failed"],
        "impossible": counts["impossible"],
        "made_now": sum(record["status"] == "done" for record in rows if record["run"] in left),
        "seconds": round(seconds, 1),
        "without_figures": [
            {key: record[key] for key in ("run", "status", "reason")}
            for record in rows
            if record["status"] != "done"
        ],
    }


@dataclass
class _Job:
    """The bookkeeping of a sweep under way."""

    plan: SweepPlan
    out: Path
    store: Results
    keep_networks: bool
    tracker: Tracker | None
    on_progress: OnProgress | None
    unsaved: list[tuple[Group, list[SweepRow], list[Trained]]] = field(default_factory=list)
    trouble: str = ""

    def __post_init__(self) -> None:
        self.progress = SweepProgress(self.plan.runs_left)
        self._work = {g.identity: sum(map(run_seconds, g.runs)) for g in self.plan.groups}
        self._all = sum(self._work.values()) or 1.0

    def is_done(self, group: Group) -> bool:
        """Whether another sweep has made these runs since the plan."""
        statuses = self.store.statuses()
        return all(statuses.get(run.identity, "failed") != "failed" for run in group.runs)

    def begin(self, group: Group) -> None:
        """A group was given to a worker."""
        self.progress.running.append(group)
        self._show()

    def end(self, group: Group, rows: list[SweepRow], trained: list[Trained]) -> None:
        """A group has ended, well or not."""
        if group in self.progress.running:
            self.progress.running.remove(group)
        self._work.pop(group.identity, None)
        self.progress.done += len(group.runs)
        self.progress.failed += sum(row.status != "done" for row in rows)
        self.progress.share_left = sum(self._work.values()) / self._all
        self.progress.latest = rows
        self.unsaved.append((group, rows, trained))
        self.write()
        self._show()

    def write(self) -> None:
        """Write what waits to be written; what cannot be, waits for the next time."""
        while self.unsaved:
            group, rows, trained = self.unsaved[0]
            try:
                if self.keep_networks:
                    self._keep(group, trained)
                self.store.record(rows)
            except FileError as error:
                if not self.trouble:
                    self.progress.warnings.append(f"{error.args[0]}; the other runs go on")
                self.trouble = error.args[0]
                return
            remove_checkpoint(group.checkpoint(self.out / CHECKPOINTS))
            self.unsaved.pop(0)
            self._track(trained)
        self.trouble = ""

    def _track(self, trained: list[Trained]) -> None:
        if self.tracker is None:
            return
        try:
            for each in trained:
                if each.row.status == "done":
                    self.tracker.log(self.plan.spec.name, each)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the sweep goes on
            said = next(iter(str(error).splitlines()), "")
            self.progress.warnings.append(
                f"{self.tracker.name} failed ({type(error).__name__}: {said}); the sweep goes on "
                "without it"
            )
            self.tracker = None

    def _keep(self, group: Group, trained: list[Trained]) -> None:
        nets = {each.row.run: each.net for each in trained}
        for run in group.runs:
            folder, net = self.out / NETWORKS / run.identity, nets.get(run.identity)
            if net is None or (folder / TOKENS).exists():
                continue
            file = run.task.file
            labels = file.tokens if file else default_labels(run.task.vocab_size)
            origin = Origin(run.task, run.seed, recipe=run.recipe)
            write_network(folder, net, origin, labels)

    def _show(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.progress)
