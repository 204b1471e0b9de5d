"""The page of larger vocabularies: made in small, and what its figures say of a known network."""

from pathlib import Path

import numpy as np
import pytest
import torch

import relubloom as rb
import scale


def test_the_page_is_made_in_small_and_kept_rows_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "HASH_SETS", 500)
    monkeypatch.setattr(scale, "LOGITS", 0)
    monkeypatch.setattr("sys.argv", ["scale.py", "--quick", "--out", str(tmp_path)])
    scale.main()
    page, rows = (tmp_path / "scale.md").read_text(), (tmp_path / "scale.csv").read_text()
    assert all(f"## {title}\n" in page for title in scale.TITLES.values())
    monkeypatch.setattr(scale, "run", None)
    scale.main()
    assert (tmp_path / "scale.md").read_text() == page
    assert (tmp_path / "scale.csv").read_text() == rows
    for name, axis in {"scale-hashes": "best random code", "scale-widths": "width d"}.items():
        assert axis in (tmp_path / f"{name}.svg").read_text()


def test_the_width_of_an_error_lies_between_the_widths_tried() -> None:
    rows = {48: "0.01", 96: "0.0001"}
    done = {scale.narrowing("width", 32_000, 256, d)[0]: {"mse": mse} for d, mse in rows.items()}
    twice = {scale.narrowing("doubled", 64_000, 256, 48)[0]: {"mse": "0.01"}}
    found = scale.widths_of(done | twice)
    assert found[scale.TRAINED] == {256: pytest.approx(72)}
    assert found[scale.DOUBLED] == {}  # one width is no line
    assert 48 < found[scale.RANDOM][256] < 96


def test_a_hash_is_compared_with_the_best_random_code() -> None:
    trial = scale.fitted((1000, 64, 3))
    best = rb.best_constant_weight(1000, 64, 3).mse
    rows = [{"hash_mse": "9", "fine_hash_mse": str(share * best)} for share in (0.5, 0.7, 0.9)]
    done = {scale.replace(trial, seed=seed): row for seed, row in enumerate(rows)}
    assert scale.hash_errors(done) == [(1000, 3, pytest.approx(0.7))]


def test_tokens_without_an_own_row_and_column_are_dead() -> None:
    """An exact network misses nobody; where the columns of two tokens are pushed down, those."""
    net = rb.construct(rb.random_constant_weight(20, 24, 4, 0))
    task = rb.KSparseTask(20, 2)
    assert scale.dead(net, task) == 0
    with torch.no_grad():
        net.b_out[3:5] -= 1e6
    assert scale.dead(net, task) == 2


def test_figures_of_an_exact_network_are_those_of_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "HASH_SETS", 200)
    found = scale.figures_of(
        rb.construct(rb.random_constant_weight(20, 8, 3, 0)), rb.KSparseTask(20, 2)
    )
    assert (found["bits"], found["bits_sd"], found["half_share"]) == (3, 0, 0)
    assert 0 < found["hash_mse"] == pytest.approx(found["mse"], rel=0.2)


def test_a_rare_error_is_measured_on_more_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "HASH_SETS", 200)
    task, code = rb.KSparseTask(20, 2), rb.random_constant_weight(20, 64, 1, 0)
    sets = task.drawn_sets("fine", 16 * 200).chunk(0, 16 * 200)
    expected = scale.worth_on(code, sets.numpy()).mse
    assert scale.fine(code, task) == pytest.approx(expected) and expected > 0
    assert scale.fine(rb.random_constant_weight(20, 8, 1, 0), task) is None  # it errs often


def test_a_scattered_code_keeps_the_number_of_bits_of_each_token() -> None:
    uneven = rb.Code(np.tri(50, 12, dtype=bool))
    found = scale.scattered(uneven)
    assert found.weights.tolist() == uneven.weights.tolist()
    assert (found.bits != uneven.bits).any()
