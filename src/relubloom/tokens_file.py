"""Reading a file of tokens: one label a line, in the order of the ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from relubloom.errors import FileError, UsageError, described
from relubloom.reading import TEXT, read_bytes

LINE_END = re.compile(rb"\r\n|\r|\n")
UTF_16 = b"\xff\xfe", b"\xfe\xff"  # how a text in that encoding begins
ENDS_IN_COMMA = re.compile(r"\w,$")  # a word does; a token that is a sign may
MANY_WORDS = 3  # in a line, of which most lines of a file of sets have so many
SPACE = " \t"
ONE_A_LINE = "a tokens file has one token a line"


def read_tokens(path: Path | str) -> tuple[str, ...]:
    """The labels of a file that someone wrote: space around them is cut off, unless labels
    differ by it alone, and blank lines are skipped. A label may hold several words.

    Raises:
        FileError: the file is missing, is no UTF-8 text, holds no token or one line with commas,
            has a word that ends in a comma, or repeats a token; lines are named.
    """
    content = _content(path)
    if content.startswith(UTF_16):
        raise FileError(f"{path} is UTF-16; save the file as UTF-8")
    if b"\0" in content:
        raise FileError(f"{path} is no text; give a file with one token per line")
    decoded = {n: _decoded(path, n, line) for n, line in enumerate(LINE_END.split(content), 1)}
    lines = {n: line for n, line in decoded.items() if line.strip(SPACE)}
    cut = {n: line.strip(SPACE) for n, line in lines.items()}
    same = len(set(cut.values())) == len(set(lines.values()))
    found = dict[str, int]()
    for number, label in (cut if same else lines).items():
        if label in found:
            raise FileError(
                f"{path}, line {number}: token {label!r:.60} stands in line {found[label]} too; "
                "list each token once"
            )
        found[label] = number
    if not found:
        raise FileError(f"{path} holds no tokens; give a file with one token per line")
    labels = tuple(found)
    if len(labels) == 1 and "," in labels[0]:
        raise FileError(
            f"{path}, line {found[labels[0]]} holds all tokens, with commas between: {ONE_A_LINE}; "
            "put each on a line of its own"
        )
    if ended := next((label for label in labels if ENDS_IN_COMMA.search(label)), None):
        raise FileError(
            f"{path}, line {found[ended]}: {ended!r:.60} ends in a comma, which would be part of "
            f"the token: {ONE_A_LINE}; leave the comma out"
        )
    return labels


def stored_tokens(path: Path) -> tuple[str, ...]:
    """The labels of a run folder's own `tokens.txt`, exactly as they were written.

    Raises:
        FileError: the file is no UTF-8 text, is empty or has an empty line, or repeats a token.
    """
    labels = [_decoded(path, *line) for line in enumerate(LINE_END.split(_content(path)), 1)]
    if labels[-1] == "":
        del labels[-1]
    if not labels or "" in labels or len(set(labels)) < len(labels):
        raise FileError(f"{path} has an empty line, or a token twice; restore it")
    return tuple(labels)


def as_labels(name: str, labels: object) -> tuple[str, ...]:
    """A sequence of texts as labels, one a token.

    Raises:
        UsageError: it is something else; the message calls it `name`.
    """
    if isinstance(labels, Iterable) and not isinstance(labels, str):
        given = tuple[object, ...](labels)
        if all(isinstance(each, str) for each in given):
            return cast(tuple[str, ...], given)
    raise UsageError(f"{name} is {described(labels)}: give a list with one label a token")


def check_labels(labels: Sequence[str], vocab_size: int) -> None:
    """Refuse labels that a run folder's `tokens.txt` cannot hold, a line a token.

    Raises:
        UsageError: they are not one a token, or one is empty, holds the end of a line, or stands
            twice.
    """
    if len(labels) != vocab_size:
        raise UsageError(
            f"{len(labels)} token labels for {vocab_size} tokens: give one label a token"
        )
    seen = set[str]()
    for label in labels:
        if not label or LINE_END.search(label.encode()):
            raise UsageError(
                f"token label {label!r:.60} is no line of a text: a label holds something, and no "
                "end of a line; change it"
            )
        if label in seen:
            raise UsageError(f"token label {label!r:.60} is given twice: they differ; rename one")
        seen.add(label)


def doubtful_lines(path: Path | str, labels: tuple[str, ...]) -> str:
    """What to say of a tokens file that may be something else; empty where it looks like one."""
    several = sum(len(label.split()) >= MANY_WORDS for label in labels)
    commas = sum("," in label for label in labels)
    if max(several, commas) * 2 <= len(labels):
        return ""
    what = "commas" if commas > several else f"{MANY_WORDS} words or more"
    return (
        f"most lines of {path} hold {what}, and each counts as one token: {ONE_A_LINE}; a file of "
        "sets goes to --sets"
    )


def _content(path: Path | str) -> bytes:
    try:
        return read_bytes(path, TEXT).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give the path of a file") from None


def _decoded(path: Path | str, number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        shown = line[:40].decode(errors="replace").strip()
        raise FileError(
            f"{path}, line {number}, {shown!r}, is not UTF-8; save the file as UTF-8"
        ) from None
