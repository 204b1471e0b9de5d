"""Networks that are trained to the end: their measures, on networks whose answer is known."""

import numpy as np
import pytest
import torch

import full
import relubloom as rb
from full_training import growing, history, ties
from relubloom.code import make_graded

GRADED = make_graded("graded", 40, 20, 2)
LEAK = 1 / 128


@pytest.fixture(autouse=True)
def _few_sets(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(growing, "SETS", 2000)
    monkeypatch.setattr(ties, "SETS", 2000)
    monkeypatch.setattr(history, "SETS", 500)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_exact_networks_levels_do_not_depend_on_the_size(size: int) -> None:
    net = rb.construct(GRADED, 16.0, LEAK)
    found = growing.other_size(net, GRADED, 2, size)
    assert found["untouched"] == found["untouched_said"] == 1
    assert found["leaking"] == pytest.approx(LEAK) == found["leaking_said"]
    assert found["covered_on"] == found["full_not_alone"] == found["half_alone"] == 0


def test_one_member_more_is_said_by_the_mean_non_bit_entry() -> None:
    """b = 0.6 and non-bit entries of 0.2: level 1 on sets of 2, 1.2 on sets of 3. A half bit
    takes 0.9 away and leaves 0.1, then 0.3; a full one takes 1.1 away and leaves 0, then 0.1."""
    strengths = GRADED.strengths
    W_in = torch.tensor(np.choose(strengths, [0.2, -0.7, -0.9]), dtype=torch.float32)
    W_out = torch.tensor(np.choose(strengths, [0, -2, -20]), dtype=torch.float32).T.contiguous()
    net = rb.ReluNet(W_in, torch.full((20,), 0.6), W_out, torch.zeros(40))
    same, more = (growing.other_size(net, GRADED, 2, size) for size in (2, 3))
    assert (same["untouched"], more["untouched"]) == pytest.approx((1, 1.2))
    assert (same["leaking"], more["leaking"]) == pytest.approx((0.1, 0.3), abs=1e-6)
    assert (same["full_not_alone"], more["full_not_alone"]) == (0, 1)
    assert same["missed"] == 0 < more["missed"]


def test_an_exact_network_has_no_ties_that_its_levels_do_not_say() -> None:
    assert ties.ranking_f1(rb.construct(GRADED, 16.0, LEAK), GRADED, 2) == [1.0] * 4


def test_a_history_ends_at_the_trained_network() -> None:
    task, recipe = rb.KSparseTask(40, 2), rb.Recipe(steps=64, batch_size=32)
    rows, net = history.history_of(task, 20, recipe, seed=3)
    assert [row["step"] for row in rows] == [round(64 * share) for share in history.SHARES]
    assert rows[-1]["differ"] == 0
    assert torch.equal(net.W_in, rb.train(task, 20, recipe, seed=3)[0].W_in)
    on, _ = history.history_of(task, 20, recipe, seed=3, start=net)
    same = ("half", "full", "mse", "code_fails")
    assert [on[0][key] for key in same] == [rows[-1][key] for key in same]


def test_a_unit_whose_non_bit_entries_differ_is_uneven() -> None:
    share = np.where(GRADED.bits, 1.0, 0.0)
    other = np.flatnonzero(~GRADED.bits[:, 7])[:5]
    share[other, 7] = 0.9
    assert full.uneven(share, GRADED) == 1
