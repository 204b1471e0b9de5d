"""Correlated sets: their law, and the file that a task has of them."""

import numpy as np
import pytest

from build.zoo import CORRELATED, SMALL, ZIPF
from relubloom.records.labels import default_labels
from relubloom.zoo import sets as module
from relubloom.zoo.sets import correlated, drawing, task_of


def test_half_of_the_sets_are_of_one_topic_and_tokens_are_as_frequent() -> None:
    sets = correlated(64, "a test")(0, 40_000).numpy()
    assert (np.diff(np.sort(sets, 1)) > 0).all()
    # of four topics: 1/2 + 1/2 x (15/63) (14/62) of any three tokens
    share = (np.ptp(sets // 16, axis=1) == 0).mean()
    assert share == pytest.approx(0.5 + 0.5 * 15 * 14 / (63 * 62), abs=0.01)
    counts = np.bincount(sets.ravel(), minlength=64)
    assert counts.std() / counts.mean() < 3 / np.sqrt(counts.mean())


def test_sets_do_not_depend_on_how_many_are_asked_for() -> None:
    draw = correlated(32, "a test")
    assert np.array_equal(draw(0, 9000)[5000:8500], draw(5000, 8500))
    assert not np.array_equal(draw(0, 100), correlated(32, "another")(0, 100))
    # A network of the zoo is made anew from its name and seed, on any machine.
    found = correlated(64, "a test")(0, 4).tolist()
    assert found == [[37, 63, 31], [19, 10, 5], [40, 9, 30], [31, 20, 63]]


def test_the_task_of_correlated_sets_is_their_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "LINES", 500)
    labels = default_labels(32)
    task = task_of(CORRELATED, tmp_path, labels)
    expected = correlated(32, "lines")(0, 500).numpy()
    lines = (tmp_path / "sets.txt").read_text().split("\n")[:-1]
    assert [line.split() for line in lines] == [[labels[t] for t in row] for row in expected]
    assert task.file.tokens == labels
    assert task.file.lines == 500


@pytest.mark.parametrize("entry", [SMALL[0], ZIPF], ids=lambda entry: entry.source)
def test_other_sources_are_those_of_tasks(entry, tmp_path) -> None:
    task = task_of(entry, tmp_path, default_labels(20))
    assert task.source == entry.source
    assert not any(tmp_path.iterdir())
    frequent = np.bincount(drawing(entry, task, "a test")(0, 3000).numpy().ravel(), minlength=20)
    assert (frequent[0] > 3 * frequent[19]) == (entry.source == "zipf")
