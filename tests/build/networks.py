"""Networks of a few numbers, for tests."""

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.relu_net import ReluNet


def net_of(*parameters: object) -> ReluNet:
    """From W_in, b_in, W_out, b_out as lists or arrays, in float32."""
    return ReluNet(*(torch.tensor(np.array(value), dtype=torch.float32) for value in parameters))


def random_net(vocab: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> ReluNet:
    """Standard normal weights."""
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return ReluNet(*(torch.randn(shape, generator=draw, dtype=dtype) for shape in shapes))


def reversed_filter(
    bits: NDArray[np.bool_], turned: NDArray[np.bool_] | bool = True, sharpness: float = 5.0
) -> ReluNet:
    """The filter of a code, with the units in `turned` (bool [width], or all) reversed.

    A direct unit is that of `construct`: 1 where no token has the bit, and a missing bit costs the
    logit `sharpness`. A reversed one counts: it is c where c tokens have the bit, each of which
    adds `sharpness`, and b_out takes off one for each bit. So the logit of t is -sharpness times
    its missing bits, and more where a bit of a reversed unit is covered twice.
    """
    A, on = bits.astype(np.float64), np.broadcast_to(turned, bits.shape[1])
    sign = np.where(on, 1.0, -1.0)
    return net_of(
        sign * A, np.where(on, 0.0, 1.0), sharpness * (sign * A).T, -sharpness * A[:, on].sum(1)
    )
