"""Figures per set and per unit: a network worked by hand, and the definitions word for word."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.scores import hand_made, random_net
from relubloom.code import random_constant_weight
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.evidence.token_counts import together_in_all
from relubloom.network.construct import construct
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, KSparseTask, ListedSets


def test_the_hand_made_network() -> None:
    scores = score_sets(*hand_made())
    assert scores.mse == pytest.approx(
        [0.4**2 + 0.35**2 + 0.05**2, 0.2**2 + 0.8**2 + 0.6**2, 0.1**2 + 0.45**2 + 0.55**2],
        rel=1e-12,
    )
    assert scores.kl == pytest.approx([-math.log(0.6), -math.log(0.2), -math.log(0.45)], rel=1e-12)
    assert scores.margin == pytest.approx([math.log(6 / 3.5), math.log(1 / 3), 0], abs=1e-12)
    assert scores.misses.tolist() == [0, 1, 0]
    assert scores.false_positives.tolist() == [1, 1, 1]
    assert scores.code_false_positives.tolist() == [0, 0, 1]
    assert scores.set_size.tolist() == [1, 1, 1]
    assert scores.ranking_failure.tolist() == [False, True, True]  # the tie is a failure
    assert scores.loss_failure.tolist() == [True, True, True]  # mse above 1/4: .285 1.04 .515
    assert scores.code_failure.tolist() == [False, False, True]
    assert scores.member_mass == pytest.approx([0.6, 0.2, 0.45])
    assert scores.uniformity.tolist() == [1, 1, 1]  # of one member
    # Copies 1, 2, 5 of 8 sets.
    assert scores.unit_agreement == pytest.approx([1, 1, 6 / 8])
    assert scores.unit_on == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert scores.mean(scores.margin > 0) == pytest.approx(1 / 8)


@given(vocab=st.integers(1, 8), width=st.integers(1, 5), seed=st.integers(0, 999), data=st.data())
def test_agrees_with_the_definitions_set_by_set(
    vocab: int, width: int, seed: int, data: st.DataObject
) -> None:
    high = data.draw(st.integers(1, vocab))
    low = data.draw(st.integers(1, high))
    sets = KSparseTask(vocab, (low, high)).evaluation_sets(draw=6)
    net = random_net(vocab, width, seed)
    code = random_constant_weight(vocab, width, data.draw(st.integers(0, width)), seed)
    scores = score_sets(net, code, sets)
    agreement = np.zeros(width)
    for i, row in enumerate(sets.chunk(0, len(sets)).tolist()):
        members = [t for t in row if t < vocab]
        others = [t for t in range(vocab) if t not in members]
        k = len(members)
        logits = net(torch.tensor([row]))[0].detach()
        p = logits.softmax(0).tolist()
        target = [1 / k if t in members else 0 for t in range(vocab)]
        called = {t for t in range(vocab) if p[t] >= max(p) / 2}
        mse = sum((a - b) ** 2 for a, b in zip(p, target, strict=True))
        assert scores.set_size[i] == k
        assert scores.mse[i] == pytest.approx(mse, abs=1e-12)
        assert scores.kl[i] == pytest.approx(
            -sum(math.log(p[t]) for t in members) / k - math.log(k), abs=1e-10
        )
        margin = min(logits[members]) - (max(logits[others]) if others else -math.inf)
        assert scores.margin[i] == pytest.approx(float(margin), abs=1e-12)
        assert scores.misses[i] == len(set(members) - called)
        assert scores.false_positives[i] == len(called - set(members))
        assert scores.loss_failure[i] == (mse > 1 / (2 * k * (k + 1)))
        assert scores.code_false_positives[i] == code.false_positives([row])[0]
        mass = sum(p[t] for t in members)
        assert scores.member_mass[i] == pytest.approx(mass, abs=1e-12)
        assert scores.uniformity[i] == pytest.approx(k * min(p[t] for t in members) / mass)
        _, cache = net.run_with_cache(torch.tensor([row]), "hook_post")
        off = (cache["hook_post"][0] == 0).numpy()
        agreement += (off ^ reversed_units(net, code)) == code.union([row])[0]
    assert scores.unit_agreement == pytest.approx(agreement / len(sets))


@given(vocab=st.integers(2, 8), width=st.integers(1, 4), seed=st.integers(0, 999), data=st.data())
def test_counts_by_token_and_pair_agree_with_the_definitions(
    vocab: int, width: int, seed: int, data: st.DataObject
) -> None:
    high = data.draw(st.integers(1, vocab))
    drawn = KSparseTask(vocab, (1, high)).evaluation_sets(draw=6)
    ids, count = drawn.chunk(0, len(drawn)), len(drawn)
    copies = torch.tensor(data.draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)))
    net = random_net(vocab, width, seed)
    code = random_constant_weight(vocab, width, data.draw(st.integers(0, width)), seed)
    sets = ListedSets(ids, copies, torch.zeros(count, dtype=torch.bool))
    counts = score_sets(net, code, sets).tokens
    by_token = {name: np.zeros(vocab) for name in ("sets", "misses", "called", "covered")}
    beside = {name: np.zeros((vocab, vocab)) for name in ("called", "covered")}
    for row, often in zip(ids.tolist(), copies.tolist(), strict=True):
        members = [t for t in row if t < vocab]
        p = net(torch.tensor([row]))[0].detach().softmax(0).tolist()
        covered = code.decode([row])[0]
        for t in range(vocab):
            if t in members:
                by_token["sets"][t] += often
                by_token["misses"][t] += often * (p[t] < max(p) / 2)
                continue
            for name, wrong in (("called", p[t] >= max(p) / 2), ("covered", covered[t])):
                by_token[name][t] += often * wrong
                beside[name][t, members] += often * wrong
    assert counts.sets.tolist() == by_token["sets"].tolist()
    assert counts.misses.tolist() == by_token["misses"].tolist()
    assert counts.false_positives.tolist() == by_token["called"].tolist()
    assert counts.code_false_positives.tolist() == by_token["covered"].tolist()
    assert counts.false_positives_beside is not None
    assert counts.code_false_positives_beside is not None
    assert counts.false_positives_beside.tolist() == beside["called"].tolist()
    assert counts.code_false_positives_beside.tolist() == beside["covered"].tolist()


@given(vocab=st.integers(2, 9), width=st.integers(1, 6), seed=st.integers(0, 9999), data=st.data())
def test_a_ranking_failure_costs_at_least_1_over_2k_squared(
    vocab: int, width: int, seed: int, data: st.DataObject
) -> None:
    # A non-member's p is at least some member's: with q = that member's p, the two terms are
    # (1/k - q)^2 + q^2 at least, and that is least, 1/(2k^2), at q = 1/(2k).
    k = data.draw(st.integers(1, vocab - 1))
    net = random_net(vocab, width, seed)
    scores = score_sets(net, random_constant_weight(vocab, width, 1), AllSets(vocab, k))
    failing = scores.mse[scores.ranking_failure]
    assert (failing >= 1 / (2 * k * k) - 1e-12).all()
    assert (scores.loss_failure >= scores.ranking_failure).all()
    # At a fixed size a ranking failure is a miss or a false positive by the calling rule.
    wrong = (scores.misses > 0) | (scores.false_positives > 0)
    assert (wrong >= scores.ranking_failure).all()


def test_a_set_of_all_tokens_cannot_be_ranked_wrongly() -> None:
    scores = score_sets(random_net(4, 3, 0), random_constant_weight(4, 3, 1), AllSets(4, 4))
    assert scores.margin.tolist() == [math.inf]
    assert not scores.ranking_failure.any()


def test_a_constructed_network_scores_as_its_filter_does() -> None:
    code = random_constant_weight(16, 12, 3, seed=2)
    scores = score_sets(construct(code, 60.0), code, AllSets(16, 3))
    F = scores.code_false_positives
    assert F.any()
    assert not F.all()
    assert scores.false_positives.tolist() == F.tolist()
    assert scores.mse == pytest.approx(F / (3 * (3 + F)), abs=1e-15)
    assert scores.kl == pytest.approx(np.log1p(F / 3), abs=1e-14)
    assert (scores.ranking_failure == (F > 0)).all()
    assert (scores.loss_failure == (F > 0)).all()
    assert not scores.misses.any()
    assert (scores.unit_agreement == 1).all()
    assert scores.member_mass == pytest.approx(3 / (3 + F), abs=1e-15)
    assert (scores.uniformity == 1).all()


NO_FIGURES = {"method", "tokens"}


def arrays(scores: SetScores) -> dict[str, list[float]]:
    figures = vars(scores) | vars(scores.tokens)
    return {name: figures[name].ravel().tolist() for name in figures if name not in NO_FIGURES}


def test_workers_and_chunks_change_nothing() -> None:
    net, code = random_net(12, 5, 3), random_constant_weight(12, 5, 2)
    sets = AllSets(12, 3)
    whole = arrays(score_sets(net, code, sets, together=True))
    seen: list[tuple[int, int]] = []
    note = lambda done, total: seen.append((done, total))  # noqa: E731
    pieces = arrays(score_sets(net, code, sets, 3, note, together=True, chunk=64))
    assert seen == [(64, 220), (128, 220), (192, 220), (220, 220)]
    for name, values in whole.items():
        assert pieces[name] == pytest.approx(values, abs=1e-12), name


def test_truth_is_float64_of_the_stored_weights() -> None:
    # In float32 both logits round to 2^24 and tie; in float64 the member is ahead by 1.
    net = ReluNet(
        W_in=torch.ones(2, 2),
        b_in=torch.zeros(2),
        W_out=torch.tensor([[2.0**24, 2.0**24], [1.0, 0.0]]),
        b_out=torch.zeros(2),
    )
    single = net(torch.tensor([[0]]))[0]
    assert single[0] == single[1]
    scores = score_sets(net, random_constant_weight(2, 2, 1), AllSets(2, 1))
    assert scores.margin.tolist() == [1.0, -1.0]


@pytest.mark.parametrize(("vocab", "size"), [(1, 1), (5, 1), (5, 2), (7, 3), (4, 4)])
def test_pairs_of_all_sets_need_no_counting(vocab: int, size: int) -> None:
    sets = AllSets(vocab, size)
    held = np.zeros((len(sets), vocab))
    np.put_along_axis(held, sets.chunk(0, len(sets)).numpy(), 1, axis=1)
    table = together_in_all(sets)
    assert table is not None
    assert table.tolist() == (held.T @ held).tolist()
    assert together_in_all(sets, pairs_up_to=vocab - 1) is None
