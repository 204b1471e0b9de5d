"""Weights as bytes, in the finest precision that the page has room for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.relu_net import ReluNet

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
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
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
