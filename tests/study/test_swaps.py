"""The share of swapped tokens is chosen on the training sets alone, and the least mse decides."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import relubloom as rb
from build.process import DATA
from relubloom.progress import unwatched
from relubloom.records.study import TriedSwaps
from relubloom.study import study, swaps

TASK = rb.KSparseTask.from_file(DATA / "debtags.sets", (3, 8))
STUDY = rb.Study(TASK, 12, rb.Recipe(steps=40, batch_size=16))


def sets_of(lines: rb.ListedSets) -> dict[tuple[int, ...], int]:
    rows = zip(lines.sets.tolist(), lines.copies.tolist(), strict=True)
    return {tuple(t for t in row if t < TASK.vocab_size): copies for row, copies in rows}


def test_it_is_compared_on_a_fifth_of_the_training_sets() -> None:
    inner = swaps._within_training(TASK)  # pyright: ignore[reportPrivateUsage]
    held_out = inner.evaluation_sets()
    assert isinstance(held_out, rb.ListedSets)
    learnt, compared = sets_of(inner.training_lines()), sets_of(held_out)
    assert learnt | compared == sets_of(TASK.training_lines())
    assert not learnt.keys() & compared.keys()
    assert len(compared) == round(0.2 * len(TASK.training_lines()))
    assert inner.vocab_size == TASK.vocab_size


@pytest.mark.parametrize("best", [0.0, 0.5, 0.8])
def test_the_least_mse_decides(monkeypatch: pytest.MonkeyPatch, best: float) -> None:
    monkeypatch.setattr(swaps, "_mse", lambda _net, task: abs(task.swaps - best))
    seen: list[tuple[str, int, int, str]] = []
    found = swaps.choose_swaps(STUDY, 1, lambda *progress: seen.append(progress))
    assert found.share == best
    assert found.tried == [TriedSwaps(share, abs(share - best)) for share in (0, 0.5, 0.8)]
    assert seen[0] == ("choosing swaps", 1, 120, "share 0")  # 40 steps, fewer than 100, for each
    assert seen[-1] == ("choosing swaps", 120, 120, "share 0.8")


def test_its_mse_is_that_of_an_examination() -> None:
    net = rb.construct(rb.random_constant_weight(TASK.vocab_size, 12, 3))
    found = swaps._mse(net, TASK)  # pyright: ignore[reportPrivateUsage]
    assert found == pytest.approx(rb.gather_evidence(net, TASK).behaviour.mse)


def test_few_sets_are_left_as_they_are() -> None:
    assert TASK.file is not None
    few = replace(TASK, file=replace(TASK.file, counts=dict(list(TASK.file.counts.items())[:20])))
    assert swaps.choose_swaps(replace(STUDY, task=few), 1, unwatched) == swaps.Swaps(0.0, [])


def test_it_starts_where_the_study_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = rb.construct(rb.random_constant_weight(TASK.vocab_size, 12, 3))
    net.save_pretrained(tmp_path)
    recipe = replace(STUDY.recipe, steps=1, learning_rate=1e-9)
    trained: list[rb.ReluNet] = []
    monkeypatch.setattr(swaps, "_mse", lambda net, _task: trained.append(net) or 1.0)
    swaps.choose_swaps(replace(STUDY, recipe=recipe, init_from=tmp_path), 1, unwatched)
    for each in trained:
        assert torch.allclose(each.W_in, net.W_in, atol=1e-8)


def test_a_choice_is_kept_for_resume(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked, made = replace(STUDY, choose_swaps=True), swaps.Swaps(0.5, [TriedSwaps(0.5, 0.1)])
    monkeypatch.setattr(study, "choose_swaps", lambda *_: made)
    first = study._with_swaps(asked, tmp_path, 1, unwatched)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(study, "choose_swaps", lambda *_: 1 / 0)
    again = study._with_swaps(asked, tmp_path, 1, unwatched)  # pyright: ignore[reportPrivateUsage]
    assert first == again == (replace(STUDY, task=replace(TASK, swaps=0.5)), made)


def test_a_training_begun_without_swaps_goes_on_without(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").touch()
    asked = replace(STUDY, choose_swaps=True)
    found = study._with_swaps(asked, tmp_path, 1, unwatched)  # pyright: ignore[reportPrivateUsage]
    assert found == (STUDY, swaps.Swaps(0.0, []))
