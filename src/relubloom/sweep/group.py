"""A group: runs that differ by their seed only, trained as one stack by one worker."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from relubloom.errors import DivergedError, UsageError
from relubloom.evidence.glance import glance
from relubloom.measure.forward import placed
from relubloom.memory import refuse_too_large
from relubloom.network.relu_net import ReluNet
from relubloom.records.sweep_row import SweepRow
from relubloom.sweep.settings import RunSettings, identity_of
from relubloom.training import HistoryRow, train_stack


@dataclass(frozen=True)
class Group:
    """Runs of the same settings but for the seed, and the device that trains and measures them."""

    runs: tuple[RunSettings, ...]
    device: str = "cpu"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Their seeds."""
        return tuple(run.seed for run in self.runs)

    @property
    def identity(self) -> str:
        """A hash of the runs', which names the group's checkpoint."""
        return identity_of([run.identity for run in self.runs])

    def checkpoint(self, folder: Path) -> Path:
        """Where in `folder` the state of the group's training lies."""
        return folder / f"{self.identity}.safetensors"


@dataclass(frozen=True)
class Trained:
    """What a worker gives back of one run: its row, and unless training failed its network and
    history."""

    row: SweepRow
    net: ReluNet | None
    history: list[HistoryRow] = field(default_factory=list[HistoryRow])


def in_groups(runs: Iterable[RunSettings], most: int, device: str = "cpu") -> list[Group]:
    """Runs next to each other of the same settings as groups of at most `most`."""
    found: list[Group] = []
    for _, alike in groupby(runs, key=lambda run: run.with_seed(0).identity):
        members = tuple(alike)
        found += [Group(members[i : i + most], device) for i in range(0, len(members), most)]
    return found


def run_group(group: Group, checkpoint: Path | None = None) -> list[Trained]:
    """Train and measure the runs of a group; each has the figures it has alone.

    On a CPU to the last bit and on one thread; elsewhere a step's gradients differ by rounding.

    With `checkpoint`, training goes on from there if a killed worker has left one. A run whose
    numbers did not stay finite has failed, and the others are trained without it.

    Raises:
        UsageError: the networks do not fit this machine.
        StoppedError: Ctrl-C; the state is in `checkpoint`.
    """
    first = group.runs[0]
    refuse_too_large(first.task.vocab_size, first.width, len(group.runs))
    started = time.perf_counter()
    try:
        trained = train_stack(
            first.task,
            first.width,
            first.recipe,
            group.seeds,
            device=group.device,
            threads=1,
            checkpoint=checkpoint,
            resume=True,
        )
    except DivergedError as error:
        lost = [run for run in group.runs if run.seed in error.seeds]
        left = tuple(run for run in group.runs if run.seed not in error.seeds)
        rows = [Trained(failed(run, error.args[0]), None) for run in lost]
        return rows + (run_group(Group(left, group.device)) if left else [])
    training = (time.perf_counter() - started) / len(trained)
    sets = first.task.evaluation_sets(None if first.enumerated else first.figure_sets)
    found: list[Trained] = []
    for run, each in zip(group.runs, trained, strict=True):
        started = time.perf_counter()
        try:
            figures = glance(placed(each.net, group.device), sets)
        except UsageError as error:
            found.append(Trained(refused(run, error.args[0]), each.net))
            continue
        seconds = training + time.perf_counter() - started
        row = SweepRow(run.identity, "done", run.describe(), figures, None, training, seconds)
        found.append(Trained(row, each.net, each.history))
    return found


def refused(run: RunSettings, reason: str) -> SweepRow:
    """The row of a run that can have no figures, whoever tries it again."""
    return SweepRow(run.identity, "impossible", run.describe(), reason=reason)


def failed(run: RunSettings, reason: str) -> SweepRow:
    """The row of a run that diverged or that a machine let down; another sweep may try it again."""
    return SweepRow(run.identity, "failed", run.describe(), reason=reason)
