"""The rungs of the explanation ladder, by hand and on constructed networks."""

import itertools
import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.ladder import climb_ladder
from build.networks import net_of, random_net
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder.climb import RIVALS, RUNGS
from relubloom.evidence.ladder.quantisation import (
    Quantiser,
    by_matrix,
    by_mode,
    two_level_input,
)
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.evidence.ladder.read_off import (
    one_sharpness,
    token_bias,
    token_strengths,
    unit_level,
    unit_thresholds,
)
from relubloom.evidence.ladder.rung import Rung, network_bits
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Agreement, Ladder, ScoredRung
from relubloom.task import AllSets, KSparseTask

NOTHING = Agreement(None, None, None)


def row(ladder: Ladder, name: str) -> ScoredRung:
    (found,) = (each for each in ladder.rungs if each.name == name)
    return found


def only_network(made: Rung) -> list[list[float] | list[list[float]]]:
    """W_in, b_in, W_out and b_out of a rung's one program."""
    (program,) = made.programs
    assert isinstance(program, ReluNet)
    return [value.detach().tolist() for value in program.parameters()]


# --- Explanations -----------------------------------------------------------------------------


def test_what_is_read_off_the_weights_by_hand() -> None:
    net = net_of(
        [[-2, -1], [0.5, -3], [0.7, 1]], [1, 0], [[-3, 0.2, 0.4], [-1, -2, 0.5]], [0.1, 0.2, 0.3]
    )
    read = ReadNetwork(net, Code([[1, 1], [0, 1], [0, 0]]), set_size=2.0)
    # Unit 0: others' mean .6 in W_in, level 1 + 2 x .6 = 2.2; in W_out others .3, the bit -3.
    # Unit 1: others 1, level 0 + 2 x 1; in W_out others .5, bits -1.5.
    costs = 2.2 * 3.3, 2 * 2.0
    sharpness = (costs[0] + 2 * costs[1]) / 3  # one bit of unit 0, two of unit 1
    hashes = [[-1, -1], [0, -1], [0, 0]]
    W_in, b_in, W_out, b_out = only_network(one_sharpness(read))
    assert (W_in, b_in, b_out) == (hashes, [1, 1], [0, 0, 0])
    assert np.array(W_out) == pytest.approx(sharpness * np.array(hashes).T)

    # Tokens 1 and 2 lack unit 0's bit, .1 below and above the others' mean in W_out. A member's
    # one companion leaves it uncovered with probability 2/3.
    bias = 0.1, 0.2 - 0.1 * 2.2 * 2 / 3, 0.3 + 0.1 * 2.2 * 2 / 3
    W_in, b_in, W_out, b_out = only_network(token_bias(read))
    assert (W_in, b_in, b_out) == (hashes, [1, 1], pytest.approx(bias))
    assert np.array(W_out) == pytest.approx(sharpness * np.array(hashes).T)

    W_in, b_in, W_out, b_out = only_network(unit_level(read))
    assert (W_in, b_in, b_out) == (hashes, [1, 1], pytest.approx(bias))
    assert np.array(W_out) == pytest.approx(np.array([[-costs[0], 0, 0], [-4, -4, 0]]))

    W_in, b_in, W_out, b_out = only_network(unit_thresholds(read))
    assert np.array(W_in) == pytest.approx(np.array([[-2, -2], [0.6, -2], [0.6, 1]]))
    assert (b_in, b_out) == ([1, 0], pytest.approx(bias))
    assert np.array(W_out) == pytest.approx(np.array([[-3.3, 0, 0], [-2, -2, 0]]))

    # Token 0's bits: 0 and +1 from the means in W_in, 0 and +.5 in W_out. Token 1: other -.1 and
    # bit -1; other -.1 and bit -.5. Token 2's others: +.1 and 0; +.1 and 0.
    W_in, b_in, W_out, b_out = only_network(token_strengths(read))
    assert np.array(W_in) == pytest.approx(np.array([[-1.5, -1.5], [0.5, -3], [0.65, 1.05]]))
    assert (b_in, b_out) == ([1, 0], pytest.approx([0.1, 0.2, 0.3]))
    assert np.array(W_out) == pytest.approx(np.array([[-3.05, -0.1, 0.05], [-1.75, -2.5, 0.05]]))


def test_bits_of_the_explanations_by_hand() -> None:
    net = random_net(3, 2, 0)
    read = ReadNetwork(net, Code([[1, 1], [0, 1], [0, 0]]), 2.0)
    # The hash: its 3 x 2 matrix.
    makers = one_sharpness, token_bias, unit_level, unit_thresholds, token_strengths
    reals = [1, 1 + 3, 2 + 3, 4 * 2 + 3, 4 * 2 + 5 * 3]
    assert [make(read).bits for make in makers] == [6 + 32 * count for count in reals]


# --- Quantisation -----------------------------------------------------------------------------


def test_quantising_four_entries_by_hand() -> None:
    # Two levels for 0 1 2 9: {0 1 2} and {9} leave 2; {0 1} {2 9} would leave 25.
    quantiser = Quantiser(np.array([9.0, 0.0, 2.0, 1.0]))
    assert quantiser.codebook(1).tolist() == [3.0]
    assert quantiser.codebook(2).tolist() == [1.0, 9.0]
    assert quantiser.codebook(4).tolist() == [0.0, 1.0, 2.0, 9.0]
    assert quantiser.codebook(256).tolist() == [0.0, 1.0, 2.0, 9.0]
    assert quantiser.nearest(np.array([1.0, 9.0])).tolist() == [9.0, 1.0, 1.0, 1.0]
    # Three levels: 0 and 1 share, or 1 and 2 do; either leaves 1/2.
    left = quantiser.nearest(quantiser.codebook(3)) - quantiser.values
    assert (left**2).sum() == pytest.approx(0.5)


def test_quantised_matrices_by_hand() -> None:
    # W_in as above in a column; the biases stay. W_out of one value needs one number.
    net = net_of([[9.0], [0.0], [2.0], [1.0]], [0.3], np.full((1, 4), 0.7), [0.1, 0.2, 0.3, 0.4])
    code = Code([[0], [1], [1], [1]])
    one_bit = next(by_matrix(ReadNetwork(net, code, 2.0)))
    program = one_bit.programs[0]
    assert isinstance(program, ReluNet)
    assert program.W_in[:, 0].tolist() == [9, 1, 1, 1]
    assert torch.equal(program.b_in, net.b_in)
    assert torch.equal(program.W_out, net.W_out)
    assert torch.equal(program.b_out, net.b_out)
    assert one_bit.bits == 8 * 1 + 32 * (2 + 1) + 32 * (1 + 4)
    # By mode: tokens with the bit have 0 2 1, which two numbers halve (0 and 1.5, or .5 and 2);
    # the other has 9. W_out has one number in each mode. The hash costs 4.
    by_one_bit = next(by_mode(ReadNetwork(net, code, 2.0)))
    program = by_one_bit.programs[0]
    assert isinstance(program, ReluNet)
    assert program.W_in[0].tolist() == [9]
    assert (program.W_in[1:] - net.W_in[1:]).square().sum().item() == pytest.approx(0.5)
    assert by_one_bit.bits == 4 + 8 * 1 + 32 * (2 + 1 + 1 + 1) + 32 * (1 + 4)


def test_two_level_input_by_hand() -> None:
    net = net_of([[9.0, 1.0], [0.0, 2.0], [2.0, 3.0]], [0.3, 0.4], np.ones((2, 3)), [0.1, 0.2, 0.3])
    made = two_level_input(ReadNetwork(net, Code([[0, 0], [1, 0], [1, 0]]), 2.0))
    program = made.programs[0]
    assert isinstance(program, ReluNet)
    # Unit 0: 9, and the mean of 0 and 2 for the bits. Unit 1: no bits, the mean of 1 2 3.
    assert program.W_in.tolist() == [[9, 2], [1, 2], [1, 2]]
    # Hash min(6, 3 x ceil(log2 3) + 0 + 1 + 1), the two means, b_in, W_out, b_out.
    assert made.bits == 6 + 32 * (4 + 2 + 6 + 3)
    assert made.kind == "quantisation"


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=9), st.integers(1, 4))
def test_codebooks_against_all_partitions(numbers: list[int], levels: int) -> None:
    # The best partition into intervals, by trying every choice of borders.
    values = np.sort(np.array(numbers, dtype=float))
    best = min(
        sum(
            float(((part - part.mean()) ** 2).sum()) for part in np.split(values, cuts) if len(part)
        )
        for cuts in itertools.combinations_with_replacement(range(len(values) + 1), levels - 1)
    )
    quantiser = Quantiser(np.array(numbers, dtype=float))
    left = float(((quantiser.nearest(quantiser.codebook(levels)) - quantiser.values) ** 2).sum())
    spread = float(((values - values.mean()) ** 2).sum())
    assert best - 1e-9 <= left <= best + 0.1 * spread  # Lloyd's iteration stops at local optima


# --- Ladders ----------------------------------------------------------------------------------

EXACT_FROM = "hash-sharpness", "token-bias", "unit-level", "unit-thresholds", "token-strengths"


@pytest.mark.parametrize(("weight", "sharpness"), [(3, 20.0), (3, 1.3), (1, 20.0), (4, 60.0)])
def test_a_constructed_network_is_explained_by_its_hash_and_sharpness(
    weight: int, sharpness: float
) -> None:
    code = random_constant_weight(14, 10, weight, seed=1)  # weight 1: duplicate hashes
    net = construct(code, sharpness)
    ladder = climb_ladder(net, extract_code(net), AllSets(14, 3))
    own = row(ladder, "network")
    quantised = [f"{part}-{bits}-bit" for part in ("matrix", "mode") for bits in range(1, 9)]
    for name in (*EXACT_FROM, "two-level-input", *quantised):
        each = row(ladder, name)
        assert each.mse == pytest.approx(own.mse, rel=1e-5, abs=1e-12), name
        assert each.loss_failures.f1 in (None, 1.0), name
        assert each.ranking_failures.f1 in (None, 1.0), name
        correlation = each.loss_correlation
        assert correlation is None or correlation == pytest.approx(1, abs=1e-6), name
        assert each.log_gap_closed == pytest.approx(1, abs=1e-5), name


def test_a_perfect_network() -> None:
    # Every token has a unit of its own: no set fails, and the loss is rounding.
    net = construct(Code(np.eye(6, dtype=bool)), 40.0)
    ladder = climb_ladder(net, extract_code(net), AllSets(6, 2))
    for each in ladder.rungs[2:]:
        if each.name == "random-hash":
            continue
        assert each.loss_failures == NOTHING, each.name
        assert each.ranking_failures == NOTHING, each.name
        assert each.loss_correlation is None, each.name
        assert each.log_gap_closed == 1, each.name
    assert row(ladder, "uniform").loss_failures == Agreement(0.0, 0.0, 0.0)


def test_the_order_of_the_rungs_and_their_bits() -> None:
    net, noise = construct(random_constant_weight(40, 12, 3), 3.0), random_net(40, 12, 0)
    with torch.no_grad():
        for value, more in zip(net.parameters(), noise.parameters(), strict=True):
            value += 0.1 * more
    ladder = climb_ladder(net, extract_code(net), AllSets(40, 2))
    names = [each.name for each in ladder.rungs]
    assert len(names) == len(set(names)) == len([*RUNGS, *RIVALS])
    assert names[:3] == ["uniform", "random-hash", "hash"]
    assert names[-1] == "network"
    bits = [each.bits for each in ladder.rungs]
    assert bits[:-1] == sorted(bits[:-1])
    assert bits[0] == 0
    assert bits[-1] == ladder.network_bits == network_bits(net)
    hashes = row(ladder, "hash").bits
    for each in ladder.rungs:
        if each.kind == "explanation":
            # At most 5 (N + d) reals, and N + d weak bits of two reals and a number of 7 bits.
            assert each.bits <= hashes + 32 + (5 * 32 + 2 * 32 + 7) * (40 + 12)
    own = row(ladder, "network")
    assert own.loss_failures.f1 == own.ranking_failures.f1 == own.log_gap_closed == 1
    assert own.loss_correlation == pytest.approx(1)


def test_the_uniform_output_closes_nothing() -> None:
    net = construct(random_constant_weight(14, 10, 3), 9.0)
    uniform = row(climb_ladder(net, extract_code(net), AllSets(14, 3)), "uniform")
    # Sets of 3 of 14 tokens: 1/3 - 1/14, ln(14/3), and every set fails.
    assert uniform.mse == pytest.approx(1 / 3 - 1 / 14)
    assert uniform.kl == pytest.approx(math.log(14 / 3))
    assert uniform.log_gap_closed == 0
    assert uniform.loss_failures.recall == uniform.ranking_failures.recall == 1
    assert uniform.loss_correlation is None


@pytest.mark.parametrize(
    ("vocab", "width", "size"), [(1, 1, 1), (2, 1, 2), (5, 1, 1), (6, 70, (1, 6)), (9, 3, 9)]
)
def test_awkward_shapes(vocab: int, width: int, size: int | tuple[int, int]) -> None:
    net = random_net(vocab, width, 1)
    ladder = climb_ladder(net, extract_code(net), KSparseTask(vocab, size).evaluation_sets(draw=30))
    json.dumps(asdict(ladder), allow_nan=False)
    assert row(ladder, "network").loss_failures.f1 in (None, 1.0)


def test_dead_units_and_a_network_of_zeros() -> None:
    net = random_net(9, 4, 2)
    with torch.no_grad():
        net.b_in[:2] = -1e6
    ladder = climb_ladder(net, extract_code(net), AllSets(9, 2))
    json.dumps(asdict(ladder), allow_nan=False)
    zeros = ReluNet(*(torch.zeros_like(value) for value in net.parameters()))
    ladder = climb_ladder(zeros, extract_code(zeros), AllSets(9, 2))
    # The network is the uniform output: no gap to close, no variance, every set fails.
    for each in ladder.rungs:
        assert each.log_gap_closed is None or each.name in ("hash", "random-hash")
        assert each.loss_correlation is None
    assert row(ladder, "hash-sharpness").loss_failures == Agreement(1.0, 1.0, 1.0)
