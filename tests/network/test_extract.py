"""Reading a hash off weights: unit by unit, below the midpoint of that unit's two means."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from build.networks import random_net, reversed_filter
from relubloom.code import Code, random_constant_weight
from relubloom.errors import UsageError
from relubloom.network.extract import extract_code, extract_with_modes, reversed_units
from relubloom.network.relu_net import ReluNet


def net_with(W_in: Tensor, b_in: Tensor | None = None) -> ReluNet:
    vocab, width = W_in.shape
    bias = torch.zeros(width, dtype=W_in.dtype) if b_in is None else b_in
    return ReluNet(
        W_in,
        bias,
        torch.zeros(width, vocab, dtype=W_in.dtype),
        torch.zeros(vocab, dtype=W_in.dtype),
    )


def test_each_unit_has_its_own_threshold() -> None:
    # Unit 0 lies at -3 and 0 (threshold -1.5), unit 1 at 5 and 9 (threshold 7).
    W_in = torch.tensor([[-3.0, 9.0], [0.0, 5.0], [-3.0, 5.0], [0.0, 9.0]])
    bits = extract_code(net_with(W_in)).bits
    assert bits.tolist() == [[True, False], [False, True], [True, True], [False, False]]


def test_bits_survive_noise_around_the_two_levels() -> None:
    random = np.random.default_rng(0)
    truth = random.random((300, 6)) < 0.2
    W_in = np.where(truth, -2.0, 0.5) + random.normal(0, 0.2, truth.shape)  # gap 12.5
    assert (extract_code(net_with(torch.from_numpy(W_in).float())).bits == truth).all()


@pytest.mark.parametrize(
    ("weight", "bias", "on"),
    [
        (-1.0, 1.0, True),
        (-2.0, 1.0, True),
        (0.0, 1.0, False),
        (0.5, -1.0, True),
        (2.0, -1.0, False),
    ],
)
def test_in_a_constant_column_a_bit_is_what_turns_the_unit_off_alone(
    weight: float, bias: float, on: bool
) -> None:
    net = net_with(torch.full((4, 1), weight), torch.tensor([bias]))
    assert extract_code(net).bits.all() == on
    assert extract_code(net).bits.any() == on


def test_the_network_stays_as_it_was() -> None:
    net = net_with(torch.randn(10, 3))
    before = net.W_in.clone()
    extract_with_modes(net)
    assert torch.equal(net.W_in, before)


def test_the_modes_come_with_the_code() -> None:
    code, modes = extract_with_modes(net_with(torch.tensor([[-1.0], [0.0], [0.0]])))
    assert code.bits.tolist() == [[True], [False], [False]]
    assert modes.mean[:, 0].tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_have_no_bits(value: float) -> None:
    with pytest.raises(UsageError, match="holds NaN or infinity: no bits can be read off it"):
        extract_code(net_with(torch.tensor([[0.0, value], [-1.0, 0.0]])))


def test_units_that_a_bit_turns_on_are_read_as_such() -> None:
    code = random_constant_weight(200, 40, 7, seed=0)
    net = reversed_filter(code.bits)
    assert extract_code(net) == code
    assert reversed_units(net, code).all()


@given(seed=st.integers(0, 999), vocab=st.integers(2, 30), width=st.integers(1, 6))
def test_planted_polarities_come_back(seed: int, vocab: int, width: int) -> None:
    """Any code and any mixture of polarities, but for columns that tell no tokens apart."""
    random = np.random.default_rng(seed)
    bits, turned = random.random((vocab, width)) < random.random(), random.random(width) < 0.5
    net = reversed_filter(bits, turned)
    telling = bits.any(0) & ~bits.all(0)
    # A reversed unit that no token turns on is off for each alone: every token has its bit. One
    # that every token turns on is off for none: no token has it. Its states are foretold as well.
    expected = np.where(telling | ~turned, bits, ~bits)
    found = extract_code(net)
    assert found == Code(expected)
    assert reversed_units(net, found).tolist() == (turned & telling).tolist()


def column(low: float, high: float, bias: float, spread: float = 0.0) -> ReluNet:
    """One unit: 80 of 100 entries near `low`, the others near `high`."""
    W_in = np.repeat([low, high], [80, 20]) + np.random.default_rng(0).normal(0, spread, 100)
    return net_with(torch.from_numpy(W_in[:, None]), torch.tensor([bias], dtype=torch.float64))


@pytest.mark.parametrize(
    ("low", "high", "bias", "turned", "why"),
    [
        (0, 1, 0, True, "on just where the union has the bit"),
        (0.1, 1, -0.31, True, "off for three without the bit: 3 x 0.1 < 0.31"),
        (0.2, 1, -0.31, False, "on for three without the bit"),
        (0, 1, 0.1, False, "on for the empty set"),
        (-0.4, 1, 0, True, "on for one of three: 1 - 0.8 > 0"),
        (-0.5, 1, 0, False, "off for one of three: 1 - 1 = 0"),
        (0, 1, -1, False, "needs two bits"),
        (0, 1, 50, False, "never off, as in a linear network"),
        (-1, 0, 1, False, "a filter's unit"),
        (-1, 0, 0, False, "never on"),
        (-2, 0.5, -0.2, False, "what training leaves"),
        (-0.6, 0.9, 0.6, False, "what training on sets of one or two tokens leaves"),
    ],
)
def test_what_makes_a_unit_reversed(
    low: float, high: float, bias: float, turned: bool, why: str
) -> None:
    net = column(low, high, bias)
    code = extract_code(net)
    assert reversed_units(net, code).tolist() == [turned], why
    assert code.bits.sum() == (20 if turned else 80)


def test_one_token_is_enough_to_turn_a_unit_on() -> None:
    W_in = torch.tensor([[1.0], [0.0], [0.0], [0.0], [0.0]])
    net = net_with(W_in, torch.tensor([-0.6]))
    code = extract_code(net)
    assert code.bits[:, 0].tolist() == [True, False, False, False, False]
    assert reversed_units(net, code).tolist() == [True]


@pytest.mark.parametrize(("spread", "turned"), [(0.1, True), (0.2, True), (0.4, False)])
def test_a_reversed_unit_has_entries_that_lie_apart(spread: float, turned: bool) -> None:
    net = column(0, 1, -0.2, spread)
    assert reversed_units(net, extract_code(net)).tolist() == [turned]


@pytest.mark.parametrize("seed", range(5))
def test_random_columns_are_not_reversed(seed: int) -> None:
    net = random_net(100, 40, seed)
    assert not reversed_units(net, extract_code(net)).any()
