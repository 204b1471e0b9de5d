"""Annotations of relubloom are checked as the tests run: shapes by jaxtyping, types by beartype."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from jaxtyping import config as jaxtyping_config

from build.annotations import check_annotations

check_annotations()

import pytest  # noqa: E402 - the hook comes first
import torch  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from build.browser import browser, open_page, open_watched  # noqa: E402, F401 - fixtures
from build.explorer_page import explore  # noqa: E402, F401 - a fixture
from build.process import Outcome, process_environment  # noqa: E402
from build.reports import reports  # noqa: E402, F401 - a fixture

MadeOnce = Callable[[str, Callable[[Path], None]], Path]

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
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies draw no page: seconds, and seldom what is tested."""
    monkeypatch.setattr("relubloom.study.study.write_report", lambda _out: None)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """`made_once(name, make)`: a folder that the first process of the suite to ask for it makes."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def call(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.made"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return call


@pytest.fixture
def quick_zoo(made_once: MadeOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zoo in a cache for the whole suite, measured on few sets and hardly trained."""
    from relubloom.zoo import catalogue, figures

    monkeypatch.setenv("RELUBLOOM_CACHE", str(made_once("zoo", Path.mkdir)))
    monkeypatch.setattr(figures, "measure", partial(figures.measure, sets=200))
    monkeypatch.setattr(catalogue, "LINEAR", replace(catalogue.LINEAR, steps=30))


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
def unchecked() -> Iterator[None]:
    """Without the run-time checks of annotations: as users call relubloom."""
    jaxtyping_config.update("jaxtyping_disable", True)
    yield
    jaxtyping_config.update("jaxtyping_disable", False)
