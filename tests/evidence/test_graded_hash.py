"""The graded hash against the network: the definitions word for word, and what is no filter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.graded import noisy_filter
from build.networks import random_net, reversed_filter
from relubloom.code import Code, GradedCode, random_constant_weight
from relubloom.evidence import Evidence, gather_evidence
from relubloom.evidence.gather import look_at
from relubloom.evidence.glance import glance
from relubloom.evidence.graded_hash import GradedScoring, usual_size
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import extract_with_drops, measure_drops
from relubloom.records.mechanism import Strengths
from relubloom.task import AllSets, DrawnSets, KSparseTask, SetCollection

N, WIDTH, K = 40, 20, 3
SETS = AllSets(N, K)


def drawn_code(seed: int, half: int = 2, full: int = 3) -> GradedCode:
    random = np.random.default_rng(seed)
    row = np.repeat([0, 1, 2], [WIDTH - half - full, half, full])
    return GradedCode(np.stack([random.permutation(row) for _ in range(N)]), 2)


def state_of(strengths: list[int]) -> int:
    """Of a unit under these strengths of the members, the largest 2."""
    bits = [each for each in strengths if each]
    return 2 if len(bits) > 1 else max(bits, default=0)


def strengths_against(net: ReluNet, graded: GradedCode, sets: SetCollection) -> Strengths:
    """Of a network held against a given code, its own or another."""
    code = Code(graded.bits)
    drops = measure_drops(net, code, usual_size(sets, net.vocab_size))
    found = look_at(net, code, sets, grading=GradedScoring(net, graded, drops, sets)).strengths
    assert found is not None
    return found


@given(seed=st.integers(0, 999), low=st.integers(1, 3), high=st.integers(3, 5))
def test_agrees_with_the_definitions_set_by_set(seed: int, low: int, high: int) -> None:
    sets = KSparseTask(12, (low, high)).evaluation_sets(draw=7)
    net = random_net(12, 5, seed, torch.float64)
    graded = GradedCode(np.random.default_rng(seed).integers(0, 3, (12, 5)), 2)
    drops = measure_drops(net, Code(graded.bits), usual_size(sets, 12))
    found = strengths_against(net, graded, sets)
    level = ~np.isnan(drops.share).any(0)
    half = (graded.strengths == 1) & level
    weak_below = math.sqrt(max(0.0, (1 - drops.share[half]).mean())) if half.any() else 0.0
    as_said = leaking = both = covered = called = failing = 0
    for row in sets.chunk(0, 7).tolist():
        members = [t for t in row if t < 12]
        logits, cache = net.run_with_cache(torch.tensor([row]), "hook_post")
        p, post = logits[0].softmax(0).tolist(), cache["hook_post"][0].tolist()
        states = [state_of([int(graded.strengths[t, unit]) for t in members]) for unit in range(5)]
        for unit, state in enumerate(states):
            full = weak_below * drops.untouched[unit] if level[unit] else 0
            does = 2 if post[unit] == 0 else 1 if post[unit] < full else 0
            as_said += does == state
            leaking += state == 1
        passes = (np.array(states) >= graded.strengths).all(1)
        out = {*np.flatnonzero(passes).tolist()} - {*members}
        wrong = {t for t in range(12) if p[t] >= max(p) / 2} - {*members}
        both, covered, called = both + len(out & wrong), covered + len(out), called + len(wrong)
        failing += bool(out)
    assert found.state_agreement == pytest.approx(as_said / 35)
    assert found.leaking == pytest.approx(leaking / 35)
    assert found.code_failure_share == pytest.approx(failing / 7)
    expected = (both / covered if both else 0.0, both / called if both else 0.0)
    assert (found.called_precision, found.called_recall) == (
        pytest.approx(expected) if covered or called else (None, None)
    )


def test_a_graded_filter_is_one_by_every_figure() -> None:
    graded = drawn_code(0)
    evidence = gather_evidence(construct(graded), SETS)
    found, behaviour = evidence.mechanism.strengths, evidence.behaviour
    assert evidence.graded == graded
    assert found is not None
    assert evidence.mechanism.verdict == "graded-bloom"
    assert (found.state_agreement, found.state_skill, found.leaking_on) == (1, 1, 1)
    assert {unit.as_said for unit in found.unit_levels} == {1}
    assert {unit.kind for unit in evidence.mechanism.units} == {"bit"}
    assert (found.called_precision, found.called_recall) == (1, 1)
    assert found.extracted.loss_failure_f1 == 1
    assert found.extracted.mse == pytest.approx(behaviour.mse, abs=1e-3)
    assert found.leak_level == pytest.approx(2**-12)
    assert [each.per_token for each in found.bits] == [2, 3]
    assert found.half_share == pytest.approx(0.4)
    counts = graded.false_positives(SETS.chunk(0, len(SETS)).numpy())
    assert found.code_failure_share == pytest.approx((counts > 0).mean())
    assert found.extracted.mse == pytest.approx((counts / (K * (K + counts))).mean())
    for row in behaviour.set_sizes:
        if row.set_size == K:
            assert row.said is None
            continue
        assert row.said is not None
        assert row.said.misses == 0
        if row.set_size > K:  # drawn
            assert row.said.false_positives == pytest.approx(row.false_positives, rel=0.02)
            continue
        counts = graded.false_positives(AllSets(N, row.set_size).chunk(0, row.sets).numpy())
        assert row.said.false_positives == pytest.approx(counts.mean())
        mse = counts / (row.set_size * (row.set_size + counts))
        assert row.said.mse == pytest.approx(mse.mean())


@pytest.mark.parametrize("seed", range(2))
def test_it_is_one_through_the_noise_that_training_leaves(seed: int) -> None:
    graded = drawn_code(seed)
    evidence = gather_evidence(noisy_filter(graded, seed), SETS)
    assert evidence.graded == graded
    assert evidence.mechanism.verdict == "graded-bloom"


def binary_codes() -> list[ReluNet]:
    code = random_constant_weight(N, WIDTH, 4, 0)
    return [construct(code), reversed_filter(code.bits)]


@pytest.mark.parametrize("net", binary_codes(), ids=["direct", "reversed"])
def test_binary_filters_stay_what_they_are(net: ReluNet) -> None:
    evidence = gather_evidence(net, SETS)
    assert evidence.graded == GradedCode(evidence.code.bits)
    assert evidence.mechanism.strengths is None
    assert evidence.mechanism.verdict == "bloom"


@pytest.mark.parametrize("what", ["tokens", "kinds"])
def test_shuffled_strengths_fail(what: str) -> None:
    """The hashes dealt to other tokens; and the same bits, with other ones among them half."""
    graded, random = drawn_code(0), np.random.default_rng(1)
    if what == "tokens":
        other = graded.strengths[random.permutation(N)]
    else:
        other = graded.strengths.copy()
        other[graded.bits] = random.permutation(graded.strengths[graded.bits])
    found = strengths_against(construct(graded), GradedCode(other, 2), SETS)
    assert found.state_agreement < 0.97
    assert found.extracted.loss_failure_f1 is not None
    assert found.extracted.loss_failure_f1 < 0.8


def test_a_sweep_sees_what_an_examination_sees() -> None:
    net = noisy_filter(drawn_code(2), 2)
    found, seen = gather_evidence(net, SETS).mechanism, glance(net, SETS)
    assert found.strengths is not None
    assert (seen.verdict, seen.levels) == (found.verdict, 2)
    assert seen.half_share == found.strengths.half_share
    assert seen.state_agreement == found.strengths.state_agreement
    assert seen.graded_mse == found.strengths.extracted.mse
    assert seen.graded_loss_failure_f1 == found.strengths.extracted.loss_failure_f1
    binary = glance(construct(random_constant_weight(N, WIDTH, 4, 0)), SETS)
    assert (binary.levels, binary.half_share, binary.graded_mse) == (1, 0, None)


def test_the_size_that_strengths_are_read_for() -> None:
    assert usual_size(AllSets(9, 4), 9) == 4
    assert usual_size(DrawnSets(50, (2, 6), None, "test", 5000), 50) == 4


def test_a_code_is_read_for_the_size_of_its_sets() -> None:
    net = construct(drawn_code(0))
    read = extract_with_drops(net, extract_code(net), 3)[0]
    evidence: Evidence = gather_evidence(net, KSparseTask(N, (2, 4)).evaluation_sets(draw=500))
    assert evidence.graded == read
