"""Networks made to be hard for certificates, and what a certificate must not get wrong of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import torch

from build.rational import Truth
from relubloom.evidence.certificate.counted import as_exact_filter, count_sets
from relubloom.evidence.certificate.evaluated import enumerate_sets
from relubloom.evidence.certificate.interval import bound_sets
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import Certificate

MSE_DIGITS = Fraction(1, 10**45)  # what the reference itself may be off by


def as_network(*weights: np.ndarray, dtype: torch.dtype = torch.float32) -> ReluNet:
    return ReluNet(*(torch.from_numpy(np.array(value, dtype=np.float64)) for value in weights)).to(
        dtype
    )


def sizes(g: np.random.Generator, most: int) -> tuple[int, int, int]:
    vocab = int(g.integers(1, most + 1))
    return vocab, int(g.integers(1, 7)), int(g.integers(1, vocab + 1))


def gaussian(g, vocab, width):
    scale = 3.0 ** g.integers(-2, 4)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return [scale * g.normal(size=shape) for shape in shapes]


def small_integers(g, vocab, width):
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return [g.integers(-1, 2, size=shape) for shape in shapes]


def duplicated_tokens(g, vocab, width):
    copies = g.integers(0, vocab, size=vocab)
    W_in, b_in, W_out, b_out = gaussian(g, vocab, width)
    return W_in[copies], b_in, W_out[:, copies], b_out[copies]


def shuffled_ties(g, vocab, width):
    """Equal units, and readouts that are permutations of one another: true ties, summed in
    different orders, with rounding."""
    W_in = np.repeat(g.normal(size=(vocab, 1)), width, axis=1)
    values = g.normal(size=width) * 10.0 ** g.integers(-3, 4, size=width)
    W_out = np.stack([g.permutation(values) for _ in range(vocab)], axis=1)
    return W_in, np.full(width, abs(g.normal())), W_out, np.zeros(vocab)


def threshold_equality(g, vocab, width):
    """Biases that meet sums of entries to within a rounding."""
    W_in = g.choice([0.1, 0.2, 0.3, 0.7, -0.1], size=(vocab, width))
    b_in = -g.choice([0.3, 0.4, 0.6, 0.8, 1.0], size=width)
    return W_in, b_in, 1e8 * g.choice([0.1, -0.3, 0.7], size=(width, vocab)), np.zeros(vocab)


def huge(g, vocab, width):
    return [np.clip(w * 1e37, -3e38, 3e38) for w in gaussian(g, vocab, width)]


def tiny(g, vocab, width):
    return [w * 1e-42 for w in gaussian(g, vocab, width)]


def mixed_scales(g, vocab, width):
    return [w * 10.0 ** g.integers(-12, 12, size=w.shape) for w in gaussian(g, vocab, width)]


def near_ln2(g, vocab, width):
    """Logits that differ by ln 2 to within a rounding."""
    W_out = np.zeros((width, vocab))
    b_out = np.log(2) * g.integers(-1, 2, size=vocab)
    return np.zeros((vocab, width)), np.ones(width), W_out, b_out


def filter_weights(g, vocab, width):
    bits = g.random((vocab, width)) < 0.4
    level = g.choice([0.5, 1.0, 0.3], size=width)
    depth = g.choice([1.0, 1.5], size=bits.shape)
    drop = g.choice([0.2, 0.7, 5.0], size=bits.shape)
    return -1.0 * bits * level * depth, level, -(bits * drop).T, np.full(vocab, g.normal())


def noisy_filter(g, vocab, width):
    weights = filter_weights(g, vocab, width)
    return [w + 1e-3 * g.normal(size=np.shape(w)) for w in weights]


def leaky_filter(g, vocab, width):
    """Units that stay on when covered and differ in level when not; few bits, so intervals tell."""
    bits = np.zeros((vocab, width))
    bits[np.arange(vocab), g.permutation(vocab) % width] = 1
    depth = g.choice([0.8, 0.95, 1.3], size=bits.shape)
    W_in = -bits * depth + g.choice([-0.3, 0.0, 0.2], size=bits.shape) * (1 - bits)
    drop = g.choice([1.0, 2.0, 4.0], size=bits.shape)
    return W_in, np.ones(width), -(bits * drop).T, 0.1 * g.normal(size=vocab)


KINDS = [
    gaussian,
    small_integers,
    duplicated_tokens,
    shuffled_ties,
    threshold_equality,
    huge,
    tiny,
    mixed_scales,
    near_ln2,
    filter_weights,
    noisy_filter,
    leaky_filter,
]


def hard_network(kind: Callable[..., object], seed: int, most: int = 7) -> tuple[ReluNet, int]:
    """A network of the kind, of up to so many tokens, and a set size."""
    g = np.random.default_rng([seed, KINDS.index(kind)])
    vocab, width, k = sizes(g, most)
    dtype = (torch.float32, torch.float64, torch.bfloat16)[seed % 3]
    with np.errstate(over="ignore"):
        return as_network(*kind(g, vocab, width), dtype=dtype), k


def proofs(net: ReluNet, k: int) -> Iterator[tuple[str, Certificate]]:
    """What each method that proves something says of the network."""
    yield "enumeration, float64", enumerate_sets(net, k)
    yield "enumeration, float32 first", enumerate_sets(net, k, float32=True)
    yield "bounds", bound_sets(net, k)
    if not isinstance(as_exact_filter(net), str):
        yield "counting", count_sets(net, k)


def assert_holds(found: Certificate, truth: Truth) -> None:
    low, high = found.exact_sets_bounds
    assert low <= truth.exact_sets <= high
    assert found.exact_sets in ((truth.exact_sets, None) if low < high else (truth.exact_sets,))
    p_exact = Fraction(truth.exact_sets, truth.sets)
    assert Fraction(found.p_exact.lower) <= p_exact <= Fraction(found.p_exact.upper)
    mean = Fraction(truth.called, truth.sets)
    assert Fraction(found.false_positives.mean.lower) <= mean
    assert mean <= Fraction(found.false_positives.mean.upper)
    assert found.false_positives.total in (None, truth.called)
    assert Fraction(found.mse.lower) <= truth.mse + MSE_DIGITS
    assert truth.mse - MSE_DIGITS <= Fraction(found.mse.upper)
    assert found.sets == truth.sets
