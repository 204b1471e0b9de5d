"""Reading a hash off weights: unit by unit, below the midpoint of that unit's two means."""

import numpy as np
import pytest
import torch
from torch import Tensor

from relubloom.errors import UsageError
from relubloom.network.extract import extract_code, extract_with_modes
from relubloom.network.relu_net import ReluNet


def net_with(W_in: Tensor, b_in: Tensor | None = None) -> ReluNet:
    vocab, width = W_in.shape
    bias = torch.zeros(width) if b_in is None else b_in
    return ReluNet(W_in, bias, torch.zeros(width, vocab), torch.zeros(vocab))


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
