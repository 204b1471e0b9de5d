"""Whole runs of the interventions on networks whose answers are known beforehand."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from build.graded import noisy_filter
from relubloom.code import Code, GradedCode, random_constant_weight
from relubloom.errors import UsageError
from relubloom.evidence.interventions import intervene
from relubloom.evidence.interventions.changes import PAIRS, SwapHashes
from relubloom.evidence.interventions.intervention import CallDecoder, Words, random_choice
from relubloom.evidence.interventions.plan import RandomSets, seal
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import written_in_sets_of
from relubloom.records.interventions import Interventions, Match
from relubloom.task import KSparseTask

NAMES = [
    "force-covered",
    "force-uncovered",
    "swap-hashes",
    "patch-false-positive",
    "patch-donor",
    "scrub-irrelevant",
    "two-level-input",
]


def figures(match: Match) -> list[float | None]:
    """Everything that is 1 for a perfect prediction."""
    agreements = [match, match.by_loss] + ([match.changes] if match.changes else [])
    return [match.exact_match] + [
        value for each in agreements for value in (each.precision, each.recall, each.f1)
    ]


def test_a_constructed_network_does_exactly_as_predicted_and_controls_fail() -> None:
    code = random_constant_weight(128, 40, 8)
    found = intervene(construct(code), code, 3, cases=1000)
    assert [each.name for each in found.interventions] == NAMES
    for each in found.interventions:
        assert each.cases >= 500, each.name
        assert figures(each) == [1.0] * len(figures(each)), each.name
        assert each.loss_correlation == pytest.approx(1), each.name
        assert each.control.f1 is not None
        assert each.control.f1 < 0.2, each.name
        assert each.control.by_loss.f1 is not None
        assert each.control.by_loss.f1 < 0.5, each.name
        if each.control.changes is not None:
            assert each.control.changes.f1 is not None
            assert each.control.changes.f1 < 0.5, each.name


@settings(max_examples=10)
@given(st.integers(0, 999), st.data())
def test_every_constructed_network_does_exactly_as_predicted(
    seed: int, data: st.DataObject
) -> None:
    vocab, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 8))
    high = data.draw(st.integers(1, vocab))
    low = data.draw(st.integers(1, high))
    bits = np.random.default_rng(seed).random((vocab, width)) < data.draw(
        st.sampled_from([0.0, 0.2, 0.5, 1.0])
    )
    bits[vocab // 2 :] = bits[: vocab - vocab // 2]  # equal hashes
    found = intervene(construct(Code(bits), 20), Code(bits), (low, high), cases=20, seed=seed)
    for each in found.interventions:
        assert set(figures(each)) <= {1.0, None}, each.name
        assert (each.exact_match is None) == (each.cases == 0)
    json.dumps(asdict(found), allow_nan=False)


@settings(max_examples=6)
@given(st.integers(0, 999), st.data())
def test_every_constructed_graded_network_does_exactly_as_predicted(
    seed: int, data: st.DataObject
) -> None:
    vocab, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 8))
    high = data.draw(st.integers(1, vocab))
    levels = data.draw(st.integers(2, 3))
    draw = np.random.default_rng(seed)
    bits = draw.random((vocab, width)) < data.draw(st.sampled_from([0.2, 0.5, 1.0]))
    bits[0] = False  # so that some set leaves each unit untouched, and its level is known
    code = GradedCode(bits * draw.integers(1, levels + 1, bits.shape), levels)
    net = construct(code, 20, 1e-4, dtype=torch.float64)
    found = intervene(net, code, (1, high), cases=20, seed=seed)
    for each in found.interventions:
        assert set(figures(each)) <= {1.0, None}, each.name


def test_states_predict_what_bits_alone_do_not() -> None:
    rows = np.tile(np.repeat([1, 2, 0], [5, 4, 23]), (96, 1))
    code = GradedCode(np.random.default_rng(0).permuted(rows, axis=1))
    net = construct(code, 16, 1e-3)
    by_states = by_name(intervene(net, code, 3, cases=400))
    by_bits = by_name(intervene(net, Code(code.bits), 3, cases=400))
    for name in NAMES:
        assert set(figures(by_states[name])) == {1.0}, name
        assert by_bits[name].exact_match != 1, name
        assert by_bits[name].precision is None or by_bits[name].precision < 0.8, name


@settings(max_examples=12)
@given(st.integers(0, 999), st.data())
def test_any_network_gives_shares(seed: int, data: st.DataObject) -> None:
    vocab, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 5))
    high = data.draw(st.integers(1, vocab))
    net = random_net(vocab, width, seed)
    found = intervene(net, extract_code(net), (1, high), cases=10)
    json.dumps(asdict(found), allow_nan=False)
    for each in found.interventions:
        for match in (each, each.control):
            assert all(value is None or 0 <= value <= 1 for value in figures(match))


def random_net(vocab: int, width: int, seed: int) -> ReluNet:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return ReluNet(*(torch.randn(s, generator=draw) for s in shapes))


def test_of_an_untrained_network_nothing_is_predicted() -> None:
    net = random_net(64, 24, 0)
    found = intervene(net, extract_code(net), 3, cases=400)
    for each in found.interventions:
        assert each.f1 is None or each.f1 < 0.2, each.name
        assert each.exact_match is None or each.exact_match < 0.05, each.name


def by_name(found: Interventions) -> dict[str, Match]:
    return {each.name: each for each in found.interventions}


def test_an_explanation_predicts_by_doing_the_same_to_itself() -> None:
    """A random network is explained by itself, whatever is done to it, and not by another."""
    net, other = random_net(40, 12, 0), random_net(40, 12, 1)
    code = extract_code(net)
    for each in intervene(net, code, 3, cases=200, explanation=("itself", net)).interventions:
        assert each.explained is not None
        assert each.explained.name == "itself"
        assert set(figures(each.explained)) <= {1.0, None}, each.name
        assert each.explained.exact_match == 1, each.name
    for each in intervene(net, code, 3, cases=200, explanation=("other", other)).interventions:
        assert each.explained is not None
        assert each.explained.f1 is not None
        assert each.explained.f1 < 0.3, each.name
    assert all(each.explained is None for each in intervene(net, code, 3, cases=9).interventions)


def test_one_token_more_makes_full_bits_leak() -> None:
    """Each member raises the units by 0.2, and full bits take 1.2 +- 0.08: of 1, and then of 1.2.

    So half of them leak with a false positive put in, and nearly every set loses a member.
    """
    code = GradedCode(np.random.default_rng(0).choice(3, (200, 24), p=[0.75, 0.05, 0.2]), 2)
    made = noisy_filter(code, 0)
    lift = torch.from_numpy(0.2 * (code.strengths == 2)).float()
    net = ReluNet(made.W_in.detach() + lift, made.b_in, made.W_out, made.b_out)
    written = written_in_sets_of(net, code, 4)
    assert 0.4 < (written.strengths[code.strengths == 2] == 1).mean() < 0.6
    found = by_name(intervene(net, code, 3, cases=400))["patch-false-positive"]
    assert found.by_loss.precision is not None
    assert found.by_loss.recall is not None
    assert found.by_loss.precision > 0.95
    assert found.by_loss.recall > 0.95


def test_cases_of_either_kind_come_from_all_pairs() -> None:
    code = random_constant_weight(64, 24, 6)
    graded = GradedCode(code.bits)
    source = RandomSets(KSparseTask(64, 3), 0)
    plan = seal(SwapHashes(), CallDecoder(graded), graded, source, 2000)
    kinds = plan.cases.weight > np.median(np.unique(plan.cases.weight))
    for kind in (kinds, ~kinds):
        assert len(np.unique(plan.cases.acted_on[kind], axis=0)) > PAIRS / 2


def test_a_level_that_tells_the_token_is_found_by_scrubbing() -> None:
    """Even tokens leave one of their bits at 1/2, and b_out makes good what that costs them."""
    # Of a pair, the bit stays at 1/2 unless the other has it (a quarter of the pairs or less): the
    # logit is -2/2 + 1 = 0, that of an odd token. Scrubbed, the bit is 0 nearly always, so the
    # even token is at 1 and an odd one at 0, below half of the largest: most pairs are broken.
    code = random_constant_weight(64, 24, 6)
    net = construct(code, 2)
    W_in, b_out = net.W_in.detach().clone(), net.b_out.detach().clone()
    even = np.arange(0, 64, 2)
    W_in[even, random_choice(code.bits[even], np.random.default_rng(0))] = -0.5
    b_out[::2] = 1.0
    levelled = ReluNet(W_in, net.b_in, net.W_out, b_out)
    found = by_name(intervene(levelled, code, 2, cases=400))
    assert found["patch-donor"].exact_match == pytest.approx(0.75, abs=0.15)
    assert found["scrub-irrelevant"].exact_match == pytest.approx(0.35, abs=0.15)


def test_a_network_of_another_code_is_not_predicted() -> None:
    one, other = (random_constant_weight(128, 40, 8, seed) for seed in (0, 1))
    found = intervene(construct(one), other, 3, cases=400)
    for each in found.interventions:
        assert each.f1 is not None
        assert each.f1 < 0.1, each.name


def test_workers_change_nothing_and_progress_is_told() -> None:
    net = random_net(1000, 8, 3)  # chunks of 262 cases
    code = extract_code(net)
    told: list[tuple[int, int]] = []
    one = intervene(net, code, (1, 3), cases=400, on_cases=lambda *each: told.append(each))
    assert one == intervene(net, code, (1, 3), cases=400, workers=3)
    total = sum(each.cases for each in one.interventions)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert one != intervene(net, code, (1, 3), cases=400, seed=1)
    assert one.set_size == [1, 3]


def test_the_network_is_left_as_it_was() -> None:
    code = random_constant_weight(32, 16, 4)
    net = construct(code)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    intervene(net, code, 2, cases=50)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.W_in.dtype == torch.float32


def test_predictions_are_made_before_the_network_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    code = random_constant_weight(32, 16, 4)
    order: list[str] = []
    called_by_code, forward = CallDecoder.called, ReluNet.run_with_hooks

    def predict(self: CallDecoder, states: NDArray[np.uint8]) -> Words:
        order.append("predict")
        return called_by_code(self, states)

    def run(self: ReluNet, sets: Tensor, fwd_hooks: list) -> Tensor:
        order.append("run")
        return forward(self, sets, fwd_hooks)

    monkeypatch.setattr(CallDecoder, "called", predict)
    monkeypatch.setattr(ReluNet, "run_with_hooks", run)
    intervene(construct(code), code, 2, cases=50)
    assert "predict" not in order[order.index("run") :]
    assert order.index("run") > 0


def test_refusals() -> None:
    code = random_constant_weight(8, 6, 2)
    net = construct(code)
    with pytest.raises(UsageError, match="cases is 1: at least 2"):
        intervene(net, code, 2, cases=1)
    with pytest.raises(UsageError, match="the code has 9 tokens and 6 units"):
        intervene(net, random_constant_weight(9, 6, 2), 2)
    with pytest.raises(UsageError, match="set_size is 9"):
        intervene(net, code, 9)
