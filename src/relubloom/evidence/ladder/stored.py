"""Programs as they are stored: networks in float32."""

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.relu_net import ReluNet

Reals = NDArray[np.float64]


def as_network(W_in: Reals, b_in: Reals, W_out_by_token: Reals, b_out: Reals) -> ReluNet:
    """Stored in float32, as its length in bits says; `W_out_by_token` is [vocab, width]."""
    return ReluNet(
        *(
            torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
            for value in (W_in, b_in, W_out_by_token.T, b_out)
        )
    )
