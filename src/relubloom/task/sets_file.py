"""Reading a file of sets: one set per line, tokens separated by spaces or commas."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from relubloom.errors import FileError

MAX_LINE_BYTES = 1 << 20
SEPARATORS = re.compile(r"[ ,]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class SetsFile:
    """The kept lines of a file, and what was left out.

    `counts` maps each distinct set (ascending token ids) to the number of lines that hold it.
    """

    path: str
    sha256: str
    tokens: tuple[str, ...]
    counts: dict[tuple[int, ...], int]
    lines: int
    left_out: int
    bad_lines: int
    merged_duplicates: int


def read_sets(
    path: Path | str,
    sizes: tuple[int, int] | None = None,
    tokens: tuple[str, ...] | None = None,
    skip_bad: bool = False,
) -> SetsFile:
    """Read a sets file.

    Args:
        path: UTF-8 text; lines that start with `#` and blank lines are comments.
        sizes: keep lines whose number of distinct tokens lies between these, both included.
        tokens: the allowed tokens, in the order of their ids; None takes the tokens of the kept
            lines, in order of first appearance.
        skip_bad: count a bad line instead of refusing it.

    Raises:
        FileError: the file is missing, a line is bad (its number is given), or no line is kept.
    """
    digest = hashlib.sha256()
    allowed = None if tokens is None else frozenset(tokens)
    kept: Counter[tuple[str, ...]] = Counter()
    left_out = bad = merged = number = 0
    try:
        with Path(path).open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES + 2):
                number += 1
                digest.update(line)
                try:
                    words = _words(line, number == 1, allowed)
                except ValueError as reason:
                    if len(line) > MAX_LINE_BYTES:
                        _finish_line(stream, line, digest)
                    if not skip_bad:
                        raise FileError(
                            f"{path}, line {number}: {reason}; mend the line or pass --skip-bad"
                        ) from None
                    bad += 1
                    continue
                if not words:
                    continue
                distinct = tuple(dict.fromkeys(words))
                merged += len(words) - len(distinct)
                if sizes is None or sizes[0] <= len(distinct) <= sizes[1]:
                    kept[distinct] += 1
                else:
                    left_out += 1
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give the path of a file") from None
    if not kept:
        raise FileError(_nothing_kept(path, sizes, left_out, bad))
    vocabulary = tokens or tuple(dict.fromkeys(word for words in kept for word in words))
    return SetsFile(
        path=str(path),
        sha256=digest.hexdigest(),
        tokens=vocabulary,
        counts=_by_ids(kept, vocabulary),
        lines=sum(kept.values()),
        left_out=left_out,
        bad_lines=bad,
        merged_duplicates=merged,
    )


def read_tokens(path: Path | str) -> tuple[str, ...]:
    """Read token labels, one per line, in the order of their ids.

    Raises:
        FileError: the file is missing, is not UTF-8, is empty, or repeats a token.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give the path of a file") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    labels = text.removesuffix("\n").split("\n") if text else []
    labels = [label.removesuffix("\r") for label in labels]
    if not labels or "" in labels:
        line = labels.index("") + 1 if labels else 1
        raise FileError(f"{path}, line {line} is empty: one token a line is needed; fill the line")
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if repeated:
        raise FileError(f"{path} lists token {repeated[0]!r} twice; list each token once")
    return tuple(labels)


def _words(line: bytes, first: bool, allowed: frozenset[str] | None) -> list[str]:
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
        raise ValueError(f"token {unknown[0]!r:.60} is not in the tokens file")
    return words


def _finish_line(stream: object, line: bytes, digest: object) -> None:
    """Read on to the end of an over-long line without holding it."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)  # type: ignore[attr-defined]
        digest.update(line)  # type: ignore[attr-defined]


def _by_ids(
    kept: Counter[tuple[str, ...]], vocabulary: tuple[str, ...]
) -> dict[tuple[int, ...], int]:
    ids = {token: index for index, token in enumerate(vocabulary)}
    counts: Counter[tuple[int, ...]] = Counter()
    for words, copies in kept.items():
        counts[tuple(sorted(ids[word] for word in words))] += copies
    return dict(counts)


def _nothing_kept(
    path: Path | str, sizes: tuple[int, int] | None, left_out: int, bad: int
) -> str:
    if left_out and sizes is not None:
        return (
            f"{path}: none of its {left_out} sets has {sizes[0]} to {sizes[1]} tokens; "
            "widen --set-size"
        )
    if bad:
        return f"{path}: all {bad} lines are bad; mend the file"
    return f"{path} holds no sets; give a file with one set per line"
