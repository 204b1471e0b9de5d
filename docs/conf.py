"""The site: these pages, the public names and commands as they tell themselves, the notebooks."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata, requires
from pathlib import Path

from packaging.requirements import Requirement
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"  # written anew by each build

project = "relubloom"
copyright = "the relubloom authors, under Apache-2.0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["templates"]
templates_path = ["templates"]
html_theme = "furo"
html_title = "relubloom"
smartquotes = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}
default_role = "code"
add_module_names = False
myst_heading_anchors = 3
nb_execution_mode = "off"  # a test runs the notebooks; they are stored with what they showed
napoleon_use_ivar = True  # beside the fields' own entries
napoleon_custom_sections = [("Keys", "params_style")]
autodoc_type_aliases = {
    name: name for name in ("SetsLike", "WeightsLike", "Hook", "NamesFilter", "ArrayLike")
}


def to_pages(_app: Sphinx, _page: str, source: list[str]) -> None:
    """A link to a notebook or to the changelog leads to its page here."""
    source[0] = re.sub(r"\]\(\.\./examples/(\w+\.ipynb)\)", r"](reference/\1)", source[0])
    source[0] = source[0].replace("](../CHANGELOG.md)", "](reference/changelog.md)")


def plain_aliases(*said: str | None) -> tuple[str | None, ...]:
    """A signature and what it returns, with the bare name of an alias that stands in a union."""
    return tuple(each and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", each) for each in said)


def licences() -> str:
    """The page of the licences of all that an installation brings along."""
    found, waiting = dict[str, str](), ["relubloom"]
    while waiting:
        for line in requires(waiting.pop()) or []:
            needed = Requirement(line)
            name = needed.name.lower()
            if name not in found and (not needed.marker or needed.marker.evaluate()):
                found[name] = licence(name)
                waiting.append(name)
    rows = "".join(f"| {name} | {found[name]} |\n" for name in sorted(found))
    return (
        "# Licences\n\nrelubloom is under Apache-2.0. It brings along these packages, as they say "
        "themselves, beside a CPU build of\nPyTorch. `make docs` reads them off the installed ones."
        f"\n\n| package | licence |\n|---|---|\n{rows}"
    )


def licence(package: str) -> str:
    """What a package says of its licence, in a line."""
    said = metadata(package)
    kinds = [each for each in said.get_all("Classifier", []) if each.startswith("License ::")]
    classified = ", ".join(each.split(" :: ")[-1] for each in kinds)
    return said.get("License-Expression") or classified or said.get("License", "").split("\n")[0]


def setup(app: Sphinx) -> None:
    """Write the page of all commands from their parser, and bring in what lies beside docs."""
    app.connect("source-read", to_pages)
    app.connect("autodoc-process-signature", lambda *told: plain_aliases(*told[-2:]))
    shutil.rmtree(REFERENCE, ignore_errors=True)
    REFERENCE.mkdir()
    command = [sys.executable, "-m", "typer", "relubloom.cli.app", "utils", "docs"]
    told = subprocess.run(
        [*command, "--name", "relubloom", "--title", "Commands"], check=True, capture_output=True
    )
    (REFERENCE / "commands.md").write_bytes(told.stdout)
    (REFERENCE / "licences.md").write_text(licences(), encoding="utf-8")
    for page in ("CHANGELOG", "CONTRIBUTING"):
        include = f"```{{include}} ../../{page}.md\n:relative-docs: docs/\n```\n"
        (REFERENCE / f"{page.lower()}.md").write_text(include, encoding="utf-8")
    for notebook in (DOCS.parent / "examples").glob("*.ipynb"):
        shutil.copy(notebook, REFERENCE)
