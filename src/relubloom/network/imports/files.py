"""Files that hold a network: PyTorch state dicts, safetensors, npz, ONNX, a folder."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from relubloom import reading
from relubloom.errors import FileError, first_line
from relubloom.network.imports.source import Placed, Source
from relubloom.network.weights_file import (
    CONFIG,
    NAMES,
    WEIGHTS,
    read_config,
    read_weights,
    said_activation,
)

TORCH, PICKLED = (".pt", ".pth", ".bin", ".ckpt"), "pytorch_model.bin"
NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
)
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel, of torch.compile
FOLDER_WEIGHTS = (WEIGHTS, PICKLED)


def read_source(path: Path) -> Source:
    """What a file or folder holds.

    Raises:
        FileError: it is missing, damaged, of an unknown kind, or holds no tensors.
        UsageError: it is ONNX, and the extra is not installed.
    """
    if path.is_dir():
        return _read_folder(path)
    sha256 = reading.sha256_of(path, reading.ARRAYS)
    if path.suffix == ".onnx":
        from relubloom.network.imports.onnx_graph import read_onnx

        return replace(read_onnx(path), sha256=sha256)
    form = "torch" if path.suffix in TORCH else path.suffix.removeprefix(".")
    return Source(form, read_tensors(path), sha256=sha256)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict, a safetensors or an npz file, by name.

    Raises:
        FileError: as `read_source`.
    """
    reader = _reader(path)
    try:
        return reader(path)
    except IsADirectoryError:
        raise FileError(f"{path} is a folder: give a file") from None
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.errno is not None:
            raise FileError(f"cannot read {path}: {error.strerror}; give a file") from None
        raise FileError(f"{path} is damaged ({error}); restore it") from None


def _read_folder(folder: Path) -> Source:
    """A folder in the Hugging Face layout, or a run folder."""
    weights = next((folder / name for name in FOLDER_WEIGHTS if (folder / name).exists()), None)
    if weights is None:
        raise FileError(
            f"{folder} has neither {WEIGHTS} nor {PICKLED}: give a folder with {CONFIG} and one "
            "of them, or the file of weights itself"
        )
    sha256 = reading.sha256_of(weights, reading.ARRAYS)
    config = read_config(folder) if (folder / CONFIG).exists() else {}
    activation = said_activation(config)
    if config.get("model_type") == "relubloom":
        placed = Placed(read_weights(folder), {name: name for name in NAMES}, "matmul")
        return Source("relubloom", {}, placed, activation or "relu", sha256=sha256)
    tensors = read_tensors(weights)
    return Source("hugging-face", tensors, activation=activation, sha256=sha256)


def _reader(path: Path) -> Callable[[Path], dict[str, Tensor]]:
    if path.suffix in TORCH:
        return _read_torch
    if path.suffix == ".safetensors":
        return _read_safetensors
    if path.suffix == ".npz":
        return _read_npz
    raise FileError(
        f"{path} has the suffix {path.suffix or 'none'!r}: weights come as {', '.join(TORCH)} (a "
        "PyTorch state dict), .safetensors, .npz, .onnx or a folder; save it as one of them"
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load(reading.read_bytes(path, reading.ARRAYS))
    except SafetensorError as error:
        raise FileError(f"{path} is not a safetensors file ({error}); restore it") from None


def _read_npz(path: Path) -> dict[str, Tensor]:
    try:
        arrays = reading.read_arrays(path)
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    except (ValueError, TypeError) as error:
        if "object" in str(error):
            raise FileError(
                f"{path} holds Python objects and no plain arrays: they would run code; save each "
                "tensor as an array of floats with np.savez"
            ) from None
        raise FileError(f"{path} is not an npz file ({error}); write it with np.savez") from None


def _read_torch(path: Path) -> dict[str, Tensor]:
    """A state dict; nothing but tensors and plain containers is ever unpickled."""
    try:
        with reading.opened(path, reading.ARRAYS) as stream, warnings.catch_warnings():
            _refuse_bomb(path, stream)
            warnings.simplefilter("ignore")  # of protocols and TorchScript: refused below
            found: Any = torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FileError(f"{path} {_pickled(str(error))}") from None
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError) as error:
        if "TorchScript" in str(error):
            raise FileError(
                f"{path} is a TorchScript archive: in Python, save its state dict with "
                "torch.save(torch.jit.load(FILE).state_dict(), NEW)"
            ) from None
        said = first_line(error)
        raise FileError(f"{path} is no whole PyTorch file ({said}); save it again") from None
    return _state_dict(found, str(path))


def _refuse_bomb(path: Path, stream: BinaryIO) -> None:
    """Refuse an archive that unpacks to more than is read; PyTorch writes its own unpacked."""
    if zipfile.is_zipfile(stream):
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > reading.ARRAYS:
            raise FileError(
                f"{path} unpacks to {unpacked:,} bytes: at most {reading.ARRAYS:,} are read; save "
                "it again with torch.save"
            )
    stream.seek(0)


def _pickled(said: str) -> str:
    """What is wrong with a pickle that is not only tensors, and the remedy."""
    named = re.search(r"(?:GLOBAL|global|class) ([\w.]+)", said)
    remedy = (
        "it was not loaded; where you trust it, save its tensors with "
        "torch.save(model.state_dict(), FILE), or pass the module to rb.ReluNet.from_module"
    )
    if named is None:
        return f"is a damaged pickle, or holds more than tensors; {remedy}"
    return f"holds Python objects ({named[1]}), which run code when they are loaded; {remedy}"


def _state_dict(found: Any, name: str) -> dict[str, Tensor]:
    """The tensors of what was loaded, or of the state dict nested in it."""
    if isinstance(found, Mapping):
        tensors = {str(at): value for at, value in found.items() if isinstance(value, Tensor)}
        if tensors:
            return without_prefix(tensors)
        for key in NESTED:
            if isinstance(found.get(key), Mapping):
                return _state_dict(found[key], f"{name}, {key}")
    raise FileError(
        f"{name} holds {type(found).__name__} and no tensors by name; save it with "
        "torch.save(model.state_dict(), FILE)"
    )


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the prefixes that wrappers of a module add to every name."""
    found = dict(tensors)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found
