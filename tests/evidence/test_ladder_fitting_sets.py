"""Losses of a fit; the sets that rungs are fitted on, and those they are scored on."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from build.networks import random_net
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder import best_explanation, climb_ladder
from relubloom.evidence.ladder import best_readout as best_readout_module
from relubloom.evidence.ladder import fitting_sets as fitting_sets_module
from relubloom.evidence.ladder import one_matrix_rounded as rounded_module
from relubloom.evidence.ladder.climb import FITTED_RUNGS, RIVALS, RUNGS
from relubloom.evidence.ladder.fit import (
    MOST_TOKENS,
    can_fit,
    divergence,
    logits,
    margins,
    ranking_divergence,
    task_loss,
)
from relubloom.evidence.ladder.fitting_sets import Chosen, split_off
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets, ListedSets, SetCollection


@pytest.fixture
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_readout_module, "STEPS", 3)
    monkeypatch.setattr(rounded_module, "STEPS", 3)


def as_sets(rows: Tensor) -> list[frozenset[int]]:
    return [frozenset(row) for row in rows.tolist()]


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


COPIES = ListedSets(
    torch.tensor([[0, 1], [2, 5], [3, 4], [1, 4], [0, 5]]),
    torch.tensor([1, 7, 2, 1, 3]),
    torch.tensor([False, True, False, False, True]),
)


@pytest.mark.parametrize(
    "whole", [AllSets(8, 3), COPIES, DrawnSets(9, (1, 3), None, "x", 5000)], ids=str
)
def test_chosen_sets_against_direct_indexing(whole: SetCollection) -> None:
    numbers = np.unique(np.random.default_rng(0).integers(0, len(whole), len(whole) // 2))
    chosen = Chosen(whole, numbers)
    count = len(whole)
    assert len(chosen) == len(numbers)
    for start, stop in ((0, len(numbers)), (1, 2), (0, 1), (1, 1), (len(numbers), len(numbers))):
        kept = torch.from_numpy(numbers[start:stop])
        assert torch.equal(chosen.chunk(start, stop), whole.chunk(0, count)[kept])
        assert torch.equal(chosen.weights(start, stop), whole.weights(0, count)[kept])
        assert torch.equal(chosen.unseen(start, stop), whole.unseen(0, count)[kept])


def test_how_chosen_sets_came_about() -> None:
    some, every = np.array([1, 3]), np.arange(56)
    assert Chosen(AllSets(8, 3), every).method == "all"
    assert Chosen(AllSets(8, 3), some).method == "drawn"
    assert Chosen(COPIES, some).method == "held-out"


def test_few_sets_are_all_scored() -> None:
    scored, fitted = split_off(AllSets(38, 3), 38)  # 8,436, a fifth of which is under 2,000
    assert fitted is None
    assert scored.numbers.tolist() == list(range(8436))
    assert split_off(COPIES, 6)[1] is None


def test_of_all_sets_one_in_five_is_fitted_on() -> None:
    sets = AllSets(70, 3)
    scored, fitted = split_off(sets, 70)
    assert fitted is not None
    # C(70, 3) = 54,740, of which 10,948 are fitted on: every set is in one or the other, once.
    assert (len(fitted), len(scored)) == (10_948, 54_740 - 10_948)
    counts = Counter(as_sets(fitted)) + Counter(as_sets(scored.chunk(0, len(scored))))
    assert len(counts) == 54_740
    assert set(counts.values()) == {1}
    assert scored.numbers.tolist() == sorted(scored.numbers.tolist())
    again, fitted_again = split_off(sets, 70)
    assert fitted_again is not None
    assert torch.equal(fitted, fitted_again)
    assert again.numbers.tolist() == scored.numbers.tolist()
    fewer, same = split_off(sets, 70, 300)
    assert same is not None
    assert torch.equal(same, fitted)
    assert len(fewer) == 300
    assert set(fewer.numbers.tolist()) <= set(scored.numbers.tolist())


def test_other_drawn_sets_are_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting_sets_module, "DRAWN", 6000)
    drawn = DrawnSets(30, (2, 3), None, "evaluation", 500)
    scored, fitted = split_off(drawn, 30, 100)
    assert fitted is not None
    assert len(scored) == 100
    # Padding is no token: without it the sizes are 2 and 3, and no drawn set is fitted on, whether
    # it is among the 100 or not.
    assert {len(each - {30}) for each in as_sets(fitted)} == {2, 3}
    taken = set(as_sets(drawn.chunk(0, 500)))
    assert not set(as_sets(fitted)) & taken
    others = as_sets(DrawnSets(30, (2, 3), None, "ladder", 6000).chunk(0, 6000))
    assert as_sets(fitted) == [each for each in others if each not in taken]
    # Of 35 sets all are scored, and none is left.
    assert split_off(DrawnSets(6, (2, 3), None, "evaluation", 500), 6)[1] is None


# --- The whole ladder -------------------------------------------------------------------------


def deeper(code: Code) -> ReluNet:
    """The exact network of the code, but that no two bits have the same entry, all far enough."""
    exact = construct(code, 20.0)
    depth = torch.rand(exact.W_in.shape, generator=torch.Generator().manual_seed(0))
    return ReluNet(exact.W_in.detach() * (1 + depth), exact.b_in, exact.W_out, exact.b_out)


@pytest.mark.usefixtures("short_fits")
def test_only_the_rungs_that_are_asked_for_on_so_many_sets() -> None:
    net = deeper(random_constant_weight(70, 12, 3, seed=1))
    code, sets = extract_code(net), AllSets(70, 3)
    names = {"uniform", "weak-bits", "matrix-2-bit", *FITTED_RUNGS, "network"}
    seen: list[tuple[int, int]] = []

    def on_sets(done: int, total: int) -> None:
        seen.append((done, total))

    ladder = climb_ladder(net, code, sets, most_sets=500, only=names, on_sets=on_sets)
    assert {row.name for row in ladder.rungs} == names
    assert (ladder.sets, ladder.method) == (500, "drawn")
    assert seen == sorted(seen)
    assert seen[-1] == (500, 500)
    assert ladder.rungs[-1].name == "network"
    bits = [row.bits for row in ladder.rungs[:-1]]
    assert bits == sorted(bits)
    # The network's own figures are those of the scored sets, looked up one by one.
    scored = split_off(sets, 70, 500)[0]
    F = code.false_positives(scored.chunk(0, 500).numpy())
    assert ladder.rungs[-1].mse == pytest.approx((F / (3 * (3 + F))).mean(), rel=1e-6)


@pytest.mark.usefixtures("short_fits")
def test_the_best_explanation_is_fitted_where_there_is_something_to_fit() -> None:
    code, sets = random_constant_weight(70, 12, 3, seed=1), AllSets(70, 3)
    net = deeper(code)
    assert best_explanation(net, code, sets, fit=False).name == "weak-bits"
    assert best_explanation(net, code, AllSets(70, 2)).name == "weak-bits"  # too few sets
    fitted = best_explanation(net, code, sets)
    assert fitted.name == "weak-bits-best-readout"
    known = climb_ladder(net, code, sets, most_sets=500, only=[fitted.name], known=[fitted])
    made = climb_ladder(net, code, sets, most_sets=500, only=[fitted.name])
    assert known == made
    # The constructed network has two values in each unit: it is its own explanation.
    exact = construct(code, 20.0)
    assert best_explanation(exact, code, sets).name == "weak-bits"
    names = {row.name for row in climb_ladder(exact, code, sets, most_sets=500).rungs}
    assert names == {*RUNGS, *RIVALS}


def test_fitted_rungs_are_left_out_without_sets_to_fit_on() -> None:
    net = random_net(12, 4, 0)
    ladder = climb_ladder(net, extract_code(net), AllSets(12, 3))
    assert {row.name for row in ladder.rungs} == {*RUNGS, *RIVALS}
    assert (ladder.sets, ladder.method) == (220, "all")


def test_the_network_comes_last_also_where_one_matrix_takes_more() -> None:
    net = random_net(12, 1, 0)
    ladder = climb_ladder(net, extract_code(net), AllSets(12, 2), only=("one-matrix", "network"))
    assert [row.name for row in ladder.rungs] == ["one-matrix", "network"]
    assert ladder.rungs[0].bits > ladder.rungs[1].bits


def test_large_networks_are_not_fitted_to() -> None:
    assert can_fit(ReluNet(*(torch.zeros(s) for s in ((512, 256), (256,), (256, 512), (512,)))))
    shapes = (513, 256), (256,), (256, 513), (513,)
    assert not can_fit(ReluNet(*(torch.zeros(shape) for shape in shapes)))
    vocab = MOST_TOKENS + 1
    shapes = (vocab, 1), (1,), (1, vocab), (vocab,)
    assert not can_fit(ReluNet(*(torch.zeros(shape) for shape in shapes)))
