"""What is built can be installed, and runs from an empty folder."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import relubloom
from build.process import process_environment

ROOT = Path(__file__).parents[1]
SMALL = "--quick --vocab-size 12 --width 4 --set-size 2 --steps 3"


def build(folder: Path, out: Path, *options: str) -> list[Path]:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out), *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel and an sdist."""
    wheel, sdist = build(ROOT, tmp_path_factory.mktemp("built"))
    return wheel, sdist


def test_the_wheel_runs_from_an_empty_folder(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, _ = built
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", installed, wheel], check=True)
    environment = process_environment() | {"PYTHONPATH": str(installed)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [installed / "bin" / "relubloom", *words],
            cwd=empty,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    assert "report: out/report.html" in run("study", *SMALL.split(), "--out", "out")
    assert (empty / "out" / "report.html").stat().st_size > 100_000
    (empty / "spec.toml").write_text(run("sweep", "--example"))
    assert run("sweep", "spec.toml", "--out", "sweep", "--dry-run")
    found = "import relubloom; print(relubloom.__file__)"
    where = subprocess.check_output([sys.executable, "-c", found], env=environment, text=True)
    assert Path(where).is_relative_to(installed)


def test_the_wheel_says_what_it_is(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        (about,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(wheel.read(about).decode())
    assert said["License-Expression"] == "Apache-2.0"
    for python in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {python}" in said.get_all("Classifier", [])
    assert said["Requires-Python"] == ">=3.11"


def test_the_citation_names_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {relubloom.__version__}\n" in citation


def test_the_sdist_makes_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (again,) = build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "out", "-t", "wheel")
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(again) as theirs:
        files = {each.filename: each.CRC for each in ours.infolist()}
        assert files == {each.filename: each.CRC for each in theirs.infolist()}
    assert "relubloom/py.typed" in files
