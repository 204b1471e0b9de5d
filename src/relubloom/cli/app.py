"""The `relubloom` command: its sub-commands, its errors and its exit statuses."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from relubloom import __version__
from relubloom.cli.certifying import certify
from relubloom.cli.constructing import construct
from relubloom.cli.reading import examine, query, report
from relubloom.cli.studying import study, train
from relubloom.errors import RelubloomError, StoppedError

app = typer.Typer(
    name="relubloom",
    help="Train tiny ReLU networks that store sets, build exact Bloom-filter networks, and test "
    "whether the one is the other.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Start with: relubloom study --quick",
)

for command in (study, train, construct, examine, certify, report, query):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"relubloom {__version__}")
        raise typer.Exit


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
    """Run the command line; exits with 0 done, 1 failed, 2 wrong usage."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; every error is one line on standard error."""
    debug = "--debug" in arguments
    if "--version" in arguments:
        arguments = ["--version"]
    try:
        status = app(arguments, prog_name="relubloom", standalone_mode=False)
    except StoppedError as stopped:
        return _fail(f"{stopped}; go on with the same command and --resume", 1)
    except RelubloomError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _fail("stopped; go on with the same command and --resume", 1)
    except BrokenPipeError:
        return 1
    except MemoryError:
        return _fail("out of memory; lower --vocab-size, --batch-size or --seeds", 1)
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line, not a traceback
        return _unexpected(error, debug)
    return status if isinstance(status, int) else 0


def _unexpected(error: Exception, debug: bool) -> int:
    """Errors of the argument parser are usage; anything else is ours to mend."""
    format_message = getattr(error, "format_message", None)
    if format_message is not None:
        text = format_message() or "give a command"
        return _fail(f"{text.rstrip('.')}; see relubloom --help", getattr(error, "exit_code", 2))
    if debug:
        raise error
    return _fail(f"{type(error).__name__}: {error}; rerun with --debug for the traceback", 1)


def _fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    typer.echo(f"relubloom: {line}", err=True)
    return status
