"""The `relubloom` command: its sub-commands, its errors and its exit statuses."""

from __future__ import annotations

import itertools
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from relubloom._version import __version__
from relubloom.cli import options
from relubloom.cli.asking import query, report
from relubloom.cli.comparing import compare
from relubloom.cli.constructing import construct
from relubloom.cli.examining import certify, examine
from relubloom.cli.importing import import_
from relubloom.cli.listing import results
from relubloom.cli.planning import plan
from relubloom.cli.pooling import decode, pool
from relubloom.cli.studying import study, train
from relubloom.cli.sweeping import sweep
from relubloom.cli.zoo import get, list_, score
from relubloom.errors import RelubloomError
from relubloom.shown import printable

HELP = {"help_option_names": ["-h", "--help"]}
WORDS = (
    "A run folder holds one network, config.json and model.safetensors, and what was found of it.",
    "A hash is what a network keeps of one token: a few of its hidden units, the token's bits.",
    "A set's union is all the bits of its tokens. A false positive is a token that comes out and "
    "was never put in.",
)
EXAMPLES: dict[str, tuple[str, ...]] = {
    "": ("study --quick", "study --help"),
    "study": (
        "study --quick",
        "study --vocab-size 64 --set-size 3 --width 48 --seeds 4 --out runs/mine",
        "study --sets FILE --set-size 3..8 --width 48",
        "study --preset class --tokens animals.txt --out runs/class",
    ),
    "train": (
        "train --out runs/mine --steps 2000",
        "train --preset wide --device cuda --out runs/wide",
    ),
    "construct": (
        "construct --vocab-size 96 --width 48 --out runs/exact",
        "construct --family kautz-singleton --vocab-size 256 --width 49 --out runs/no-errors",
        "construct --sets FILE --family learned --width 48 --out runs/learned",
    ),
    "import": (
        "import model.pt --activation relu --set-size 3 --out runs/mine",
        "import model.pt --activation relu --names W_in=a.weight,W_out=b.weight --out runs/mine",
    ),
    "examine": (
        "examine runs/mine",
        "examine runs/mine --set-size 4",
        "examine model.pt --activation relu --set-size 3",
    ),
    "certify": ("certify runs/exact", "certify runs/mine --set-size 4 --method sampled"),
    "report": (
        "report runs/mine --open",
        "report runs/class --lesson --open",
        "report runs/mine --results runs/sweep",
        "report runs",
    ),
    "compare": ("compare runs/a runs/b", "compare runs/a runs/b --set-size 4 --json"),
    "query": ("query runs/demo/seed-0 cello rug screen", "query runs/mine 0 17 40"),
    "plan": (
        "plan --vocab-size 1000 --set-size 3 --mse 1e-4",
        "plan --vocab-size 256 --set-size 3 --width 48",
    ),
    "sweep": (
        "sweep SPEC.toml --out runs/sweep --dry-run",
        "sweep SPEC.toml --out runs/sweep --resume --export runs.csv",
    ),
    "results": (
        "results runs/sweep --where objective=mse --sort mse",
        "results runs/sweep --plot mse.png --x width --y mse --by objective",
    ),
    "zoo list": ("zoo list", "zoo list --json"),
    "zoo get": ("zoo get constructed-binary-96x48-k3 --out runs/known",),
    "zoo score": ("zoo score constructed-binary-96x48-k3 found.npy --controls",),
    "pool": (
        "pool --samples 96 --positives 2 --out plate",
        "pool --samples 96 --positives 2 --max-pool-size 16 --out plate",
    ),
    "pool decode": (
        "pool decode plate/tests.csv results.csv",
        "pool decode plate/tests.csv results.csv --false-negatives 1",
    ),
}


def _epilog(name: str, *words: str) -> str:
    """Examples of a command, below its options, a paragraph each."""
    return "\n\n".join([*words, "Examples:", *(f"  relubloom {each}" for each in EXAMPLES[name])])


app: typer.Typer = typer.Typer(
    name="relubloom",
    help="Train tiny ReLU networks that store sets, build exact Bloom-filter networks, and test "
    "whether the one is the other.",
    context_settings=HELP,
    pretty_exceptions_enable=False,
    epilog=_epilog("", *WORDS),
)

COMMANDS = (
    *(study, train, construct, import_, examine, certify, report, compare, query, plan, sweep),
    results,
)
ZOO = (list_, get, score)
zoo: typer.Typer = typer.Typer(
    name="zoo",
    help="Networks whose mechanism is known: list, get, score.",
    context_settings=HELP,
)
pools: typer.Typer = typer.Typer(name="pool")
PARSER_WORDS = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer, .*", "it must be a whole number"),
    (r"Input should be a valid number, .*", "it must be a number"),
)
RESUMABLE = ("study", "train", "sweep")
INTERRUPTED = 130  # what the parser answers to Ctrl-C

for _group, _commands in ((app, COMMANDS), (zoo, ZOO), (pools, (decode,))):
    for _command in _commands:
        _name = _command.__name__.rstrip("_")
        _path = _name if _group is app else f"{_group.info.name} {_name}"
        _group.command(
            _name,
            help=options.paragraphs(_command),
            epilog=_epilog(_path),
            context_settings=HELP,
        )(options.spread(_command))
    if _group is pools:
        _group.callback(
            invoke_without_command=True,
            help=options.paragraphs(pool),
            epilog=_epilog("pool"),
            context_settings=HELP,
        )(options.spread(pool, alone=True))
    if _group is not app:
        app.add_typer(_group)


def _show_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"relubloom {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; exits with 0 done, 1 failed, 2 wrong usage.

    What is closed (`>&-`) is opened on nothing, or a file that is written later would take its
    place. Standard output that is closed or full is an error: its answer would be lost.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    if sys.stdout is None:
        sys.exit(_fail("standard output is closed: the answer is written there; open it", 1))
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on; nothing more to say
        status = status or 1
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = _fail(f"cannot write to standard output: {error.strerror}; make room there", 1)
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; every error is one line on standard error."""
    said = arguments[: arguments.index("--")] if "--" in arguments else arguments  # of options
    debug = "--debug" in said
    if "--version" in said:
        arguments = ["--version"]
    arguments = arguments or ["--help"]
    try:
        status = app(arguments, prog_name="relubloom", standalone_mode=False, obj=said)
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line, no traceback
        if debug:
            traceback.print_exc()
        return _explain(error, arguments)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:
        resumable = arguments[0] in RESUMABLE
        remedy = "go on with the same command and --resume" if resumable else "run it again"
        return _fail(f"stopped; {remedy}", 1)
    return status if isinstance(status, int) else 0


def _explain(error: Exception, arguments: list[str]) -> int:
    if isinstance(error, RelubloomError):
        return _fail(error.args[0], error.exit_status)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # PyTorch's words
        return _fail("out of memory; lower --vocab-size, --batch-size or --seeds", 1)
    if isinstance(error, BrokenPipeError):
        return 1
    if isinstance(error, OSError) and error.filename is not None:
        named = f"{error.filename!s:.60}"
        return _fail(f"cannot use {named}: {error.strerror}; give another path", 1)
    if hasattr(error, "format_message"):
        return _fail(_usage_text(error, arguments), 2)
    return _fail(f"{type(error).__name__}: {error}; rerun with --debug for the traceback", 1)


def _usage_text(error: Any, arguments: list[str]) -> str:
    """What the argument parser found wrong, with the value it was given."""
    text = (error.format_message() or "no command given").rstrip(".")
    for theirs, ours in PARSER_WORDS:
        text = re.sub(theirs, ours, text)
    names = getattr(getattr(error, "param", None), "opts", [])
    for (word, following), name in itertools.product(itertools.pairwise([*arguments, ""]), names):
        start = f"{name}=" if name.startswith("--") else name
        value = following if word == name else word.removeprefix(start)
        if value != word and value not in text:
            text += f" (received {value!r})"
    context = getattr(error, "ctx", None)
    return f"{text}; see {context.command_path if context else 'relubloom'} --help"


def _fail(message: str, status: int) -> int:
    typer.echo(printable(f"relubloom: {' '.join(message.split())}"), err=True)
    return status
