"""The floor plan: a module imports only from floors below its own; no drawer for odds and ends."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import relubloom as package
from build.process import Outcome

SOURCE = Path(package.__file__).parent

# The package itself names its version and its public names, which are loaded on first use.
# The table stands in docs/architecture.md too.
FLOORS = [
    {"errors", "_version"},
    {"atomic", "reading", "threads", "memory", "shown"},
    {"progress", "tokens_file"},
    {"theory", "task"},
    {"code"},
    {"network"},
    {"training"},
    {"records"},
    {"measure"},
    {"evidence", "report"},
    {"study"},
    {"sweep", "zoo"},
    {"cli", "plot"},
    {"__main__"},
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def part(path: Path) -> str:
    """The part of the package that a file belongs to: a module, or a folder of modules."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Parts of relubloom that a module imports, at its top or inside."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "relubloom":
                found |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("relubloom."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("relubloom."):
                    found.add(alias.name.split(".")[1])
    return found


def test_one_door_leads_up() -> None:
    # A method may open a room above its own; `shown.upstairs` is how, and nothing else is.
    dynamic = {path.name for path in modules() if 'import_module(f"' in path.read_text()}
    assert dynamic == {"shown.py"}


def test_every_part_has_a_floor() -> None:
    assert {part(path) for path in modules()} == FLOOR.keys()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    own = part(path)
    for other in imported(path) - {own}:
        assert FLOOR[other] < FLOOR[own], f"{own} imports {other}, which is not below it"


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not drawers & {path.stem for path in SOURCE.rglob("*")}


def test_no_two_public_classes_have_one_name() -> None:
    found: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


HEAVY = "{'torch', 'numpy', 'scipy', 'matplotlib', 'jinja2', 'jaxtyping', 'rich.progress'}"


@pytest.mark.parametrize(
    "source",
    [
        "import relubloom",
        "import relubloom.cli",
        "from relubloom.cli.app import run; assert run(['--help']) == 0",
        "from relubloom.cli.app import run; assert run(['study', '--help']) == 0",
        "from relubloom.cli.app import run; assert run(['--version']) == 0",
        "import relubloom; dir(relubloom); relubloom.RelubloomError",
    ],
)
def test_the_front_door_is_light(python: Callable[..., Outcome], source: str) -> None:
    done = python(f"import sys; {source}; print(sorted({HEAVY} & sys.modules.keys()))")
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == "[]"


def test_every_public_name_is_there() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=r"relubloom has no 'bloom'; dir"):
        _ = package.bloom


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_an_import_does_nothing_but_define(path: Path) -> None:
    # Statements that run at import: definitions, constants, and the command line's registration.
    for node in ast.parse(path.read_text()).body:
        calls = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        loops = isinstance(node, ast.For | ast.While | ast.With | ast.Try)
        assert not calls, f"{path}, line {node.lineno}"
        assert not loops or path.name == "app.py", f"{path}, line {node.lineno}"
