"""Networks whose units compute something else than a union: what an analysis must not call Bloom.

Each takes the bits of a code, bool [vocab, width], or sizes and a seed. Where the weights are
whole numbers, as everywhere but in plain superposition, the networks are exact in float32.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.construct import always_on
from relubloom.network.relu_net import ReluNet
from relubloom.training import Recipe, initialise
from relubloom.zoo.planted import SHARPNESS, Bits, hinges_of, planted


def majority(bits: Bits) -> ReluNet:
    """Two hinges a bit, ReLU(c - 1) - ReLU(c - 2), which is 1 for c >= 2 and else 0."""
    return planted(bits, hinges_of("planted-majority", 0))


def parity(bits: Bits, set_size: int) -> ReluNet:
    """The parity of c, on sets of at most `set_size` tokens."""
    return planted(bits, hinges_of("planted-parity", set_size))


def graded_majority(bits: Bits) -> ReluNet:
    """One unit a bit, ReLU(2 - c): it is 0 when at least two tokens of the set have the bit."""
    A = bits.astype(np.float64)
    return _network(
        W_in=-A, b_in=np.full(A.shape[1], 2.0), W_out=-SHARPNESS * A.T, b_out=np.zeros(len(A))
    )


def counting(bits: Bits, set_size: int) -> ReluNet:
    """One unit a bit, set_size + 1 - c: two-valued weights, and the ReLU never clips."""
    A = bits.astype(np.float64)
    return _network(
        W_in=-A,
        b_in=np.full(A.shape[1], set_size + 1.0),
        W_out=-SHARPNESS * A.T,
        b_out=np.zeros(len(A)),
    )


def superposition(vocab_size: int, width: int, seed: int, *, scale: float = 5.0) -> ReluNet:
    """Random Gaussian directions v_t: W_in = v, W_out = scale v^T, no biases."""
    directions = np.random.default_rng(seed).standard_normal((vocab_size, width)) / np.sqrt(width)
    return _from_directions(directions, scale)


def sign_superposition(vocab_size: int, width: int, seed: int, *, scale: float = 5.0) -> ReluNet:
    """Random directions with entries +-1/sqrt(width): exactly two values, yet no Bloom filter."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (vocab_size, width))
    return _from_directions(signs / np.sqrt(width), scale)


def linear_superposition(vocab_size: int, width: int, seed: int, set_size: int) -> ReluNet:
    """`superposition` without what its ReLU clips: linear on sets of up to `set_size` tokens."""
    return always_on(superposition(vocab_size, width, seed), set_size)


def untrained(vocab_size: int, width: int, seed: int) -> ReluNet:
    """What training starts from."""
    return initialise(vocab_size, width, Recipe(), (seed,))[0]


def _from_directions(directions: NDArray[np.float64], scale: float) -> ReluNet:
    vocab_size, width = directions.shape
    return _network(directions, np.zeros(width), scale * directions.T, np.zeros(vocab_size))


def _network(
    W_in: NDArray[np.float64],
    b_in: NDArray[np.float64],
    W_out: NDArray[np.float64],
    b_out: NDArray[np.float64],
) -> ReluNet:
    weights = (W_in, b_in, W_out, b_out)
    return ReluNet(*(torch.from_numpy(np.ascontiguousarray(each)).float() for each in weights))
