"""A sweep's runs in an experiment tracker: trackio, wandb, or another with their three calls."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from relubloom.errors import UsageError, check_choice
from relubloom.sweep.group import Trained

GROUP = "relubloom.trackers"  # of entry points, with which a package registers a tracker
KNOWN = tuple(EntryPoint(name, name, GROUP) for name in ("trackio", "wandb"))
CALLS = ("init", "log", "finish")


@dataclass(frozen=True)
class Tracker:
    """Where runs are logged.

    Args:
        name: as it was asked for.
        api: has `init(project=, name=, config=)`, `log(values, step=)` and `finish()`.
    """

    name: str
    api: Any

    def log(self, project: str, trained: Trained) -> None:
        """Log a finished run under its identity: settings, losses of its training, then figures.

        What the tracker prints is dropped: standard output is for a command's answer.
        """
        row = trained.row
        figures = row.described_figures()
        with redirect_stdout(io.StringIO()):
            self.api.init(
                project=re.sub(r"[/\\#?%:]", "-", project)[:128],  # wandb takes no other names
                name=row.run,
                config=row.settings,
            )
            for record in trained.history:
                losses = {f"loss/{record['objective']}": record["loss"]}
                rate = {"learning_rate": record["learning_rate"]}
                self.api.log(losses | rate, step=record["step"])
            told = {key: value for key, value in figures.items() if value is not None}
            self.api.log(told, step=row.settings["steps"])
            self.api.finish()


def find_tracker(name: str) -> Tracker:
    """Import the tracker of that name: trackio, wandb, or an entry point of `relubloom.trackers`.

    Raises:
        UsageError: there is none of that name, it is not installed, or lacks a call.
    """
    found = {each.name: each for each in (*KNOWN, *entry_points(group=GROUP))}
    check_choice("--track", name, *sorted(found))
    package = found[name].module.split(".")[0]
    try:
        api = found[name].load()
    except Exception as error:  # noqa: BLE001 - whatever its import does
        raise UsageError(
            f"--track is {name!r} and cannot be imported ({error}); pip install {package}"
        ) from None
    if lacks := [call for call in CALLS if not callable(getattr(api, call, None))]:
        raise UsageError(
            f"--track is {name!r}, which has no {' and no '.join(lacks)}: a tracker has "
            f"{', '.join(CALLS)}; pip install {package}, or mend it"
        )
    return Tracker(name, api)
