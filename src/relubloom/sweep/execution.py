"""Groups through an executor: each recorded when it is done; a worker that dies costs one group."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from relubloom.errors import StoppedError, UsageError
from relubloom.records.sweep_row import SweepRow
from relubloom.sweep.group import Group, Trained, failed, refused, run_group
from relubloom.sweep.settings import RunSettings
from relubloom.sweep.workers import Workers, interrupts_held

OnRows = Callable[[Group, list[SweepRow], list[Trained]], None]
"""Called with what came of a group, in the process that runs the sweep."""
OnStart = Callable[[Group], None]
"""Called when a group is given to a worker."""
DIED = "its worker died twice, the second time with nothing beside it: out of memory?"


@dataclass
class Execution:
    """The groups of a sweep on their way through an executor.

    A group whose worker died is a suspect: it is tried once more when all others are done, with
    nothing beside it, so that what kills its worker takes no other with it.

    Args:
        workers: who does it.
        checkpoints: the folder for the state of training; None where workers do not share it.
        is_done: whether another sweep has recorded a run meanwhile.
        on_start, on_rows: what to do when a group starts, and when it ends.
    """

    workers: Workers
    checkpoints: Path | None
    is_done: Callable[[Group], bool]
    on_start: OnStart
    on_rows: OnRows
    _running: dict[Future[list[Trained]], Group] = field(default_factory=dict)
    _suspects: deque[Group] = field(default_factory=deque)

    def run(self, groups: Iterable[Group]) -> None:
        """Do all groups.

        Raises:
            StoppedError: Ctrl-C; groups under way have left a checkpoint where disks are shared.
        """
        waiting = deque(groups)
        executor = self.workers.start()
        try:
            while waiting or self._running or self._suspects:
                if not (self._feed(executor, waiting) and self._collect()):
                    executor.shutdown(wait=False)
                    executor = self.workers.start()
        except KeyboardInterrupt:
            self.workers.stop()
            raise StoppedError("stopped; the runs that are done are kept") from None
        finally:
            for future in self._running:
                future.cancel()
            executor.shutdown(wait=True)

    def _feed(self, executor: Executor, waiting: deque[Group]) -> bool:
        """Give out what there is room for; False when the executor turns out to be broken."""
        try:
            while waiting and len(self._running) < self.workers.slots():
                self._submit(executor, waiting[0])
                waiting.popleft()
            if not waiting and not self._running and self._suspects:
                self._submit(executor, self._suspects[0])
        except BrokenExecutor:  # a worker has died since the last group was taken
            self._suspect_all()
            return False
        return True

    def _submit(self, executor: Executor, group: Group) -> None:
        if self.is_done(group):
            self._ended(group, [], [])
            return
        state = None if self.checkpoints is None else group.checkpoint(self.checkpoints)
        with interrupts_held():
            self._running[executor.submit(run_group, group, state)] = group
        self.on_start(group)

    def _collect(self) -> bool:
        """Take what has ended; False when a worker's death has broken the executor."""
        if not self._running:
            return True
        ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
        whole = True
        for future in ended:
            whole &= self._take(future)
        if not whole:
            self._suspect_all()
        return whole

    def _take(self, future: Future[list[Trained]]) -> bool:
        group = self._running.pop(future)
        try:
            trained = future.result()
        except BrokenExecutor:
            self._suspect(group)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the other groups go on
            self._ended(group, [_unable(run, error) for run in group.runs], [])
            return True
        self._ended(group, [each.row for each in trained], trained)
        return True

    def _suspect_all(self) -> None:
        """Every group under way may be the one whose worker died."""
        for group in self._running.values():
            self._suspect(group)
        self._running.clear()

    def _suspect(self, group: Group) -> None:
        if self._suspects and self._suspects[0] is group:
            self._ended(group, [failed(run, DIED) for run in group.runs], [])
        else:
            self._suspects.append(group)

    def _ended(self, group: Group, rows: list[SweepRow], trained: list[Trained]) -> None:
        if self._suspects and self._suspects[0] is group:
            self._suspects.popleft()
        self.on_rows(group, rows, trained)


def _unable(run: RunSettings, error: Exception) -> SweepRow:
    """The row of a run that ended with an error; only what breaks a rule is beyond a second try."""
    if isinstance(error, UsageError):
        return refused(run, error.args[0])
    if isinstance(error, MemoryError):
        return failed(run, "out of memory; give fewer --workers, or a smaller network")
    said = next(iter(str(error).splitlines()), "")
    return failed(run, f"{type(error).__name__}: {said}")
