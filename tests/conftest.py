"""Annotations of relubloom are checked as the tests run: shapes by jaxtyping, types by beartype."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from jaxtyping import config as jaxtyping_config
from jaxtyping import install_import_hook

# An int will do for a float, as the typing rules say (PEP 484's numeric tower).
install_import_hook(
    "relubloom", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)

import pytest  # noqa: E402 - the hook comes first
import torch  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from build.browser import browser, open_page, open_watched  # noqa: E402, F401 - fixtures
from build.explorer_page import explore  # noqa: E402, F401 - a fixture
from build.process import Outcome, process_environment  # noqa: E402
from build.reports import reports  # noqa: E402, F401 - a fixture

torch.set_num_threads(1)  # tiny tensors: a second thread only waits for the first

settings.register_profile(
    "relubloom",
    deadline=None,  # a busy machine is no failure
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("relubloom")


@pytest.fixture
def relubloom(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process."""
    from relubloom.cli.app import run

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Outcome]:
    """Run Python source with arguments in a process of its own, in an empty folder."""

    def call(source: str, *arguments: object, cwd: Path = tmp_path) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", source, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=process_environment(),
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies draw no page, where a test looks at other files: it takes a second or two."""
    from relubloom.study import study

    monkeypatch.setattr(study, "write_report", lambda _: None)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Without the run-time checks of annotations: as users call relubloom."""
    jaxtyping_config.update("jaxtyping_disable", True)
    yield
    jaxtyping_config.update("jaxtyping_disable", False)
