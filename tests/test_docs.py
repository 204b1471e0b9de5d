"""The pages: paths, links, names and commands that are there, and Python that compiles."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

import relubloom
from relubloom.cli.app import app

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "relubloom"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/results").glob("*.md")]
)
FOLDERS = {"src", "tests", "docs", "experiments", "benchmarks", "examples"}
ROOMS = {path.name for path in SOURCE.iterdir() if path.is_dir()}

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])[\w-]+/[\w./-]*")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def spans(text: str) -> list[str]:
    """Code within a line; a span may be broken over two lines."""
    return [" ".join(span.split()) for span in SPAN.findall(FENCED.sub("", text))]


def command_lines(text: str) -> Iterator[list[str]]:
    """The words after `relubloom` of each command line, in a span, a block or an indented line."""
    blocks = "\n".join(body for _, body in FENCED.findall(text))
    indented = [line for line in text.splitlines() if line.startswith("    ")]
    for line in [*spans(text), *blocks.splitlines(), *indented]:
        words = shlex.split(line.split("#")[0]) if line.strip().startswith("relubloom ") else []
        if words[1:]:
            yield words[1:]


def anchors(page: Path) -> set[str]:
    """What a heading's link is called: lower case, spaces as hyphens, no other signs."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@each_page
def test_paths_are_there(page: Path) -> None:
    for path in PATH.findall(" ".join(spans(page.read_text()))):
        if path.split("/")[0] in FOLDERS | ROOMS:
            assert (ROOT / path).exists() or (SOURCE / path).exists(), f"{path}: no such file"


@each_page
def test_command_lines_parse(page: Path) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for words in command_lines(page.read_text()):
        if words[0].startswith("-"):
            continue
        command = group.commands.get(words[0])
        assert command, f"relubloom {words[0]}: no such command"
        if isinstance(command, TyperGroup) and words[1:]:
            command = command.commands.get(words[1])
            assert command, f"relubloom {words[0]} {words[1]}: no such command"
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        for word in words[1:]:
            option = word.split("=")[0]
            assert option in known | {"--help"} or not re.match(r"--?[A-Za-z]", option), (
                f"relubloom {words[0]} {option}: no such option"
            )


@each_page
def test_make_targets_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(
        [*spans(page.read_text()), *(body for _, body in FENCED.findall(page.read_text()))]
    )
    for target in re.findall(r"^make ([\w-]+)", code, re.MULTILINE):
        assert target in targets, f"make {target}: no such target"


@each_page
def test_python_compiles(page: Path) -> None:
    for language, body in FENCED.findall(page.read_text()):
        if language == "python":
            compile(body, str(page), "exec")


@each_page
def test_public_names_are_public(page: Path) -> None:
    for name in re.findall(r"\brb\.([A-Za-z]\w*)", page.read_text()):
        assert name in relubloom.__all__, f"rb.{name}: not a public name"


@each_page
def test_numbers_have_their_leading_zero(page: Path) -> None:
    bare = re.findall(r"(?<![\w.])[+-]?\.\d+", SPAN.sub("", FENCED.sub("", page.read_text())))
    assert not bare, f"without a leading zero: {', '.join(bare[:5])}"
