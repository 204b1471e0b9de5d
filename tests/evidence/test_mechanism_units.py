"""Units that are no bits of a union, and which way the others read theirs."""

import numpy as np
import pytest
import torch

from build.mechanism import layer_of, mechanism_against, mechanism_of, network
from build.networks import reversed_filter
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.mechanism.hidden_layer import summarise_units
from relubloom.evidence.mechanism.units import measure_units
from relubloom.network.modes import fit_two_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Spread
from relubloom.task import AllSets, KSparseTask, ListedSets


def planted(turned: np.ndarray | bool) -> tuple[Code, ReluNet]:
    code = random_constant_weight(200, 40, 7, seed=0)
    return code, reversed_filter(code.bits, turned)


@pytest.mark.parametrize("turned", [np.ones(40, bool), np.arange(40) % 2 == 0])
def test_units_that_a_bit_turns_on_are_bits_too(turned: np.ndarray) -> None:
    code, net = planted(turned)
    found = mechanism_of(net, KSparseTask(200, 3).evaluation_sets(draw=2000))
    assert found.reversed_units == np.flatnonzero(turned).tolist()
    assert found.bits_per_token == Spread(7, 0)
    assert found.unit_agreement == found.union_skill == 1
    assert (found.mode_means, found.near_threshold, found.two_valued) == ((-1, 0), 0, True)
    for unit in found.units:
        assert unit.kind == "bit"
        assert unit.polarity == ("direct" if turned[unit.unit] else "complement")
        assert unit.bits == code.bits[:, unit.unit].sum()
        covered = unit.sets_covered if turned[unit.unit] else 1 - unit.sets_covered
        assert unit.on == pytest.approx(covered)


def test_a_reversed_unit_counts_with_on_and_off_exchanged() -> None:
    # On {0, 1}, {0, 2}, {1, 2} token 0 has the bit of unit 0, which is 2, 2, 0 there, and tokens 0
    # and 1 have that of unit 1, which is 1 + 3, 1, 3. Unit 2 is the complement of the bit of 2.
    net = network([[2, 1, 0], [0, 3, 0], [0, 0, -1]], [0, 0, 1], np.zeros((3, 3)), np.zeros(3))
    code = Code(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=bool))
    layer = layer_of(net, code, AllSets(3, 2))
    assert layer.reversed.tolist() == [True, False, False]
    # Unit 1 is direct: its entries 1 and 3 are too far apart for their distance from 0.
    assert layer.as_said.tolist() == [3, 0, 3]
    found = summarise_units(layer, "all", 3)
    assert found.covered_off == pytest.approx((2 + 0 + 2) / 9)
    assert found.uncovered_on == pytest.approx((1 + 0 + 1) / 9)
    assert found.covered_on == pytest.approx(3 / 9)
    assert found.uncovered_off == 0
    # Where they should be on: unit 0 at 2, 2, unit 2 at 1; and where they should not: 4, 1, 3.
    assert found.level_uncovered is not None
    assert found.level_uncovered.mean == pytest.approx(5 / 3)
    assert found.level_uncovered.sd == pytest.approx(np.sqrt(3 - (5 / 3) ** 2))
    assert found.weakly_on.share == pytest.approx(3 / 6)
    assert found.weakly_on.relative_level == pytest.approx((8 / 3) / (5 / 3))


def test_an_entry_of_w_out_speaks_for_a_bit_by_the_polarity_of_its_unit() -> None:
    _, net = planted(np.arange(40) % 2 == 0)
    out = mechanism_of(net, AllSets(200, 1)).readout.W_out
    assert (out.bit_mean, out.bit_sd, out.other_mean, out.other_sd) == (-5, 0, 0, 0)
    assert (out.agreement, out.correlation) == (1, pytest.approx(1))


def test_on_sets_of_one_token_a_reversed_filter_is_exact() -> None:
    _, net = planted(np.arange(40) % 2 == 0)
    readout = mechanism_of(net, AllSets(200, 1)).readout
    assert (readout.r2, readout.slope) == (pytest.approx(1), pytest.approx(-5))


def test_polarities_are_the_same_thing_on_sets_of_one_token() -> None:
    for turned, name in ((True, "direct"), (False, "complement")):
        units = mechanism_of(planted(turned)[1], AllSets(200, 1)).units
        assert {(unit.kind, unit.polarity) for unit in units} == {("bit", name)}


def test_a_union_that_is_on_for_the_empty_set_is_direct_in_what_it_does_alone() -> None:
    # The weights leave its polarity open, so its bits are the lower entries; the sets show it.
    bits = np.random.default_rng(2).random((40, 8)) < 0.3
    net = network(bits * 1.0 - 0.5, np.full(8, 1.0), np.zeros((8, 40)), np.zeros(40))
    found = mechanism_of(net, AllSets(40, 3))  # 1 - 1.5 < 0 without the bit, 1 - 0.5 with one
    assert found.reversed_units == []
    assert {(unit.kind, unit.polarity) for unit in found.units} == {("unclear", "direct")}


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
    assert unit.agreement == 1
    assert (unit.kind, unit.polarity) == ("bit", "direct")
    # Read with the lower entries as its bits it agrees on 20 of 21, and does the same.
    lower = Code(np.array([[0], [0], [1], [1]], dtype=bool))
    (unit,) = mechanism_against(net, lower, sets).units
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
