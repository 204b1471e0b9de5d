"""A readout alone: a filter's entries are of two kinds, normal draws are not."""

import numpy as np
import pytest
from torch import nn

import relubloom as rb
from relubloom.errors import UsageError


def test_a_filters_readout_has_its_bits() -> None:
    code = rb.random_constant_weight(60, 16, 4, seed=0)
    found = rb.examine_readout(rb.construct(code, 16.0).W_out)
    assert found.two_kinds and found.code == code
    assert found.entries.units_apart == 1 and found.entries.near_threshold == 0
    assert found.says.startswith("two kinds of entries, as bits would be: 0.0% of the entries")
    assert found.says.endswith("a readout alone cannot show a union, so no verdict")


def test_normal_draws_have_none() -> None:
    draws = np.random.default_rng(1).standard_normal((12, 200))
    assert not rb.examine_readout(draws).two_kinds


def test_a_linear_map_is_turned_round() -> None:
    layer = nn.Linear(3, 50)
    assert rb.examine_readout(layer).code == rb.examine_readout(layer.weight.T).code


@pytest.mark.parametrize("wrong", [np.zeros(3), np.full((2, 2), np.nan)])
def test_what_is_no_matrix_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"readout is float64 of shape .*: give a matrix \[width"):
        rb.examine_readout(wrong)
