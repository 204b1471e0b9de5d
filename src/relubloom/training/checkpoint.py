"""Checkpoints: all that a training run needs to go on as if it had never stopped.

Sets, initialisation and schedule are functions of (seed, step), so the weights, Adam's moments,
the snapshots so far and the history are the whole state; there is no generator to save.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from relubloom import atomic
from relubloom.errors import FileError

SCHEMA_VERSION = 1


def save_checkpoint(
    path: Path, tensors: dict[str, Tensor], fingerprint: str, progress: dict[str, Any]
) -> None:
    """Write tensors and progress to one safetensors file, atomically.

    Raises:
        FileError: the disk is full or the folder cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    metadata = {
        "schema_version": str(SCHEMA_VERSION),
        "fingerprint": fingerprint,
        "progress": json.dumps(progress),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in tensors.items()}, beside, metadata)
        atomic.settle(beside, path)
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        raise FileError(
            f"cannot write {path}: {error}; make room there, or write to another folder"
        ) from None


def load_checkpoint(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint.

    Raises:
        FileError: the file is damaged, or belongs to another configuration.
    """
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
        found, progress = metadata["fingerprint"], json.loads(metadata["progress"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FileError(
            f"{path} is no readable checkpoint ({error}); start anew with --force"
        ) from None
    if found != fingerprint:
        raise FileError(
            f"{path} is of another task, recipe or seeds; resume with the settings it was started "
            "with, or start anew with --force"
        )
    return tensors, progress


def move_to(tensors: dict[str, Tensor], device: torch.device | str) -> dict[str, Tensor]:
    """The same tensors on a device."""
    return {name: value.to(device) for name, value in tensors.items()}
