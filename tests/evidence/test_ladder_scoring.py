"""Scores of the ladder's rungs: worked by hand, and the evaluator against the definitions."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from build.ladder import climb_ladder, scored_rows, shown
from build.networks import net_of, random_net
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder import climb
from relubloom.evidence.ladder.climb import RIVALS, RUNGS
from relubloom.evidence.ladder.rung import Program, Rung, hash_bits, network_bits
from relubloom.evidence.ladder.scoring import Outcome, log_gap_closed
from relubloom.evidence.scores import score_sets
from relubloom.measure.answers import Batch
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.statistics import agreement
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Agreement, Ladder, ScoredRung
from relubloom.task import AllSets, KSparseTask, ListedSets, SetCollection

NOTHING = Agreement(None, None, None)


def rung(*programs: Program) -> Rung:
    return Rung("name", "title", "meaning", "explanation", 0, programs)


def score(net: ReluNet, program: Program, sets: SetCollection) -> ScoredRung:
    return scored_rows(net, [rung(program)], sets)[0]


def numbers(agreed: Agreement) -> tuple[float | None, ...]:
    return agreed.precision, agreed.recall, agreed.f1


# --- Description length -----------------------------------------------------------------------


def test_bits_of_a_tiny_hash() -> None:
    # Three tokens, width 4: the matrix costs 12. By number: the weight costs ceil(log2 5) = 3 a
    # token, 9 in all, and the hashes of weight 1, 2 and 4 are one of 4, 6 and 1: 2 + 3 + 0.
    code = Code([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    assert hash_bits(code) == 12
    # Width 16, five tokens of weight 1: matrix 80; weights 5 x ceil(log2 17) = 25, hashes 5 x 4.
    assert hash_bits(Code(np.eye(5, 16, dtype=bool))) == 45
    # No bits: a token's weight still costs ceil(log2 2) = 1, as its one entry does.
    assert hash_bits(Code(np.zeros((7, 1), dtype=bool))) == 7


def test_bits_of_wide_hashes_do_not_overflow() -> None:
    # C(256, 128) is 5.77e75, between 2^251 and 2^252; ceil(log2 257) = 9; the matrix costs 256.
    bits = np.zeros((1, 256), dtype=bool)
    bits[:, :128] = True
    assert hash_bits(Code(bits)) == 256
    bits[:, 2:] = False  # C(256, 2) = 32,640 < 2^15
    assert hash_bits(Code(bits)) == 15 + 9


def test_bits_of_a_network() -> None:
    # 5 x 3 entries twice, 3 and 5 biases.
    assert network_bits(random_net(5, 3, 0)) == 32 * 38


# --- Agreement --------------------------------------------------------------------------------


def test_agreement_by_hand() -> None:
    # 4 predicted, 6 actual, 3 shared: 3/4, 3/6, 2 x 3 / 10.
    assert numbers(agreement(4, 6, 3)) == pytest.approx((0.75, 0.5, 0.6))
    assert agreement(0, 0, 0) == NOTHING
    assert agreement(3, 0, 0) == Agreement(0.0, 0.0, 0.0)
    assert agreement(0, 3, 0) == Agreement(0.0, 0.0, 0.0)
    assert agreement(3, 2, 0) == Agreement(0.0, 0.0, 0.0)


def test_log_gap_by_hand() -> None:
    # From 1e-1 to 1e-3 the network closes two decades; the rung, at 1e-2, one of them.
    assert log_gap_closed(1e-1, 1e-2, 1e-3) == pytest.approx(1 / 2)
    assert log_gap_closed(1e-1, 1e-4, 1e-3) == pytest.approx(3 / 2)
    assert log_gap_closed(1e-1, 1.0, 1e-3) == pytest.approx(-1 / 2)
    assert log_gap_closed(1e-1, 1e-2, 1e-1) is None
    assert log_gap_closed(1e-1, 0.0, 0.0) == 1  # both at the floor
    assert log_gap_closed(1e-1, 1e-7, 0.0) == pytest.approx(6 / 11)  # the floor is 1e-12


def logits_of_tokens(masses: list[list[float]]) -> ReluNet:
    """Set {t} has the masses of row t."""
    size = len(masses)
    return net_of(np.eye(size), np.zeros(size), np.log(masses), np.zeros(size))


def test_a_prediction_by_hand() -> None:
    # k = 1, threshold 1/4. The network: {0}: .8 .1 .1, mse .04 + .01 + .01 = .06, fine.
    # {1}: .5 .25 .25: token 0 is above it, mse .25 + .5625 + .0625 = .875, fails by both.
    # {2}: .3 .3 .4: first, but mse .09 + .09 + .36 = .54 fails by loss.
    net = logits_of_tokens([[0.8, 0.1, 0.1], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4]])
    # The program: {0}: .2 .4 .4, mse .64 + .16 + .16 = .96, fails by both; {1}: as the network.
    # {2}: .1 .1 .8: .06.
    program = logits_of_tokens([[0.2, 0.4, 0.4], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    sets = ListedSets(torch.tensor([[0], [1], [2]]), torch.tensor([1, 2, 5]), torch.zeros(3).bool())
    found = score(net, program, sets)
    # Copies 1, 2, 5 of 8.
    assert found.mse == pytest.approx((0.96 + 2 * 0.875 + 5 * 0.06) / 8, rel=1e-6)
    kl = -(math.log(0.2) + 2 * math.log(0.25) + 5 * math.log(0.8)) / 8
    assert found.kl == pytest.approx(kl, rel=1e-6)
    # By loss: predicted {0} {1}, 3 copies; actual {1} {2}, 7; shared 2.
    assert numbers(found.loss_failures) == pytest.approx((2 / 3, 2 / 7, 4 / 10))
    # By ranking: predicted {0} {1}, 3; actual {1}, 2; shared 2.
    assert numbers(found.ranking_failures) == pytest.approx((2 / 3, 1, 4 / 5))
    # Weighted means .3765 and .56375 (x is the program, y the network).
    x, y, w = np.array([0.96, 0.875, 0.06]), np.array([0.06, 0.875, 0.54]), np.array([1, 2, 5]) / 8
    covariance = w @ (x * y) - (w @ x) * (w @ y)
    deviations = math.sqrt((w @ x**2 - (w @ x) ** 2) * (w @ y**2 - (w @ y) ** 2))
    assert found.loss_correlation == pytest.approx(covariance / deviations, rel=1e-5)
    # Uniform: 1 - 1/3. Network (.06 + 2 x .875 + 5 x .54) / 8.
    gap = math.log(2 / 3 / found.mse) / math.log(2 / 3 / ((0.06 + 1.75 + 2.7) / 8))
    assert found.log_gap_closed == pytest.approx(gap, rel=1e-6)


def test_a_code_is_run_as_a_filter() -> None:
    # Hashes 10, 11, 01 and sets of two: {0, 1} and {1, 2} cover all three tokens (F = 1), and so
    # does {0, 2}. mse 1/(2 x 3) and kl ln(3/2) on each set; no variance.
    found = score(random_net(3, 2, 0), Code([[1, 0], [1, 1], [0, 1]]), AllSets(3, 2))
    assert found.mse == pytest.approx(1 / 6)
    assert found.kl == pytest.approx(math.log(1.5))
    assert found.loss_correlation is None
    assert found.loss_failures.recall == 1  # all sets are predicted to fail


def test_the_median_of_draws() -> None:
    # On sets of one token their F are 0 0 0, 1 1 0 and 2 2 2, so their mse are
    # 0, (1/2 + 1/2 + 0) / 3 and 2/3.
    none = Code(np.eye(3, dtype=bool))
    pair = Code([[1, 0], [1, 0], [0, 1]])
    everything = Code([[0, 1], [0, 1], [0, 1]])
    found = scored_rows(random_net(3, 2, 5), [rung(none, pair, everything)], AllSets(3, 1))[0]
    assert found.mse == pytest.approx(1 / 3)


# --- Outcomes ---------------------------------------------------------------------------------


def same_as_scores(net: ReluNet, other: ReluNet, sets: SetCollection) -> None:
    code = random_constant_weight(net.vocab_size, net.width, 1)
    actual, predicted = score_sets(net, code, sets), score_sets(other, code, sets)
    found = score(net, other, sets)
    assert found.mse == pytest.approx(predicted.mean(predicted.mse), rel=1e-5, abs=1e-7)
    assert found.kl == pytest.approx(predicted.mean(predicted.kl), rel=1e-5, abs=1e-6)
    copies = actual.copies
    for name, agreed in (
        ("loss_failure", found.loss_failures),
        ("ranking_failure", found.ranking_failures),
    ):
        guess, truth = getattr(predicted, name), getattr(actual, name)
        counts = (copies @ guess, copies @ truth, copies @ (guess & truth))
        expected = agreement(*map(float, counts))
        assert numbers(agreed) == tuple(map(approximately, numbers(expected)))


def approximately(value: object) -> object:
    return None if value is None else pytest.approx(value)


@settings(max_examples=25)
@given(vocab=st.integers(1, 9), width=st.integers(1, 6), seed=st.integers(0, 9999), data=st.data())
def test_agrees_with_the_scores(vocab: int, width: int, seed: int, data: st.DataObject) -> None:
    high = data.draw(st.integers(1, vocab))
    low = data.draw(st.integers(1, high))
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    drawn = KSparseTask(vocab, (low, high)).evaluation_sets(draw=20)
    count = len(drawn)
    copies = torch.tensor(data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count)))
    sets = ListedSets(drawn.chunk(0, count), copies, torch.zeros(count).bool())
    net, other = (random_net(vocab, width, seed + each, dtype) for each in (0, 1))
    same_as_scores(net, other, sets)


def nearly_filter(spread: float, seed: int) -> ReluNet:
    """A filter with many false positives, whose ties with the members are a little off."""
    net = construct(random_constant_weight(30, 8, 4, seed), 3.7)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in net.parameters():
            value += spread * torch.randn(value.shape, generator=draw)
    return net


def near_threshold(spread: float, seed: int) -> ReluNet:
    """Set {t} has p = 1 - q on t and q on the next token: mse 2 q^2, 1/4 at q = sqrt(1/8)."""
    draw = torch.Generator().manual_seed(seed)
    q = math.sqrt(1 / 8) + spread * torch.randn(30, generator=draw, dtype=torch.float64)
    W_out = -60 * np.ones((30, 30))
    W_out[range(30), range(30)] = torch.log((1 - q) / q)
    W_out[range(30), [*range(1, 30), 0]] = 0
    return net_of(np.eye(30), np.zeros(30), W_out, np.zeros(30))


@pytest.mark.parametrize("spread", [0.0, 1e-8, 1e-7, 1e-6, 1e-5])
@pytest.mark.parametrize(
    ("make", "size"),
    [(nearly_filter, 1), (nearly_filter, 3), (nearly_filter, (1, 4)), (near_threshold, 1)],
)
def test_the_failing_sets_are_those_of_float64(
    make: Callable[[float, int], ReluNet], size: int | tuple[int, int], spread: float
) -> None:
    sets = KSparseTask(30, size).evaluation_sets(draw=500)
    for seed in range(4):
        net = make(spread, seed)
        truth = score_sets(net, random_constant_weight(30, net.width, 1), sets)
        evaluator = Evaluator(net, sets.chunk(0, 1).shape[1])
        assert evaluator.in_float32
        batch = Batch.of(sets.chunk(0, len(sets)), 30)
        found = evaluator.losses(batch)
        outcome = Outcome.of(found, batch)
        assert (outcome.ranking_failure == truth.ranking_failure).all()
        assert (outcome.loss_failure == truth.loss_failure).all()
        assert outcome.mse == pytest.approx(truth.mse, abs=2e-6)
        assert outcome.kl == pytest.approx(truth.kl, abs=1e-5)
        k = truth.set_size
        doubtful = (np.abs(truth.margin) < 1e-5) | (abs(truth.mse - 0.5 / k / (k + 1)) < 1e-5)
        assert doubtful.any() or spread > 1e-6  # float32 alone would be wrong on some of these


def test_float64_where_float32_cannot_hold_the_weights() -> None:
    assert not Evaluator(random_net(5, 3, 0, torch.float64), 2).in_float32
    huge = construct(random_constant_weight(12, 6, 2), 1e30)
    assert not Evaluator(huge, 2).in_float32
    same_as_scores(huge, huge, AllSets(12, 2))


def figures(ladder: Ladder) -> list[tuple[object, ...]]:
    return [
        (
            each.name,
            each.bits,
            each.mse,
            each.kl,
            each.log_gap_closed,
            each.loss_correlation,
            *numbers(each.loss_failures),
            *numbers(each.ranking_failures),
        )
        for each in ladder.rungs
    ]


def test_chunks_workers_and_rounds_change_nothing() -> None:
    net = random_net(12, 5, 3)
    code, sets = extract_code(net), AllSets(12, 3)
    whole = climb_ladder(net, code, sets)
    seen: list[tuple[int, int]] = []
    pieces = climb(
        net,
        code,
        shown(net, sets, workers=3),
        workers=3,
        on_sets=lambda *at: seen.append(at),
        at_once=0,  # a rung a round
        chunk=64,  # of 220
    )
    for one, other in zip(figures(whole), figures(pieces), strict=True):
        assert one[0] == other[0]
        assert other[1:] == tuple(map(approximately, one[1:])), one[0]
    assert len(seen) == 4 * len([*RUNGS, *RIVALS])
    assert seen == sorted(seen)
    assert seen[-1] == (220, 220)
