"""A sieved readout answers as the float64 forward pass does, whatever the network and the code."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from planted_networks import counting, graded_majority, majority, superposition
from relubloom.code import Code, random_constant_weight
from relubloom.construction import construct
from relubloom.errors import UsageError
from relubloom.extraction import extract_code
from relubloom.network import ReluNet
from relubloom.readout_sieve import ReadoutSieve, SievedTokens
from small_networks import net_of, random_net


def noisy(code: Code, seed: int, noise: float, sharpness: float = 3.0) -> ReluNet:
    """A Bloom network with weak bits: its weights jittered, bits more than the rest, and biases."""
    random = np.random.default_rng(seed)
    exact = construct(code, sharpness)

    def jitter(bits: np.ndarray) -> np.ndarray:
        return noise * random.standard_normal(bits.shape) * np.where(bits, 1.0, 0.05)

    return net_of(
        exact.W_in.detach().numpy() + jitter(code.bits),
        exact.b_in.detach().numpy() + 0.05 * noise * random.standard_normal(code.width),
        exact.W_out.detach().numpy() + sharpness * jitter(code.bits.T),
        noise * random.standard_normal(code.vocab_size),
    )


def two_depths(code: Code, seed: int) -> ReluNet:
    """A third of the bits are half as deep as the rest: just strong, where the bound is tight.

    Biases are spread over some multiples of their depth, so that a bound that rules out a little
    too much loses called tokens.
    """
    random = np.random.default_rng(seed)
    bits = code.bits.astype(float)
    halved = np.where(random.random(bits.shape) < 1 / 3, 0.5, 1.0)
    return net_of(
        -bits, np.ones(code.width), -4.0 * (bits * halved).T, random.uniform(0, 9, code.vocab_size)
    )


def dense(net: ReluNet, sets: Tensor, count: int, within: float) -> list[list[int]]:
    """The definition on the float64 logits, a set at a time."""
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    answers = []
    for row in sets:
        with torch.no_grad():
            logits = exact(row[None])[0]
        cutoff = logits.sort(descending=True).values[count - 1] - within
        answers.append((logits >= cutoff).nonzero().flatten().tolist())
    return answers


def as_lists(found: SievedTokens) -> list[list[int]]:
    return [found.tokens[found.rows == row].tolist() for row in range(len(found.scored))]


NETWORKS: dict[str, Callable[[Code, int], ReluNet]] = {
    "exact": lambda code, seed: noisy(code, seed, 0.0),
    "hardly noisy": lambda code, seed: noisy(code, seed, 0.02),
    "as noisy as trained ones": lambda code, seed: noisy(code, seed, 0.2),
    "very noisy": lambda code, seed: noisy(code, seed, 0.5),
    "blunt": lambda code, seed: noisy(code, seed, 0.02, sharpness=0.3),
    "bits of two depths": two_depths,
    "random": lambda code, seed: random_net(code.vocab_size, code.width, seed),
    "float64": lambda code, seed: random_net(code.vocab_size, code.width, seed, torch.float64),
    "superposition": lambda code, seed: superposition(code.vocab_size, code.width, seed),
    "two tokens to a bit": lambda code, seed: graded_majority(code.bits),
    "counting": lambda code, seed: counting(code.bits, 3),
}


@given(
    name=st.sampled_from(sorted(NETWORKS)),
    read_off=st.sampled_from(["code", "network", "nothing"]),
    vocab=st.sampled_from([1, 15, 16, 40, 65, 200]),
    width=st.integers(1, 24),
    weight=st.integers(0, 8),
    set_size=st.integers(0, 4),
    count=st.integers(1, 3),
    share=st.sampled_from([1 / 16, 0.3, 1.0]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=200)
def test_the_answer_is_that_of_the_whole_readout(
    name: str,
    read_off: str,
    vocab: int,
    width: int,
    weight: int,
    set_size: int,
    count: int,
    share: float,
    seed: int,
) -> None:
    code = random_constant_weight(vocab, width, min(weight, width), seed)
    net = NETWORKS[name](code, seed)
    if read_off == "network":
        code = extract_code(net)
    elif read_off == "nothing":
        code = random_constant_weight(vocab, width, width // 2, seed + 1)
    ids = np.random.default_rng(seed).integers(0, vocab + 1, (5, set_size))  # some are padding
    sets, count = torch.from_numpy(ids), min(count, vocab)
    with pytest.MonkeyPatch.context() as patch:  # also where the bound hardly pays
        patch.setattr("relubloom.readout_sieve.WORTH_SCORING", share)
        sieve = ReadoutSieve(net, code)
        called, top = sieve.called(sets), sieve.top(sets, count)
    assert as_lists(called) == dense(net, sets, 1, math.log(2))
    assert as_lists(top) == dense(net, sets, count, 0.0)


@pytest.mark.parametrize(("noise", "missing"), [*product([0.0, 0.02, 0.1], [1, 8])])
def test_a_network_near_a_bloom_filter_is_settled_by_its_bits(
    noise: float, missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.readout_sieve.MOST_MISSING", missing)
    code = random_constant_weight(2000, 64, 10, 0)
    net = noisy(code, 1, noise)
    draw = np.random.default_rng(2)
    sets = torch.from_numpy(np.array([draw.permutation(2000)[:3] for _ in range(50)]))
    found = ReadoutSieve(net, code).called(sets)
    assert as_lists(found) == dense(net, sets, 1, math.log(2))
    if noise < 0.1 or missing == 8:
        assert not found.dense.any()
        assert found.scored.max() < 100
    assert (found.scored[found.dense] == 2000).all()


def test_one_missing_bit_is_not_enough_where_a_bias_outweighs_it() -> None:
    # Logits of {0}: post = (0, 1, 1, 1), so 0 for token 0. Tokens 1 to 3 have bias 5 and two
    # bits of depth 2: 5 - 4 = 1, called, and 0 is not within ln 2 of it. The others have bias 5
    # and two bits of depth 4. All are strong, at depth 4 / 2: only three would rule a token out,
    # of 6 > 5 + ln 2. So all are scored; with biases of 3 two rule out (4 > 3 + ln 2).
    bits = np.zeros((40, 4), dtype=bool)
    bits[0, 0] = True
    bits[1:, 1:3] = True
    W_out = -4.0 * bits.T
    W_out[1:3, 1:4] = -2.0
    for bias, answer, scored in ((5.0, [1, 2, 3], 40), (3.0, [0], 1)):
        biases = np.where(bits[:, 0], 0.0, bias)
        net = net_of(-bits.astype(float), np.ones(4), W_out, biases)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("relubloom.readout_sieve.APART", 0)
            patch.setattr("relubloom.readout_sieve.WORTH_SCORING", 0.5)
            found = ReadoutSieve(net, Code(bits)).called(torch.tensor([[0]]))
        assert as_lists(found) == dense(net, torch.tensor([[0]]), 1, math.log(2)) == [answer]
        assert found.scored.tolist() == [scored]


def test_a_logit_at_the_cutoff_is_left_to_the_whole_readout() -> None:
    # Tokens 0 and 1 tie: which is the largest, no rounding bound above 0 can say.
    code = random_constant_weight(64, 24, 3, 0)
    bits = code.bits.copy()
    bits[1] = bits[0]
    net = construct(Code(bits), 7.0)
    sieve, sets = ReadoutSieve(net, Code(bits)), torch.tensor([[0]])
    assert sieve.top(sets, 1).dense.tolist() == [True]
    assert as_lists(sieve.top(sets, 1)) == [[0, 1]]
    called = sieve.called(sets)
    assert called.dense.tolist() == [False]
    assert as_lists(called) == [[0, 1]]


def test_weights_that_are_no_numbers_are_left_to_the_whole_readout() -> None:
    code = random_constant_weight(64, 24, 3, 0)
    net = construct(code, 7.0)
    with torch.no_grad():
        net.b_out[3] = math.nan
    found = ReadoutSieve(net, code).called(torch.tensor([[0, 1]]))
    assert found.dense.all()


def test_values_out_of_range_are_refused() -> None:
    code = random_constant_weight(10, 6, 2, 0)
    net = construct(code)
    with pytest.raises(UsageError, match=r"code is 9 x 6 and the network 10 x 6: they must agree"):
        ReadoutSieve(net, Code(code.bits[:9]))
    sieve = ReadoutSieve(net, code)
    for count in (0, 11):
        with pytest.raises(UsageError, match=f"count is {count}: it must be from 1 to the 10"):
            sieve.top(torch.tensor([[0]]), count)
    with pytest.raises(UsageError, match="sets hold ids from 0 to 11"):
        sieve.called(torch.tensor([[0, 11]]))


def test_networks_of_two_units_a_bit_answer_alike() -> None:
    code = random_constant_weight(128, 16, 4, 0)
    net = majority(code.bits)
    sets = torch.from_numpy(np.random.default_rng(0).integers(0, 128, (20, 3)))
    found = ReadoutSieve(net, extract_code(net)).called(sets)
    assert as_lists(found) == dense(net, sets, 1, math.log(2))
