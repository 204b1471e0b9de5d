"""The options that several commands share, and the answers that all of them give."""

from __future__ import annotations

import inspect
import json as json_text
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from relubloom.errors import RelubloomError, StoppedError, UsageError
from relubloom.shown import printable

if TYPE_CHECKING:
    from relubloom.network.imports.source import Given

# An option, in the part of a command's help that it stands in.
task_option: partial[Any] = partial(typer.Option, rich_help_panel="Task")
training_option: partial[Any] = partial(typer.Option, rich_help_panel="Training")
output_option: partial[Any] = partial(typer.Option, rich_help_panel="Output")
machine_option: partial[Any] = partial(typer.Option, rich_help_panel="Machine")

TokensPath = Annotated[
    Path | None,
    task_option(
        help="Token labels, one per line; without --sets their number is the vocabulary's. Blank "
        "lines are skipped, and a label may hold several words.",
    ),
]
VocabSize = Annotated[int | None, task_option("--vocab-size", "-N", help="Number of tokens.")]
SkipBad = Annotated[
    bool, task_option("--skip-bad", help="Skip a sets file's bad lines, and count them.")
]
RunOut = Annotated[Path, output_option("--out", "-o", help="Run folder to write.")]
Resume = Annotated[bool, output_option("--resume", help="Go on where it stopped.")]
Force = Annotated[bool, output_option("--force", help="Replace what lies there.")]
Export = Annotated[
    list[Path] | None,
    output_option(metavar="FILE", help="Write the runs to FILE.csv or FILE.parquet; repeatable."),
]
Device = Annotated[str, machine_option(help="cpu, cuda, or mps, which only trains.")]
RunDir = Annotated[
    Path, typer.Argument(metavar="DIR", help="A run folder: config.json, model.safetensors, ...")
]


import_option: partial[Any] = partial(typer.Option, rich_help_panel="A network of your own")


@dataclass(frozen=True)
class Foreign:
    """What is said of a network that someone else trained, where its file does not say it."""

    names: Annotated[
        str | None,
        import_option(
            metavar="ROLE=NAME,...",
            help="Which tensor is which, as W_in=fc1.weight,b_in=fc1.bias,W_out=fc2.weight.",
        ),
    ] = None
    layout: Annotated[
        str | None,
        import_option(
            help="How both matrices lie, where shapes do not say it: linear (out, in) as in "
            "nn.Linear, matmul (in, out), embedding (vocab, width), tied (width, vocab).",
        ),
    ] = None
    activation: Annotated[
        str | None,
        import_option(
            help="relu, or none for a linear network; asked for where the file does not say it.",
        ),
    ] = None
    input_scale: Annotated[
        str | None,
        import_option(
            help="What the network's inputs are multiplied by: a number such as 0.25 or 1/3, mean "
            "(1/k), l2 (1/sqrt(k)).",
        ),
    ] = None
    check: Annotated[
        Path | None,
        import_option(
            help="A file with inputs and outputs of the original, to verify what was understood.",
        ),
    ] = None

    def given(self, set_size: int | tuple[int, int] | None) -> Given:
        """The options as the reader takes them.

        Raises:
            UsageError: one of them breaks its rule.
        """
        from relubloom.network.imports.source import Given

        names = None if self.names is None else _pairs(self.names)
        return Given(names, self.layout, self.activation, self.input_scale, set_size)

    @property
    def said(self) -> list[str]:
        """The options that were given."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return [f"--{name.replace('_', '-')}" for name, value in named.items() if value is not None]


@dataclass(frozen=True)
class Answering:
    """How a command answers. Every one takes --quiet, so that a script may always pass it."""

    json: Annotated[bool, output_option("--json", help="One JSON object on standard output.")] = (
        False
    )
    quiet: Annotated[bool, typer.Option("--quiet", "-q", hidden=True)] = False
    debug: Annotated[bool, machine_option("--debug", help="Show the traceback of an error.")] = (
        False
    )

    def answer(self, value: dict[str, Any], text: Callable[[], str]) -> None:
        """Print the value as JSON where that is wanted, else the text."""
        said = json_text.dumps(value, allow_nan=False) if self.json else printable(text())
        try:
            typer.echo(said)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise RelubloomError(
                f"cannot write to standard output: {error.strerror}; make room there"
            ) from None


@dataclass(frozen=True)
class SetsAsked:
    """Which sets a network is put to, where that is not what its folder says."""

    set_size: Annotated[
        str | None,
        task_option(
            "--set-size",
            "-k",
            metavar="k|a..b",
            help="Tokens per set, where the folder does not say it, or to take other sizes; of a "
            "file the lines of these sizes. Later commands remember it.",
        ),
    ] = None
    sets: Annotated[
        Path | None,
        task_option(
            metavar="FILE",
            help="All lines of a file of sets, copies counted; of the very file that the network "
            "was trained on, the fifth that was held out.",
        ),
    ] = None
    tokens: Annotated[
        Path | None,
        task_option(
            metavar="FILE",
            help="The tokens' names, one per line in the order of their ids; kept in tokens.txt. A "
            "folder without names has ids, in --sets too.",
        ),
    ] = None
    skip_bad: Annotated[
        bool, task_option("--skip-bad", help="Skip bad lines of --sets, and count them.")
    ] = False

    def arguments(self) -> dict[str, Any]:
        """What was asked for, as the steps of a study take it.

        Raises:
            UsageError: `--set-size` is neither `k` nor `a..b`.
        """
        given = {"sets": self.sets, "tokens": self.tokens, "skip_bad": self.skip_bad}
        return {"set_size": sizes_of(self.set_size)} | given


@dataclass(frozen=True)
class Watched(Answering):
    """How a command answers that shows its progress."""

    quiet: Annotated[bool, output_option("--quiet", "-q", help="No progress.")] = False


@dataclass(frozen=True)
class Working(Watched):
    """How a command answers that shows its progress and works with several threads."""

    threads: Annotated[
        int | None, machine_option(min=1, help="Threads to use; all cores by default.")
    ] = None

    @property
    def cores(self) -> int:
        """The number of threads asked for, or the cores this process may use."""
        from relubloom.threads import cores

        return cores(self.threads)


def refuse_beside(option: str, why: str, others: Mapping[str, Any]) -> None:
    """Refuse options that would do nothing beside another.

    Raises:
        UsageError: one of the others is given.
    """
    for name, value in others.items():
        if value:
            raise UsageError(f"{name} is given beside {option}: {why}; leave one out")


def sizes_of(text: str | None) -> int | tuple[int, int] | None:
    """What `--set-size` says, where it is given.

    Raises:
        UsageError: it is neither `k` nor `a..b`.
    """
    from relubloom.task import parse_sizes

    return None if text is None else parse_sizes(text, "--set-size")


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        role, equals, name = (piece.strip() for piece in part.partition("="))
        if not (role and equals and name):
            raise UsageError(
                f"--names has {part!r}: give ROLE=NAME, as W_in=fc1.weight,W_out=fc2.weight"
            )
        if role in found:
            raise UsageError(f"--names has {role} twice: a tensor has one name; leave one out")
        found[role] = name
    return found


def paragraphs(command: Callable[..., None]) -> str:
    """What a command's docstring says, each paragraph on a line, for the parser to lay out."""
    text = inspect.cleandoc(command.__doc__ or "")
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def spread(command: Callable[..., None], *, alone: bool = False) -> Callable[..., None]:
    """The command as the parser takes it: each field of a dataclass argument is an option.

    A command that is to run `alone` does nothing where one of its sub-commands was asked for.
    """
    kinds = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in kinds.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []

    def add(name: str, kind: Any, default: Any) -> None:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter(name, keyword, default=default, annotation=kind))

    if alone:
        add("context", typer.Context, inspect.Parameter.empty)
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            add(name, kinds[name], parameter.default)
            continue
        inner = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            add(field.name, inner[field.name], field.default)

    @wraps(command)
    def spread_command(**given: Any) -> None:
        if alone and (context := given.pop("context")).invoked_subcommand is not None:
            said = [name for name in given if context.get_parameter_source(name).name != "DEFAULT"]
            if said:
                option, called = said[0].replace("_", "-"), context.invoked_subcommand
                raise UsageError(
                    f"--{option} stands before {called}, which does not see it: what {called} "
                    "takes stands after it; leave the rest out"
                )
            return
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        try:
            command(**given)
        except StoppedError as stopped:  # the parser would not tell where
            raise RelubloomError(f"{stopped}; go on with the same command and --resume") from None

    vars(spread_command)["__signature__"] = inspect.Signature(parameters)
    return spread_command


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text with columns as wide as their widest cell; nothing is cut off.

    Columns that do not fit the screen, or 80 letters where there is none, follow in a table of
    their own, with the first column again.
    """
    most = max(80, shutil.get_terminal_size().columns)
    first, *others = list(zip(*rows, strict=True))
    blocks, room = [[first]], 0
    for column in others:
        wide = 2 + max(map(len, column))
        if (room := room - wide) < 0 and len(blocks[-1]) > 1:
            blocks.append([first])
        if len(blocks[-1]) == 1:
            room = most - max(map(len, first)) - wide
        blocks[-1].append(column)
    lines: list[str] = []
    for block in blocks:
        lines += [""] if lines else []
        widths = [max(map(len, column)) for column in block]
        for row in zip(*block, strict=True):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
    return lines
