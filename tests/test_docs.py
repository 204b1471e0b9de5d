"""The pages: paths, links and names that are there; what they tell a reader to type is run."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

import relubloom
from build.process import DATA, Outcome
from build.tracker import Recorder
from relubloom.cli.app import app
from relubloom.evidence import gather
from relubloom.task import k_sparse

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "relubloom"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/results").glob("*.md")]
)
FOLDERS = {"src", "tests", "docs", "experiments", "benchmarks", "examples"}
ROOMS = {path.name for path in SOURCE.iterdir() if path.is_dir()}

FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TYPED = re.compile(  # in a table's first column, or on an indented line
    r"^(?:\| `|    )((?:relubloom [\w-]+|python|make|pip|uv) +[^`|]+)", re.MULTILINE
)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"(?<![\w./-])[\w-]+/[\w./-]*")

# What is not run, by its first words, and why.
NOT_RUN = {
    "make ": "the project's own work, in minutes or hours; that the target is there is tested",
    "python benchmarks/": "minutes, and rivals to install",
    "uv pip install": "it would change the environment that the tests run in",
    "pip install": "it would change the environment that the tests run in",
    "python examples/g2pm_layer.py": "weights of others; tests/examples runs it on small ones",
    "python examples/onnx_readout.py": "weights of others; tests/examples runs it on small ones",
    "relubloom report model-run --open": "opens a window",
    "relubloomExplorer": "in a browser; tests/report/test_explorer_in_browser.py asks it there",
    "dask ": "several machines; tests/sweep/test_cluster.py starts a scheduler and its workers",
    "relubloom sweep SPEC.toml --out DIR --cluster": "the same",
    "relubloom sweep SPEC.toml --out DIR --device": "a GPU; a CPU plays it in tests/sweep",
    "from dask_jobqueue": "a cluster with SLURM",
    "import numpy as np\nimport relubloom": "tests/zoo/test_guide.py runs it, and looks at it",
    "from relubloom.zoo.saelens": "sae-lens; tests/zoo/test_saelens.py runs both where it is there",
}
TINY = "--quick --vocab-size 12 --width 4 --set-size 2 --steps 3"
# What is run in small: what stands there, and what is run in its place.
IN_SMALL = {
    "relubloom study": f"relubloom study {TINY} --force --out DIR",
    "relubloom study --quick": f"relubloom study {TINY} --out DIR",
    "relubloom study --seeds 16": f"relubloom study --seeds 2 {TINY} --out seeds",
    "relubloom study --preset article-full": f"relubloom study --preset article-full {TINY}",
    "relubloom study --preset vocab-4096": f"relubloom study --preset vocab-4096 {TINY}",
    "relubloom study --preset vocab-4096 -N 8000 -d 100 -k 4": "relubloom study --preset "
    f"vocab-4096 --force {TINY}",
    "relubloom study --preset vocab-50257": f"relubloom study --preset vocab-50257 --force {TINY}",
    "relubloom study --preset vocab-50257 --device cuda": "relubloom study --preset vocab-50257 "
    f"--force {TINY}",
    "relubloom study --preset wide": f"relubloom study --preset wide {TINY}",
    "relubloom study --activation none": f"relubloom study --activation none {TINY}",
    "relubloom study --sets FILE --set-size 3..8 --width 48": "relubloom study --quick --steps 3 "
    "--sets debtags.sets --set-size 3..8 --width 48",
    "relubloom query runs/demo/seed-0 cello rug screen": "relubloom query DIR/seed-0 1 2",
    "relubloom import FILE --out DIR": "relubloom import DIR/seed-0 --out brought",
    "relubloom examine DIR": "relubloom examine DIR/seed-0",
    "relubloom certify DIR": "relubloom certify DIR/seed-0",
    "relubloom train --init-from DIR --out DIR2": "relubloom train --init-from DIR/seed-0 "
    f"{TINY.removeprefix('--quick ')} --out DIR2",
    "relubloom certify DIR --method sampled": "relubloom certify DIR/seed-0 --method sampled",
    "relubloom compare DIR DIR": "relubloom compare DIR/seed-0 DIR/constructed",
    "relubloom construct --sets FILE --width 48 --family learned --out DIR": "relubloom construct "
    "--sets debtags.sets --set-size 3..4 --width 24 --family learned --seconds 0.1 --out learned",
    "relubloom construct --sets debtags.sets --set-size 3..8 --width 48 --family learned "
    "--out runs/code": "relubloom construct --sets debtags.sets --set-size 3..8 --width 48 "
    "--family learned --seconds 0.1 --out runs/code",
    "relubloom study --sets debtags.sets --set-size 3..8 --width 48 --objective kl "
    "--out runs/tags": "relubloom study --sets debtags.sets --set-size 3..8 --width 48 "
    "--objective kl --quick --steps 3 --out runs/tags",
    "relubloom pool --samples 96 --positives 2 --out DIR": "relubloom pool --samples 96 "
    "--positives 2 --out plate --seconds 0.1",
    "relubloom pool --samples 96 --positives 2 --out plate": "relubloom pool --samples 96 "
    "--positives 2 --out plate --seconds 0.1",
    "relubloom sweep examples/sweep.toml --out runs/sweep": "relubloom sweep SPEC.toml "
    "--out runs/sweep --workers 1",
    "relubloom sweep SPEC.toml --out DIR": "relubloom sweep SPEC.toml --out sweep --workers 1",
    "relubloom sweep SPEC.toml --out DIR --resume": "relubloom sweep SPEC.toml --out sweep "
    "--resume --workers 1",
    "relubloom sweep SPEC.toml --out DIR --track trackio": "relubloom sweep SPEC.toml "
    "--out sweep --resume --workers 1 --track trackio",
    "python examples/plain_pytorch.py": "python examples/plain_pytorch.py --steps 3 --out big.pt",
    "relubloom study --quick --out runs/first": "relubloom study --quick --steps 3 "
    "--out runs/first",
    "relubloom study --preset class --tokens animals.txt --out runs/animals": "relubloom study "
    "--preset class --tokens animals.txt --steps 1000 --quick --out runs/animals",
    "relubloom report runs/animals --lesson --open": "relubloom report runs/animals --lesson",
    "relubloom certify runs/exact": "relubloom certify runs/exact --method counting",
    "relubloom study --quick --activation none --out runs/linear": "relubloom study --quick "
    "--activation none --steps 3 --out runs/linear",
    "rb.train(task, width=48, seed=0)": "rb.train(task, width=48, recipe=rb.Recipe(steps=3))",
    "rb.Recipe(steps=2000, learning_rate=4e-2)": "rb.Recipe(steps=3)",
}
SPEC = (
    "[defaults]\nvocab_size = 12\nset_size = 2\nsteps = 3\n[[grid]]\nwidth = 4\nobjective = 'mse'\n"
)
OWN = """
import torch
two = torch.nn.Linear(12, 6), torch.nn.Linear(6, 12)
torch.save(torch.nn.Sequential(two[0], torch.nn.ReLU(), two[1]).state_dict(), "model.pt")
"""
# What a page takes for given, as Python.
GIVEN = {
    "README.md": OWN,
    "docs/lesson.md": """
from pathlib import Path
from relubloom.records.labels import default_labels
Path("animals.txt").write_text("\\n".join(default_labels(45)))
""",
    "docs/own-network.md": OWN,
    "docs/cluster.md": """
from concurrent.futures import ThreadPoolExecutor
make_executor = lambda: ThreadPoolExecutor(1)
""",
    "docs/layer.md": """
import torch
from build.layers import HookedMlp, relu_layer

mlp, directions, unembedding = relu_layer(8, 16), torch.randn(1000, 8), torch.randn(8, 1000)
model, sets = torch.nn.Module(), [[i, j] for i in range(12) for j in range(i)]
model.mlp = relu_layer(12, 6)
model.fc1, _, model.fc2 = model.mlp
hooked = HookedMlp(12, 6, torch.relu)
model.blocks = torch.nn.ModuleList([torch.nn.ModuleDict({"mlp": hooked})])

def run(sets):
    x = torch.zeros(len(sets), 12).scatter_(1, sets, 1.0)
    return model.mlp(x) + hooked(x)
""",
}


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
        if isinstance(command, TyperGroup) and words[1:] and not words[1].startswith("-"):
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
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", "")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    targets |= set(re.findall(r"[\w-]+", re.findall(r"^PAGES := (.*)", makefile, re.MULTILINE)[0]))
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


def test_every_public_name_has_a_page() -> None:
    listed = re.findall(r"^   (\w+)$", (ROOT / "docs/python.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(relubloom.__all__)


def test_every_page_has_its_place() -> None:
    index = (ROOT / "docs/index.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.stem == "index" or f"\n{page.stem}\n" in index


@each_page
def test_numbers_have_their_leading_zero(page: Path) -> None:
    bare = re.findall(r"(?<![\w.])[+-]?\.\d+", SPAN.sub("", FENCED.sub("", page.read_text())))
    assert not bare, f"without a leading zero: {', '.join(bare[:5])}"


def pieces(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each block, each line of a shell, each command of a table."""
    text = page.read_text(encoding="utf-8")
    found = [(at.start(), at[1], at[2]) for at in FENCED.finditer(text) if at[1][:1] != "{"]
    outside = FENCED.sub(lambda block: " " * len(block[0]), text)
    found += [(at.start(), "sh", at[1]) for at in TYPED.finditer(outside)]
    for _, language, body in sorted(found):
        for part in body.splitlines() if language == "sh" else [body]:
            yield language, re.sub(r" +#.*", "", part).strip() if language == "sh" else part


def why_not(text: str) -> list[str]:
    """The reasons for which a piece is not run."""
    return [words for words in NOT_RUN if text.startswith(words)]


PIECES = {page: list(pieces(page)) for page in PAGES}


def test_every_exception_is_still_needed() -> None:
    texts = [text for found in PIECES.values() for _, text in found]
    assert set(NOT_RUN) == {words for text in texts for words in why_not(text)}
    assert not [small for small in IN_SMALL if not any(small in text for text in texts)]
    assert set(GIVEN) <= {str(page.relative_to(ROOT)) for page, found in PIECES.items() if found}


@pytest.mark.usefixtures("no_page", "unchecked")  # the README draws a page
@pytest.mark.parametrize(
    "page", [page for page in PAGES if PIECES[page]], ids=lambda page: str(page.relative_to(ROOT))
)
def test_what_is_to_be_typed_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    relubloom: Callable[..., Outcome],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(k_sparse, "ENUMERATE_UP_TO", 1000)  # more sets are drawn,
    monkeypatch.setattr(k_sparse, "HELD_OUT_SETS", 1000)
    monkeypatch.setattr(gather, "LADDER_SETS", {"study": 100, "full": 100})
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "debtags.sets").symlink_to(DATA / "debtags.sets")
    (tmp_path / "SPEC.toml").write_text(SPEC)
    tracker: Any = Recorder()
    monkeypatch.setitem(sys.modules, "trackio", tracker)
    names: dict[str, object] = {}
    exec(GIVEN.get(str(page.relative_to(ROOT)), ""), names)
    for language, text in PIECES[page]:
        if why_not(text):
            continue
        if language == "python":
            for large, small in IN_SMALL.items():
                text = text.replace(large, small)
            exec(compile(text, str(page), "exec"), names)
        elif language == "sh":
            type_in(IN_SMALL.get(text, text), monkeypatch, relubloom)
        elif language == "json":
            json.loads(text)
        else:
            assert language == "text", f"a block of {language!r}: it is not run, give its reason"


def type_in(line: str, monkeypatch: pytest.MonkeyPatch, relubloom: Callable[..., Outcome]) -> None:
    """Run a line of a shell, in this process where it starts Python."""
    program, *words = shlex.split(line)
    if program == "relubloom":
        answer = relubloom(*words)
        assert answer.status == 0, f"{line}: {answer.err}"
    elif program == "python":
        monkeypatch.setattr(sys, "argv", words)
        runpy.run_path(words[0], run_name="__main__")
    else:
        subprocess.run(line, shell=True, check=True)
