"""Which networks the explorer holds, and in what precision they fit the page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode, random_constant_weight
from relubloom.code.graded import as_graded
from relubloom.errors import UsageError
from relubloom.measure.forward import in_float64
from relubloom.network.construct import construct, default_sharpness, unit_levels
from relubloom.network.extract import extract_code, reversed_units
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import as_json
from relubloom.records.run_folder import CODE
from relubloom.report.charts.weights import hash_order
from relubloom.report.read import Contents, StoredRun
from relubloom.theory import best_constant_weight

CERTIFIED = (
    "sets",
    "method",
    "exact_sets",
    "exact_sets_bounds",
    "mse",
    "false_positives",
    "set_size",
)
LESSON_WORDS = {
    "trained": "the network as training left it",
    "network": "the network itself",
    "extracted": "a Bloom filter with the bits of this network, and none of its small deviations",
    "constructed": "a Bloom filter whose bits were drawn at random",
    "random": "a Bloom filter whose bits were drawn at random",
}
USUAL_SIZE = 3  # where the folder does not say its set size
RANDOM_SEED = 1_000_003  # of the random code: not one that a study takes
ROOM = ((256, 400_000), (1_000, 1_100_000))  # base64 bytes for vocabularies up to so many tokens
ROOM_BEYOND = 7_500_000
PRECISIONS = ("float32", "float16")
PROBES = 200  # sets on which rounding is measured
PROBE_LOGITS = 1 << 20


@dataclass(frozen=True)
class Packed:
    """W_in, b_in, W_out, b_out one after the other, little-endian, row by row.

    `largest_error` is the largest change of a probability by the rounding, over `error_sets`
    seeded sets; 0 where nothing was rounded.
    """

    content: bytes
    precision: str
    largest_error: float
    error_sets: int


@dataclass(frozen=True)
class ShownNetwork:
    """One network of the explorer.

    With `packed` it is sent as its weights, else as the Bloom filter of `code` at `sharpness`.
    `code_name` names the code's bits, which two networks may share. `leaks` are the levels of a
    unit in each state, of a filter of several strengths. `python` are the lines that make the same
    network as `net` in the folder of the page. `is_filter` is whether the page may
    say that its hash is why it answers so: unless the verdict is *not-bloom*. `turned`
    are the units that a bit turns on.
    """

    key: str
    about: str
    code: GradedCode
    code_name: str
    python: list[str]
    sharpness: float | None = None
    leaks: list[float] | None = None
    packed: Packed | None = None
    certificate: dict[str, Any] | None = None
    is_filter: bool = True
    turned: tuple[int, ...] = ()

    @cached_property
    def packed_bits(self) -> bytes:
        """The hashes, each strength in whole little-endian 32-bit words, bit i in word i // 32."""
        code = self.code
        shape = (code.vocab_size, code.levels, -(-code.width // 32) * 32)
        padded = np.zeros(shape, dtype=np.bool_)
        padded[..., : code.width] = code.layers.bits.reshape(*shape[:2], code.width)
        return np.packbits(padded, axis=2, bitorder="little").tobytes()

    @property
    def weights(self) -> bytes | None:
        """W_in, b_in, W_out and b_out one after the other."""
        return None if self.packed is None else self.packed.content

    def describe(self) -> dict[str, Any]:
        """The network as JSON values, but for bits and weights."""
        packed = self.packed
        return {
            "key": self.key,
            "about": self.about,
            "bits": self.code_name,
            "levels": self.code.levels,
            "sharpness": self.sharpness,
            "leaks": self.leaks,
            "precision": None if packed is None else packed.precision,
            "largestError": None if packed is None else packed.largest_error,
            "errorSets": None if packed is None else packed.error_sets,
            "python": self.python,
            "certificate": self.certificate,
            "isFilter": self.is_filter,
            "reversed": self.turned,
        }


def shown_networks(contents: Contents, code: GradedCode) -> list[ShownNetwork]:
    """The featured network, its hash as a Bloom filter, the constructed network, a random hash.

    `code` is the featured run's. A network too large for the page in any precision is left out; its
    hash is still there.
    """
    run = contents.featured
    own = _own_network(contents, code)
    size = size_shown(run)
    found = [own] if own.packed or own.sharpness else []
    if own.sharpness is None:
        found += _extracted(contents, own, default_sharpness(code.vocab_size, size))
    if contents.constructed is not None:
        found.append(_constructed(contents, contents.constructed))
    return [*found, _random(contents, code, size)]


def shown_in_lesson(shown: list[ShownNetwork]) -> list[ShownNetwork]:
    """The networks told in a lesson's words, one random code at most, and each with its units in
    the order of the page's figures, so that a unit's number is its column's."""
    kept = [each for each in shown if each.key != "random" or len(shown) < 4]
    return [_sorted(replace(each, about=LESSON_WORDS[each.key])) for each in kept]


def _sorted(shown: ShownNetwork) -> ShownNetwork:
    code, packed = shown.code, shown.packed
    order = hash_order(code.bits)
    if packed is not None:
        values = np.frombuffer(packed.content, np.dtype(packed.precision).newbyteorder("<"))
        matrix = code.vocab_size * code.width
        W_in, b_in, W_out, b_out = np.split(values, np.cumsum([matrix, code.width, matrix]))
        sorted_in = W_in.reshape(code.bits.shape)[:, order]
        sorted_out = W_out.reshape(code.width, -1)[order]
        parts = sorted_in.ravel(), b_in[order], sorted_out.ravel(), b_out
        packed = replace(packed, content=np.concatenate(parts).tobytes())
    turned = np.flatnonzero(np.isin(order, shown.turned)).tolist()
    strengths = GradedCode(code.strengths[:, order], code.levels)
    return replace(shown, code=strengths, packed=packed, turned=tuple(turned))


def code_of(run: StoredRun) -> GradedCode:
    """A run's code: the stored one where it fits, else the bits read off the weights."""
    stored = run.graded or run.code
    if stored is not None and stored.bits.shape == run.W_in.shape:
        return as_graded(stored)
    return GradedCode(extract_code(run.net).bits)


def size_shown(run: StoredRun) -> int:
    """The set size that the page starts with: the task's, or the middle of its sizes."""
    return min(USUAL_SIZE if run.set_size is None else run.set_size, run.vocab_size)


def _own_network(contents: Contents, code: GradedCode) -> ShownNetwork:
    run = contents.featured
    built = run.construction is not None
    about = f"the network itself, set to be {_kind(code)}" if built else "the network itself"
    if run.seed is not None and not built:
        about = f"{about}, seed {run.seed}"
    made = "trained" if run.recipe is not None else "network"
    shown = ShownNetwork(
        key="constructed" if built else made,
        about=about,
        code=code,
        code_name="own",
        python=[f"net = rb.ReluNet.from_pretrained({_beside(contents, run)})"],
        certificate=_certificate(run),
        is_filter=run.verdict != "not-bloom",
    )
    return _packed(shown, run)


def _extracted(contents: Contents, own: ShownNetwork, sharpness: float) -> list[ShownNetwork]:
    """None where float32 cannot hold the filter of so many strengths."""
    run = contents.featured
    several = own.code.levels > 1
    try:
        leaks = unit_levels(own.code, sharpness).tolist() if several else None
    except UsageError:
        return []
    read = (
        f"code = rb.{'GradedCode' if several else 'Code'}.load({_beside(contents, run, CODE)})"
        if (run.folder / CODE).exists()
        else f"code = rb.extract_code(rb.ReluNet.from_pretrained({_beside(contents, run)}))"
    )
    weights = "both matrices, with half bits" if several else "W_in"
    made = ShownNetwork(
        key="extracted",
        about=f"its hash, read off {weights} and run as an exact {_kind(own.code)[2:]}",
        code=own.code,
        code_name=own.code_name,
        python=[read, _construct_line(sharpness)],
        sharpness=sharpness,
        leaks=leaks,
    )
    return [made]


def _constructed(contents: Contents, run: StoredRun) -> ShownNetwork:
    code = code_of(run)
    weight = (run.construction or {}).get("weight")
    weighted = "" if weight is None else f" of {weight} bits a token"
    shown = ShownNetwork(
        key="constructed",
        about=f"a random code{weighted}, set as an exact Bloom filter",
        code=code,
        code_name="constructed",
        python=[f"net = rb.ReluNet.from_pretrained({_beside(contents, run)})"],
        certificate=_certificate(run),
    )
    return _packed(shown, run)


def _random(contents: Contents, code: GradedCode, size: int) -> ShownNetwork:
    vocab_size, width = code.vocab_size, code.width
    rival = contents.rival
    weight = best_constant_weight(vocab_size, width, size).weight if rival is None else rival.weight
    drawn = random_constant_weight(vocab_size, width, weight, RANDOM_SEED)
    sharpness = default_sharpness(vocab_size, size)
    bits = f"{weight} random bits" if weight != 1 else "1 random bit"
    return ShownNetwork(
        key="random",
        about=f"{bits} for every token, the best number for such codes, run as a Bloom filter",
        code=GradedCode(drawn.bits),
        code_name="random",
        python=[
            f"code = rb.random_constant_weight({vocab_size}, {width}, {weight}, "
            f"seed={RANDOM_SEED})",
            _construct_line(sharpness),
        ],
        sharpness=sharpness,
    )


def _packed(shown: ShownNetwork, run: StoredRun) -> ShownNetwork:
    """With the cheapest form that is the network: its code and sharpness, or its weights."""
    sharpness = _sharpness_of(run.net, shown.code)
    if sharpness is not None:
        return replace(shown, sharpness=sharpness)
    turned = tuple(np.flatnonzero(reversed_units(run.net, Code(shown.code.bits))).tolist())
    return replace(shown, packed=pack_weights(run.net, size_shown(run)), turned=turned)


def _sharpness_of(net: ReluNet, code: GradedCode) -> float | None:
    """The c for which the network is construct(code, c), to the last bit; None for no such c.

    None also for a code of several strengths, whose networks differ in their leak too.
    """
    if code.levels > 1:
        return None
    sharpness = -float(as_array(net.W_out).min())
    if not 1e-30 <= sharpness <= 1e30:
        return None
    same = construct(code, sharpness)
    pairs = zip(net.parameters(), same.parameters(), strict=True)
    return sharpness if all(torch.equal(one.double(), two.double()) for one, two in pairs) else None


def _kind(code: GradedCode) -> str:
    return "a graded Bloom filter" if code.levels > 1 else "a Bloom filter"


def _construct_line(sharpness: float) -> str:
    return f"net = rb.construct(code, sharpness={sharpness!r})"


def _beside(contents: Contents, run: StoredRun, name: str = "") -> str:
    """The run's folder, or a file in it, as seen from the page's; as a Python string."""
    folder = Path() if run.folder == contents.folder else Path(run.name)
    return json.dumps((folder / name).as_posix(), ensure_ascii=False)


def _certificate(run: StoredRun) -> dict[str, Any] | None:
    """What the run's certificate says of all sets; None without one."""
    if run.certificate is None or run.certificate.file is not None:
        return None
    found = as_json(run.certificate)
    return {key: found[key] for key in CERTIFIED}


def pack_weights(net: ReluNet, set_size: int) -> Packed | None:
    """The weights in float32, or in float16 where only that has room; None where neither has."""
    values = torch.cat([value.detach().double().flatten() for value in net.parameters()]).numpy()
    room = next((room for vocab, room in ROOM if net.vocab_size <= vocab), ROOM_BEYOND)
    for precision in PRECISIONS:
        dtype = np.dtype(precision)
        if 4 * (len(values) * dtype.itemsize + 2) // 3 > room:
            continue
        with np.errstate(over="ignore"):
            rounded = values.astype(dtype.newbyteorder("<"))
        if not np.isfinite(rounded).all():
            continue
        error, sets = _largest_error(net, rounded.astype(np.float64), set_size)
        return Packed(rounded.tobytes(), precision, error, sets)
    return None


def _largest_error(net: ReluNet, rounded: NDArray[np.float64], set_size: int) -> tuple[float, int]:
    exact = in_float64(net)
    shapes = [value.shape for value in exact.parameters()]
    parts = torch.from_numpy(rounded).split([shape.numel() for shape in shapes])
    near = ReluNet(*(part.view(shape) for part, shape in zip(parts, shapes, strict=True)))
    sets = max(1, min(PROBES, PROBE_LOGITS // net.vocab_size))
    pairs = zip(near.parameters(), exact.parameters(), strict=True)
    if all(torch.equal(one, other) for one, other in pairs):
        return 0.0, sets
    generator = np.random.default_rng(0)
    drawn = [generator.choice(net.vocab_size, set_size, replace=False) for _ in range(sets)]
    ids = torch.from_numpy(np.array(drawn, dtype=np.int64))
    with torch.no_grad():
        return float((near(ids).softmax(1) - exact(ids).softmax(1)).abs().max()), sets
