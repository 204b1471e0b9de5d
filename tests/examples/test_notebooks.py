"""The notebooks run from top to bottom, and what is stored in them is what they show."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from build.process import process_environment

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))
LARGEST = 200_000  # bytes, with their pictures


def shown(notebook: Any) -> list[tuple[set[str], str]]:
    """Of each output its kinds, and its first line without figures, which vary with the machine."""
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    texts = [each.get("text") or each.get("data", {}).get("text/plain", "") for each in outputs]
    first = [re.sub(r"[\d.,]+", "#", text.split("\n")[0]) for text in texts]
    return [(set(each.get("data", {})), line) for each, line in zip(outputs, first, strict=True)]


@pytest.mark.filterwarnings("default")  # the client's own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_is_stored(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in process_environment().items():
        monkeypatch.setenv(name, value)
    stored, notebook = (nbformat.read(path, as_version=4) for _ in range(2))
    NotebookClient(
        notebook, timeout=300, coalesce_streams=True, resources={"metadata": {"path": tmp_path}}
    ).execute()
    assert shown(notebook) == shown(stored)
    assert path.stat().st_size < LARGEST


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_first_code_installs_relubloom_where_it_is_missing(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert 'find_spec("relubloom") is None' in first.source
    assert "outputs" not in first or not first.outputs


def test_three_lines_draw_the_first_picture() -> None:
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    lines: list[str] = []
    for cell in (each for each in notebook.cells[2:] if each.cell_type == "code"):
        lines += [line for line in cell.source.splitlines() if line.strip()]
        if any("image/png" in each.get("data", {}) for each in cell.outputs):
            break
    assert len(lines) == 3
