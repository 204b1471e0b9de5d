"""Rungs for networks whose bits have several strengths, by hand and on constructed networks."""

import math

import numpy as np
import pytest
import torch

from build.graded import noisy_filter
from build.ladder import climb_ladder
from build.networks import net_of, random_net
from relubloom.code import Code, GradedCode
from relubloom.evidence.ladder import LadderSets, best_explanation
from relubloom.evidence.ladder.by_strength import (
    graded_hash,
    graded_levels,
    graded_unit_levels,
    longer_hash,
    random_graded_hash,
    shuffled_strengths,
)
from relubloom.evidence.ladder.climb import GRADED_FITTED_RUNGS, GRADED_RUNGS, RUNGS
from relubloom.evidence.ladder.fitted import graded_factors_best_readout
from relubloom.evidence.ladder.read_network import ReadNetwork, token_times_unit_levels
from relubloom.evidence.ladder.rung import hash_bits
from relubloom.measure.one_pass import one_pass
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.task import AllSets


def random_graded(vocab: int, width: int, half: int, full: int, seed: int = 0) -> GradedCode:
    row = np.repeat([1, 2, 0], [half, full, width - half - full])
    rows = np.tile(row, (vocab, 1))
    return GradedCode(np.random.default_rng(seed).permuted(rows, axis=1), 2)


def read_as(code: GradedCode, width: int | None = None) -> ReadNetwork:
    net = random_net(code.vocab_size, width or code.width, 0)
    return ReadNetwork(net, Code(code.bits), 2.0, code)


def test_the_length_of_a_graded_hash_by_hand() -> None:
    # Twelve units. Token 0: one half and two full bits, 12 x C(11, 2) = 660 ways, 10 bits; token 1
    # two half ones, 66 ways, 7 bits; token 2 none. Two numbers up to 12 for each token: 4 bits.
    strengths = np.zeros((3, 12), dtype=np.uint8)
    strengths[0, :3], strengths[1, 4:6] = (1, 2, 2), 1
    assert hash_bits(GradedCode(strengths, 2)) == 10 + 7 + 3 * 2 * 4
    # As long as the matrix: six entries, log2 3 bits each.
    assert hash_bits(GradedCode([[1, 2], [0, 2], [0, 0]])) == math.ceil(6 * math.log2(3))


@pytest.mark.parametrize("seed", range(3))
def test_a_code_of_full_bits_is_as_long_as_a_graded_one_of_one_level(seed: int) -> None:
    bits = np.random.default_rng(seed).random((9, 20)) < 0.1 + 0.2 * seed
    assert hash_bits(Code(bits)) == hash_bits(GradedCode(bits))


def test_controls_keep_what_they_say() -> None:
    code = random_graded(40, 24, half=3, full=4)
    read = read_as(code)
    shuffled, dealt = shuffled_strengths(read).programs, random_graded_hash(read).programs
    for found in (*shuffled, *dealt):
        assert isinstance(found, GradedCode)
        assert found != code
        assert (found.of_strength(1) == 3).all()
        assert (found.of_strength(2) == 4).all()
    for found in shuffled:
        assert isinstance(found, GradedCode)
        assert (found.bits == code.bits).all()
    assert len(set(shuffled)) == len(set(dealt)) == 16
    lengths = {each(read).bits for each in (graded_hash, shuffled_strengths, random_graded_hash)}
    assert lengths == {hash_bits(code)}


def test_the_longer_hash_takes_the_lowest_entries_first() -> None:
    # Of 256 tokens the first 128 have the bit, of one unit: 256 bits, whatever is added. With
    # strengths 256 log2 3 = 405.8 bits: more than any matrix of bits, so all are taken.
    one = GradedCode(np.repeat([2, 0], 128)[:, None])
    assert longer_hash(read_as(one)).programs == (Code(np.ones((256, 1))),)
    # Twelve units, one full bit for each of two tokens, 4 bits, and 1 for the half one beside.
    strengths = np.zeros((2, 12), dtype=np.uint8)
    strengths[:, 0], strengths[0, 1] = 2, 1
    code = GradedCode(strengths)
    # Graded: ceil(log2 132) + 4 + 2 x 2 x 4 = 28, the matrix ceil(24 log2 3) = 39. Binary: 4 + 7
    # + 2 x 4 = 19 with the 3 bits, and the matrix, 24, at most: all entries again.
    W_in = np.where(code.bits, -1.0, 0.0)
    net = net_of(W_in, np.ones(12), -W_in.T, np.zeros(2))
    made = longer_hash(ReadNetwork(net, Code(code.bits), 2.0, code))
    assert made.kind == "baseline"
    assert made.programs == (Code(np.ones((2, 12))),)


def test_products_of_token_and_unit_are_found_again() -> None:
    draw = np.random.default_rng(0)
    token, unit = draw.uniform(0.5, 1.5, 30), draw.uniform(-2, -1, 12)
    mask = draw.random((30, 12)) < 0.4
    mask[3], mask[:, 5] = False, False
    found = token_times_unit_levels(np.where(mask, np.outer(token, unit), 99.0), mask)
    assert found[mask] == pytest.approx(np.outer(token, unit)[mask])
    assert not found[3].any()
    assert not found[:, 5].any()


def test_levels_by_hand() -> None:
    # Unit 0: half -1.1 and -1.3, full -2, non-bit .2. Unit 1: full -1.5 and -2.5, non-bits 0, .4.
    W_in = [[-1.1, -1.5], [-1.3, 0.0], [-2.0, 0.4], [0.2, -2.5]]
    code = GradedCode([[1, 2], [1, 0], [2, 0], [0, 2]])
    net = net_of(W_in, [1, 2], np.array(W_in).T * 10, [0.1, 0.2, 0.3, 0.4])
    made = graded_unit_levels(ReadNetwork(net, Code(code.bits), 2.0, code))
    levels = np.array([[-1.2, -2.0], [-1.2, 0.2], [-2.0, 0.2], [0.2, -2.0]])
    assert made.network.W_in.detach().numpy() == pytest.approx(levels, abs=1e-6)
    assert made.network.W_out.detach().numpy() == pytest.approx(10 * levels.T, abs=1e-5)
    assert made.network.b_in.tolist() == [1, 2]
    assert made.bits == hash_bits(code) + 32 * (7 * 2 + 4)
    assert graded_levels(read_as(code)).bits == hash_bits(code) + 32 * 7 * (2 + 4)


def test_a_constructed_graded_network_is_explained_by_its_strengths_alone() -> None:
    code = random_graded(64, 20, half=3, full=2)
    net, sets = construct(code, 16.0, 1e-3), AllSets(64, 3)
    ladder = climb_ladder(
        net, Code(code.bits), sets, fit=False, graded=code, only=("hash", *GRADED_RUNGS)
    )
    rows = {each.name: each for each in ladder.rungs}
    for name in ("graded-hash", "graded-unit-levels", "graded-levels"):
        assert rows[name].kind == "explanation"
        assert rows[name].loss_failures.f1 == 1, name
    assert rows["graded-hash"].mse == pytest.approx(rows["graded-levels"].mse, rel=0.02)
    for name in ("hash", "shuffled-strengths", "random-graded-hash", "longer-hash"):
        assert rows[name].loss_failures.f1 is not None
        assert rows[name].loss_failures.f1 < 0.75, name


def test_a_fitted_readout_finds_what_the_strengths_say() -> None:
    code = random_graded(64, 20, half=3, full=2)
    net, sets = noisy_filter(code, 0), AllSets(64, 3)
    names = [*GRADED_FITTED_RUNGS, "graded-levels"]
    ladder = climb_ladder(net, Code(code.bits), sets, graded=code, only=names, fit_steps=100)
    rows = {each.name: each for each in ladder.rungs}
    for name in GRADED_FITTED_RUNGS:
        assert rows[name].kind == "explanation"
        assert rows[name].mse < rows["graded-levels"].mse, name
        assert rows[name].loss_failures.f1 is not None
        assert rows[name].loss_failures.f1 > 0.8, name
    levels, factors = (rows[name].bits for name in GRADED_FITTED_RUNGS)
    assert levels == rows["graded-levels"].bits + 1
    assert factors == levels + 32 * 16 * (64 + 20)


def test_factors_carry_what_levels_do_not() -> None:
    # Bits at one level each and non-bit entries 0: W_in comes back exactly. Then the latter have
    # three factors.
    code = random_graded(40, 24, half=2, full=3)
    draw = np.random.default_rng(1)
    low = draw.standard_normal((40, 3)) @ draw.standard_normal((3, 24))
    W_in = np.select([code.strengths == 1, code.strengths == 2], [-1.0, -2.0], 0.0)
    net = net_of(W_in, np.ones(24), W_in.T, np.zeros(40))
    read = ReadNetwork(net, Code(code.bits), 2.0, code)
    assert graded_factors_best_readout(read, pairs(40), 1).network.W_in.detach().numpy() == (
        pytest.approx(W_in, abs=1e-6)
    )
    other = code.strengths == 0
    net = net_of(np.where(other, low, W_in), np.ones(24), W_in.T, np.zeros(40))
    read = ReadNetwork(net, Code(code.bits), 2.0, code)
    errors = [
        np.abs(make(read, pairs(40), 1).network.W_in.detach().numpy() - np.where(other, low, W_in))
        for make in GRADED_FITTED_RUNGS.values()
    ]
    assert errors[1][~other].max() < 1e-6
    assert errors[1].mean() < errors[0].mean() / 4


def test_a_readout_is_fitted_where_a_strength_has_no_bits() -> None:
    code = GradedCode(random_graded(24, 12, half=0, full=3).strengths, 2)
    read = read_as(code)
    for make in GRADED_FITTED_RUNGS.values():
        weights = make(read, pairs(24), 2).network.parameters()
        assert all(each.isfinite().all() for each in weights)


def pairs(vocab: int) -> torch.Tensor:
    sets = AllSets(vocab, 2)
    return sets.chunk(0, len(sets))


def test_graded_rungs_appear_only_with_several_strengths() -> None:
    code = random_graded(24, 12, half=1, full=2)
    net, sets = construct(code, 16.0, 1e-3), AllSets(24, 2)
    bits = extract_code(net)
    plain = climb_ladder(net, bits, sets, fit=False)
    assert plain == climb_ladder(net, bits, sets, fit=False, graded=GradedCode(bits.bits))
    names = {each.name for each in plain.rungs}
    assert set(RUNGS) <= names
    assert not names & set(GRADED_RUNGS)
    with_strengths = climb_ladder(net, bits, sets, fit=False, graded=code)
    assert [each for each in with_strengths.rungs if each.name in names] == plain.rungs
    assert {each.name for each in with_strengths.rungs} == names | set(GRADED_RUNGS)
    seen = LadderSets(sets, 24, fit=False)
    one_pass(net, sets, [seen])
    assert best_explanation(net, bits, seen, graded=code).name == "graded-levels"
    assert best_explanation(net, bits, seen, graded=GradedCode(bits.bits)).name == "weak-bits"
