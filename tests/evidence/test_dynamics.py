"""The film of W_in: when modes split, when hashes settle. Films are made by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import relubloom as rb
from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.evidence.dynamics import (
    dynamics_of,
    explain_order,
    follow_hashes,
    follow_modes,
    for_good,
    foretell,
    largest_product,
    measure_dynamics,
    spearman,
)
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import read_record, remove_record, write_record

Film = NDArray[np.float32]
TWO_BY_TWO = np.array([[[-1, 1], [1, -1]]], dtype=np.float32)  # token 0 has bit 0, token 1 bit 1


def entries(gap: float, seed: int = 0, sd: float = 0.1) -> Film:
    """A snapshot of 200 x 20: 30 % of the entries around -gap/2 sd, the others around gap/2 sd."""
    rng = np.random.default_rng(seed)
    bits = rng.random((200, 20)) < 0.3
    return (sd * (rng.standard_normal(bits.shape) + gap * (0.5 - bits))).astype(np.float32)


def read(film: Film, steps: list[int]) -> Dynamics:
    """Read a film whose last snapshot is the trained W_in."""
    modes = fit_two_modes(film[-1])
    return measure_dynamics(film, steps, Code(film[-1] < modes.midpoint), modes)


@pytest.mark.parametrize(
    ("flags", "first"),
    [("TTT", 0), ("FTT", 1), ("TFT", 2), ("FFT", 2), ("TTF", 3), ("FFF", 3), ("T", 0), ("F", 1)],
)
def test_for_good_is_behind_the_last_false(flags: str, first: int) -> None:
    true = np.array([flag == "T" for flag in flags])
    assert for_good(true) == first
    assert for_good(np.stack([true, ~true], 1))[0] == first


@pytest.mark.parametrize(
    ("gaps", "split"),
    [
        ((0, 1, 8, 9), 20),
        ((0, 0.5, 1, 0), None),  # never
        ((0, 8, 8, 0), None),  # splits, then merges
        ((0, 8, 0, 8), 30),  # merges in between: the second split counts
        ((8, 8, 8, 8), 0),  # from the start
        ((0, 0, 0, 8), 30),  # with the last snapshot
        ((0, 3, 3, 8), 30),  # two modes, but not apart
    ],
)
def test_the_split_is_from_when_on_two_modes_stay_apart(
    gaps: tuple[float, ...], split: int | None
) -> None:
    film = np.stack([entries(gap, seed) for seed, gap in enumerate(gaps)])
    found = follow_modes(film, [0, 10, 20, 30])
    assert found.split_step == split
    for gap, measured, two in zip(gaps, found.gap, found.two_modes, strict=True):
        if gap >= 3:
            assert two
            assert measured == pytest.approx(gap, rel=0.1)


def test_two_modes_by_bic_alone_come_before_the_split() -> None:
    film = np.stack([entries(gap, seed) for seed, gap in enumerate((0, 3, 3, 8))])
    found = follow_modes(film, [0, 1, 2, 3])
    assert (found.two_modes_step, found.split_step) == (1, 3)
    assert found.near_threshold[1] > found.near_threshold[3]
    assert found.low[3] == pytest.approx(-0.4, abs=0.02)
    assert found.high[3] == pytest.approx(0.4, abs=0.02)


def test_two_values_are_two_modes_apart() -> None:
    found = follow_modes(np.repeat(TWO_BY_TWO, 2, 0), [0, 5])
    assert found.gap == [None, None]
    assert found.split_step == found.two_modes_step == 0


def test_one_value_never_splits() -> None:
    found = follow_modes(np.ones((2, 3, 4), dtype=np.float32), [0, 5])
    assert found.gap == [None, None]
    assert found.two_modes == [False, False]
    assert found.split_step is None
    assert found.two_modes_step is None


def test_neighbours_that_share_a_posterior_give_the_gap_of_all_entries() -> None:
    film = np.stack([np.concatenate([entries(gap, s) for s in range(4)]) for gap in (1, 3, 8)])
    found = follow_modes(film, [0, 1, 2])
    whole = [fit_two_modes(frame.reshape(-1, 1)) for frame in film]
    assert film[0].size > 3 * 4096
    assert found.gap == pytest.approx([fit.gap[0] for fit in whole], rel=0.01)


def test_settling_by_hand() -> None:
    # Token 0: right from the start. Token 1: one bit wrong, then right. Token 2: right, then two
    # wrong, then one wrong, then right. Token 3: one bit wrong until the last snapshot.
    wrong = {1: [(0, 1)], 2: [(1, 0), (1, 2), (2, 2)], 3: [(0, 0), (1, 0), (2, 0)]}
    side = np.ones((4, 4, 3), dtype=bool)
    for token, places in wrong.items():
        for snapshot, unit in places:
            side[snapshot, token, unit] = False
    found = follow_hashes(side, [0, 10, 20, 30])
    assert found.token_steps == [0, 10, 30, 30]
    assert found.token_steps_all_but_one == [0, 0, 20, 0]
    assert found.settled_tokens == [0.25, 0.5, 0.5, 1]
    assert found.all_but_one == [0.75, 0.75, 1, 1]
    assert found.final_side == [10 / 12, 9 / 12, 10 / 12, 1]
    # Bits settle at 0 but (1, 1) at 10, (2, 0) at 20, (2, 2) and (3, 0) at 30.
    assert found.settled_bits == [8 / 12, 9 / 12, 10 / 12, 1]
    assert found.half_settled_step == 10
    assert found.half_all_but_one_step == 0


def test_a_film_that_stands_still_is_settled_from_the_start() -> None:
    found = read(np.repeat(entries(8)[None], 3, 0), [0, 7, 9])
    assert found.settling.settled_bits == [1, 1, 1]
    assert set(found.settling.token_steps or ()) == {0}
    assert found.splitting.split_step == 0
    assert found.foretelling.auc == [1, 1, 1]
    assert found.foretelling.initial_hits == 1
    assert found.order.norm is None  # all tokens settle at once: there is no order
    assert found.order.wrong_bits is None


def test_hashes_that_turn_over_in_the_last_snapshot_settle_there() -> None:
    first = entries(8)
    found = read(np.stack([first, first, -first]), [0, 7, 9])
    assert found.settling.half_settled_step == 9
    assert found.settling.settled_bits[:2] == pytest.approx([0, 0], abs=0.01)
    assert found.foretelling.auc[0] == pytest.approx(0, abs=0.01)
    assert found.foretelling.auc[2] == 1


def test_one_token() -> None:
    film = np.array([[[0.5, -1, 2]], [[1, -1, 3]]], dtype=np.float32)
    found = read(film, [0, 4])
    assert found.constant_units == 3  # a column of one entry has no threshold
    assert found.settling.token_steps == [0]
    assert found.foretelling.initial_hits is None
    assert found.foretelling.auc == [None, None]
    assert found.order.overlap is None


def test_a_unit_with_one_value_in_the_end_counts_as_settled() -> None:
    film = np.array([[[0, 9], [1, -9]], [[0, 5], [1, 5]]], dtype=np.float32)
    found = read(film, [0, 4])
    assert found.constant_units == 1
    assert found.settling.token_steps == [0, 0]
    assert found.foretelling.chance_hits == 0.5  # of the unit that has both kinds


def test_a_film_of_the_first_tokens_is_read_with_the_thresholds_of_all() -> None:
    last = entries(8)
    modes = fit_two_modes(last)
    code = Code(last < modes.midpoint)
    found = measure_dynamics(np.stack([entries(0), last])[:, :50], [0, 3], code, modes)
    assert found.tokens == 50
    assert found.settling.final_side[-1] == 1
    assert len(found.settling.token_steps or ()) == 50


def test_steps_by_token_are_left_out_of_a_large_vocabulary() -> None:
    assert follow_hashes(np.ones((1, 10_000, 1), dtype=bool), [0]).token_steps == [0] * 10_000
    found = follow_hashes(np.ones((2, 10_001, 1), dtype=bool), [0, 3])
    assert found.token_steps is None
    assert found.token_steps_all_but_one is None
    assert found.settled_tokens == [1, 1]


def test_foretelling_by_hand() -> None:
    # Unit 0: the bit is token 0, of 4. Initially token 1 alone is lower: 2 of 3 pairs are won, and
    # the one mark is on token 1. Unit 1: bits 0 and 1; token 1 ties with token 2, below token 0 and
    # above token 3: pairs (0,2), (0,3) lost, (1,2) half, (1,3) lost. Marks: 3 and 1 (the first).
    initial = np.array([[1, 3], [0, 2], [2, 2], [3, 1]], dtype=np.float32)
    bits = np.array([[1, 1], [0, 1], [0, 0], [0, 0]], dtype=bool)
    found = foretell(initial[None], bits)
    assert found.auc == [pytest.approx((2 + 0.5) / 7)]
    assert found.initial_hits == pytest.approx(1 / 3)
    # By chance a unit with n of 4 marks hits n n / 4: (1/4 + 4/4) of 3.
    assert found.chance_hits == pytest.approx((0.25 + 1) / 3)


def test_what_is_drawn_apart_from_the_end_foretells_nothing() -> None:
    last = entries(8, seed=1)
    found = foretell(np.stack([entries(0, seed=2), last]), last < 0)
    assert found.auc[0] == pytest.approx(0.5, abs=0.05)
    assert found.initial_hits == pytest.approx(found.chance_hits, abs=0.05)


def test_the_order_by_hand() -> None:
    settled = np.array([0, 1, 2, 3])
    initial = np.array([[4, 0], [3, 0], [0, 2], [0, 1]], dtype=np.float32)
    bits = np.array([[1, 0], [1, 0], [1, 1], [1, 1]], dtype=bool)
    distance = np.array([[9, 4], [3, 9], [9, 2], [1, 9]], dtype=np.float64)
    found = explain_order(settled, initial, np.array([0, 0, 0, 0]), bits, distance)
    assert found.norm == pytest.approx(-1)
    assert found.mean == pytest.approx(-1)
    assert found.nearest is None  # each row has a parallel one
    assert found.wrong_bits is None
    assert found.weight == pytest.approx(2 / 5**0.5)  # ranks 1.5 1.5 3.5 3.5 against 1 2 3 4
    assert found.weakest == pytest.approx(-1)
    assert found.overlap == pytest.approx(2 / 5**0.5)


def test_spearman_sees_order_alone() -> None:
    x = np.array([1.0, 2, 3, 50])
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert spearman(x, -(x**3)) == pytest.approx(-1)
    assert spearman(x, np.ones(4)) is None


@pytest.mark.parametrize("rows", [1, 2, 1025])  # more than a chunk
def test_largest_products_are_those_with_other_rows(rows: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((rows, 3))
    products = vectors @ vectors.T
    np.fill_diagonal(products, -np.inf)
    expected = products.max(1) if rows > 1 else np.zeros(1)
    assert largest_product(vectors) == pytest.approx(expected)


def test_a_trained_film_ends_on_the_extracted_code(tmp_path: Path) -> None:
    task = rb.KSparseTask(20, 2)
    trained = rb.train_stack(task, 8, rb.Recipe(steps=60, batch_size=64), (0,))[0]
    found = dynamics_of(trained.net, trained.film, trained.film_steps)
    assert found.steps[0] == 0
    assert found.steps[-1] == 60
    assert found.settling.final_side[-1] == 1
    assert found.settling.settled_tokens[-1] == 1
    code = rb.extract_code(trained.net)
    initial = trained.film[0].numpy()
    pairs = [
        (initial[a, unit] < initial[b, unit])
        for unit in range(8)
        for a in np.flatnonzero(code.bits[:, unit])
        for b in np.flatnonzero(~code.bits[:, unit])
    ]
    assert found.foretelling.auc[0] == pytest.approx(np.mean(pairs))
    write_record(tmp_path, found)
    assert read_record(tmp_path, Dynamics) == found
    remove_record(tmp_path, Dynamics)
    assert not (tmp_path / "dynamics.json").exists()


def test_the_thresholds_are_the_final_ones() -> None:
    # All entries start far below: they are on the side of a bit, and a token without bits has none
    # settled before it rises.
    modes = TwoModes(
        share=np.full((2, 1), 0.5),
        mean=np.array([[-1.0], [1.0]]),
        sd=np.full((2, 1), 0.1),
        bic_gain=np.ones(1),
        distinct=np.full(1, 3),
    )
    film = np.array([[[-5.0], [-5.0]], [[-0.1], [0.1]]], dtype=np.float32)
    found = measure_dynamics(film, [0, 2], Code([[True], [False]]), modes)
    assert found.settling.token_steps == [0, 2]


def test_a_network_of_nan_is_refused() -> None:
    net = rb.ReluNet(
        torch.full((3, 2), torch.nan), torch.zeros(2), torch.zeros(2, 3), torch.zeros(3)
    )
    with pytest.raises(UsageError, match="NaN"):
        dynamics_of(net, torch.zeros(2, 3, 2), [0, 1])
