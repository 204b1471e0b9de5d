"""Files that appear whole or not at all: written beside the target, fsynced, renamed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from relubloom.errors import FileError


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a killed process leaves the old file or the new one.

    Raises:
        FileError: the folder cannot be written, the disk is full, or a device, a pipe or a folder
            lies there; what lay there is untouched.
    """
    try:
        if path.exists() and not path.is_file():
            raise FileError(
                f"cannot write {path}: what lies there is no regular file; give another path"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            settle(Path(beside), path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}; make room there, or write "
            "to another folder"
        ) from error


def settle(beside: Path, path: Path) -> None:
    """Put a finished file in its place: fsync, the umask's permissions, rename."""
    with beside.open("rb+") as stream:
        os.fsync(stream.fileno())
    beside.chmod(0o666 & ~_umask())
    beside.replace(path)


def check_writable(folder: Path) -> None:
    """Make the folder and try it, before long work is done for it.

    Raises:
        FileError: nothing can be written there.
    """
    probe = folder / ".probe"
    write_bytes(probe, b"")
    probe.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, content.encode("utf-8", "backslashreplace"))  # names of files may be no text


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON (no NaN) atomically, with a newline at the end."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
