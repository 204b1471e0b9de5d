"""The output weights read alone: W_out against the hash, b_out against the weight."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.mechanism.moments import Pairs
from relubloom.records.mechanism import BiasOnWeight, OutputWeights


def compare_output_weights(W_out: NDArray[np.float64], code: Code) -> OutputWeights:
    """Compare every entry of W_out [width, vocab] with the token's bit."""
    bits = code.bits.T
    bit_mean, bit_sd = _mean_and_sd(W_out[bits])
    other_mean, other_sd = _mean_and_sd(W_out[~bits])
    agreement = None
    if bit_mean is not None and other_mean is not None and bit_mean != other_mean:
        midpoint = (bit_mean + other_mean) / 2
        agreement = float(np.where(bits, midpoint > W_out, midpoint < W_out).mean())
    return OutputWeights(
        correlation=Pairs.of(-bits.astype(np.float64), W_out).correlation,
        bit_mean=bit_mean,
        bit_sd=bit_sd,
        other_mean=other_mean,
        other_sd=other_sd,
        agreement=agreement,
    )


def compare_output_bias(b_out: NDArray[np.float64], code: Code) -> BiasOnWeight:
    """Does a token with more bits get a larger bias?"""
    pairs = Pairs.of(code.weights.astype(np.float64), b_out)
    return BiasOnWeight(pairs.correlation, pairs.slope)


def _mean_and_sd(entries: NDArray[np.float64]) -> tuple[float | None, float | None]:
    return (float(entries.mean()), float(entries.std())) if entries.size else (None, None)
