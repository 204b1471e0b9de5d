"""Which networks the explorer holds, and in what precision they fit the page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom import atomic
from relubloom.code import Code, random_constant_weight
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.records.run_folder import CODE
from relubloom.report.contents import Contents, JsonObject, Run, read_weights
from relubloom.report.explorer.precision import Packed, pack_weights
from relubloom.theory import best_constant_weight

CERTIFICATE = "certificate.json"
CERTIFIED = ("sets", "method", "exact_sets", "exact_sets_bounds", "mse", "false_positives")
RANDOM_SEED = 1_000_003  # of the random code: not one that a study takes


@dataclass(frozen=True)
class ShownNetwork:
    """One network of the explorer.

    With `packed` it is sent as its weights, else as the Bloom filter of `code` at `sharpness`.
    `code_name` names the code's bits, which two networks may share. `python` are the lines that
    make the same network as `net` in the folder of the page.
    """

    key: str
    about: str
    code: Code
    code_name: str
    python: list[str]
    sharpness: float | None = None
    packed: Packed | None = None
    certificate: JsonObject | None = None

    @cached_property
    def packed_bits(self) -> bytes:
        """The hashes, each in whole little-endian 32-bit words, bit i in word i // 32."""
        bits = self.code.bits
        padded = np.zeros((len(bits), -(-bits.shape[1] // 32) * 32), dtype=np.bool_)
        padded[:, : bits.shape[1]] = bits
        return np.packbits(padded, axis=1, bitorder="little").tobytes()

    @property
    def weights(self) -> bytes | None:
        """W_in, b_in, W_out and b_out one after the other."""
        return None if self.packed is None else self.packed.content

    def describe(self) -> JsonObject:
        """The network as JSON values, but for bits and weights."""
        packed = self.packed
        return {
            "key": self.key,
            "about": self.about,
            "bits": self.code_name,
            "sharpness": self.sharpness,
            "precision": None if packed is None else packed.precision,
            "largestError": None if packed is None else packed.largest_error,
            "errorSets": None if packed is None else packed.error_sets,
            "python": self.python,
            "certificate": self.certificate,
        }


def shown_networks(contents: Contents, net: ReluNet, code: Code) -> list[ShownNetwork]:
    """The featured network, its hash as a Bloom filter, the constructed network, a random hash.

    `net` and `code` are the featured run's. A network too large for the page in any precision is
    left out; its hash is still there.
    """
    run = contents.featured
    own = _own_network(contents, net, code)
    size = size_shown(run, code.vocab_size)
    found = [own] if own.packed or own.sharpness else []
    if own.sharpness is None:
        found.append(_extracted(contents, own, default_sharpness(code.vocab_size, size)))
    if contents.constructed is not None:
        found.append(_constructed(contents, contents.constructed))
    return [*found, _random(contents, code, size)]


def read_network(run: Run) -> tuple[ReluNet, Code]:
    """A run's network and its code: the stored one where it fits, else read off the weights."""
    loaded = read_weights(run)
    stored = loaded.code
    if stored is not None and stored.bits.shape == loaded.W_in.shape:
        return loaded.net, stored
    return loaded.net, extract_code(loaded.net)


def size_shown(run: Run, vocab_size: int) -> int:
    """The set size that the page starts with: the task's, or the middle of its sizes."""
    said: Any = run.task.get("set_size")
    if isinstance(said, list):
        low, high = cast(list[int], said)
        said = (low + high) // 2
    return min(said if isinstance(said, int) else 3, vocab_size)


def _own_network(contents: Contents, net: ReluNet, code: Code) -> ShownNetwork:
    run = contents.featured
    built = run.construction is not None
    about = "the network itself, set to be a Bloom filter" if built else "the network itself"
    if run.seed is not None and not built:
        about = f"{about}, seed {run.seed}"
    made = "trained" if run.recipe is not None else "network"
    shown = ShownNetwork(
        key="constructed" if built else made,
        about=about,
        code=code,
        code_name="own",
        python=[f"net = rb.ReluNet.from_pretrained({_beside(contents, run)})"],
        certificate=_certificate(run.folder),
    )
    return _packed(shown, net, size_shown(run, code.vocab_size))


def _extracted(contents: Contents, own: ShownNetwork, sharpness: float) -> ShownNetwork:
    run = contents.featured
    read = (
        f"code = rb.Code.load({_beside(contents, run, CODE)})"
        if (run.folder / CODE).exists()
        else f"code = rb.extract_code(rb.ReluNet.from_pretrained({_beside(contents, run)}))"
    )
    return ShownNetwork(
        key="extracted",
        about="its hash, read off W_in and run as an exact Bloom filter",
        code=own.code,
        code_name=own.code_name,
        python=[read, _construct_line(sharpness)],
        sharpness=sharpness,
    )


def _constructed(contents: Contents, run: Run) -> ShownNetwork:
    net, code = read_network(run)
    weight = (run.construction or {}).get("weight")
    weighted = "" if weight is None else f" of {weight} bits a token"
    shown = ShownNetwork(
        key="constructed",
        about=f"a random code{weighted}, set as an exact Bloom filter",
        code=code,
        code_name="constructed",
        python=[f"net = rb.ReluNet.from_pretrained({_beside(contents, run)})"],
        certificate=_certificate(run.folder),
    )
    return _packed(shown, net, size_shown(run, code.vocab_size))


def _random(contents: Contents, code: Code, size: int) -> ShownNetwork:
    vocab_size, width = code.bits.shape
    rival = contents.best_random_code
    weight = (
        best_constant_weight(vocab_size, width, size).weight if rival is None else rival["weight"]
    )
    drawn = random_constant_weight(vocab_size, width, weight, RANDOM_SEED)
    sharpness = default_sharpness(vocab_size, size)
    bits = f"{weight} random bits" if weight != 1 else "1 random bit"
    return ShownNetwork(
        key="random",
        about=f"{bits} for every token, the best number for such codes, run as a Bloom filter",
        code=drawn,
        code_name="random",
        python=[
            f"code = rb.random_constant_weight({vocab_size}, {width}, {weight}, "
            f"seed={RANDOM_SEED})",
            _construct_line(sharpness),
        ],
        sharpness=sharpness,
    )


def _packed(shown: ShownNetwork, net: ReluNet, size: int) -> ShownNetwork:
    """With the cheapest form that is the network: its code and sharpness, or its weights."""
    sharpness = _sharpness_of(net, shown.code)
    if sharpness is not None:
        return replace(shown, sharpness=sharpness)
    return replace(shown, packed=pack_weights(net, size))


def _sharpness_of(net: ReluNet, code: Code) -> float | None:
    """The c for which the network is construct(code, c), to the last bit; None for no such c."""
    W_out: NDArray[np.float64] = net.W_out.detach().double().numpy()
    sharpness = -float(W_out.min())
    if not 1e-30 <= sharpness <= 1e30:
        return None
    same = construct(code, sharpness)
    pairs = zip(net.parameters(), same.parameters(), strict=True)
    return sharpness if all(torch.equal(one.double(), two.double()) for one, two in pairs) else None


def _construct_line(sharpness: float) -> str:
    return f"net = rb.construct(code, sharpness={sharpness!r})"


def _beside(contents: Contents, run: Run, name: str = "") -> str:
    """The run's folder, or a file in it, as seen from the page's; as a Python string."""
    folder = Path() if run.folder == contents.folder else Path(run.name)
    return json.dumps((folder / name).as_posix(), ensure_ascii=False)


def _certificate(folder: Path) -> JsonObject | None:
    """What the folder's certificate says of all sets; None without one."""
    path = folder / CERTIFICATE
    found = atomic.read_json(path) if path.exists() else None
    if not isinstance(found, dict) or not all(key in found for key in CERTIFIED):
        return None
    return {key: found[key] for key in (*CERTIFIED, "set_size") if key in found}
