"""The rungs of the residue: weak bits, the best readout, one matrix; and the sets they fit on."""

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from build.ladder import (
    FEW_STEPS,
    divergence,
    margins,
    ranking_divergence,
    scored_rows,
    task_loss,
)
from build.networks import net_of, random_net
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder import one_matrix_rounded as rounded_module
from relubloom.evidence.ladder.climb import FITTED_RUNGS
from relubloom.evidence.ladder.fitted import (
    best_readout,
    logits,
    loss_gradient,
    weak_bits_best_readout,
)
from relubloom.evidence.ladder.one_matrix_rounded import one_matrix_rounded
from relubloom.evidence.ladder.read_network import (
    ReadNetwork,
    overlap_pressures,
    predicted,
    slopes,
    token_and_unit_levels,
    unit_levels,
)
from relubloom.evidence.ladder.read_off import (
    find_weak_bits,
    listed_bits,
    one_matrix,
    three_levels,
    weak_bits,
)
from relubloom.evidence.ladder.rung import Rung, as_network, network_bits
from relubloom.measure.answers import Batch
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets
from relubloom.training.recipe import Objective

SETS = AllSets(24, 3).chunk(0, 2024)  # all C(24, 3)


def program_of(made: Rung) -> ReluNet:
    (program,) = made.programs
    assert isinstance(program, ReluNet)
    return program


# --- Departures -------------------------------------------------------------------------------


def test_levels_by_token_and_unit_by_hand() -> None:
    values = np.array([[1.0, 2.0], [4.0, 9.0]])
    # All four entries: row means 1.5 and 6.5, column means 2.5 and 5.5, mean 4: the levels are
    # row + column - 4.
    everywhere = np.ones((2, 2), dtype=np.bool_)
    expected = np.array([[0.0, 3.0], [5.0, 8.0]])
    assert token_and_unit_levels(values, everywhere) == pytest.approx(expected)
    # Three entries are met exactly; the fourth is what they say, 4 + 2 - 1.
    three = np.array([[True, True], [True, False]])
    assert token_and_unit_levels(values, three) == pytest.approx(np.array([[1.0, 2.0], [4.0, 5.0]]))
    assert not token_and_unit_levels(values, ~everywhere).any()


def test_unit_levels_by_hand() -> None:
    values = np.array([[1.0, 5.0], [2.0, 6.0], [6.0, 7.0]])
    bits = np.array([[True, False], [False, False], [True, False]])
    # Unit 0: bits (1 + 6)/2, the other 2. Unit 1 has no bits: (5 + 6 + 7)/3.
    assert unit_levels(values, bits).tolist() == [[3.5, 6], [2, 6], [3.5, 6]]


def test_slopes_by_hand() -> None:
    source = np.array([[1.0, 0.0], [2.0, 0.0], [9.0, 1e-12]])
    target = np.array([[3.0, 4.0], [5.0, 4.0], [0.0, 4.0]])
    mask = np.array([[True, True], [True, True], [False, True]])
    # Unit 0: (1 x 3 + 2 x 5) / (1 + 4). Unit 1: a source of rounding has no slope.
    assert slopes(source, target, mask, 0).tolist() == [13 / 5, 0]
    # Tokens: 3/1, 10/4; of token 2 only the rounding is in the mask.
    assert slopes(source, target, mask, 1).tolist() == [3, 2.5, 0]


def test_prediction_by_hand() -> None:
    feature = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0], [100.0, 5.0]])
    target = np.array([[-6.0, 0.0], [0.0, 0.0], [6.0, 0.0], [9.0, 0.0]])
    mask = np.array([[True, True], [True, True], [True, True], [False, True]])
    # In the mask the feature, centred by unit, is -2 0 2 and nothing: 3 times it is the target.
    found, coefficients = predicted(target, [feature, np.full((4, 2), 0.1)], mask)
    assert coefficients == 1
    assert found == pytest.approx(np.array([[-6.0, 0], [0, 0], [6, 0], [0, 0]]))
    found, coefficients = predicted(target, [feature], np.zeros((4, 2), dtype=np.bool_))
    assert (found.any(), coefficients) == (False, 0)


def test_pressures_by_hand() -> None:
    code = Code([[1, 1, 0], [1, 1, 0], [0, 1, 1]])
    found = overlap_pressures(code.bits, tokens=2)  # two passes
    # Units 0 and 1 are together in two tokens, 1 and 2 in one. Token 0: unit 0 with its bit 1: 2;
    # unit 1 with its bit 0: 2; unit 2 with its bit 1: 1. Token 2: 2 from unit 1; 1; 1.
    assert found[0].tolist() == [[2, 2, 1], [2, 2, 1], [2, 1, 1]]
    # Overlaps: 0 and 1 share 2, either shares 1 with 2. Token 0 sees (1 1 0) twice, (0 1 1) once.
    assert found[1].tolist() == [[2, 3, 1], [2, 3, 1], [2, 2, 0]]
    assert found[2].tolist() == [[8, 9, 1], [8, 9, 1], [2, 2, 0]]
    # exp(overlap - 2), 2 the greatest weight: 1 and 1/e.
    e = np.exp(-1)
    assert found[3] == pytest.approx(np.array([[1, 1 + e, e], [1, 1 + e, e], [2 * e, 2 * e, 0]]))


# --- Weak bits --------------------------------------------------------------------------------


def planted(
    bits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], *weak: tuple[int, int]
) -> ReadNetwork:
    """Bits at -2, weak ones at -1/2, the rest at 0, b_in at 1; sets of 3."""
    W_in = np.where(bits, -2.0, 0.0)
    for entry in weak:
        W_in[entry] = -0.5
    vocab, width = bits.shape
    return ReadNetwork(net_of(W_in, np.ones(width), W_in.T, np.zeros(vocab)), Code(bits), 3.0)


def test_a_planted_weak_bit_is_found() -> None:
    bits = random_constant_weight(8, 6, 2, seed=0).bits
    assert not find_weak_bits(planted(bits)).any()
    token, unit = (int(each[0]) for each in bits.nonzero())
    # 1 - 1/2 > 0: alone it leaves its unit on; the others leave it at 1 - 2.
    assert list(zip(*find_weak_bits(planted(bits, (token, unit))).nonzero(), strict=True)) == [
        (token, unit)
    ]


def test_weak_is_judged_beside_the_other_tokens_of_a_set() -> None:
    code = Code([[1], [0], [0]])
    net = net_of([[-1.5], [0.25], [0.25]], [1.0], [[-1, 0, 0]], [0, 0, 0])
    # 1 - 3/2 plus 1/4 from each of set_size - 1 others: 0 with two of them, 1/4 with three.
    assert not find_weak_bits(ReadNetwork(net, code, 3.0)).any()
    assert find_weak_bits(ReadNetwork(net, code, 4.0)).tolist() == [[True], [False], [False]]


def test_at_most_vocab_and_width_weak_bits() -> None:
    bits = np.ones((6, 5), dtype=np.bool_)
    equal = ReadNetwork(net_of(-0.5 * bits, np.ones(5), bits.T, np.zeros(6)), Code(bits), 1.0)
    # All 30 leave their unit at 1/2; 6 + 5 are listed, the first.
    assert find_weak_bits(equal).ravel().tolist() == [True] * 11 + [False] * 19
    rising = np.linspace(-0.9, -0.1, 30).reshape(6, 5)
    read = ReadNetwork(net_of(rising, np.ones(5), bits.T, np.zeros(6)), Code(bits), 1.0)
    assert find_weak_bits(read).ravel().tolist() == [False] * 19 + [True] * 11


def test_length_of_a_list_of_bits_by_hand() -> None:
    bits = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=np.bool_)
    weak = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.bool_)
    read = planted(bits, (0, 0), (1, 1))
    # How many: 32. Each of the two: which of 5 bits, 3 bits, and its reals.
    assert listed_bits(read, weak, numbers=0) == 32 + 2 * 3
    assert listed_bits(read, weak, numbers=2) == 32 + 2 * (3 + 64)
    assert listed_bits(read, np.zeros_like(weak), numbers=2) == 32


def test_rungs_of_weak_bits_by_hand() -> None:
    bits = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.bool_)
    read = planted(bits, (1, 0))
    # The hash: its 4 x 2 matrix. Which of 3 bits: 2. Seven means; or 5 (4 + 2) and two entries.
    three, listed = three_levels(read), weak_bits(read)
    assert three.bits == 8 + (32 + 2) + 7 * 32
    assert listed.bits == 8 + 5 * (4 + 2) * 32 + (32 + 2 + 64)
    for made in (three, listed):
        assert made.kind == "explanation"
    # Three values are all there is: means give them back.
    assert torch.equal(program_of(three).W_in, read.net.W_in)
    assert torch.equal(program_of(three).W_out, read.net.W_out)
    # The listed bit is as stored. The levels still count it: unit 0's bits and tokens 0 and 1
    # have one entry each, so any sum of levels meets them.
    assert program_of(listed).W_in.detach().numpy() == pytest.approx(read.net.W_in.detach().numpy())


# --- Best readout -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [weak_bits_best_readout, best_readout])
def test_the_fitted_readout_answers_as_a_perfect_network_does(
    make: Callable[[ReadNetwork, Tensor, int], Rung],
) -> None:
    # A unit per token: a missing bit costs 20 logits, and 4 where the fit starts. There the 9
    # others of a set take m = 9 e^-4 / (3 + 9 e^-4) from the members: 2 m / 12 a token on average.
    # What lowers the loss is what the network answers, 1/3 on each member.
    net = construct(Code(np.eye(12, dtype=np.bool_)), 20.0)
    read = ReadNetwork(net, extract_code(net), 3.0)
    sets = AllSets(12, 3).chunk(0, 220)[
        torch.randperm(220, generator=torch.Generator().manual_seed(0))
    ]

    def mean_distance(steps: int) -> float:
        made = program_of(make(read, sets[:110], steps))
        assert torch.equal(made.W_in, net.W_in)
        with torch.no_grad():
            return float((made(sets[110:]).softmax(1) - net(sets[110:]).softmax(1)).abs().mean())

    m = 9 * np.exp(-4) / (3 + 9 * np.exp(-4))
    start = mean_distance(0)
    assert start == pytest.approx(2 * m / 12, rel=1e-4)
    assert mean_distance(200) < start / 3


def test_a_fitted_readout_does_the_task_better() -> None:
    # On sets with false positives, equal shares for all covered tokens are not the best answer.
    net = construct(random_constant_weight(24, 12, 3, seed=1), 20.0)
    sets = SETS[torch.randperm(2024, generator=torch.Generator().manual_seed(0))]
    made = best_readout(ReadNetwork(net, extract_code(net), 3.0), sets[:1024], 60)
    assert torch.equal(program_of(made).W_in, net.W_in)
    own = task_loss(net(sets[1024:]), sets[1024:], "mse")
    assert task_loss(program_of(made)(sets[1024:]), sets[1024:], "mse") < 0.98 * own


def test_bits_of_the_best_readouts_by_hand() -> None:
    bits = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.bool_)
    read = planted(bits, (1, 0))
    sets = AllSets(4, 2).chunk(0, 6)
    # W_in's levels 2 (4 + 2), b_in 2, which of 3 bits is weak and its entry, which objective.
    assert weak_bits_best_readout(read, sets, FEW_STEPS).bits == 8 + 32 * 14 + (32 + 2 + 32) + 1
    # W_in 8, b_in 2.
    assert best_readout(read, sets, FEW_STEPS).bits == 32 * 10 + 1


# --- One matrix -------------------------------------------------------------------------------


def test_one_matrix_gives_back_an_affine_function_of_the_readout() -> None:
    rng = np.random.default_rng(0)
    code = random_constant_weight(24, 12, 4, seed=0)
    W_out = rng.normal(size=(24, 12)).astype(np.float32)  # by token
    a, b, c, d = rng.normal(size=(4, 12))
    W_in = np.where(code.bits, a + b * W_out, c + d * W_out)
    net = net_of(W_in, rng.normal(size=12), W_out.T, rng.normal(size=24))
    made = one_matrix(ReadNetwork(net, code, 3.0))
    assert program_of(made).W_in.detach().numpy() == pytest.approx(W_in, abs=1e-5)
    for name in ("b_in", "W_out", "b_out"):
        assert torch.equal(getattr(program_of(made), name), getattr(net, name))
    # Hash min(24 x 12, 24 (ceil log2 495 + ceil log2 13)); W_out, b_out, b_in; a slope per token;
    # two levels and two slopes per unit.
    assert made.bits == min(288, 24 * (9 + 4)) + 32 * (288 + 24 + 12 + 24 + 4 * 12)
    assert made.kind == "network"


def test_one_matrix_has_a_slope_per_token() -> None:
    # No bits, and W_out departs by 1 up and down: W_in departs by unit's slope times token's.
    W_out = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0]])
    token, unit = np.array([1.0, 2.0, 2.0, 1.0]), np.array([3.0, -1.0])
    W_in = token[:, None] * unit * W_out + np.array([0.5, 4.0])
    net = net_of(W_in, [0, 0], W_out.T, np.zeros(4))
    made = one_matrix(ReadNetwork(net, Code(np.zeros((4, 2), dtype=np.bool_)), 2.0))
    assert program_of(made).W_in.detach().numpy() == pytest.approx(W_in, abs=1e-6)


def test_bits_of_one_rounded_matrix_by_hand() -> None:
    code = Code([[1, 0], [0, 1], [0, 0], [0, 0]])
    net = random_net(4, 2, 3)
    made = one_matrix_rounded(ReadNetwork(net, code, 2.0), AllSets(4, 2).chunk(0, 6), FEW_STEPS)
    # A tenth of 32 x 22 bits is nothing: two levels. The hash: its matrix. No two hashes overlap:
    # nothing is predicted from them. Six entries elsewhere: a bit and two levels for the strength,
    # the same for the rest of W_in, with two coefficients for the strength's powers. Each unit has
    # one bit, which is its mean: one level (0) in either matrix.
    parts = (6 + 64) + (64 + 6 + 64) + 32 + 32
    # Seven numbers per unit and one per token in 8 bits, b_out in 12, the ends of these nine
    # lists, and seven scales.
    numbers = 8 * (7 * 2 + 4) + 12 * 4 + 32 * (2 * 9 + 7)
    assert made.bits == 8 + parts + numbers
    assert "strength on 2 levels" in made.meaning


@pytest.mark.parametrize(("vocab", "width", "weight"), [(64, 24, 3), (200, 16, 4), (100, 60, 6)])
def test_one_rounded_matrix_takes_a_tenth_where_that_is_possible(
    vocab: int, width: int, weight: int
) -> None:
    code = random_constant_weight(vocab, width, weight, seed=0)
    read = ReadNetwork(random_net(vocab, width, 0), code, 3.0)
    made = one_matrix_rounded(read, AllSets(vocab, 3).chunk(0, 3000), FEW_STEPS)
    levels = rounded_module.affordable_levels(read)
    tenth = network_bits(read.net) / 10
    if levels > 2:
        assert made.bits <= tenth
    # With one level more the strengths alone take that much more, and the whole would not fit.
    elsewhere = vocab * width - vocab * weight
    more = elsewhere * (np.log2(levels + 1) - np.log2(levels)) + 32
    assert made.bits + more > tenth - 32 * 16  # no more than the 16 coefficients to spare


def test_numbers_are_rounded_to_equal_steps() -> None:
    numbers = {
        "slope": torch.tensor([0.0, 100.4, 255.0]),  # steps of 1
        "b_out": torch.tensor([-1.0, 0.3, 4094.0]),  # 4,095 steps of 1
        "b_in": torch.tensor([0.7, 0.7]),
        "depth_scale": torch.tensor([1.234]),
    }
    kept, length = rounded_module.shortened(numbers)
    assert kept["slope"].tolist() == [0, 100, 255]
    assert kept["b_out"].tolist() == [-1, 0, 4094]
    assert kept["b_in"].tolist() == pytest.approx([0.7, 0.7])
    assert torch.equal(kept["depth_scale"], numbers["depth_scale"])
    # 8 bits a number, 12 of b_out, the two ends of three lists, and one scale.
    assert length == 8 * (3 + 2) + 12 * 3 + 32 * (2 * 3 + 1)


def test_programs_are_stored_in_float32() -> None:
    third = np.full((2, 1), 1 / 3)
    net = as_network(third, np.zeros(1), 2 * third, np.zeros(2))
    assert net.W_in.dtype == net.W_out.dtype == torch.float32
    assert net.W_in[0, 0].item() == np.float32(1 / 3)
    assert net.W_out.shape == (1, 2)
    assert net.W_out.is_contiguous()


# --- Gradients --------------------------------------------------------------------------------


def padded_batch(vocab: int) -> tuple[Tensor, Batch]:
    """Sets of one to three tokens, the last token among them."""
    sets = torch.tensor([[0, vocab - 1, 2], [vocab, 3, vocab], [4, 1, vocab], [1, 2, 3]])
    return sets, Batch.of(sets, vocab)


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_the_gradient_of_a_loss_is_that_of_autograd(objective: Objective) -> None:
    sets, batch = padded_batch(7)
    answers = torch.randn(4, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (expected,) = torch.autograd.grad(task_loss(answers, sets, objective), answers)
    assert torch.equal(loss_gradient(answers.detach(), batch, objective), expected)


def test_the_gradient_of_unlikeness_is_that_of_autograd() -> None:
    sets, batch = padded_batch(7)
    draw = torch.Generator().manual_seed(1)
    true = torch.randn(4, 7, generator=draw) / 10
    found = true + torch.randn(4, 7, generator=draw) / 20
    found[0, 5] = found[0, 3] = found[0].max()  # two others share the greatest logit
    found[2, 4] = found[2, 1]  # two members the least
    found[3, 6] = 50.0  # beyond where all is certain
    found.requires_grad_()
    loss = divergence(found, true) + 0.1 * ranking_divergence(found, true, sets)
    (expected,) = torch.autograd.grad(loss, found)
    gradient = rounded_module.unlikeness_gradient(found.detach(), true, batch)
    assert torch.allclose(gradient, expected, rtol=1e-6, atol=1e-9)
    alone = torch.tensor([[0, 1, 2]])  # nobody is beside them
    ahead = rounded_module.unlikeness_gradient(
        found[:1, :3].detach(), true[:1, :3], Batch.of(alone, 3)
    )
    assert ahead.isfinite().all()


def test_gradients_of_the_numbers_are_those_of_autograd() -> None:
    code = random_constant_weight(24, 12, 3, seed=0)
    parts = rounded_module.RoundedStrengths(ReadNetwork(random_net(24, 12, 0), code, 3.0))
    numbers = parts.start()
    draw = torch.Generator().manual_seed(2)
    for value in numbers.values():
        value += torch.randn(value.shape, generator=draw) / 10
        value.requires_grad_()
    W_in, _, W_out, _ = parts.weights(numbers)
    by_in, by_out = (torch.randn(24, 12, generator=draw) for _ in range(2))
    loss = (W_in * by_in).sum() + (W_out.T * by_out).sum()
    names = [name for name in numbers if name not in ("b_in", "b_out")]
    expected = torch.autograd.grad(loss, [numbers[name] for name in names])
    with torch.no_grad():
        found = parts.gradients(numbers, by_in, by_out)
    assert set(found) == set(names)
    for name, each in zip(names, expected, strict=True):
        assert torch.allclose(found[name], each, rtol=1e-5, atol=1e-6), name


def test_losses_of_a_fit_by_hand() -> None:
    # W_out of zeros: the logits are b_out, shares 1/2 1/4 1/4. The set {0} is padded by 3.
    weights = (
        torch.zeros(3, 1),
        torch.zeros(1),
        torch.zeros(1, 3),
        torch.tensor([2.0, 1, 1]).log(),
    )
    sets = torch.tensor([[0, 3], [1, 2]])
    answers = logits(weights, sets)
    # Sum of squares 3/8, minus twice the members' mean share: 1/2, and 1/4.
    expected = ((3 / 8 - 1) + (3 / 8 - 1 / 2)) / 2
    assert task_loss(answers, sets, "mse").item() == pytest.approx(expected)
    expected = (np.log(2) + np.log(4)) / 2
    assert task_loss(answers, sets, "kl").item() == pytest.approx(expected)
    # KL(true || of), the true shares 1/3 each.
    expected = -(np.log(3 / 2) + 2 * np.log(3 / 4)) / 3
    assert divergence(answers, torch.zeros(2, 3)).item() == pytest.approx(expected)


def test_margins_and_their_divergence_by_hand() -> None:
    answers = torch.tensor([[0.3, 0.1, 0.25], [0.3, 0.1, 0.25], [0.0, 50.0, 0.0]])
    sets = torch.tensor([[0, 3], [0, 1], [0, 2]])
    # The least member less the greatest other; 0 - 50 is beyond 10, where all is certain.
    assert margins(answers, sets).tolist() == pytest.approx([0.05, -0.15, -10])
    # Without others every member is ahead.
    assert margins(answers, torch.tensor([[0, 1, 2]] * 3)).tolist() == [10.0] * 3
    # Margins 0.05 and 0, over 0.1: chances p = 1/(1 + e^-.5) and 1/2; KL(p || 1/2).
    p = 1 / (1 + np.exp(-0.5))
    even = torch.tensor([[0.3, 0.1, 0.3]])
    expected = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    found = ranking_divergence(even, answers[:1], sets[:1])
    assert found.item() == pytest.approx(expected, rel=1e-4)
    assert ranking_divergence(answers, answers, sets).item() == pytest.approx(0, abs=1e-7)


def test_padding_adds_nothing_in_a_fit() -> None:
    net = random_net(6, 4, 0)
    weights = tuple(value.detach() for value in net.parameters())
    padded = logits((weights[0], weights[1], weights[2], weights[3]), torch.tensor([[2, 4, 6]]))
    assert padded.numpy() == pytest.approx(net(torch.tensor([[2, 4]])).detach().numpy(), abs=1e-6)


# --- Awkward networks -------------------------------------------------------------------------


def with_dead_units() -> ReluNet:
    net = random_net(24, 12, 1)
    with torch.no_grad():
        net.b_in[:3] = -1e6
        net.W_out[4] = 0
    return net


def with_tiny_numbers() -> ReluNet:
    net = random_net(24, 12, 2)
    with torch.no_grad():
        net.W_out[:6] *= 1e-44  # denormal numbers
        net.W_in[:, 6] = 0
        net.b_in[6] = 1e-38  # the unit's level
    return net


def zeros(vocab: int, width: int) -> ReluNet:
    return ReluNet(*(torch.zeros_like(value) for value in random_net(vocab, width, 0).parameters()))


# Networks, the set size, and, where it is not extracted, whether a pair has a bit.
AWKWARD: dict[str, tuple[ReluNet, int, bool | None]] = {
    "constructed": (construct(random_constant_weight(24, 12, 3, seed=1), 20.0), 3, None),
    "untrained": (random_net(24, 12, 0), 3, None),
    "dead units": (with_dead_units(), 3, None),
    "tiny numbers": (with_tiny_numbers(), 2, None),
    "no bits": (random_net(24, 12, 0), 2, False),
    "all bits": (random_net(24, 12, 0), 2, True),
    "zeros": (zeros(24, 12), 2, None),
    "all bits of many units": (random_net(5, 800, 3), 2, True),
    "width 1": (random_net(24, 1, 4), 3, None),
    "one token a set": (random_net(24, 12, 0), 1, None),
    "one set": (random_net(3, 4, 5), 3, None),
    "one token": (random_net(1, 1, 6), 1, True),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_everything_is_finite(name: str) -> None:
    net, size, bit = AWKWARD[name]
    code = extract_code(net) if bit is None else Code(np.full(net.W_in.shape, bit))
    sets = AllSets(net.vocab_size, size)
    read = ReadNetwork(net, code, float(size))
    all_sets = sets.chunk(0, len(sets))
    made = [make(read) for make in (three_levels, weak_bits, one_matrix)]
    made += [make(read, all_sets, FEW_STEPS) for make in FITTED_RUNGS.values()]
    for each in made:
        assert all(value.isfinite().all() for value in program_of(each).parameters()), each.name
    rows = scored_rows(net, made, sets)
    json.dumps([asdict(row) for row in rows], allow_nan=False)


def test_sets_of_several_sizes_are_fitted_on() -> None:
    net = random_net(24, 12, 7)
    read = ReadNetwork(net, extract_code(net), 2.5)
    sets = DrawnSets(24, (1, 4), None, "ladder", 500).chunk(0, 500)
    assert (sets == 24).any()
    for make in FITTED_RUNGS.values():
        made = program_of(make(read, sets, FEW_STEPS))
        assert all(value.isfinite().all() for value in made.parameters())


def test_what_a_depth_predicts_of_the_readout_is_taken_out() -> None:
    """Least squares: what is left on the bits is uncorrelated with the powers of the depth."""
    code = random_constant_weight(24, 12, 3, seed=0)
    read = ReadNetwork(random_net(24, 12, 0), code, 3.0)
    parts = rounded_module.RoundedStrengths(read)
    (depth,), (foretold, _) = parts._depth, parts._output_rest
    gap = read.units.gap
    floor = np.where((gap > 0) & ~read.reversed, -rounded_module.ENOUGH * gap, -np.inf)
    below = np.maximum(read.departures.of_output, floor)
    left = np.where(code.bits, below - parts._bit_slope * depth - foretold, 0)
    for power in (depth**2, depth**3):
        mean = np.where(code.bits, power, 0).sum(0) / code.bits.sum(0)
        assert (left * (power - mean)).sum() == pytest.approx(0, abs=1e-9)
