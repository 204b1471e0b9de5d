"""Networks whose units compute majority or parity of a set's tokens, and no union.

A *function* is a hash of its own, over tokens: it is given c, the number of the set's tokens that
have its bit. Its units are hinges ReLU(c - j), and a sum of hinges is any polygon of c.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.relu_net import ReluNet

SHARPNESS = 16.0
MAJORITY: Mapping[int, float] = {1: 1.0, 2: -1.0}  # 0, 0, 1, 1, ... of c = 0, 1, 2, 3, ...
Bits = NDArray[np.bool_]


def parity_hinges(set_size: int) -> dict[int, float]:
    """The slopes of 0, 1, 0, 1, ... of c = 0 .. set_size: one hinge a token."""
    return {0: 1.0} | {j: 2.0 * (-1) ** j for j in range(1, set_size)}


def hinges_of(kind: str, set_size: int) -> Mapping[int, float]:
    """Those of `planted-majority` or `planted-parity`."""
    return MAJORITY if kind == "planted-majority" else parity_hinges(set_size)


def majority(bits: Bits) -> ReluNet:
    """`planted` with ReLU(c - 1) - ReLU(c - 2), which is 1 for c >= 2 and else 0."""
    return planted(bits, MAJORITY)


def parity(bits: Bits, set_size: int) -> ReluNet:
    """`planted` with the parity of c, on sets of at most `set_size` tokens."""
    return planted(bits, parity_hinges(set_size))


def planted(bits: Bits, slopes: Mapping[int, float]) -> ReluNet:
    """logit of t = -sharpness x (its bits whose function f(c) = sum of slope ReLU(c - j) is 0).

    That is for functions of values 0 and 1. The units of hinge number h are h d .. (h + 1) d - 1,
    d the functions; all weights are whole numbers, so the network is exact in float32.

    Args:
        bits: bool [vocab, functions].
        slopes: of each hinge j, in the order of their units.
    """
    A = bits.astype(np.float64)
    weights = (
        np.hstack([A] * len(slopes)),
        -np.repeat(np.array(list(slopes), dtype=np.float64), A.shape[1]),
        SHARPNESS * np.vstack([slope * A.T for slope in slopes.values()]),
        -SHARPNESS * A.sum(1),
    )
    return ReluNet(*(torch.from_numpy(np.ascontiguousarray(each)).float() for each in weights))
