"""Units that are no bits of a union, and which way the others read theirs."""

import numpy as np
import pytest
import torch

from build.mechanism import layer_of, mechanism_of, network
from relubloom.code import Code
from relubloom.evidence.mechanism.hidden_layer import summarise_units
from relubloom.evidence.mechanism.units import measure_units
from relubloom.network.modes import fit_two_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Spread
from relubloom.task import AllSets, ListedSets


def direct_network(bits: np.ndarray) -> ReluNet:
    """Units that hold the union itself, W_in = +A, and raise what has their bit: no Bloom filter,
    which would have to know what is missing."""
    return network(bits, np.zeros(bits.shape[1]), 5.0 * bits.T, np.zeros(len(bits)))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_units_of_the_opposite_polarity_are_direct(share: float) -> None:
    bits = np.random.default_rng(2).random((40, 8)) < share
    bits[:2] = [[True], [False]]  # every column has both values
    units = mechanism_of(direct_network(bits), AllSets(40, 3)).units
    for unit in units:
        if unit.on < 1:
            assert unit.polarity == "direct"
        assert unit.kind in ("unclear", "always on")
    assert any(unit.polarity == "direct" for unit in units)


def test_polarities_are_the_same_thing_on_sets_of_one_token() -> None:
    bits = np.random.default_rng(2).random((40, 8)) < 0.3
    # The unit is on for tokens with the upper entry, which are those without the lower one.
    units = mechanism_of(direct_network(bits), AllSets(40, 1)).units
    assert {(unit.kind, unit.polarity) for unit in units} == {("bit", "complement")}
    assert all(unit.bits == 40 - count for unit, count in zip(units, bits.sum(0), strict=True))


def test_a_unit_that_nearly_every_set_covers_is_no_bit_for_being_off() -> None:
    # 36 of 40 tokens have the bit, so all but 4 of C(40, 3) = 9,880 sets cover the unit. Unit 0 is
    # on where token 0 is, in C(39, 2) = 741 sets; unit 1 where tokens 0 and 1 are, in 38. So unit
    # 1 agrees with the union on 99.6 % of the sets, and yet is no complement of it.
    lower = np.where(np.arange(40) < 4, 0.0, -1.0)
    one, pair = lower.copy(), lower.copy()
    one[0], pair[:2] = 3.0, 1.5
    W_in = np.stack([one, pair], axis=1)
    net = network(W_in, [-0.5, -1.5], np.zeros((2, 40)), np.zeros(40))
    code = Code(np.repeat(lower[:, None] < 0, 2, axis=1))
    layer = layer_of(net, code, AllSets(40, 3))
    units = measure_units(W_in, code, fit_two_modes(W_in), layer)
    assert units[0].on == pytest.approx(741 / 9880)
    assert units[1].on == pytest.approx(38 / 9880)
    assert units[1].agreement > 0.99
    assert [unit.polarity for unit in units] == [None, None]
    assert "bit" not in {unit.kind for unit in units}


def test_a_unit_that_needs_two_bits_is_no_union() -> None:
    # Off from two tokens with the bit on: neither reading, though "off means full" holds.
    bits = np.arange(40) < 8
    W_in = np.where(bits, -1.0, 0.0)[:, None]
    (unit,) = mechanism_of(
        network(W_in, [1.5], np.zeros((1, 40)), np.zeros(40)), AllSets(40, 3)
    ).units
    assert (unit.kind, unit.polarity) == ("unclear", None)


def test_columns_of_one_value() -> None:
    # All below: off for every set (dead). All above: always on. Off only from two tokens on.
    net = network(
        np.tile([-1.0, 1.0, -1.0], (5, 1)), [0.5, 0.5, 1.5], np.zeros((3, 5)), np.zeros(5)
    )
    ids = torch.tensor([[0, 5], [1, 5], [2, 3]])
    sets = ListedSets(ids, torch.ones(3, dtype=torch.int64), torch.zeros(3, dtype=torch.bool))
    found = mechanism_of(net, sets)
    assert found.constant_units == 3
    assert [unit.kind for unit in found.units] == ["dead", "always on", "graded"]
    assert [unit.bits for unit in found.units] == [5, 0, 0]  # off for the token alone, or not
    assert [unit.polarity for unit in found.units] == [None, None, None]
    assert [unit.level_covered is None for unit in found.units] == [False, True, True]
    assert [unit.level_uncovered is None for unit in found.units] == [True, False, False]
    assert [unit.covered_off for unit in found.units] == [1, None, None]
    assert [unit.uncovered_on for unit in found.units] == [None, 1, 2 / 3]
    assert found.duplicate_hashes == [[0, 1, 2, 3, 4]]


def test_of_two_polarities_the_better_one_is_taken() -> None:
    # Ten copies each of {0} and {2}, where both are right, and one of {0, 2}, on which the unit
    # is on: by the upper entry of 0, in spite of the bit of 2. Ten of eleven are not all.
    net = network([[1], [1], [0], [0]], [0], np.zeros((1, 4)), np.zeros(4))
    ids, copies = torch.tensor([[0, 4], [2, 4], [0, 2]]), torch.tensor([10, 10, 1])
    sets = ListedSets(ids, copies, torch.zeros(3, dtype=torch.bool))
    (unit,) = mechanism_of(net, sets).units
    assert unit.agreement == pytest.approx(20 / 21)
    assert (unit.kind, unit.polarity) == ("unclear", "direct")


def test_units_on_with_the_bit_and_off_without_leave_no_level_to_compare_with() -> None:
    # A code read the wrong way round: token 0 has the bit and turns the unit on.
    net = network([[0.1], [-1]], [0], np.zeros((1, 2)), np.zeros(2))
    layer = layer_of(net, Code(np.array([[1], [0]])), AllSets(2, 1))
    found = summarise_units(layer, "all", 2)
    assert (found.covered_on, found.uncovered_off) == (0.5, 0.5)
    assert found.level_uncovered == Spread(0.0, 0.0)
    assert (found.weakly_on.share, found.weakly_on.relative_level) == (1, None)
