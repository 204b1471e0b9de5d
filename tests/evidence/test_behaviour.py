"""Behaviour: each block worked by hand, perfect on a filter, nothing on an untrained network."""

import json
import math
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from build.scores import hand_made, random_net
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.behaviour import measure_behaviour
from relubloom.evidence.behaviour.added_tokens import (
    measure_growth,
    measure_repeated_token,
    sample,
    uniform_sets,
)
from relubloom.evidence.behaviour.set_sizes import (
    drawn_per_size,
    measure_set_sizes,
    random_codes_for,
    sizes_up_to,
)
from relubloom.evidence.behaviour.summary import (
    measure_confusion,
    measure_false_positives,
    measure_tokens,
)
from relubloom.evidence.scores import score_sets
from relubloom.evidence.token_counts import PairTally, TokenTally
from relubloom.measure.pool import over_chunks
from relubloom.measure.statistics import pearson, percentiles
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import (
    Behaviour,
    ConfusedPair,
    CountShare,
)
from relubloom.task import AllSets, KSparseTask, ListedSets, SetCollection
from relubloom.training import Recipe, initialise


def examined(net: ReluNet, code: Code, sets: SetCollection) -> Behaviour:
    behaviour = measure_behaviour(net, code, sets, score_sets(net, code, sets, together=True))
    json.dumps(asdict(behaviour), allow_nan=False)
    return behaviour


def linear(rows: list[list[float]]) -> ReluNet:
    """The logits of a set are the sum of its tokens' rows."""
    vocab = len(rows)
    zeros = torch.zeros(vocab, dtype=torch.float64)
    eye = torch.eye(vocab, dtype=torch.float64)
    return ReluNet(eye, zeros, torch.tensor(rows, dtype=torch.float64), zeros)


def small_code() -> Code:
    """Hashes 100, 010, 110, 001 of tokens 0 to 3. Covered non-members of each set:

    {0} {1} {3}: none. {2}: 0 1. {01}: 2. {02}: 1. {12}: 0. {03} {13}: none. {23}: 0 1.
    {012}: none (3 needs the last bit). {013}: 2. {023}: 1. {123}: 0. {0123}: none.
    """
    return Code(np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool))


def filter_of_pairs() -> tuple[ReluNet, Code, AllSets]:
    return construct(small_code(), 60.0), small_code(), AllSets(4, 2)


def test_summary_of_the_hand_made_network() -> None:
    behaviour = examined(*hand_made())
    assert behaviour.sets == 3
    assert behaviour.method == "held-out"
    assert behaviour.mse == pytest.approx((0.285 + 2 * 1.04 + 5 * 0.515) / 8)
    assert behaviour.p_exact == pytest.approx(1 / 8)
    assert behaviour.ranking_failures == pytest.approx(7 / 8)
    assert behaviour.loss_failures == pytest.approx(1)
    assert behaviour.miss_share == pytest.approx(2 / 8)
    assert behaviour.false_positive_share == pytest.approx(1)
    assert not behaviour.one_sided
    (of_size,) = behaviour.by_set_size
    assert (of_size.set_size, of_size.sets, of_size.p_exact) == (1, 3, 1 / 8)
    assert of_size.mse == pytest.approx(behaviour.mse)
    unseen = behaviour.unseen_tokens
    assert unseen is not None
    assert (unseen.sets, unseen.mse, unseen.p_exact) == (1, pytest.approx(1.04), 0.0)


def test_calls_and_false_positives_of_the_hand_made_network() -> None:
    # Copies 1, 2, 5: a miss on {1} alone, a false positive on each; the code's on {2} alone.
    behaviour = examined(*hand_made())
    assert asdict(behaviour.calls) == {
        "sets_with_misses": 2 / 8,
        "sets_with_false_positives": 1.0,
        "sets_with_both": 2 / 8,
    }
    found = behaviour.false_positives
    assert found.network_mean == 1
    assert found.code_mean == pytest.approx(5 / 8)
    # 3 tokens, 3 units, sets of one: a hash of 1 bit covers another with chance 1/3; 2 others.
    assert found.theory_mean == pytest.approx(2 / 3)
    assert found.correlation is None  # the network's count is the same on every set
    assert found.by_count == [
        CountShare(0, 0, 3 / 8),
        CountShare(1, 1, 5 / 8),
        CountShare(2, 0, 0),
        CountShare(3, 0, 0),
        CountShare(4, 0, 0),
    ]


def test_four_false_positives_stand_for_more() -> None:
    # All logits are equal: 5 false positives beside 1 member. The empty hash covers all 5 too.
    nothing = torch.zeros(6, 1), torch.zeros(1), torch.zeros(1, 6), torch.zeros(6)
    code = Code(np.zeros((6, 1), dtype=bool))
    scores = score_sets(ReluNet(*nothing), code, AllSets(6, 1))
    found = measure_false_positives(scores, None)
    assert found.network_mean == found.code_mean == 5
    assert found.by_count[4] == CountShare(4, 1, 1)
    assert found.theory_mean is None


def test_member_mass_of_the_hand_made_network() -> None:
    # Members' p: .6 once, .2 twice, .45 five times; in order .2 .2 .45 ..., the 4th of 8 is .45.
    found = examined(*hand_made()).member_mass
    assert found.mean == pytest.approx((0.6 + 2 * 0.2 + 5 * 0.45) / 8)
    assert found.least == found.p01 == pytest.approx(0.2)
    assert found.p50 == pytest.approx(0.45)
    assert asdict(found.uniformity) == {"mean": 1, "p01": 1, "least": 1}


def test_uniformity_of_an_uneven_pair() -> None:
    # {0, 1}: masses 3, 1 and 4 on token 2: members' mass 4/8, uniformity 2 (1/8) / (4/8).
    net = linear([[math.log(3), 0, math.log(4)], [0, 0, 0], [0, 0, 0]])
    sets = ListedSets(torch.tensor([[0, 1]]), torch.tensor([1]), torch.tensor([False]))
    found = examined(net, Code(np.eye(3, dtype=bool)), sets).member_mass
    assert found.mean == pytest.approx(1 / 2)
    assert found.uniformity.mean == pytest.approx(1 / 2)


def test_tokens_of_the_hand_made_network() -> None:
    # Token 1 is called on {0} and {2}, all 6 of the sets without it; token 2 on {1}, 2 of 3.
    # The code covers token 1 on {2}: 5 of 6. Member 1 is missed in both its copies.
    found = examined(*hand_made()).tokens
    assert found.false_positive_rate == pytest.approx([0, 1, 2 / 3])
    assert found.code_false_positive_rate == pytest.approx([0, 5 / 6, 0])
    assert found.miss_rate == [0, 1, 0]
    assert found.mse == pytest.approx([0.285, 1.04, 0.515])
    # Deviations (-5, 4, 1)/9 and (-5, 10, -5)/18: 60/162 over the root of 42/81 150/324.
    assert found.correlation == pytest.approx(60 / math.sqrt(42 * 150))
    assert [each.token for each in found.worst] == [1, 2, 0]
    assert asdict(found.worst[0]) == {
        "token": 1,
        "sets": 2,
        "mse": pytest.approx(1.04),
        "miss_rate": 1,
        "false_positive_rate": 1,
        "code_false_positive_rate": pytest.approx(5 / 6),
    }


def test_a_token_in_every_set_or_in_none_has_no_rate() -> None:
    net, code, _ = filter_of_pairs()
    sets = ListedSets(
        torch.tensor([[0, 1], [0, 3]]), torch.tensor([1, 2]), torch.tensor([False, False])
    )
    scores = score_sets(net, code, sets)
    found = measure_tokens(scores)
    assert found.false_positive_rate == [None, 0, 1 / 3, 0]  # token 2 on {0, 1}
    assert found.miss_rate == [0, 0, None, 0]
    assert found.mse is not None
    assert found.mse[2] is None
    assert {each.token for each in found.worst} == {0, 1, 3}
    unlisted = measure_tokens(scores, listed_up_to=3)
    assert unlisted.mse is unlisted.miss_rate is None
    assert unlisted.false_positive_rate is unlisted.code_false_positive_rate is None
    assert unlisted.worst == found.worst


def test_confusion_of_a_filter_of_pairs() -> None:
    # Of the two sets that hold w and not t, so many cover t:
    # t = 0: w = 1 {12}: 1, w = 2 {12} {23}: 2, w = 3 {23}: 1.   t = 1: likewise 1, 2, 1.
    # t = 2: w = 0 {01}: 1, w = 1 {01}: 1, w = 3: 0.              t = 3: never.
    found = examined(*filter_of_pairs()).confusion
    assert found is not None
    assert (found.method, found.sets) == ("all", 6)
    shares = {(pair.token, pair.with_): pair.called for pair in found.pairs}
    assert shares == {
        (0, 2): 1, (1, 2): 1,
        (0, 1): 0.5, (0, 3): 0.5, (1, 0): 0.5, (1, 3): 0.5, (2, 0): 0.5, (2, 1): 0.5,
    }  # fmt: skip
    assert [pair.called for pair in found.pairs[:3]] == [1, 1, 0.5]  # the worst first
    assert all(pair.sets == 2 and pair.code == pair.called for pair in found.pairs)
    assert found.correlation == pytest.approx(1)


def test_confusion_of_a_sample_needs_enough_sets() -> None:
    net, code, sets = hand_made()
    for copies, expected in (
        # With 50 copies of {2} only pairs beside token 2 have 30 sets: token 1 is called on all
        # of them, and covered; token 0 on none.
        ([10, 20, 50], [ConfusedPair(token=1, with_=2, sets=50, called=1, code=1)]),
        ([1, 2, 5], None),
    ):
        listed = ListedSets(sets.sets, torch.tensor(copies), sets.has_unseen)
        found = measure_confusion(score_sets(net, code, listed, together=True))
        assert (found and found.pairs) == expected
    found = measure_confusion(score_sets(net, code, sets, together=True), enough_sets=1)
    assert found is not None
    # Shares: token 1 beside 0 and 2, token 2 beside 1; equal ones with more sets first.
    assert [(pair.token, pair.with_, pair.sets) for pair in found.pairs] == [
        (1, 2, 5),
        (2, 1, 2),
        (1, 0, 1),
    ]


def test_confusion_is_left_out_where_a_table_of_pairs_is_too_large() -> None:
    scores = score_sets(*filter_of_pairs(), together=True)
    assert measure_confusion(scores) is not None
    counts = TokenTally(4, together=True, pairs_up_to=3).counts()
    assert measure_confusion(replace(scores, tokens=counts)) is None


def test_pairs_that_wait_are_counted_in_any_portions() -> None:
    first, second = np.array([[0], [1], [3]]), np.array([[1, 2], [0, 0], [3, 2]])
    weights = np.array([[1.0], [2.0], [4.0]])  # 3 is padding
    expected = [[0, 1, 1], [4, 0, 0], [0, 0, 0]]
    for waiting in (1, 3, 100):
        pairs = PairTally(3, waiting)
        for row in range(3):
            pairs.add(first[[row]], second[[row]], weights[[row]])
        assert pairs.table().tolist() == expected


def test_members_of_one_set_are_counted_together() -> None:
    sets = ListedSets(
        torch.tensor([[0, 1, 2], [2, 1, 4]]), torch.tensor([2, 3]), torch.zeros(2, dtype=torch.bool)
    )
    net, code, _ = filter_of_pairs()
    counts = score_sets(net, code, sets, together=True).tokens
    assert counts.together is not None  # padding is 4
    assert counts.together.tolist() == [[2, 2, 2, 0], [2, 5, 5, 0], [2, 5, 5, 0], [0, 0, 0, 0]]


def test_set_sizes_of_a_filter_of_pairs() -> None:
    # F/(k(k+F)) over the sets of a size, counts as in `small_code`.
    # 1: F = 2 on one of 4. 2: F = 1 on three and 2 on one of 6. 3: F = 1 on three of 4. 4: none.
    seen: list[tuple[int, int]] = []
    net, code, sets = filter_of_pairs()
    scores = score_sets(net, code, sets)
    random = random_codes_for(4, 3, 2)
    rows = measure_set_sizes(
        net, code, scores, random, 1, lambda done, total: seen.append((done, total))
    )
    assert seen == [(4, 9), (8, 9), (9, 9)]  # sizes 1, 3 and 4 are put to it
    assert [(row.set_size, row.sets, row.method) for row in rows] == [
        (1, 4, "all"), (2, 6, "all"), (3, 4, "all"), (4, 1, "all"),
    ]  # fmt: skip
    mse = [2 / 3 / 4, (3 / 6 + 2 / 8) / 6, 3 / 12 / 4, 0]
    kl = [math.log(3) / 4, (3 * math.log(3 / 2) + math.log(2)) / 6, 3 * math.log(4 / 3) / 4, 0]
    p_exact = [3 / 4, 2 / 6, 1 / 4, 1]
    false_positives = [2 / 4, 5 / 6, 3 / 4, 0]
    for network in (True, False):
        found = [row if network else row.code for row in rows]
        assert [each.mse for each in found] == pytest.approx(mse)
        assert [each.kl for each in found] == pytest.approx(kl)
        assert [each.p_exact for each in found] == pytest.approx(p_exact)
        assert [each.false_positives for each in found] == pytest.approx(false_positives)
    assert [row.misses for row in rows] == [0, 0, 0, 0]


def test_theory_keeps_the_weight_of_the_networks_own_size() -> None:
    # 4 tokens, 3 units, sets of two. Weight 1: the union has 1 unit (chance 1/3) or 2, so a
    # non-member is covered with chance 1/9 + 4/9 = 5/9. Weight 2: 2 units (1/3) or 3, chance
    # 1/9 + 2/3 = 7/9. So weight 1; on sets of one, its chance is 1/3 and 3 others make 1.
    net, code, sets = filter_of_pairs()
    random = random_codes_for(4, 3, 2)
    assert random is not None
    assert random.weight == 1
    rows = measure_set_sizes(net, code, score_sets(net, code, sets), random)
    assert rows[0].theory is not None
    assert rows[0].theory.false_positives == pytest.approx(3 * 1 / 3)
    assert rows[0].theory.p_exact == pytest.approx((2 / 3) ** 3)
    assert rows[1].theory is not None
    assert rows[1].theory.false_positives == pytest.approx(2 * 5 / 9)
    # One false positive of two others costs 1/6, two cost 1/4; given the union they are
    # independent: 1/3 of unions with c = 1/3, 2/3 with c = 2/3.
    mse = [2 * c * (1 - c) / 6 + c * c / 4 for c in (1 / 3, 2 / 3)]
    assert rows[1].theory.mse == pytest.approx(mse[0] / 3 + 2 * mse[1] / 3)


def test_no_theory_where_the_exact_law_is_too_large() -> None:
    assert random_codes_for(1000, 30_000, 3) is None


def test_sets_of_several_sizes_keep_their_own_rows() -> None:
    # Sizes 1 and 3 are listed, with copies; size 2 is put to the network, sizes 4 too.
    net, code, _ = filter_of_pairs()
    sets = ListedSets(
        torch.tensor([[2, 4, 4], [3, 4, 4], [0, 1, 3]]),
        torch.tensor([1, 3, 2]),
        torch.tensor([False, False, False]),
    )
    behaviour = examined(net, code, sets)
    rows = behaviour.set_sizes
    assert [(row.set_size, row.sets, row.method) for row in rows] == [
        (1, 2, "held-out"), (2, 6, "all"), (3, 1, "held-out"), (4, 1, "all"),
    ]  # fmt: skip
    assert rows[0].false_positives == pytest.approx(2 / 4)  # {2} has 2, {3} none, thrice
    assert rows[0].code.mse == pytest.approx(2 / 3 / 4)
    assert rows[2].false_positives == 1
    assert all(row.theory is None for row in rows)
    assert behaviour.false_positives.theory_mean is None
    assert behaviour.growth.steps == 4


def test_which_sizes_and_how_many_sets() -> None:
    assert sizes_up_to(6) == [1, 2, 3, 4, 5, 6]
    assert sizes_up_to(1) == [1]
    many = sizes_up_to(200)
    assert (len(many), many[0], many[-1]) == (32, 1, 200)
    assert drawn_per_size(256, 2_763_520) == 50_000
    assert drawn_per_size(1000, 100_000) == 20_000
    assert drawn_per_size(30_000, 100_000) == 1_000
    assert drawn_per_size(50_257, 100_000) == 667
    assert drawn_per_size(256, 20_000) == 20_000  # no more than were scored
    assert drawn_per_size(256, 8) == 1_000


def test_a_repeated_token_in_a_linear_network() -> None:
    # Rows ln 3 for the token itself. {0, 1}: p = 1/2 each. A member twice: masses 9 to 3, so the
    # other is under half of the largest and lost; its log p falls from ln 1/2 to ln 1/4.
    # {0}: p = 3/4, 1/4. Twice: 9/10; the call stays and log p rises by ln(6/5).
    net = linear([[math.log(3), 0], [0, math.log(3)]])
    pair = measure_repeated_token(net, AllSets(2, 2))
    assert (pair.sets, pair.same_calls, pair.lost_members) == (1, 0, 1)
    assert pair.logit_change.median == pair.logit_change.p95 == pytest.approx(math.log(2))
    both = ListedSets(
        torch.tensor([[0, 2], [0, 1]]), torch.tensor([3, 1]), torch.tensor([False, False])
    )
    found = measure_repeated_token(net, both)
    assert (found.sets, found.same_calls, found.lost_members) == (2, 3 / 4, 1 / 4)
    assert found.logit_change.median == pytest.approx(math.log(6 / 5))
    assert found.logit_change.p95 == pytest.approx(math.log(2))


def test_a_gained_false_positive_is_no_lost_member() -> None:
    # {0}: logits 0 and -1: token 1 is not called. Twice: unit 1 of threshold 1 comes on and
    # raises token 1 to 0.
    net = ReluNet(
        torch.tensor([[1.0], [0.0]], dtype=torch.float64),
        torch.tensor([-1.0], dtype=torch.float64),
        torch.tensor([[0.0, 1.0]], dtype=torch.float64),
        torch.tensor([0.0, -1.0], dtype=torch.float64),
    )
    sets = ListedSets(torch.tensor([[0]]), torch.tensor([1]), torch.tensor([False]))
    found = measure_repeated_token(net, sets)
    assert (found.same_calls, found.lost_members) == (0, 0)


def test_growth_of_a_network_that_forgets() -> None:
    # Sums of rows; the largest calls those within ln 2.
    # {0} and {1} call both 0 and 1. {2} calls 2. {01}: 0 and 1. {02}: 9 9 9, all three.
    # {12}: 5 5 9, only 2. {012}: 14 14 9, only 0 and 1.
    net = linear([[9, 9, 0], [5, 5, 0], [0, 0, 9]])
    found = measure_growth(net, Code(np.eye(3, dtype=bool)), 2)
    drawn = uniform_sets(3, 3, "growth", found.sequences).chunk(0, found.sequences).tolist()
    first = Counter(row[0] for row in drawn)
    order = Counter((row[0], row[1]) for row in drawn)
    pair01 = order[0, 1] + order[1, 0]
    pair02 = order[0, 2] + order[2, 0]
    n = found.sequences
    assert n == 2_000
    assert found.steps == 3
    # Complete: every first step, {01} and {02} of the second, never the third.
    assert found.kept_members == pytest.approx((n + pair01 + pair02) / (3 * n))
    # False positives before an addition that is another token: token 1 at {0}, kept by 2;
    # token 0 at {1}, lost by 2; token 1 at {02} is the next one itself.
    assert found.kept_false_positives == pytest.approx(order[0, 2] / (order[0, 2] + order[1, 2]))
    pair12 = n - pair01 - pair02
    assert [asdict(row) for row in found.by_size] == [
        {
            "set_size": 1,
            "members_called": 1,
            "false_positives": pytest.approx((first[0] + first[1]) / n),
            "code_false_positives": 0,
        },
        {
            "set_size": 2,
            "members_called": pytest.approx((n - pair12 / 2) / n),
            "false_positives": pytest.approx(pair02 / n),
            "code_false_positives": 0,
        },
        {
            "set_size": 3,
            "members_called": pytest.approx(2 / 3),
            "false_positives": 0,
            "code_false_positives": 0,
        },
    ]


def test_growth_takes_few_steps_of_large_sets() -> None:
    net, code, _ = filter_of_pairs()
    assert measure_growth(net, code, 2, longest=3).steps == 3


@pytest.mark.parametrize(
    ("vocab", "width", "weight", "k"), [(40, 14, 4, 3), (16, 6, 2, 1), (70, 66, 3, 2), (9, 1, 1, 2)]
)
def test_a_constructed_network_is_perfect_on_every_block(
    vocab: int, width: int, weight: int, k: int
) -> None:
    code = random_constant_weight(vocab, width, weight, seed=1)
    behaviour = examined(construct(code, 60.0), code, AllSets(vocab, k))
    assert behaviour.one_sided
    assert behaviour.calls.sets_with_misses == 0
    found = behaviour.false_positives
    assert found.network_mean == found.code_mean > 0
    assert found.correlation is None or found.correlation == pytest.approx(1)
    assert all(row.network == row.code for row in found.by_count)
    for row in behaviour.set_sizes:
        assert row.misses == 0
        assert row.mse == pytest.approx(row.code.mse, rel=1e-7, abs=1e-12)
        assert row.kl == pytest.approx(row.code.kl, abs=1e-12)
        assert (row.p_exact, row.false_positives) == (row.code.p_exact, row.code.false_positives)
    repeated = behaviour.repeated_token
    assert (repeated.same_calls, repeated.lost_members) == (1, 0)
    assert repeated.logit_change.p95 == 0
    assert behaviour.growth.kept_members == 1
    assert behaviour.growth.kept_false_positives == 1
    for grown in behaviour.growth.by_size:
        assert grown.members_called == 1
        assert grown.false_positives == grown.code_false_positives
    assert behaviour.member_mass.uniformity.least == 1
    assert behaviour.confusion is not None
    assert all(pair.called == pair.code for pair in behaviour.confusion.pairs)
    assert behaviour.confusion.correlation in (None, pytest.approx(1))
    assert behaviour.tokens.false_positive_rate == behaviour.tokens.code_false_positive_rate
    assert behaviour.tokens.miss_rate == [0] * vocab


@pytest.mark.parametrize("seed", range(3))
def test_a_freshly_initialised_network_shows_nothing(seed: int) -> None:
    net = initialise(60, 16, Recipe(), (seed,))[0]
    behaviour = examined(net, extract_code(net), AllSets(60, 3))
    assert behaviour.p_exact < 0.01
    assert behaviour.calls.sets_with_misses > 0.5
    assert behaviour.member_mass.mean < 0.15
    assert behaviour.confusion is not None
    assert abs(behaviour.confusion.correlation or 0) < 0.3
    assert abs(behaviour.tokens.correlation or 0) < 0.3
    # Where few units are on much is called and much is covered, in any network: so the counts
    # per set go together a little, and a sum of rows keeps some of what it called.
    assert (behaviour.false_positives.correlation or 0) < 0.7
    assert behaviour.growth.kept_members < 0.5
    assert behaviour.growth.kept_false_positives is not None
    assert behaviour.growth.kept_false_positives < 0.8
    assert behaviour.repeated_token.same_calls < 0.2


def test_sets_of_the_whole_vocabulary_have_a_behaviour() -> None:
    behaviour = examined(random_net(3, 2, 0), random_constant_weight(3, 2, 1), AllSets(3, 3))
    assert [row.set_size for row in behaviour.set_sizes] == [1, 2, 3]
    assert behaviour.set_sizes[-1].mse < 1 / 3
    assert behaviour.confusion is None  # no set holds one token and lacks another
    assert behaviour.tokens.false_positive_rate == [None] * 3
    assert behaviour.tokens.correlation is None


@settings(max_examples=25)  # each puts thousands of sets to a network
@given(vocab=st.integers(1, 6), width=st.integers(1, 3), seed=st.integers(0, 99), data=st.data())
def test_any_network_on_any_sizes_has_finite_figures(
    vocab: int, width: int, seed: int, data: st.DataObject
) -> None:
    high = data.draw(st.integers(1, vocab))
    low = data.draw(st.integers(1, high))
    weight = data.draw(st.integers(0, width))
    sets = KSparseTask(vocab, (low, high)).evaluation_sets(draw=8)
    net, code = random_net(vocab, width, seed), random_constant_weight(vocab, width, weight, seed)
    behaviour = examined(net, code, sets)
    assert 0 <= behaviour.growth.kept_members <= 1
    assert 0 <= behaviour.member_mass.uniformity.least <= 1 + 1e-12
    assert sum(row.network for row in behaviour.false_positives.by_count) == pytest.approx(1)


def test_a_sample_of_all_sets_is_drawn_and_one_of_a_list_is_spread() -> None:
    ids, copies = sample(AllSets(30, 3), "name", 100)
    assert ids.shape == (100, 3)
    assert len(ids[:, 0].unique()) > 20  # the first 100 of all sets hold few first tokens
    assert copies.tolist() == [1] * 100
    listed = ListedSets(
        torch.arange(7)[:, None], torch.arange(1, 8), torch.zeros(7, dtype=torch.bool)
    )
    ids, copies = sample(listed, "name", 3)
    assert (ids[:, 0].tolist(), copies.tolist()) == ([0, 3, 6], [1, 4, 7])
    assert len(sample(listed, "name", 7)[0]) == 7


@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=9),
    data=st.data(),
    share=st.sampled_from([0.01, 0.3, 0.5, 0.95, 1.0]),
)
def test_percentiles_count_copies(values: list[int], data: st.DataObject, share: float) -> None:
    copies = data.draw(st.lists(st.integers(1, 4), min_size=len(values), max_size=len(values)))
    listed = sorted(v for v, often in zip(values, copies, strict=True) for _ in range(often))
    expected = next(v for place, v in enumerate(listed, 1) if place / len(listed) >= share - 1e-12)
    found = percentiles(np.array(values, float), np.array(copies, float), (share,))
    assert found == [expected]


def test_pearson_by_hand() -> None:
    # Weights 1 1 2: means 1/2 + ... x = 0 2 1 (mean 1), y = 0 1 1 (mean 3/4).
    # Deviations x: -1 1 0, y: -3/4 1/4 1/4: sum 1, spreads sqrt(2) and sqrt(9/16 + 1/16 + 2/16).
    x, y = np.array([0.0, 2.0, 1.0]), np.array([0.0, 1.0, 1.0])
    assert pearson(x, y, np.array([1.0, 1.0, 2.0])) == pytest.approx(1 / math.sqrt(2 * 12 / 16))
    assert pearson(x, np.full(3, 0.1)) is None
    assert pearson(x[:1], y[:1]) is None


def test_an_error_in_a_chunk_ends_the_work() -> None:
    taken: list[int] = []

    def work(start: int, stop: int) -> int:
        if start == 4:
            raise ValueError("chunk 4")
        return stop

    with pytest.raises(ValueError, match="chunk 4"):
        over_chunks(9, 2, work, taken.append, workers=2)
    assert taken == [2, 4]


def test_an_empty_tally_counts_nothing() -> None:
    counts = TokenTally(3).counts()
    assert counts.sets.tolist() == [0, 0, 0]
    assert counts.false_positives_beside is not None
    assert not counts.false_positives_beside.any()
