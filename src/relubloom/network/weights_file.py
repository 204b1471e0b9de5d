"""`config.json` + `model.safetensors`: the Hugging Face layout of a network on disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from relubloom import atomic, reading
from relubloom._version import __version__
from relubloom.errors import FileError, UsageError

SCHEMA_VERSION = 1
LARGEST = 1e34  # of an entry or a product of two; a float32 holds 3e38, and sums are taken
NAMES = ("W_in", "b_in", "W_out", "b_out")
PRECISIONS = ("float16", "bfloat16", "float32", "float64")
CONFIG, WEIGHTS = "config.json", "model.safetensors"
ACTIVATION_KEYS = (
    *("hidden_act", "activation", "activation_function", "hidden_activation", "act_fn"),
    *("nonlinearity", "non_linearity"),
)
ACTIVATIONS = {"relu": "relu", "none": "none", "linear": "none", "identity": "none"}
IMPORT = "`relubloom import"


def write_weights(folder: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Write the two files, each atomically; `config` gains the versions and the network's sizes.

    Raises:
        UsageError: `config` is no JSON; nothing is written.
        FileError: the folder cannot be written.
    """
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"config cannot be written as JSON ({error}): config.json holds texts, finite numbers, "
            "true, false, null, lists and dicts; give those"
        ) from None
    vocab_size, width = tensors["W_in"].shape
    versions = {
        "model_type": "relubloom",
        "schema_version": SCHEMA_VERSION,
        "relubloom_version": __version__,
        "network": {"vocab_size": vocab_size, "width": width},
    }
    content = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    if len({value.untyped_storage().data_ptr() for value in content.values()}) < len(content):
        content = {name: value.clone() for name, value in content.items()}  # some share memory
    atomic.write_bytes(folder / WEIGHTS, save(content, {"format": "pt"}))
    atomic.write_json(folder / CONFIG, versions | config)


def read_config(folder: Path) -> dict[str, Any]:
    """Read `config.json`.

    Raises:
        FileError: it is missing, is not a JSON object, or is of a newer schema.
    """
    if folder.is_file():
        raise FileError(
            f"{folder} is no folder; bring a network's file in with {IMPORT} {folder} --out DIR`"
        )
    if not folder.is_dir():
        raise FileError(f"{folder} is no folder; give a run folder, as `relubloom train` writes it")
    config = reading.read_json(folder / CONFIG)
    if not isinstance(config, dict):
        raise FileError(f"{folder / CONFIG} holds no JSON object; restore or remake it")
    version = config.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise FileError(
            f"{folder / CONFIG} has schema_version {version!r}: this relubloom ({__version__}) "
            f"reads up to {SCHEMA_VERSION}; install a newer relubloom"
        )
    return config


def said_activation(config: dict[str, Any]) -> str | None:
    """The activation that a config names, as it names it; None where it names none.

    Of several names, one that is not of ReLU counts: none of them may be passed over.
    """
    places = [config, *(config[key] for key in ("network", "model") if key in config)]
    said = [
        place[key]
        for place in places
        for key in ACTIVATION_KEYS
        if isinstance(place, dict) and isinstance(place.get(key), str)
    ]
    others = [name for name in said if canonical_activation(name) != "relu"]
    return next(iter([*others, *said]), None)


def canonical_activation(name: str) -> str | None:
    """`relu`, or `none` for a linear network; None for any other activation."""
    last = name.lower().replace("()", "").rpartition(".")[2]
    return ACTIVATIONS.get(last)


def refuse_other_networks(folder: Path, config: dict[str, Any]) -> None:
    """Refuse a folder whose config says that its network is no ReLU network.

    Raises:
        FileError: it names another activation.
    """
    said = said_activation(config)
    found = None if said is None else canonical_activation(said)
    if said is None or found == "relu":
        return
    remedy = (
        f"bring it in with {IMPORT} {folder} --out NEW --set-size k`"
        if found == "none"
        else "train it with ReLU"
    )
    raise FileError(
        f"{folder / CONFIG} says that the activation is {said}: a run folder holds a ReLU "
        f"network; {remedy}"
    )


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the four tensors and check that they are the weights of one network.

    Raises:
        FileError: the file is missing or damaged, a tensor is missing, is not floating point or
            of another precision, has the wrong shape, or holds NaN, infinity or numbers so large
            that figures overflow.
    """
    path = folder / WEIGHTS
    try:
        found = load(reading.read_bytes(path, reading.ARRAYS))
    except FileNotFoundError:
        raise FileError(
            f"{folder} has no {WEIGHTS}; give a run folder, as `relubloom train` writes it"
        ) from None
    except (OSError, SafetensorError) as error:
        raise FileError(f"{path} is not a safetensors file ({error}); restore it") from None
    if missing := [name for name in NAMES if name not in found]:
        raise FileError(
            f"{path} has no tensor {missing[0]}: a network has {', '.join(NAMES)}; found "
            f"{', '.join(sorted(found)) or 'none'}; bring other networks in with {IMPORT} {folder} "
            "--out NEW`"
        )
    tensors = {name: found[name] for name in NAMES}
    _refuse_turned(path, tensors)
    try:
        check_shapes({name: tuple(value.shape) for name, value in tensors.items()})
    except UsageError as error:
        raise FileError(f"{path}: {error.args[0]}") from None
    for name, value in tensors.items():
        if precision_of(value) not in PRECISIONS:
            raise FileError(
                f"{path}: {name} is {precision_of(value)}: weights are "
                f"{', '.join(PRECISIONS)}; convert it"
            )
        if value.dtype != tensors["W_in"].dtype:
            raise FileError(
                f"{path}: {name} is {precision_of(value)} and W_in "
                f"{precision_of(tensors['W_in'])}; give all four the same precision"
            )
    try:
        check_numbers(tensors)
    except UsageError as error:
        raise FileError(f"{path}: {error.args[0]}") from None
    return tensors


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not all numbers.

    Raises:
        UsageError: a tensor holds NaN or infinity.
    """
    for name, value in tensors.items():
        if not bool(torch.isfinite(value).all()):
            raise UsageError(f"{name} holds NaN or infinity; train again or restore it")


def check_numbers(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights of which no figures can be taken.

    Raises:
        UsageError: a tensor holds NaN or infinity; or an entry, or the product of one of either
            layer, is above `LARGEST`, so that figures would overflow.
    """
    check_finite(tensors)
    sizes = {name: float(value.abs().max()) for name, value in tensors.items()}
    first, second = max(sizes["W_in"], sizes["b_in"]), max(sizes["W_out"], 1.0)
    largest = max(*sizes.values(), first * second)
    if largest > LARGEST:
        raise UsageError(
            f"W_in or b_in reaches {first:.2g}, W_out {sizes['W_out']:.2g} and b_out "
            f"{sizes['b_out']:.2g}: figures are taken where entries, and products of both layers', "
            f"are at most {LARGEST:.0e}; scale them down"
        )


def _refuse_turned(path: Path, tensors: dict[str, Tensor]) -> None:
    """Say so where both matrices lie as nn.Linear keeps them."""
    turned = {name: tuple(value.shape)[::-1] for name, value in tensors.items()}
    try:
        check_shapes(turned)
    except UsageError:
        return
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    if shapes["W_in"] != turned["W_in"]:
        raise FileError(
            f"{path}: W_in {shapes['W_in']} and W_out {shapes['W_out']} lie as in nn.Linear, [out, "
            f"in]; bring them in with {IMPORT} {path.parent} --out NEW --layout linear`"
        )


def check_shapes(shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse shapes that are no network.

    Raises:
        UsageError: a tensor's rank or size does not fit the others'.
    """
    W_in = shapes["W_in"]
    if len(W_in) != 2 or 0 in W_in:
        raise UsageError(f"W_in has shape {W_in}: it must be [vocab, width], both at least 1")
    vocab, width = W_in
    wanted = {"b_in": (width,), "W_out": (width, vocab), "b_out": (vocab,)}
    for name, shape in wanted.items():
        if shapes[name] != shape:
            raise UsageError(
                f"{name} has shape {shapes[name]}: beside W_in {W_in} it must be {shape}; "
                "give the four tensors of one network"
            )


def precision_of(value: Tensor) -> str:
    """`float32` of a tensor of torch.float32."""
    return str(value.dtype).removeprefix("torch.")
