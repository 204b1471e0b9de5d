"""Description length in bits: no entropy coding for anyone, program text not counted."""

import math

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet

REAL = 32  # bits of one free real number


def hash_bits(code: Code) -> int:
    """Bits that write a code down: the lesser of its matrix and its hashes' numbers.

    min(N d, sum over tokens of ceil(log2 C(d, h_t)) + N ceil(log2(d + 1))): the matrix as it is,
    or for each token its weight h_t and which of the C(d, h_t) hashes of that weight it has.
    """
    vocab, width = code.vocab_size, code.width
    numbers = sum(
        tokens * _ceil_log2(math.comb(width, weight)) for weight, tokens in _weights(code).items()
    )
    return min(vocab * width, numbers + vocab * _ceil_log2(width + 1))


def network_bits(net: ReluNet) -> int:
    """32 bits for each weight and bias."""
    return REAL * sum(value.numel() for value in net.parameters())


def _weights(code: Code) -> dict[int, int]:
    """Number of tokens of each weight that occurs."""
    weights = code.weights.tolist()
    return {weight: weights.count(weight) for weight in set(weights)}


def _ceil_log2(count: int) -> int:
    """ceil(log2(count)) of a positive integer, without rounding."""
    return (count - 1).bit_length()
