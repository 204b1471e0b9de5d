"""Networks of a few numbers, for tests."""

import numpy as np
import torch

from relubloom.network.relu_net import ReluNet


def net_of(*parameters: object) -> ReluNet:
    """From W_in, b_in, W_out, b_out as lists or arrays, in float32."""
    return ReluNet(*(torch.tensor(np.array(value), dtype=torch.float32) for value in parameters))


def random_net(vocab: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> ReluNet:
    """Standard normal weights."""
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return ReluNet(*(torch.randn(shape, generator=draw, dtype=dtype) for shape in shapes))
