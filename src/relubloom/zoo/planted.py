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
Bits = NDArray[np.bool_]


def hinges_of(kind: str, set_size: int) -> Mapping[int, float]:
    """The slopes of the function of c = 0 .. set_size that units of this kind compute.

    Of `planted-majority` it is 0, 0, 1, 1, ...; of `planted-parity` 0, 1, 0, 1, ..., of one hinge a
    token.
    """
    if kind == "planted-majority":
        return {1: 1.0, 2: -1.0}
    return {0: 1.0} | {j: 2.0 * (-1) ** j for j in range(1, set_size)}


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
