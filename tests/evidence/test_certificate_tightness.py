"""How loose the bounds of each method may be: no looser than docs/certificates.md derives.

A bound that is needlessly wide is as true as a tight one, so tests against the truth let it pass.
Here the formulas of the docs are worked out anew, in rationals or plain float64, and each bound may
exceed its own by at most the factor that stands beside it.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import relubloom as rb
from build.rational import rational_truth
from relubloom.evidence.certificate.counted import as_exact_filter, count_sets
from relubloom.evidence.certificate.evaluated import enumerate_sets, sample_sets
from relubloom.evidence.certificate.interval import bound_sets
from relubloom.measure.error_bound import FLOAT32, FLOAT64, Arithmetic, rounding_error
from relubloom.network.relu_net import ReluNet
from relubloom.theory import leaking_mse

FACTOR = 1.02  # of float32 and float64 enumeration, over the formula
COUNTED = 1 + 1e-9  # of counting: what rounding a bound outwards costs


def noisy(vocab: int, width: int, weight: int, sharpness: float, noise: float, seed: int = 0):
    net = rb.construct(rb.random_constant_weight(vocab, width, weight, seed), sharpness)
    g = torch.Generator().manual_seed(seed)
    return ReluNet(
        *(p.detach() + noise * torch.randn(p.shape, generator=g) for p in net.parameters())
    )


def weights(net: ReluNet) -> list[np.ndarray]:
    return [value.detach().double().numpy() for value in net.parameters()]


def logit_error(net: ReluNet, k: int, arithmetic: Arithmetic) -> float:
    """E of docs/certificates.md; what is below the normal numbers is left out."""
    W_in, b_in, W_out, b_out = weights(net)

    def gamma(n: int) -> float:
        return n * arithmetic.roundoff / (1 - n * arithmetic.roundoff)

    sizes = np.sort(abs(W_in), axis=0)[-k:].sum(0) + abs(b_in)
    # float64 adds up float32 numbers of like size without rounding.
    exact = arithmetic is FLOAT64 and net.W_in.dtype == torch.float32
    e = 0 * sizes if exact else gamma(k + 2) * sizes
    P = np.maximum(0, np.sort(W_in, axis=0)[-k:].sum(0) + b_in) + e
    M = P @ abs(W_out) + abs(b_out)
    return float((e @ abs(W_out) + gamma(net.width + 4) * M).max())


def share_error(E: float, vocab: int, arithmetic: Arithmetic) -> float:
    """eta_p: exp of less than -746, in float32 of less than -104, is 0."""
    u, deepest = arithmetic.roundoff, arithmetic.deepest
    return math.expm1(1.01 * (2 * E + 2 * (deepest + 8) * u + (vocab + 24) * u)) + 8 * u


def reach(mse: np.ndarray, error: np.ndarray | float) -> np.ndarray:
    return 2 * error * np.sqrt(mse) + np.square(error)


def answers(net: ReluNet, k: int) -> tuple[np.ndarray, ...]:
    """Of every set: mse, the others' mass and norm, and the members' norm."""
    W_in, b_in, W_out, b_out = weights(net)
    sets = list(itertools.combinations(range(net.vocab_size), k))
    member = np.array([[t in each for t in range(net.vocab_size)] for each in sets])
    logits = np.maximum(0, member @ W_in + b_in) @ W_out + b_out
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    others = np.where(member, 0, p)
    mse = np.square(p - member / k).sum(1)
    norms = (np.linalg.norm(each, axis=1) for each in (others, p - others))
    return mse, others.sum(1), *norms


NETWORKS = [
    (noisy(9, 12, 4, 10.0, 0.01), 2),
    (noisy(10, 14, 4, 12.0, 0.01, seed=1), 3),
    (noisy(8, 12, 3, 8.0, 0.02, seed=2), 1),
    (rb.train(rb.KSparseTask(9, 2), width=8, recipe=rb.Recipe(steps=300, batch_size=32))[0], 2),
]
each_network = pytest.mark.parametrize(("net", "k"), NETWORKS)
finer = [(ReluNet(*(p.double() * (1 + 1e-13) for p in net.parameters())), k) for net, k in NETWORKS]


@pytest.mark.parametrize(("net", "k"), NETWORKS + finer)
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=["float32", "float64"])
def test_the_error_bound_is_that_of_its_derivation(net, k, arithmetic) -> None:
    found = rounding_error(net, k, arithmetic)
    E = logit_error(net, k, arithmetic)
    assert E <= found.logit <= E * (1 + 1e-6)
    eta = share_error(E, net.vocab_size, arithmetic)
    assert eta * (1 - 1e-6) <= found.share <= eta * (1 + 1e-6)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=["float32", "float64"])
def test_an_arithmetic_is_as_its_type_is_defined(arithmetic) -> None:
    info = torch.finfo(arithmetic.dtype)
    assert (arithmetic.smallest, arithmetic.roundoff) == (info.tiny, info.eps / 2)
    assert 2.0 ** (1 - arithmetic.digits) == info.eps
    assert torch.tensor(-arithmetic.deepest, dtype=arithmetic.dtype).exp() == 0


@pytest.mark.parametrize(
    ("inwards", "outwards", "steps"),
    [
        # s is float32's least normal number, 2^-126. 8 (width + k + 8) steps err by s each, those
        # of a unit by (2 k + 4) s, and each product by the size of its factors in s.
        (2.0**-140, 1 / 3, 8 * (5 + 2 + 8) + 5 / 3 * (2 * 2 + 4) + 5 / 3),
        (1000 / 3, 2.0**-140, 8 * (5 + 2 + 8) + 5 * 2000 / 3),
    ],
)
def test_below_the_normal_numbers_each_step_errs_by_the_least_of_them(
    inwards: float, outwards: float, steps: float
) -> None:
    W_in = torch.full((4, 5), inwards / 3, dtype=torch.float64) * 3
    net = ReluNet(W_in, 0 * W_in[0], torch.full_like(W_in.T, outwards), 0 * W_in[:, 0])
    found = rounding_error(net, 2, FLOAT32).logit
    assert found / FLOAT32.smallest == pytest.approx(steps, rel=1e-3)


@pytest.mark.parametrize(("net", "k"), NETWORKS + finer)
def test_enumeration_in_float64_is_as_wide_as_its_derivation(net, k) -> None:
    mse = answers(net, k)[0]
    eta = share_error(logit_error(net, k, FLOAT64), net.vocab_size, FLOAT64)
    sums = 2 * (net.vocab_size + len(mse) + 48) * 2.0**-53 + 1e-15
    slack = (reach(mse, eta) + sums * mse).mean()
    found = enumerate_sets(net, k).mse
    assert found.upper - found.lower <= 2 * FACTOR * slack


@each_network
def test_enumeration_in_float32_is_as_wide_as_its_derivation(net, k) -> None:
    mse, mass, norm, own_norm = answers(net, k)
    vocab, u = net.vocab_size, 2.0**-24
    fine = share_error(logit_error(net, k, FLOAT64), vocab, FLOAT64)
    coarse = share_error(logit_error(net, k, FLOAT32), vocab, FLOAT32)
    # Logits in units of ln 2 cost two roundings of each weight, there and back.
    W_in, b_in, W_out, b_out = weights(net)
    level = np.maximum(0, np.sort(W_in, axis=0)[-k:].sum(0) + b_in)
    scaling = 4 * u * float((level @ abs(W_out) + abs(b_out)).max())
    coarse = math.expm1(math.log1p(coarse) + 2 * scaling)
    # The others' p err by a share of themselves, the members' by that share of the others' mass.
    error = coarse / (1 - coarse) * (norm + mass * own_norm) + 2 * fine
    error += (vocab + 40) * u * np.sqrt(mse)
    again = mse > 1 / (8 * k * (k + 1))
    assert again.mean() < 0.7  # float32 settles the others
    slack = np.where(again, reach(mse, fine), reach(mse, error)).mean()
    found = enumerate_sets(net, k, float32=True)
    assert f"float64 on the {again.sum()} sets" in found.reasons
    assert found.mse.upper - found.mse.lower <= 2 * FACTOR * slack + 1e-13


CODES = [
    rb.Code(np.zeros((7, 3), dtype=bool)),  # all tokens covered: the lower bound is reached
    rb.Code(np.eye(6, dtype=bool)),  # none
    rb.Code(np.vstack([np.eye(6, dtype=bool), np.eye(6, dtype=bool)[:1]])),  # one twin
    *(rb.random_constant_weight(10, 7, 2, seed) for seed in range(6)),
]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("sharpness", [2.0, 20.0])
def test_counting_is_as_wide_as_its_derivation(code: rb.Code, k: int, sharpness: float) -> None:
    net, vocab = rb.construct(code, sharpness), code.vocab_size
    sets = list(itertools.combinations(range(vocab), k))
    F = code.false_positives(np.array(sets, dtype=np.int64)).tolist()
    T, C = sum(F), len(sets)
    drop = -float(weights(net)[2].min())
    mass = (vocab - k) * math.exp(-drop) / k**2 if code.bits.any() else 0.0
    found = count_sets(net, k)
    lower, upper = Fraction(T, C * k * vocab), float(Fraction(T, C * k * (k + 1))) + mass
    assert float(lower) / COUNTED <= found.mse.lower <= lower
    upper = min(upper, 1 + 1 / k)
    assert upper <= found.mse.upper <= upper * COUNTED + 2e-300
    assert found.exact_sets_bounds == (max(0, C - T), C - -(-T // (vocab - k)))
    if code.bits.any() and max(F) > 1:
        return  # else a bound is reached
    truth = rational_truth(net, k)
    if not code.bits.any():  # F = N - k on every set
        assert found.exact_sets == truth.exact_sets == 0
        assert found.mse.lower == pytest.approx(float(truth.mse), rel=1e-12)
    else:
        assert found.exact_sets_bounds[0] == truth.exact_sets
        assert found.mse.upper <= float(truth.mse) + COUNTED * mass + 1e-12


@pytest.mark.parametrize("leak", [2.0**-12, 0.004])
def test_counting_of_weaker_bits_is_as_wide_as_its_derivation(leak: float) -> None:
    random = np.random.default_rng(0)
    strengths = random.integers(1, 3, (9, 6)) * (random.random((9, 6)) < 0.5)
    net = rb.construct(rb.GradedCode(strengths), 20.0, leak)
    sets = list(itertools.combinations(range(9), 2))
    T = int(rb.GradedCode(strengths).false_positives(np.array(sets, dtype=np.int64)).sum())
    W_in, b_in, W_out, _ = weights(net)
    weaker = (W_in < 0) & (W_in > -b_in)
    leaked = (np.where(weaker, b_in + W_in, 0) * -W_out.T).sum(1).max()
    levels = [np.append(b_in[i], (b_in + W_in)[weaker[:, i], i]).min() for i in range(6)]
    highest = np.where(weaker, b_in, levels)  # of the unit, where the bit is missing
    drop = (highest * -W_out.T)[W_in < 0].min()
    found = as_exact_filter(net)
    assert not isinstance(found, str)
    assert found.least_drop == pytest.approx(drop, rel=1e-12)
    assert found.leaked == pytest.approx(leaked, rel=1e-12)
    bare = T / (len(sets) * 2 * 9), T / (len(sets) * 2 * 3)
    low, high = leaking_mse(*bare, 9, 2, leaked, drop)
    mse = count_sets(net, 2).mse
    assert low / COUNTED <= mse.lower <= low
    assert high <= mse.upper <= high * COUNTED


def test_bounds_lose_nothing_where_each_missing_bit_keeps_a_token_down() -> None:
    # Each twin covers the other; no other token is ever covered: as many sets fail as T.
    code = CODES[2]
    net = rb.construct(code, 20.0)
    for k in (1, 2, 3):
        truth, found = rational_truth(net, k), bound_sets(net, k)
        assert found.exact_sets_bounds == (truth.exact_sets, truth.sets)
        assert found.false_positives.mean.upper == pytest.approx(truth.called / truth.sets)


def test_a_sample_is_as_wide_as_its_theorem() -> None:
    # Maurer and Pontil's theorem 4 for both sides at 99 %: L = ln(4 / 0.01), range 1 + 1/k.
    net, k, draws = NETWORKS[0][0], 2, 3000
    found, mse = sample_sets(net, k, draws=draws).mse, answers(net, k)[0]
    L = math.log(400)
    radius = math.sqrt(2 * mse.var() * L / draws) + 7 * 1.5 * L / (3 * (draws - 1))
    assert found.upper - found.lower <= 2 * FACTOR * radius + 4e-9
    called = sample_sets(net, k, draws=draws).false_positives.mean
    assert called.upper - called.lower <= 2 * 7 * 7 * L / (3 * (draws - 1)) + 2 * math.sqrt(
        2 * 1.0 * L / draws
    )
