"""The bound's parts: the largest entries of many rows, sets of fewer tokens, and exact grids.

That computed logits are within it is tested beside the certificates.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from build.scores import random_net
from relubloom.measure.error_bound import (
    FLOAT32,
    FLOAT64,
    TOKENS,
    Arithmetic,
    rounding_error,
    top_sums,
)
from relubloom.network.relu_net import ReluNet


@pytest.mark.parametrize(
    ("rows", "count"), [(3, 7), (70, 4), (TOKENS, 3), (TOKENS + 1, 1), (9001, 8), (5000, 90)]
)
@pytest.mark.parametrize("or_fewer", [False, True])
def test_the_largest_entries_of_many_rows(rows: int, count: int, or_fewer: bool) -> None:
    # Small integers: many ties, and sums without rounding. One column is negative, one constant.
    values = np.random.default_rng(rows).integers(-4, 5, (rows, 5)).astype(float)
    values[:, 0], values[:, 1] = 1.0, -np.abs(values[:, 1])
    largest = np.sort(values, axis=0)[-count:]
    expected = (largest.clip(min=0) if or_fewer else largest).sum(0)
    assert top_sums(values, count, or_fewer=or_fewer).tolist() == expected.tolist()


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64])
def test_fewer_tokens_count_as_tokens_of_zeros(arithmetic: Arithmetic) -> None:
    net = random_net(11, 5, 2)
    W_in, b_in, W_out, b_out = net.float().double().parameters()
    filled = ReluNet(
        nn.functional.pad(W_in, (0, 0, 0, 4)),
        b_in,
        nn.functional.pad(W_out, (0, 4)),
        nn.functional.pad(b_out, (0, 4)),
    )
    found = rounding_error(net, 4, arithmetic, or_fewer=True)
    expected = rounding_error(filled, 4, arithmetic)
    assert found.logit == pytest.approx(expected.logit, rel=1e-12)
    assert found.share == pytest.approx(expected.share, rel=1e-12)


def grid_net(tokens: int) -> ReluNet:
    """Multiples of 1/8, and a unit that is nothing at all."""
    random = np.random.default_rng(0)
    shapes = (tokens, 3), (3,), (3, tokens), (tokens,)
    W_in, b_in, W_out, b_out = (random.integers(-9, 10, shape) / 8 for shape in shapes)
    W_in[:, 2], b_in[2] = 0.0, 0.0
    return ReluNet(*map(torch.from_numpy, (W_in, b_in, W_out, b_out)))


@pytest.mark.parametrize("matrix", ["W_in", "W_out"])
def test_one_entry_off_the_grid_is_found_wherever_it_is(matrix: str) -> None:
    tokens = 2 * TOKENS + 5
    assert rounding_error(grid_net(tokens), 3).logit == 0
    for token in (0, TOKENS, tokens - 1):
        net = grid_net(tokens)
        with torch.no_grad():
            entries = net.W_in if matrix == "W_in" else net.W_out.T
            entries[token, 1] = 1 / 3
        assert rounding_error(net, 3).logit > 0


@pytest.mark.parametrize(
    ("entry", "error"),
    [(2.0**-40, False), (2.0**-60, True), (5e-324, True), (2.0**-1022, True), (-0.0, False)],
)
def test_a_grid_may_be_fine_but_not_finer_than_the_digits(entry: float, error: bool) -> None:
    # One token alone: pre = W_in + 1, which float64 holds down to 2^-52 or so.
    net = ReluNet(*map(torch.tensor, ([[entry], [0.0]], [1.0], [[1.0, 0.0]], [0.0, 0.0]))).double()
    with torch.no_grad():
        net.W_in[0, 0] = entry
    assert (rounding_error(net, 1).logit > 0) is error


def test_weights_too_large_to_add_have_no_bound() -> None:
    for place in ("W_in", "W_out"):
        net = grid_net(10)
        with torch.no_grad():
            getattr(net, place)[0, 0] = 1e301
        assert not rounding_error(net, 2).usable
