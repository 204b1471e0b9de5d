"""A tracker that writes down what it is told, and speaks as trackio does."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Recorder:
    """Stands in for the module of a tracker; `runs` are those that were finished, in order."""

    broken: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)
    under_way: dict[str, Any] | None = None

    def init(self, project: str, name: str, config: dict[str, Any]) -> None:
        print("* Trackio project initialized")  # noqa: T201 - as trackio does
        if self.broken:
            raise OSError(self.broken)
        assert self.under_way is None
        self.under_way = {"project": project, "name": name, "config": config, "logged": []}

    def log(self, values: dict[str, Any], step: int) -> None:
        assert self.under_way is not None
        self.under_way["logged"].append((step, values))

    def finish(self) -> None:
        assert self.under_way is not None
        self.runs.append(self.under_way)
        self.under_way = None
