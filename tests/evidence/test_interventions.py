"""Interventions, each worked by hand on four tokens, and the figures that they report."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import GradedCode
from relubloom.code.bit_slices import pack_bits, unpack_bits
from relubloom.evidence.interventions.changes import (
    ForceCovered,
    ForceUncovered,
    PatchDonor,
    PatchFalsePositive,
    ScrubIrrelevant,
    SwapHashes,
    TwoLevelInput,
)
from relubloom.evidence.interventions.intervention import (
    CallDecoder,
    Cases,
    Intervention,
    even_cases,
    marked,
    random_choice,
)
from relubloom.evidence.interventions.plan import SealedPlan, half_with_predicted_errors
from relubloom.evidence.interventions.prepared_network import PreparedNetwork
from relubloom.evidence.interventions.scoring import matched, score_chunk
from relubloom.measure.statistics import pearson
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet

# Tokens 0 and 1 together cover all units, as do 2 and 3; each of one pair shares a bit with each of
# the other.
FOUR = GradedCode([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])


def ids(*rows: list[int]) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64)


def four(net: ReluNet | None = None) -> PreparedNetwork:
    """The constructed network of FOUR (sharpness 5), or another, with all pairs as sources."""
    pairs = ids([0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3])
    return PreparedNetwork.of(net or construct(FOUR, 5), FOUR, pairs, np.random.default_rng(0))


def called(logits: Tensor) -> list[list[int]]:
    close = logits >= logits.amax(1, keepdim=True) - np.log(2)
    return [row.nonzero().flatten().tolist() for row in close]


def predicted(code: GradedCode, states: NDArray[np.uint8]) -> list[list[int]]:
    called = unpack_bits(CallDecoder(code).called(states), code.vocab_size)
    return [np.flatnonzero(row).tolist() for row in called]


def both(intervention: Intervention, cases: Cases) -> tuple[list[list[int]], list[list[int]]]:
    """Tokens predicted, and tokens called by the constructed network."""
    with torch.no_grad():
        return predicted(FOUR, intervention.predict(FOUR, cases)), called(
            intervention.run(four(), cases)
        )


def test_force_covered_by_hand() -> None:
    # {0} covers units 0 and 1. Token 2 (units 0, 2) misses unit 2 alone, token 3 unit 3 alone.
    cases = even_cases(ids([0], [0]), ids([2], [3]), ids([0], [0]))
    assert both(ForceCovered(), cases) == ([[0, 2], [0, 3]], [[0, 2], [0, 3]])
    # The control forces the only other uncovered unit.
    wrong = ForceCovered().mispredict(FOUR, cases, np.random.default_rng(0))
    assert predicted(*wrong) == [[0, 3], [0, 2]]


def test_force_covered_takes_sets_without_false_positives() -> None:
    sets = ids([0, 1], [0, 2], [2, 3], [0, 4])
    # {0, 1} and {2, 3} cover all units. {0, 2} leaves unit 3, {0} (4 is padding) units 2 and 3.
    cases = ForceCovered().cases(FOUR, sets, np.random.default_rng(0))
    assert cases.sets.tolist() == [[0, 2], [0, 4]]
    assert cases.acted_on[0].tolist() == [3]
    assert cases.acted_on[1, 0] in (2, 3)


def test_force_uncovered_by_hand() -> None:
    # {0, 1} covers all: with unit 2 on, tokens 1 and 2 drop out. {0} with unit 0 on: token 0
    # misses one bit, token 3 (units 1, 3) one, tokens 1 and 2 two: the best are called, 0 and 3.
    cases = even_cases(ids([0, 1], [0, 4]), ids([2], [0]), ids([0, 4], [0, 4]))
    assert both(ForceUncovered(), cases) == ([[0, 3], [0, 3]], [[0, 3], [0, 3]])
    # The control leaves out another of the covered units: unit 1 of {0}, so token 2 in 3's place.
    wrong = predicted(*ForceUncovered().mispredict(FOUR, cases, np.random.default_rng(0)))
    assert wrong[1] == [0, 2]
    assert wrong[0] in ([1, 2], [1, 3], [0, 2])


def test_force_uncovered_takes_a_unit_that_some_member_lacks() -> None:
    # {0, 2}: bits 1100 and 1010. Unit 0 is in both; 1 or 2 tell them apart. {0}: any of its two.
    sets = np.repeat(ids([0, 2], [0, 4]), 50, axis=0)
    cases = ForceUncovered().cases(FOUR, sets, np.random.default_rng(0))
    assert set(cases.acted_on[:50, 0].tolist()) == {1, 2}
    assert set(cases.acted_on[50:, 0].tolist()) == {0, 1}
    kept = {1: [4, 2], 2: [0, 4]}
    for unit, members in zip(cases.acted_on[:50, 0].tolist(), cases.members.tolist(), strict=False):
        assert members == kept[unit]
    assert (cases.members[50:] == [0, 4]).all()  # no member lacks it: all stay


def test_swap_hashes_by_hand() -> None:
    # W_in rows 0 and 1 trade places: 0 goes in, unit 2 and 3 go off, 1 comes out; in {0, 2} the
    # union is that of 1 and 2, which covers units 0, 2, 3: tokens 1 and 2.
    cases = even_cases(ids([0, 4], [0, 2]), ids([0, 1], [0, 1]), ids([1, 4], [1, 2]))
    assert both(SwapHashes(), cases) == ([[1], [1, 2]], [[1], [1, 2]])
    wrong = SwapHashes().mispredict(FOUR, cases, np.random.default_rng(0))
    assert predicted(*wrong) == [[0], [0, 2]]


def test_swap_hashes_takes_sets_with_a_and_without_b() -> None:
    sets = np.tile(ids([0, 1], [2, 3], [1, 4]), (200, 1))
    cases = SwapHashes().cases(FOUR, sets, np.random.default_rng(0))
    a, b = cases.acted_on.T
    assert (cases.sets[:, 0] == a).all()
    assert (cases.members[:, 0] == b).all()
    assert (cases.sets[:, 1:] == cases.members[:, 1:]).all()
    assert not ((cases.sets[:, 1:] == cases.acted_on[:, :1]).any() or (a == b).any())
    assert not (cases.sets[:, 1:] == cases.acted_on[:, 1:]).any()
    assert 0 < len(cases) < len(sets)


def test_patch_false_positive_by_hand() -> None:
    # {0, 1} covers everything: 2 and 3 are false positives, and putting 2 in changes nothing.
    cases = PatchFalsePositive().cases(FOUR, ids([0, 1], [0, 2]), np.random.default_rng(0))
    assert cases.sets.tolist() == [[0, 1]]
    assert cases.acted_on[0, 0] in (2, 3)
    assert cases.members.tolist() == [[0, 1, cases.acted_on[0, 0]]]
    everything = [[0, 1, 2, 3]]
    assert both(PatchFalsePositive(), cases) == (everything, everything)


# Two strengths: tokens 0 and 1 have a half bit in unit 0, token 2 a full one; 3 has one in unit 1.
HALVES = GradedCode([[1, 2, 0], [1, 0, 2], [2, 0, 0], [0, 2, 2]])


def test_what_is_called_by_the_states_of_units_by_hand() -> None:
    def of_states(*states: list[int]) -> list[list[int]]:
        return predicted(HALVES, np.array(states, dtype=np.uint8))

    # {0}: unit 0 leaks. Token 2 asks for more than a leak; all of {0, 1} is covered.
    assert HALVES.states(ids([0, 4], [0, 1])).tolist() == [[1, 2, 0], [2, 2, 2]]
    assert of_states([1, 2, 0], [2, 2, 2]) == [[0], [0, 1, 2, 3]]
    # Nothing is covered. Unit 0 leaks: token 2 misses one step, others whole bits. With unit 0
    # untouched token 2 misses two steps at once, as do 0, 1 and 3, who miss more beside.
    assert of_states([1, 0, 0], [0, 0, 0]) == [[2], [2]]
    # Tokens 0, 1 and 3 miss one step in two units each, and 2 two in one, which is worse. Then 1
    # misses one step alone.
    assert of_states([0, 1, 1], [0, 0, 2]) == [[0, 1, 3], [1]]


def test_units_are_forced_by_their_states_by_hand() -> None:
    # {0} leaves unit 0 leaking and unit 2 untouched: either may be covered. {0, 1} covers all.
    sets = np.repeat(ids([0, 4], [0, 1]), 50, axis=0)
    cases = ForceCovered().cases(HALVES, sets, np.random.default_rng(0))
    assert set(cases.acted_on[:, 0].tolist()) == {0, 2}
    assert (cases.sets == [0, 4]).all()
    leaking = even_cases(ids([0, 4]), ids([0]), ids([0, 4]))
    assert ForceCovered().predict(HALVES, leaking).tolist() == [[2, 2, 0]]
    assert ForceUncovered().predict(HALVES, leaking).tolist() == [[0, 2, 0]]
    # The control forces the other one.
    _, wrong = ForceCovered().mispredict(HALVES, leaking, np.random.default_rng(0))
    assert wrong.tolist() == [[1, 2, 2]]
    # In {0, 2} every member has a bit in unit 0: the half one stays. Unit 1 is 0's alone.
    units = np.repeat(ids([0, 2]), 50, axis=0)
    cases = ForceUncovered().cases(HALVES, units, np.random.default_rng(0))
    assert set(cases.acted_on[:, 0].tolist()) == {1}
    assert (cases.members == [4, 2]).all()
    none_lacks = ForceUncovered().cases(HALVES, ids([2, 4]), np.random.default_rng(0))
    assert none_lacks.members.tolist() == [[2, 4]]


def test_units_are_resampled_within_their_states_by_hand() -> None:
    # Unit 0 is untouched by {3}, leaking at 1/4 for {0}, {1}, {0, 3} and {1, 3}, else covered.
    net = construct(HALVES, 1, 0.25)
    sets = ids([0, 4], [1, 4], [2, 4], [3, 4], [0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3])
    subject = PreparedNetwork.of(net, HALVES, sets, np.random.default_rng(0))
    assert subject.counts[:, 0].tolist() == [1, 4, 5]
    assert subject.sources[:, 0].tolist() == [1, 0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0, 0]
    assert subject.uncovered_levels.tolist() == [1, 1, 1]
    draws = np.arange(10)
    for members, level in (([3, 4], 1), ([0, 3], 0.25), ([0, 1], 0)):
        found = subject.resampled(np.repeat(ids(members), 10, axis=0), draws)
        assert (found[:, 0] == level).all()
    assert torch.equal(subject.two_level.W_in, net.W_in.double())


def test_a_false_positive_put_in_covers_what_leaked_by_hand() -> None:
    # {0} leaves unit 0 leaking, and lets token 1 in. With it the unit is covered: 2 comes out, too.
    code = GradedCode([[1, 2], [1, 0], [2, 0], [0, 0]])
    cases = PatchFalsePositive().cases(
        code, np.repeat(ids([0, 4]), 20, axis=0), np.random.default_rng(0)
    )
    assert set(cases.acted_on[:, 0].tolist()) == {1, 3}
    found = predicted(code, PatchFalsePositive().predict(code, cases))
    by_token = dict(zip(cases.acted_on[:, 0].tolist(), found, strict=True))
    assert by_token == {1: [0, 1, 2, 3], 3: [0, 1, 3]}


def test_patch_donor_by_hand() -> None:
    cases = PatchDonor().cases(FOUR, ids([0, 4], [2, 4], [0, 1]), np.random.default_rng(0))
    assert cases.members.tolist() == [[2, 4], [0, 1], [0, 4]]  # the next one, round in a ring
    decoded = [[2], [0, 1, 2, 3], [0]]
    assert both(PatchDonor(), cases) == (decoded, decoded)
    wrong = PatchDonor().mispredict(FOUR, cases, np.random.default_rng(0))
    assert predicted(*wrong) == [[0], [2], [0, 1, 2, 3]]


def leaky() -> ReluNet:
    """The network of FOUR, but token 0 alone leaves its unit 0 at a quarter."""
    net = construct(FOUR, 5)
    W_in = net.W_in.detach().clone()
    W_in[0, 0] = -0.75
    return ReluNet(W_in, net.b_in, net.W_out, net.b_out)


def test_scrubbing_resamples_within_the_status() -> None:
    # Of the six pairs, unit 0 (tokens 0, 2) is left uncovered by {1, 3} alone, at 1. Covered:
    # {0, 1} and {0, 3} at 1/4, {0, 2} {1, 2} {2, 3} at 0 (below: clipped).
    subject = four(leaky())
    assert subject.counts.tolist() == [[1, 1, 1, 1], [5, 5, 5, 5]]
    assert subject.sources[0].tolist() == [1, 1, 1, 1]
    assert sorted(subject.sources[1:, 0].tolist()) == [0, 0, 0, 0.25, 0.25]
    assert (subject.sources[1:, 1:] == 0).all()
    draws = np.arange(10)
    covered = subject.resampled(np.repeat(ids([2, 3]), 10, axis=0), draws)
    assert sorted(covered[:, 0].tolist()) == [0] * 6 + [0.25] * 4  # two rounds of the five
    uncovered = subject.resampled(np.repeat(ids([1, 3]), 10, axis=0), draws)
    assert (uncovered == [1, 0, 0, 0]).all()


def test_a_status_that_no_source_has_keeps_its_value() -> None:
    subject = PreparedNetwork.of(leaky(), FOUR, ids([2, 3]), np.random.default_rng(0))
    assert subject.counts[0].tolist() == [0, 0, 0, 0]
    assert subject.resampled(ids([0, 4]), ids([7])[:, 0]).tolist() == [[0, 0, 1, 1]]
    assert subject.uncovered_levels.tolist() == [0, 0, 0, 0]


def test_levels_are_means_over_uncovering_sets() -> None:
    # Unit 0 at 1 on {1, 3} and, with token 3 pushing it by 1/2, 3/2 on {3}; {0, 3} covers it.
    net = construct(FOUR, 5)
    W_in = net.W_in.detach().clone()
    W_in[3, 0] = 0.5
    pushed = ReluNet(W_in, net.b_in, net.W_out, net.b_out)
    sets = ids([1, 4], [3, 4], [0, 3])
    subject = PreparedNetwork.of(pushed, FOUR, sets, np.random.default_rng(0))
    # Unit 1 is uncovered on {1} alone, 2 on {3} and {0, 3}, 3 on none: the mean of the others.
    assert subject.uncovered_levels.tolist() == pytest.approx([1.25, 1, 1, 3.25 / 3])


def test_two_level_input_by_hand() -> None:
    # Unit 0: bits of tokens 0 (-3/4) and 2 (-1), mean -7/8; the others are 0. So {0} leaves unit 0
    # at 1/8 instead of 1/4, {2} at 1/8 instead of 0.
    two_level = four(leaky()).two_level
    assert two_level.W_in[:, 0].tolist() == [-0.875, 0, -0.875, 0]
    assert torch.equal(two_level.W_in[:, 1:], construct(FOUR, 5).W_in[:, 1:].double())
    with torch.no_grad():
        logits = TwoLevelInput().run(four(leaky()), even_cases(ids([2]), ids([])[:, :0], ids([2])))
    # Token 2's bits: unit 0 at 1/8; tokens 0: 1/8 and unit 1; 1: unit 3; 3: units 1 and 3.
    assert logits[0].tolist() == pytest.approx([-5.625, -5, -0.625, -10])


class AsItIs(ScrubIrrelevant):
    """Does nothing to the network."""

    changes = True

    def run(self, net: PreparedNetwork, cases: Cases) -> Tensor:
        return net.net(torch.from_numpy(cases.sets))


def test_scores_by_hand() -> None:
    # Unit i is on for token i alone, so the logits of {t} are ln of the masses in row t.
    # {0}: .6 .35 .05, called 0 1, mse .285. {1}: .2 .2 .6, called 2, mse 1.04. {2}: .1 .45 .45,
    # called 1 2, mse .515. All above 1/4. Predicted 0; 1; 1 2.
    masses = torch.tensor([[6.0, 3.5, 0.5], [2.0, 2.0, 6.0], [1.0, 4.5, 4.5]], dtype=torch.float64)
    zeros = torch.zeros(3, dtype=torch.float64)
    net = ReluNet(torch.eye(3, dtype=torch.float64), zeros, masses.log(), zeros)
    code = GradedCode([[0, 1, 1], [1, 0, 0], [1, 1, 0]])
    sets, weight = ids([0], [1], [2]), np.array([1.0, 2.0, 5.0])
    subject = PreparedNetwork.of(net, code, sets, np.random.default_rng(0))
    right = CallDecoder(code).called(code.states(sets))
    assert unpack_bits(right, 3).astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    wrong = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
    before = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 1]], dtype=bool)
    cases = Cases(sets, sets, sets, weight)
    plan = SealedPlan(AsItIs(), cases, right, pack_bits(wrong), pack_bits(before))
    counts, control = score_chunk(plan, subject)
    found = matched(counts, weight)
    # False positives: predicted 1 on {2}; there 1 on {0}, 2 on {1}, 1 on {2}: weights 1, 2, 5.
    assert (found.precision, found.recall) == (1, 5 / 8)
    assert found.f1 == pytest.approx(2 * 5 / (5 + 8))
    assert (found.by_loss.precision, found.by_loss.recall) == (1, 5 / 8)
    assert found.exact_match == pytest.approx(5 / 8)
    # Predicted change: token 2 on {1}, weight 2. Nothing was done, so no call changed.
    assert found.changes is not None
    assert (found.changes.precision, found.changes.recall) == (0, 0)
    assert counts["loss"] == pytest.approx([0.285, 1.04, 0.515])
    assert counts["predicted_loss"].tolist() == [0, 0, 0.5]  # F/(k(k+F)) at one false positive
    # Deviations from the weighted means .3125 and .6175: products sum to -.25625, squares to
    # .46875 and .5201.
    assert pearson(counts["predicted_loss"], counts["loss"], weight) == pytest.approx(
        -0.25625 / (0.46875 * 0.5201) ** 0.5
    )
    # The control said 1 on {0}, weight 1, and was right there alone.
    missed = matched(control, weight)
    assert (missed.precision, missed.recall, missed.exact_match) == (1, 1 / 8, 1 / 8)


def test_a_dropped_member_that_stays_is_a_false_positive() -> None:
    # Without its readout from unit 2, token 1 is called although unit 2 is forced on. Predicted
    # 0 3, called 0 1 3: false positives (of member 0 alone) predicted 3, there 1 and 3.
    net = construct(FOUR, 5)
    W_out = net.W_out.detach().clone()
    W_out[2, 1] = 0
    subject = four(ReluNet(net.W_in, net.b_in, W_out, net.b_out))
    cases = even_cases(ids([0, 1]), ids([2]), ids([0, 4]))
    right = CallDecoder(FOUR).called(ForceUncovered().predict(FOUR, cases))
    everything = pack_bits(np.ones((1, 4), dtype=bool))
    plan = SealedPlan(ForceUncovered(), cases, right, everything, everything)
    counts, _ = score_chunk(plan, subject)
    found = matched(counts, np.ones(1))
    assert (found.precision, found.recall, found.exact_match) == (1, 1 / 2, 0)
    # Calls that change: predicted 1 and 2 (all four were called before), actual 2.
    assert found.changes is not None
    assert (found.changes.precision, found.changes.recall) == (1 / 2, 1)


def test_half_of_the_cases_and_their_weights() -> None:
    errs = np.arange(10) >= 8
    chosen, weight = half_with_predicted_errors(errs, 4)
    assert chosen.tolist() == [0, 4, 8, 9]  # of 0 to 7 evenly, and of 8 and 9
    assert weight.tolist() == pytest.approx([0.4, 0.4, 0.1, 0.1])  # 8/10 and 2/10, shared
    # Too few of a kind: the other fills up. More wanted than there are: all, each 1/10.
    assert half_with_predicted_errors(errs, 6)[0].tolist() == [0, 2, 4, 6, 8, 9]
    assert half_with_predicted_errors(~errs, 6)[0].tolist() == [0, 2, 4, 6, 8, 9]
    assert half_with_predicted_errors(errs, 99)[1].tolist() == pytest.approx([0.1] * 10)
    assert len(half_with_predicted_errors(errs[:0], 4)[0]) == 0


@pytest.mark.parametrize("vocab", [1, 5, 64, 130])
def test_tokens_as_bits(vocab: int) -> None:
    rows = ids([0, vocab], [vocab, vocab - 1], [vocab, vocab], [0, vocab - 1])
    held = np.zeros((4, vocab), dtype=bool)
    held[0, 0] = held[1, vocab - 1] = held[3, 0] = held[3, vocab - 1] = True
    assert (unpack_bits(marked(rows, vocab), vocab) == held).all()
    assert (marked(rows, vocab) == pack_bits(held)).all()


def test_random_choice_is_even_and_eligible() -> None:
    eligible = np.tile(np.array([[False, True, False, True]]), (4000, 1))
    chosen = random_choice(eligible, np.random.default_rng(0))
    assert set(chosen.tolist()) == {1, 3}
    assert np.mean(chosen == 1) == pytest.approx(0.5, abs=0.04)  # five standard errors
    assert random_choice(~eligible & eligible, np.random.default_rng(0))[0] == 0
