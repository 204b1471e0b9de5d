"""How a sweep goes, on standard error: a table that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from relubloom.progress import Display, say

if TYPE_CHECKING:
    from rich.console import Group as Stacked

    from relubloom.sweep.group import Group
    from relubloom.sweep.sweep import SweepPlan, SweepProgress

LATEST = 12  # rows of a sweep's table


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
            say(f"warning: {warning}")
        self._warned = len(progress.warnings)
        if finished:
            name = self._name(finished[0].settings)
            worst = [row.figures.mse for row in finished if row.figures is not None]
            figure = f", mse up to {max(worst):.3g}" if worst else f", {finished[0].reason}"
            say(f"{self._line(progress)}; {name}: {len(finished)} runs{figure}")

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
