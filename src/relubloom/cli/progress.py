"""How work goes, always on standard error: it moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from relubloom.cli.options import shown

if TYPE_CHECKING:
    from rich.console import Group as Stacked

    from relubloom.sweep.group import Group
    from relubloom.sweep.sweep import SweepPlan, SweepProgress

LINE_SECONDS = 10.0
LATEST = 12  # rows of a sweep's table
Shown = TypeVar("Shown", bound="Display")


class Display:
    """Shows how work goes; use it in a `with` block."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._moving: Any = None  # what rich shows on a terminal

    def __enter__(self: Shown) -> Shown:
        if sys.stderr.isatty() and not self._quiet:
            self._moving = self._on_terminal()
            self._moving.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._moving is not None:
            self._moving.stop()

    def _on_terminal(self) -> Any:
        raise NotImplementedError


class ProgressDisplay(Display):
    """A bar a stage, with time left; call it with (stage, done, total, detail) as it comes."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet)
        self._stage = ""
        self._started = self._printed = 0.0

    def _on_terminal(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[detail]}"),
            console=Console(stderr=True),
        )

    def __call__(self, stage: str, done: int, total: int, detail: str) -> None:
        """Show that `done` of `total` of the stage is done."""
        if self._quiet:
            return
        if stage != self._stage:
            self._begin(stage, total)
        if self._moving is not None:
            self._moving.update(self._moving.task_ids[-1], completed=done, detail=detail)
        else:
            self._line(done, total, detail)

    def _begin(self, stage: str, total: int) -> None:
        self._stage, self._started = stage, time.monotonic()
        self._printed = self._started
        if self._moving is not None:
            self._moving.add_task(stage, total=total, detail="")

    def _line(self, done: int, total: int, detail: str) -> None:
        now = time.monotonic()
        if done < total and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        spent = now - self._started
        if done < total:
            when = f"{spent * (total - done) / max(1, done):.0f} s left"
        else:
            when = f"{spent:.1f} s"
        parts = [f"{self._stage}: {done:,} of {total:,}", detail, when]
        _say(", ".join(part for part in parts if part))


class SweepDisplay(Display):
    """A live table of a sweep's latest runs and of those under way; a line a group elsewhere."""

    def __init__(self, plan: SweepPlan, slots: int, quiet: bool) -> None:
        super().__init__(quiet)
        self._started = time.monotonic()
        self._predicted = plan.cost.seconds / max(1, min(slots, len(plan.groups)))
        self._varying = _varying([run.describe() for g in plan.groups for run in g.runs])
        self._latest: deque[tuple[str, str, str, str]] = deque(maxlen=LATEST)
        self._warned = 0

    def _on_terminal(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        return Live(console=Console(stderr=True), refresh_per_second=4)

    def update(self, progress: SweepProgress) -> None:
        """Show where it stands."""
        if self._quiet:
            return
        finished = progress.latest
        for row in finished:
            figures = row.figures
            self._latest.append(
                (
                    self._name(row.settings),
                    str(row.settings.get("seed", "")),
                    row.status if figures is None else f"{figures.mse:.3g}",
                    str(row.reason if figures is None else figures.verdict),
                )
            )
        progress.latest = []
        if self._moving is not None:
            self._moving.update(self._table(progress))
            return
        for warning in progress.warnings[self._warned :]:
            _say(f"warning: {warning}")
        self._warned = len(progress.warnings)
        if finished:
            name = self._name(finished[0].settings)
            worst = [row.figures.mse for row in finished if row.figures is not None]
            figure = f", mse up to {max(worst):.3g}" if worst else f", {finished[0].reason}"
            _say(f"{self._line(progress)}; {name}: {len(finished)} runs{figure}")

    def _line(self, progress: SweepProgress) -> str:
        failed = f", {progress.failed} without figures" if progress.failed else ""
        return (
            f"sweep: {progress.done:,} of {progress.total:,} runs{failed}, "
            f"{self._time_left(progress)} left"
        )

    def _time_left(self, progress: SweepProgress) -> str:
        spent = time.monotonic() - self._started
        share = progress.share_left
        left = self._predicted if share > 0.99 else spent * share / (1 - share)
        return f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"

    def _name(self, settings: dict[str, Any]) -> str:
        return ", ".join(f"{key} {settings[key]}" for key in self._varying if key in settings)

    def _table(self, progress: SweepProgress) -> Stacked:
        from rich.console import Group as Stacked
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table("settings", "seed", "mse", "verdict", box=None, pad_edge=False)
        for row in self._latest:
            table.add_row(*row)
        for group in progress.running:
            table.add_row(
                self._name(group.runs[0].describe()), _seeds(group), "...", "training", style="dim"
            )
        foot = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=1, completed=1 - progress.share_left, width=30)
        foot.add_row(bar, self._line(progress))
        warnings = [f"warning: {warning}" for warning in progress.warnings]
        return Stacked(table, foot, *warnings)


def _varying(described: list[dict[str, Any]]) -> list[str]:
    """The settings that are not the same in all runs, but for the seed."""
    keys = dict.fromkeys(key for each in described for key in each if key != "seed")
    return [key for key in keys if len({str(each.get(key)) for each in described}) > 1]


def _seeds(group: Group) -> str:
    seeds = group.seeds
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}"


def _say(line: str) -> None:
    print(shown(line), file=sys.stderr, flush=True)  # noqa: T201
