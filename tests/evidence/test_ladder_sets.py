"""The sets that a ladder keeps of a pass, to score rungs on and to fit them on; whole ladders."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor

from build.ladder import FEW_STEPS, climb_ladder, deeper, shown
from build.networks import random_net
from relubloom.code import random_constant_weight
from relubloom.evidence import gather
from relubloom.evidence.ladder import LadderSets, best_explanation, climb, sets_for_ladder
from relubloom.evidence.ladder.climb import FITTED_RUNGS, RIVALS, RUNGS
from relubloom.evidence.ladder.fitted import MOST_TOKENS, can_fit
from relubloom.evidence.scores import score_sets
from relubloom.network.construct import construct
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets, ListedSets


def as_sets(rows: Tensor) -> list[frozenset[int]]:
    return [frozenset(row) for row in rows.tolist()]


COPIES = ListedSets(
    torch.tensor([[0, 1], [2, 5], [3, 4], [1, 4], [0, 6]]),
    torch.tensor([1, 7, 2, 1, 3]),
    torch.tensor([False, True, False, False, True]),
)


def test_what_is_kept_of_given_sets() -> None:
    net = random_net(6, 3, 0)
    scores = score_sets(net, extract_code(net), COPIES)
    seen = shown(net, COPIES)
    assert torch.equal(seen.scored.sets, COPIES.sets)
    assert seen.scored.copies.tolist() == [1, 7, 2, 1, 3]
    assert seen.mean_size == pytest.approx((11 * 2 + 3 * 1) / 14)  # the last set is padded by 6
    outcome = seen.scored.network
    assert outcome.mse == pytest.approx(scores.mse)
    assert outcome.kl == pytest.approx(scores.kl)
    assert (outcome.loss_failure == scores.loss_failure).all()
    assert (outcome.ranking_failure == scores.ranking_failure).all()
    assert seen.method == "held-out"
    two = shown(net, COPIES, 2)
    assert torch.equal(two.scored.sets, COPIES.sets[torch.from_numpy(two.numbers)])
    assert two.scored.network.mse == pytest.approx(scores.mse[two.numbers])
    assert two.method == "held-out"


def test_how_the_scored_sets_came_about() -> None:
    net = random_net(8, 3, 0)
    assert shown(net, AllSets(8, 3)).method == "all"
    assert shown(net, AllSets(8, 3), 20).method == "drawn"


def test_few_sets_are_all_scored() -> None:
    seen = shown(random_net(38, 2, 0), AllSets(38, 3))  # 8,436, a fifth of which is under 2,000
    assert seen.fitted_on is None
    assert seen.numbers.tolist() == list(range(8436))
    assert shown(random_net(6, 3, 0), COPIES).fitted_on is None


def test_of_all_sets_one_in_five_is_fitted_on() -> None:
    net, sets = random_net(70, 2, 0), AllSets(70, 3)
    seen = shown(net, sets)
    scored, fitted = seen.scored, seen.fitted_on
    assert fitted is not None
    # C(70, 3) = 54,740, of which 10,948 are fitted on: every set is in one or the other, once.
    assert (len(fitted), len(scored)) == (10_948, 54_740 - 10_948)
    counts = Counter(as_sets(fitted)) + Counter(as_sets(scored.sets))
    assert len(counts) == 54_740
    assert set(counts.values()) == {1}
    assert seen.numbers.tolist() == sorted(seen.numbers.tolist())
    again = shown(net, sets, workers=2)
    assert again.fitted_on is not None
    assert torch.equal(fitted, again.fitted_on)
    assert torch.equal(again.scored.sets, scored.sets)
    fewer = shown(net, sets, 300)
    assert fewer.fitted_on is not None
    assert torch.equal(fewer.fitted_on, fitted)
    assert len(fewer.scored) == 300
    assert set(fewer.numbers.tolist()) <= set(seen.numbers.tolist())
    # That nothing is to be fitted does not change what is scored.
    bare = shown(net, sets, 300, fit=False)
    assert bare.fitted_on is None
    assert bare.numbers.tolist() == fewer.numbers.tolist()


def test_other_drawn_sets_are_fitted_on() -> None:
    drawn = DrawnSets(30, (2, 3), None, "evaluation", 500)
    seen = shown(random_net(30, 2, 0), drawn, 100, drawn=6000)
    fitted = seen.fitted_on
    assert fitted is not None
    assert len(seen.scored) == 100
    # Padding is no token: without it the sizes are 2 and 3, and no drawn set is fitted on, whether
    # it is among the 100 or not.
    assert {len(each - {30}) for each in as_sets(fitted)} == {2, 3}
    taken = set(as_sets(drawn.chunk(0, 500)))
    assert not set(as_sets(fitted)) & taken
    others = as_sets(DrawnSets(30, (2, 3), None, "ladder", 6000).chunk(0, 6000))
    assert as_sets(fitted) == [each for each in others if each not in taken]
    # Of 35 sets all are scored, and none is left.
    few = DrawnSets(6, (2, 3), None, "evaluation", 500)
    assert shown(random_net(6, 2, 0), few, drawn=6000).fitted_on is None


# --- The whole ladder -------------------------------------------------------------------------


def test_only_the_rungs_that_are_asked_for_on_so_many_sets() -> None:
    net = deeper(random_constant_weight(70, 12, 3, seed=1))
    code, sets = extract_code(net), AllSets(70, 3)
    names = {"uniform", "weak-bits", "matrix-2-bit", *FITTED_RUNGS, "network"}
    seen: list[tuple[int, int]] = []

    def on_sets(done: int, total: int) -> None:
        seen.append((done, total))

    ladder = climb_ladder(
        net, code, sets, most_sets=500, only=names, on_sets=on_sets, fit_steps=FEW_STEPS
    )
    assert {row.name for row in ladder.rungs} == names
    assert (ladder.sets, ladder.method) == (500, "drawn")
    assert seen == sorted(seen)
    assert seen[-1] == (500, 500)
    assert ladder.rungs[-1].name == "network"
    bits = [row.bits for row in ladder.rungs[:-1]]
    assert bits == sorted(bits)
    # The network's own figures are those of the scored sets, looked up one by one.
    F = code.false_positives(shown(net, sets, 500).scored.sets.numpy())
    assert ladder.rungs[-1].mse == pytest.approx((F / (3 * (3 + F))).mean(), rel=1e-6)


def test_the_best_explanation_is_fitted_where_there_is_something_to_fit() -> None:
    code, sets = random_constant_weight(70, 12, 3, seed=1), AllSets(70, 3)
    net = deeper(code)
    assert best_explanation(net, code, shown(net, sets, fit=False)).name == "weak-bits"
    few = shown(net, AllSets(70, 2))
    assert best_explanation(net, code, few).name == "weak-bits"
    seen = shown(net, sets, 500)
    fitted = best_explanation(net, code, seen, FEW_STEPS)
    assert fitted.name == "weak-bits-best-readout"
    known = climb(net, code, seen, only=[fitted.name], known=[fitted])
    assert known == climb(net, code, seen, only=[fitted.name], fit_steps=FEW_STEPS)
    # The constructed network has two values in each unit: it is its own explanation.
    exact = construct(code, 20.0)
    assert sets_for_ladder(exact, code, sets).fitted_on is None
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


@pytest.mark.parametrize(("depth", "fits"), [("study", False), ("full", True)])
def test_rungs_are_fitted_at_full_depth_alone(
    depth: gather.Depth, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def spied(*given: Any, fit: bool) -> LadderSets:
        asked.append(fit)
        return sets_for_ladder(*given, fit=fit)

    monkeypatch.setattr(gather, "sets_for_ladder", spied)
    net = construct(random_constant_weight(8, 4, 2, 0), 20.0)
    gather.gather_evidence(net, AllSets(8, 2), depth=depth)
    assert asked == [fits]
