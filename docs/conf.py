"""The site: these pages, the public names and commands as they tell themselves, the notebooks."""

import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"  # written anew by each build

project = "relubloom"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["templates"]
templates_path = ["templates"]
html_theme = "furo"
html_title = "relubloom"
smartquotes = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}
default_role = "code"
myst_heading_anchors = 3
nb_execution_mode = "off"  # a test runs the notebooks; they are stored with what they showed
napoleon_custom_sections = [("Keys", "params_style")]
autodoc_type_aliases = {
    name: name for name in ("SetsLike", "WeightsLike", "Hook", "NamesFilter", "ArrayLike")
}


def setup(_app: object) -> None:
    """Write the page of all commands from their parser, and bring in what lies beside docs."""
    REFERENCE.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "typer", "relubloom.cli.app", "utils", "docs"]
    told = subprocess.run(
        [*command, "--name", "relubloom", "--title", "Commands"], check=True, capture_output=True
    )
    (REFERENCE / "commands.md").write_bytes(told.stdout)
    for page in ("CHANGELOG", "CONTRIBUTING"):
        include = f"```{{include}} ../../{page}.md\n:relative-docs: docs/\n```\n"
        (REFERENCE / f"{page.lower()}.md").write_text(include, encoding="utf-8")
    for notebook in (DOCS.parent / "examples").glob("*.ipynb"):
        shutil.copy(notebook, REFERENCE)
