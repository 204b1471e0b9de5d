"""The scripts that make docs/results: each can be loaded, and takes public names only."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
PAGES = {
    "study": "study.md",
    "recipes": "recipes.md",
    "classroom": "class.md",
    "codes": "codes.md",
    "graded_mechanism": "graded-mechanism.md",
    "decoders": "decoders.md",
    "mechanism": "mechanism.md",
    "residue": "residue.md",
    "controls": "controls.md",
    "dynamics": "dynamics.md",
    "full": "article-full.md",
    "full_width": "full-width.md",
    "graded_codes": "graded-codes.md",
    "ground_truth": "ground-truth.md",
    "real_codes": "real-codes.md",
    "region": "region.md",
    "scale": "scale.md",
    "source_networks": "source-networks.md",
    "width": "width.md",
    "zoo": "zoo.md",
}
TIMED = {"performance.md", "set-rivals.md", "theory.md"}  # tables that benchmarks print


@pytest.mark.parametrize("script", PAGES)
def test_a_page_says_which_script_makes_it(script: str) -> None:
    assert callable(import_module(script).main)
    page = EXPERIMENTS.parent / "docs" / "results" / PAGES[script]
    assert f"experiments/{script}.py" in page.read_text(encoding="utf-8")[:400]


def test_every_page_of_results_has_a_script() -> None:
    results = EXPERIMENTS.parent / "docs" / "results"
    assert {path.name for path in results.glob("*.md")} == {*PAGES.values(), *TIMED}


@pytest.mark.parametrize(
    "path", sorted(EXPERIMENTS.rglob("*.py")), ids=lambda path: str(path.relative_to(EXPERIMENTS))
)
def test_names_are_public(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("relubloom"):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            assert not [part for part in parts if part.startswith("_")], f"line {node.lineno}"
