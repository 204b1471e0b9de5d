"""Controls: what is a Bloom filter by construction must be called one, and nothing else must be.

An analysis that is to run on the controls too gets a test here, over `CONSTRUCTED`, `PLANTED` and
the fixtures `trained` and `linear`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from build.mechanism import mechanism_against
from build.planted import (
    counting,
    graded_majority,
    linear_superposition,
    majority,
    parity,
    sign_superposition,
    superposition,
    untrained,
)
from relubloom.code import Code, greedy_low_overlap, make_code, random_constant_weight
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.extract import extract_with_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.verdict import Verdict
from relubloom.task import AllSets, KSparseTask, SetCollection
from relubloom.training import Recipe, train

N, WIDTH, K = 48, 16, 3  # of the planted networks: 17,296 sets
TRAINED = KSparseTask(256, 3)  # training needs a vocabulary far above the width to binarise


def verdict_against(net: ReluNet, code: Code, sets: SetCollection) -> Verdict:
    """The verdict of a network that is judged against a given code, its own or another."""
    return mechanism_against(net, code, sets).verdict


@dataclass(frozen=True)
class Built:
    """Sizes and family of a constructed network."""

    family: str
    vocab_size: int
    width: int
    set_size: int
    weight: int | None = None

    def __str__(self) -> str:
        weight = "" if self.weight is None else f"-w{self.weight}"
        return f"{self.family}{weight}-{self.vocab_size}-{self.width}-{self.set_size}"


SIZES = ((64, 24, 1), (64, 24, 2), (64, 24, 3), (32, 24, 4))
FEWER_SETS = ((64, 24, 1), (64, 24, 2), (40, 24, 3), (24, 24, 4))
CONSTRUCTED = [
    *(Built("constant-weight", *sizes) for sizes in SIZES),
    *(Built(family, *sizes) for family in ("bernoulli", "partitioned") for sizes in FEWER_SETS),
    *(Built("greedy", *sizes, weight=4) for sizes in FEWER_SETS),
    *(
        Built("kautz-singleton", *sizes)
        for sizes in ((64, 16, 1), (64, 24, 2), (49, 28, 3), (32, 36, 4))
    ),
    Built("constant-weight", 40, 8, 3, weight=1),  # eight hashes among 40 tokens
    Built("constant-weight", 40, 3, 3, weight=1),  # every set has a false positive
    Built("constant-weight", 64, 2, 1, weight=1),
    Built("constant-weight", 24, 24, 4, weight=23),  # nearly all units are covered
    Built("bernoulli", 40, 24, 3, weight=1),  # a third of the hashes is empty
]


def code_of(built: Built) -> Code:
    sizes = (built.vocab_size, built.width, built.set_size)
    if built.family == "greedy":  # with a given overlap, found at once
        return greedy_low_overlap(built.vocab_size, built.width, built.weight, 2)
    return make_code(built.family, *sizes, weight=built.weight)


@pytest.mark.parametrize("built", CONSTRUCTED, ids=str)
def test_a_constructed_network_comes_out_perfect(built: Built) -> None:
    code = code_of(built)
    net = construct(code, default_sharpness(built.vocab_size, built.set_size))
    evidence = gather_evidence(net, AllSets(built.vocab_size, built.set_size))
    mechanism = evidence.mechanism
    assert evidence.mechanism.verdict == "bloom"
    assert evidence.code == code
    assert mechanism.two_valued
    assert mechanism.near_threshold == 0
    assert mechanism.unit_agreement == 1
    assert mechanism.union_skill == 1
    assert mechanism.extracted.loss_failure_f1 in (None, 1)
    assert mechanism.failures_explained in (None, 1)
    assert mechanism.failures_explained_by_loss in (None, 1)
    assert evidence.behaviour.miss_share == 0
    # Non-members keep a mass of at most 1e-9 in all, so that is what the filter's mse is off by.
    assert evidence.behaviour.mse == pytest.approx(mechanism.extracted.mse, abs=1e-8)
    assert evidence.behaviour.p_exact == mechanism.extracted.p_exact


def bits_of(weight: int, seed: int) -> np.ndarray:
    return random_constant_weight(N, WIDTH, weight, seed).bits


PLANTED: dict[str, Callable[[int], ReluNet]] = {
    "majority": lambda seed: majority(bits_of(4, seed)),
    "majority of dense hashes": lambda seed: majority(bits_of(8, seed)),
    "graded majority": lambda seed: graded_majority(bits_of(3, seed)),
    "parity": lambda seed: parity(bits_of(4, seed), K),
    "parity of dense hashes": lambda seed: parity(bits_of(8, seed), K),
    "counting": lambda seed: counting(bits_of(3, seed), K),
    "superposition": lambda seed: superposition(N, WIDTH, seed),
    "superposition of signs": lambda seed: sign_superposition(N, WIDTH, seed),
    "linear superposition": lambda seed: linear_superposition(N, WIDTH, seed, K),
    "untrained": lambda seed: untrained(N, WIDTH, seed),
}


@cache
def planted_verdict(name: str, seed: int) -> Verdict:
    return gather_evidence(PLANTED[name](seed), AllSets(N, K)).mechanism.verdict


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("seed", range(2))
def test_a_planted_counter_example_is_not_called_bloom(name: str, seed: int) -> None:
    assert planted_verdict(name, seed) in ("partly", "not-bloom")


@pytest.mark.parametrize("weight", [1, 2])
def test_a_majority_of_very_sparse_hashes_is_not_called_bloom(weight: int) -> None:
    # Where hardly a unit is ever on, agreement is high whatever the units compute, and a hash that
    # covers everything predicts rightly that every set fails.
    evidence = gather_evidence(majority(bits_of(weight, 0)), AllSets(N, K))
    assert evidence.mechanism.unit_agreement >= 0.97
    assert evidence.mechanism.extracted.loss_failure_f1 > 0.99
    assert evidence.mechanism.union_skill < 0.1
    assert evidence.mechanism.verdict == "partly"


@pytest.mark.parametrize("name", ["untrained", "superposition", "linear superposition"])
@pytest.mark.parametrize("seed", range(2))
def test_what_learned_nothing_comes_out_as_nothing(name: str, seed: int) -> None:
    assert planted_verdict(name, seed) == "not-bloom"


@pytest.mark.parametrize(
    ("vocab_size", "width", "set_size"), [(20, 1, 2), (64, 8, 1), (64, 8, 2), (32, 8, 4)]
)
def test_an_untrained_network_of_any_size_is_nothing(
    vocab_size: int, width: int, set_size: int
) -> None:
    net = untrained(vocab_size, width, seed=7)
    assert gather_evidence(net, AllSets(vocab_size, set_size)).mechanism.verdict == "not-bloom"


@pytest.fixture(scope="module")
def held_out() -> SetCollection:
    return TRAINED.drawn_sets("held-out", 8192)


@pytest.fixture(scope="module")
def trained() -> ReluNet:
    """A network that learned a Bloom filter, if roughly: half the batch and few steps."""
    return train(TRAINED, 48, Recipe(steps=2000, batch_size=256, learning_rate=4e-2))[0]


@pytest.fixture(scope="module")
def linear() -> ReluNet:
    """A network that was trained without its ReLU."""
    recipe = Recipe(steps=500, batch_size=128, activation="none")
    return train(KSparseTask(N, K), WIDTH, recipe)[0]


def test_a_trained_network_is_bloom_by_its_own_hash_and_by_no_other(
    trained: ReluNet, held_out: SetCollection
) -> None:
    own = extract_with_modes(trained)[0]
    assert verdict_against(trained, own, held_out) == "bloom"
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(own.vocab_size)
        assert verdict_against(trained, Code(own.bits[order]), held_out) == "not-bloom"


def test_a_trained_linear_network_is_nothing(linear: ReluNet) -> None:
    evidence = gather_evidence(linear, AllSets(N, K))
    assert evidence.mechanism.verdict == "not-bloom"
    assert {unit.kind for unit in evidence.mechanism.units} == {"always on"}
    # It has learned what a linear network can: uniform output has mse 1/3 - 1/48 = .3125.
    assert evidence.behaviour.mse < 0.3125 / 3


def counts(bits: np.ndarray, sets: Tensor) -> np.ndarray:
    """Tokens of each set that have each bit, [sets, width]."""
    return bits[sets.numpy()].sum(1)


@pytest.mark.parametrize("name", ["majority", "graded majority", "parity", "counting"])
def test_the_planted_networks_compute_what_they_are_called(name: str) -> None:
    bits = bits_of(4, 0)
    sets = AllSets(N, K).chunk(0, 3000)
    c = counts(bits, sets)
    missing, net = {
        "majority": (c < 2, majority(bits)),
        "graded majority": (np.maximum(2 - c, 0), graded_majority(bits)),
        "parity": (c % 2 == 0, parity(bits, K)),
        "counting": (K + 1 - c, counting(bits, K)),
    }[name]
    expected = -16.0 * missing.astype(float) @ bits.T.astype(float)
    assert np.array_equal(net(sets).detach().double().numpy(), expected)


def test_a_linear_superposition_is_linear() -> None:
    net = linear_superposition(20, 8, 0, 2)
    a, b, both, none = (net(torch.tensor([ids])) for ids in ([3, 20], [7, 20], [3, 7], [20, 20]))
    torch.testing.assert_close(both, a + b - none, rtol=1e-4, atol=1e-4)
