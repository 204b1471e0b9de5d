"""Files that anyone may have written: read where they are regular and within a stated limit."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from relubloom.errors import FileError, RelubloomError

MIB = 1 << 20
SPEC, JSON, TEXT, ARRAYS, TABLE = MIB, 32 * MIB, 256 * MIB, 4096 * MIB, 1024 * MIB
"""Bytes at most of a sweep's spec, a JSON file, sets or tokens, tensors, a sweep's results."""
DIGITS = 4300  # of a whole number, as Python reads and writes them
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def opened(path: Path | str, most: int) -> Generator[io.BufferedReader]:
    """Open a regular file of at most `most` bytes; nothing else is waited for or read.

    Raises:
        FileError: it is a folder, a device, a pipe or a socket, or is larger; its name holds a
            NUL or what is no Unicode.
        OSError: it is not there or cannot be read.
    """
    try:
        # Not to wait for someone who writes into a pipe; a regular file takes no notice.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError:
        raise FileError(
            f"cannot read {str(path)!a}: no file can have that name; give the path of a file"
        ) from None
    found = os.fstat(handle)
    kind = stat.S_IFMT(found.st_mode)
    if kind != stat.S_IFREG:
        os.close(handle)
        raise FileError(
            f"{path} is {KINDS.get(kind, 'something else')}: only regular files are read; give "
            "the path of a file"
        )
    with os.fdopen(handle, "rb") as stream:
        if found.st_size > most:
            raise _too_large(path, found.st_size, most)
        yield stream


def read_bytes(path: Path | str, most: int) -> bytes:
    """The content of a file; raises as `opened`."""
    with opened(path, most) as stream:
        content = stream.read(most + 1)  # some files of the system have no size and no end
    if len(content) > most:
        raise _too_large(path, len(content), most)
    return content


def read_text(path: Path | str, most: int, encoding: str = "utf-8") -> str:
    """The text of a file, its line ends as `\\n`; raises as `opened`, and UnicodeDecodeError."""
    with io.TextIOWrapper(io.BytesIO(read_bytes(path, most)), encoding) as stream:
        return stream.read()


def sha256_of(path: Path, most: int = TEXT) -> str:
    """What the content of a file of at most so many bytes is known by.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with opened(path, most) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; give the path of a file") from None


def check(path: Path | str, most: int) -> None:
    """Refuse what `opened` refuses, for a library that opens the file itself."""
    with opened(path, most):
        pass


def read_json(path: Path) -> Any:
    """Read a file of strict JSON.

    Raises:
        FileError: the file is missing or is not JSON.
    """
    try:
        return parsed(read_text(path, JSON))
    except FileNotFoundError:
        raise FileError(f"{path} is not there; give a run folder that holds it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileError(f"{path} is not readable JSON ({reason}); restore or remake it") from None


RAISE = object()


def parsed(text: str, *, infinite: Any = RAISE) -> Any:
    """The value of strict JSON: no number too long to be read, and no NaN or infinity, or
    `infinite` in their place.

    Raises:
        ValueError: it is none; `json.JSONDecodeError` with the place, where there is one.
    """

    def real(said: str) -> Any:
        value = float(said)
        return finite_number(said) if infinite is RAISE or math.isfinite(value) else infinite

    try:
        return json.loads(text, parse_constant=real, parse_float=real, parse_int=whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_arrays(path: Path | str, most: int = ARRAYS) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file; nothing is unpickled.

    What an array's header says is held against the bytes that are there before any is made, and
    bytes are unpacked only where all of them together are within `most`.

    Raises:
        FileError: as `opened`; or the archive unpacks to more than `most`.
        ValueError: it is no archive of arrays, or one holds objects ("object" is in the text).
        OSError: as `opened`.
    """
    with opened(path, most) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                unpacked = sum(each.file_size for each in members)
                if unpacked > most:
                    raise _too_large(f"{path}, unpacked,", unpacked, most)
                return {
                    each.filename.removesuffix(".npy"): array_of(archive.read(each))
                    for each in members
                }
        except (RelubloomError, OSError, ValueError):
            raise
        except Exception as error:  # noqa: BLE001 - zipfile and zlib have errors of many kinds
            raise ValueError(str(error) or type(error).__name__) from None


def array_of(content: bytes) -> NDArray[Any]:
    """An npy file as an array that shares its bytes.

    Raises:
        ValueError: it is none, holds objects, or has other bytes than its header tells of.
    """
    stream = io.BytesIO(content)
    first, _ = npy.read_magic(stream)
    header = npy.read_array_header_1_0 if first == 1 else npy.read_array_header_2_0
    shape, by_column, kind = header(stream)
    if kind.hasobject:
        raise ValueError("it holds an array of objects, which would run code")
    there, told = len(content) - stream.tell(), math.prod(shape) * kind.itemsize
    if there != told or min(shape, default=0) < 0:
        raise ValueError(f"an array's header tells of {told} bytes and {there} are there")
    return np.ndarray(shape, kind, content, stream.tell(), order="F" if by_column else "C")


def whole_number(text: str) -> int:
    """A whole number of at most 4,300 digits.

    Raises:
        ValueError: it has more, which take Python long.
    """
    if len(text) > DIGITS:
        raise ValueError(f"a whole number has {len(text)} digits: at most {DIGITS} are read")
    return int(text)


def finite_number(text: str) -> float:
    """A number that float64 holds.

    Raises:
        ValueError: it is infinite or NaN.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.40} is no finite number")
    return value


def _too_large(name: Path | str, size: int, most: int) -> FileError:
    return FileError(f"{name} has {size:,} bytes: at most {most:,} are read; give a smaller file")
