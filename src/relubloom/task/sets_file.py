"""Reading a file of sets: one set per line, tokens separated by spaces or commas."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from relubloom.errors import FileError, UsageError, true_or_false
from relubloom.reading import TEXT, opened

MAX_LINE_BYTES = 1 << 20
TOKENS_FILE = "the tokens file"
SEPARATORS = re.compile(r"[ ,]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class SetsFile:
    """The kept lines of a file, and what was left out.

    `counts` maps each distinct set (ascending token ids) to the number of lines that hold it.
    """

    path: str = field(compare=False)
    sha256: str
    tokens: tuple[str, ...] = field(repr=False)
    counts: dict[tuple[int, ...], int] = field(repr=False, hash=False)
    lines: int
    left_out: int
    bad_lines: int
    merged_duplicates: int


def read_sets(
    path: Path | str,
    sizes: tuple[int, int] | None = None,
    tokens: tuple[str, ...] | None = None,
    skip_bad: bool = False,
    named_by: str = TOKENS_FILE,
) -> SetsFile:
    """Read a sets file.

    Args:
        path: UTF-8 text; lines that start with `#` and blank lines are comments.
        sizes: keep lines whose number of distinct tokens lies between these, both included.
        tokens: the allowed tokens, in the order of their ids; None takes the tokens of the kept
            lines, in order of first appearance.
        skip_bad: count a bad line instead of refusing it.
        named_by: what says the allowed tokens, in the words of an error.

    Raises:
        FileError: the file is missing, a line is bad (its number is given), or no line is kept.
    """
    allowed = None if tokens is None else frozenset(tokens)
    found = _Lines()
    try:
        with opened(path, TEXT) as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            for number, line in _lines(stream):
                try:
                    found.add(_words(line, number == 1, allowed, named_by), sizes)
                except ValueError as reason:
                    if not skip_bad:
                        raise FileError(
                            f"{path}, line {number}: {reason}; mend the line or pass --skip-bad"
                        ) from None
                    found.bad += 1
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give the path of a file") from None
    if not found.kept:
        raise FileError(_nothing_kept(path, sizes, found))
    vocabulary = tokens or tuple(dict.fromkeys(word for words in found.kept for word in words))
    return SetsFile(
        path=str(path),
        sha256=sha256,
        tokens=vocabulary,
        counts=_by_ids(found.kept, vocabulary),
        lines=sum(found.kept.values()),
        left_out=found.left_out,
        bad_lines=found.bad,
        merged_duplicates=found.merged,
    )


def refuse_skip_bad(skip_bad: bool, sets: object) -> None:
    """Raises: UsageError: bad lines are to be skipped, and there is no file of sets."""
    if true_or_false("skip_bad", skip_bad) and sets is None:
        raise UsageError(
            "--skip-bad is given without --sets: it skips a file's bad lines; give --sets, or "
            "leave it out"
        )


@dataclass
class _Lines:
    """What was read so far: kept sets with their copies, and the counts of the rest."""

    kept: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])
    left_out: int = 0
    bad: int = 0
    merged: int = 0

    def add(self, words: list[str], sizes: tuple[int, int] | None) -> None:
        if not words:
            return
        distinct = tuple(dict.fromkeys(words))
        self.merged += len(words) - len(distinct)
        if sizes is None or sizes[0] <= len(distinct) <= sizes[1]:
            self.kept[distinct] += 1
        else:
            self.left_out += 1


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; of an over-long one only the beginning is held."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        yield number, line
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES)


def _words(line: bytes, first: bool, allowed: frozenset[str] | None, named_by: str) -> list[str]:
    if len(line) > MAX_LINE_BYTES + 1 or (
        len(line) == MAX_LINE_BYTES + 1 and not line.endswith(b"\n")
    ):
        raise ValueError("the line is over 1 MiB")
    try:
        text = line.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if text.startswith("#"):
        return []
    if found := CONTROL.search(text):
        raise ValueError(
            f"control character U+{ord(found[0]):04X} (tokens are separated by spaces or commas)"
        )
    words = [word for word in SEPARATORS.split(text) if word]
    if allowed is not None and (unknown := [word for word in words if word not in allowed]):
        raise ValueError(f"token {unknown[0]!r:.60} is not in {named_by}")
    return words


def _by_ids(
    kept: Counter[tuple[str, ...]], vocabulary: tuple[str, ...]
) -> dict[tuple[int, ...], int]:
    ids = {token: index for index, token in enumerate(vocabulary)}
    counts: Counter[tuple[int, ...]] = Counter()
    for words, copies in kept.items():
        counts[tuple(sorted(ids[word] for word in words))] += copies
    return dict(counts)


def _nothing_kept(path: Path | str, sizes: tuple[int, int] | None, found: _Lines) -> str:
    if found.left_out and sizes is not None:
        return (
            f"{path}: none of its {found.left_out} sets has {sizes[0]} to {sizes[1]} tokens; "
            "widen --set-size"
        )
    if found.bad:
        return f"{path}: all {found.bad} lines are bad; mend the file"
    return f"{path} holds no sets; give a file with one set per line"
