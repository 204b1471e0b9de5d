"""Commands in processes of their own, and what they answer."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = "from relubloom.cli import main; main()"


by_make_faults = pytest.mark.skipif(
    "RELUBLOOM_KILLS" not in os.environ, reason="`make faults` runs it: processes, for minutes"
)
DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> str:
        """The one line on standard error of a command that failed."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("relubloom: ")
        return lines[0].removeprefix("relubloom: ")


def process_environment() -> dict[str, str]:
    """The environment in which a child process imports the relubloom that is tested here."""
    import relubloom as package

    source = str(Path(package.__file__).parents[1])
    return os.environ | {"PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
