"""The errors a user can cause, each with one line: the value received, the rule, the remedy."""

import os
import re
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

LONGEST_SHOWN = 60  # characters of a value in a message
FLAGS = "force|resume|skip-bad"
BEFORE, AFTER = r"(?<![\w/.-])", r"(?![\w/-]|\.\w)"  # else it is a part of a path
OPTION = re.compile(
    rf"`[^`]*`| \(in Python [^)]*\)|{BEFORE}--({FLAGS}){AFTER}"
    rf"|{BEFORE}--([a-z][a-z-]*){AFTER}(?:( )(?=\d|k\b))?"
)


class RelubloomError(Exception):
    """Something the user can mend went wrong; the command line prints it and exits with 1.

    `str` tells options as the arguments that they are in Python, `force=True` and not `--force`;
    `args[0]` is the line of the command line.
    """

    exit_status = 1

    def __str__(self) -> str:
        return OPTION.sub(_argument, " ".join(super().__str__().splitlines()))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows, the caller's own lines and the message."""
        import sysconfig  # here: the command line does without
        import traceback

        passed = (str(Path(__file__).parent), sysconfig.get_path("purelib"))
        frames = traceback.extract_tb(self.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(passed)]
        return [*traceback.format_list(own), f"{type(self).__name__}: {self}"]


def _argument(option: re.Match[str]) -> str:
    """An option of the command line as Python's argument; what stands in backticks stays, and what
    tells it already goes."""
    flag, name, value = option.groups()
    if flag is None and name is None:
        return option[0] if option[0][0] == "`" else ""
    return (flag or name).replace("-", "_") + ("=True" if flag else "=" if value else "")


class UsageError(RelubloomError, ValueError):
    """A value given in a call or on the command line breaks a rule; exit status 2."""

    exit_status = 2


class FileError(RelubloomError):
    """A file's content breaks a rule, or a file that is needed is not there; exit status 1."""


class DivergedError(RelubloomError):
    """Training ran into NaN or infinite numbers; `seeds` are those of the networks that did."""

    def __init__(self, message: str, seeds: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.seeds = seeds


class StoppedError(KeyboardInterrupt):
    """The user stopped the work (Ctrl-C); whoever raises it says where its state lies.

    A KeyboardInterrupt, so that no `except Exception` goes on after it.
    """


def described(value: object) -> str:
    """What a message calls a value of the wrong kind: dtype and shape, or the value, and its type.

    `float32 of shape (3, 4)`, `'48' (str)`; of anything long the type alone, as in `a KSparseTask`.
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"{str(dtype).removeprefix('torch.')} of shape {tuple(shape)}"
    name = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, bool | int | float | complex | str | bytes | list | tuple | set | dict):
        text = repr(value)
        if len(text) <= LONGEST_SHOWN:
            return f"{text} ({name})"
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def first_line(error: Exception) -> str:
    """The first line of what an error of another library says; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def check_seed(seed: int, name: str = "seed") -> int:
    """The seed as an int; refuse those below 0. The message calls it `name`.

    Raises:
        UsageError: it is one, or no whole number.
    """
    seed = whole(name, seed)
    if seed < 0:
        raise UsageError(f"{name} is {seed}: seeds are 0 or more; raise it")
    return seed


def whole(name: str, value: object, least: int | None = None) -> int:
    """The value as an int, NumPy's included.

    Raises:
        UsageError: it is no whole number, or below `least`; the message calls it `name`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{name} is {described(value)}: it must be a whole number; give such as 3")
    number = int(value)
    if least is not None and number < least:
        raise UsageError(f"{name} is {number}: it must be at least {least}; raise it")
    return number


def check_fits(set_size: int, vocab_size: int) -> None:
    """Refuse sets of more tokens than there are.

    Raises:
        UsageError: they are.
    """
    if set_size > vocab_size:
        raise UsageError(
            f"set_size is {set_size} and vocab_size is {vocab_size}: a set has distinct tokens, so "
            "set_size <= vocab_size; lower set_size or raise vocab_size"
        )


def true_or_false(name: str, value: object) -> bool:
    """True or False; no text or number is taken for one.

    Raises:
        UsageError: it is something else; the message calls it `name`.
    """
    if isinstance(value, bool):
        return value
    raise UsageError(f"{name} is {described(value)}: it is yes or no; give True or False")


def as_path(name: str, value: object) -> Path:
    """The path that a text or another path says.

    Raises:
        UsageError: it is something else, or no file can have that name; the message calls it
            `name`.
    """
    said = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(said, str):
        raise UsageError(f"{name} is {described(value)}: it must be a path; give such as 'runs/a'")
    if "\0" in said:
        raise UsageError(f"{name} is {said!a}: no file can have that name; give another")
    return Path(said)


def check_dict(name: str, value: object) -> None:
    """Raises: UsageError: the value is no dict; the message calls it `name`."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is {described(value)}: it must be a dict; give such as {{}}")


def check_choice(name: str, value: object, *known: str) -> None:
    """Raises: UsageError: the value is none of the known ones; the message calls it `name`."""
    if not isinstance(value, str) or value not in known:
        said = repr(value) if isinstance(value, str) else described(value)
        raise UsageError(f"{name} is {said}: choose one of {', '.join(known)}")
