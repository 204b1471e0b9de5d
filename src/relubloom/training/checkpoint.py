"""Checkpoints: all that a training run needs to go on as if it had never stopped.

Sets, initialisation and schedule are functions of (seed, step), so the weights, Adam's moments,
the snapshots so far and the history are the whole state; there is no generator to save.

A file holds a digest of all that it says, so that a changed bit is found before a step is trained
on it. Files of the first schema have none: of these only what the state must look like is checked.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from relubloom import atomic, reading
from relubloom.errors import FileError

SCHEMA_VERSION = 2
MOST_BYTES = 1 << 36  # of weights, moments and snapshots of all networks of a stack
WITHOUT_DIGEST = "1"  # the schema version of files that hold none


def save_checkpoint(
    path: Path, tensors: dict[str, Tensor], fingerprint: str, progress: dict[str, Any]
) -> None:
    """Write tensors and progress to one safetensors file, atomically, whoever else writes it.

    Raises:
        FileError: the disk is full or the folder cannot be written.
    """
    metadata = {
        "schema_version": str(SCHEMA_VERSION),
        "fingerprint": fingerprint,
        "progress": json.dumps(progress, allow_nan=False),
    }
    metadata["digest"] = digest_of(tensors, metadata)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    contiguous = {name: value.contiguous() for name, value in tensors.items()}

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(
            save(contiguous, metadata)
        )  # save_file leaves a file of its own if killed
        atomic.settle(beside, path)

    try:
        try:
            write()
        except FileNotFoundError:  # another run in this folder has ended, and cleared it
            write()
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        raise FileError(
            f"cannot write {path}: {error}; make room there, or write to another folder"
        ) from None


def load_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint.

    Raises:
        FileError: the file is damaged, of an unknown schema, of another configuration, no regular
            file, or larger than 64 GiB.

    Cost: reading it, and a SHA-256 of its bytes.
    """
    reading.check(path, MOST_BYTES)
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
        version, found = metadata["schema_version"], metadata["fingerprint"]
        if version not in (WITHOUT_DIGEST, str(SCHEMA_VERSION)):
            raise FileError(
                f"{path} is of schema version {version[:9]!r}, and this relubloom reads 1 to "
                f"{SCHEMA_VERSION}; use the relubloom that wrote it, or start anew with --force"
            )
        digest = None if version == WITHOUT_DIGEST else metadata.pop("digest")
        if digest not in (None, digest_of(tensors, metadata)):
            raise unreadable(path, "its content is not what its digest is of")
        progress = json.loads(metadata["progress"])
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from None
    if found != fingerprint:
        raise FileError(
            f"{path} is of another task, recipe or seeds; resume with the settings it was started "
            "with, or start anew with --force"
        )
    return tensors, progress


def remove_checkpoint(path: Path) -> None:
    """Remove what is there of it, and what a kill in the middle of writing it has left."""
    for each in (path, *path.parent.glob(f".{path.name}.*")):
        each.unlink(missing_ok=True)


def unreadable(path: Path, reason: object) -> FileError:
    """The error of a damaged checkpoint."""
    return FileError(f"{path} is no readable checkpoint ({reason}); start anew with --force")


def digest_of(tensors: dict[str, Tensor], header: dict[str, str]) -> str:
    """SHA-256 of the header, and of each tensor's name, type, shape and bytes.

    Cost: a second for each 1.5 GB.
    """
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors on the CPU."""
    return {name: value.cpu() for name, value in tensors.items()}
