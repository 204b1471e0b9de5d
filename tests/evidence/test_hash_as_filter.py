"""The hash as a filter, mechanism and verdict: by hand, and what has no figure."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.mechanism import mechanism_of
from build.scores import hand_made
from relubloom.code import Code, random_constant_weight
from relubloom.evidence import gather_evidence
from relubloom.evidence.hash_as_filter import measure_hash_as_filter, union_skill
from relubloom.evidence.scores import score_sets
from relubloom.measure.statistics import f1
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import Spread
from relubloom.task import AllSets
from relubloom.training import Recipe, initialise


def test_the_hash_of_the_hand_made_network() -> None:
    # Copies 1, 2, 5. Ranking failures {1} {2}, loss failures all, code failure {2}.
    found = measure_hash_as_filter(score_sets(*hand_made()))
    assert found.code_failure_share == pytest.approx(5 / 8)
    assert found.failures_explained == pytest.approx(5 / 7)
    assert found.failures_explained_by_loss == pytest.approx(5 / 8)
    # One false positive at k = 1: mse 1/2, kl ln 2, on 5 of 8 sets.
    assert found.extracted.mse == pytest.approx(5 / 16)
    assert found.extracted.kl == pytest.approx(5 / 8 * np.log(2))
    assert found.extracted.p_exact == pytest.approx(3 / 8)
    assert found.extracted.loss_failure_f1 == pytest.approx(2 * 5 / (5 + 8))
    assert found.failures_told_apart is None  # all fail


@pytest.mark.parametrize(
    ("predicted", "actual", "expected"),
    [
        ([0, 0], [0, 0], None),  # neither side has any: agreement, no figure
        ([1, 0], [0, 0], 0.0),
        ([0, 0], [1, 0], 0.0),
        ([1, 0], [0, 1], 0.0),
        ([1, 1], [1, 1], 1.0),
        ([1, 1], [0, 1], 2 * 3 / (4 + 3)),  # copies 1 and 3
    ],
)
def test_f1(predicted: list[int], actual: list[int], expected: float | None) -> None:
    found = f1(np.array(predicted, bool), np.array(actual, bool), np.array([1.0, 3.0]))
    assert found == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("agreement", "on", "skill"),
    [
        (1.0, 0.5, 1.0),
        (1.0, 0.0, 1.0),  # the union and the units are constant, and agree
        (0.98, 0.04, 0.5),  # "always off" errs on 4 %, the union on 2 %
        (0.98, 0.96, 0.5),
        (0.98, 0.5, 0.96),
        (0.98, 0.02, 0.0),  # no better than "always off"
        (0.98, 0.01, 0.0),
        (0.98, 1.0, 0.0),  # "always on" is right everywhere, the union is not
    ],
)
def test_union_skill_by_hand(agreement: float, on: float, skill: float) -> None:
    assert union_skill(agreement, on) == pytest.approx(skill)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_an_f1_implies_that_failures_are_told_apart_where_at_most_half_of_the_sets_fail(
    sets: list[tuple[bool, bool]],
) -> None:
    called, failing = np.array(sets).T
    scores = replace(
        score_sets(*hand_made()),
        copies=np.ones(len(sets)),
        set_size=np.full(len(sets), 2, dtype=np.int32),
        mse=np.where(failing, 1.0, 0.0),
        margin=np.ones(len(sets)),
        code_false_positives=called.astype(np.int32),
    )
    found = measure_hash_as_filter(scores)
    apart, predicted = found.failures_told_apart, found.extracted.loss_failure_f1
    assert (apart is None) == (failing.all() or not failing.any())
    if apart is not None and failing.mean() <= 0.5 and predicted is not None and predicted >= 0.8:
        assert apart >= 0.5 - 1e-12
    if apart is not None and called.all():
        assert apart == 0


def test_a_hash_that_says_that_every_set_fails_makes_no_filter() -> None:
    """3 units for 30 tokens: nearly all of the sets fail, whatever the network does on the rest."""
    code = random_constant_weight(30, 3, 1)
    net = construct(code, 20.0)
    with torch.no_grad():
        net.b_out[:3] += 40.0  # three tokens win over all others
    mechanism = gather_evidence(net, AllSets(30, 3)).mechanism
    assert mechanism.extracted.loss_failure_f1 is not None
    assert mechanism.extracted.loss_failure_f1 > 0.99
    assert mechanism.unit_agreement == mechanism.union_skill == 1
    assert mechanism.failures_told_apart is not None
    assert mechanism.failures_told_apart < 0.2
    assert mechanism.verdict == "partly"


def test_a_constructed_network_is_bloom() -> None:
    code = random_constant_weight(20, 12, 3)
    evidence = gather_evidence(construct(code, 20.0), AllSets(20, 2))
    assert evidence.mechanism.verdict == "bloom"
    assert evidence.code == code
    assert evidence.mechanism.two_valued
    assert evidence.mechanism.mode_gap is None
    assert evidence.mechanism.near_threshold == 0
    assert evidence.mechanism.unit_agreement == 1
    assert evidence.mechanism.bits_per_token == Spread(3.0, 0.0)
    assert {unit.kind for unit in evidence.mechanism.units} == {"bit"}
    assert evidence.mechanism.failures_explained == 1
    assert evidence.mechanism.failures_told_apart == 1
    assert evidence.behaviour.method == "all"
    assert evidence.behaviour.sets == 190


def test_a_filter_without_failures_has_nothing_to_explain() -> None:
    # One bit of its own per token: no false positive on any set.
    evidence = gather_evidence(construct(Code(np.eye(6, dtype=bool)), 30.0), AllSets(6, 2))
    assert evidence.mechanism.failures_explained is None
    assert evidence.mechanism.failures_explained_by_loss is None
    assert evidence.mechanism.extracted.loss_failure_f1 is None
    assert evidence.mechanism.code_failure_share == 0
    assert evidence.mechanism.verdict == "bloom"


@pytest.mark.parametrize("seed", range(5))
def test_an_untrained_network_is_not_bloom(seed: int) -> None:
    net = initialise(60, 16, Recipe(), (seed,))[0]
    evidence = gather_evidence(net, AllSets(60, 2))
    assert evidence.mechanism.verdict == "not-bloom"
    assert not evidence.mechanism.two_valued
    assert not evidence.mechanism.two_modes


def test_a_code_of_nothing_but_false_positives_is_seen_through() -> None:
    # The empty hash covers everything: every failure is "explained", on every set.
    evidence = gather_evidence(construct(Code(np.zeros((6, 4), dtype=bool)), 1.0), AllSets(6, 2))
    assert evidence.mechanism.failures_explained == 1
    assert evidence.mechanism.failures_told_apart is None
    assert evidence.mechanism.code_failure_share == 1
    assert evidence.mechanism.verdict == "not-bloom"  # one value is not two modes


def test_near_threshold_counts_entries_between_the_modes() -> None:
    # 90 entries at 0 +- .01, 90 at -1 +- .01 and 20 at -.5: near means |W + .5| < .15.
    level = np.concatenate([np.zeros(90), -np.ones(90), np.full(20, -0.5)])
    W_in = level[:, None] + np.where(np.arange(200) % 2, 0.01, -0.01)[:, None]
    net = ReluNet(
        torch.from_numpy(W_in),
        torch.ones(1, dtype=torch.float64),
        torch.zeros(1, 200, dtype=torch.float64),
        torch.zeros(200, dtype=torch.float64),
    )
    sets = AllSets(200, 1)
    mechanism = mechanism_of(net, sets)
    assert mechanism.near_threshold == pytest.approx(20 / 200)
    assert mechanism.units[0].near_threshold == pytest.approx(20 / 200)
    assert mechanism.two_modes


def test_units_are_named_for_what_they_do() -> None:
    random = np.random.default_rng(0)
    normal = random.normal(0, 1, 300)
    bits = random.random(300) < 0.3
    columns = {
        "dead": (normal, -100.0),
        "always on": (normal, 100.0),
        "bit": (np.where(bits, -1.0, 0.0), 0.5),
        "graded": (normal, 0.0),
        # Two modes, but the unit is 0 only where both tokens are of the lower one: not a union.
        "unclear": (np.where(bits, 1.0, 2.0), -2.5),
    }
    W_in = np.stack([column for column, _ in columns.values()], axis=1)
    bias = np.array([bias for _, bias in columns.values()])
    net = ReluNet(
        torch.from_numpy(W_in),
        torch.from_numpy(bias),
        torch.zeros(5, 300, dtype=torch.float64),
        torch.zeros(300, dtype=torch.float64),
    )
    mechanism = mechanism_of(net, AllSets(300, 2))
    assert [unit.kind for unit in mechanism.units] == list(columns)
