"""Collections of sets: each set once, chunks that agree with the whole, copies that count."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relubloom.errors import UsageError
from relubloom.task import AllSets, DrawnSets, KSparseTask, ListedSets


@pytest.mark.parametrize(
    ("vocab_size", "set_size"), [(1, 1), (5, 1), (5, 5), (7, 3), (13, 4), (9, 8), (70, 68)]
)
def test_all_sets_lists_each_set_once(vocab_size: int, set_size: int) -> None:
    sets = AllSets(vocab_size, set_size)
    listed = [tuple(row) for row in sets.chunk(0, len(sets)).tolist()]
    assert len(listed) == math.comb(vocab_size, set_size)
    assert sorted(listed) == list(itertools.combinations(range(vocab_size), set_size))


def test_all_sets_come_in_colexicographic_order() -> None:
    # By the largest token, then the next: 012, 013, 023, 123, 014, ...
    assert AllSets(5, 3).chunk(0, 5).tolist() == [
        [0, 1, 2],
        [0, 1, 3],
        [0, 2, 3],
        [1, 2, 3],
        [0, 1, 4],
    ]


@given(st.integers(1, 12), st.data())
def test_a_chunk_is_a_part_of_the_whole(vocab_size: int, data: st.DataObject) -> None:
    sets = AllSets(vocab_size, data.draw(st.integers(1, vocab_size)))
    start = data.draw(st.integers(0, len(sets)))
    stop = data.draw(st.integers(start, len(sets)))
    assert torch.equal(sets.chunk(start, stop), sets.chunk(0, len(sets))[start:stop])


def test_a_distant_chunk_needs_no_enumeration() -> None:
    # Rank C(5000, 3) - 1 is the last set.
    sets = AllSets(5000, 3)
    assert sets.chunk(len(sets) - 1, len(sets)).tolist() == [[4997, 4998, 4999]]


@pytest.mark.parametrize(
    ("task", "kind", "count"),
    [
        (KSparseTask(256, 3), AllSets, 2_763_520),
        (KSparseTask(3163, 2), DrawnSets, 100_000),  # C(3163, 2) = 5,000,703: over 5 million
        (KSparseTask(3162, 2), AllSets, 4_997_541),
        (KSparseTask(20, (2, 3)), DrawnSets, 100_000),
        (KSparseTask(20, 2, "zipf"), DrawnSets, 100_000),
        (KSparseTask(10_738, 2), DrawnSets, 99_994),  # 2^30 logits
        (KSparseTask(10**6, 3), DrawnSets, 1_073),
        (KSparseTask(10**9, 3), DrawnSets, 1_000),
    ],
)
def test_figures_are_over_all_sets_where_they_can_be_enumerated(
    task: KSparseTask, kind: type, count: int
) -> None:
    sets = task.evaluation_sets()
    assert isinstance(sets, kind)
    assert len(sets) == count
    assert sets.method == ("all" if kind is AllSets else "drawn")


def test_listed_sets_count_their_copies() -> None:
    listed = ListedSets(
        torch.tensor([[0, 1], [1, 2], [0, 3]]),
        torch.tensor([1, 4, 2]),
        torch.tensor([False, False, True]),
    )
    assert listed.weights(1, 3).tolist() == [4.0, 2.0]
    assert listed.unseen(1, 3).tolist() == [False, True]
    assert listed.chunk(1, 2).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 1), "vocab_size is 0: a vocabulary has at least 1 token"),
        ((5, 0), "set_size is 0: sizes are at least 1"),
        ((5, (3, 2)), "set_size is 3..2: sizes are at least 1 and ascending"),
        ((5, 6), "set_size is 6 and vocab_size is 5: a set has distinct tokens"),
        ((5, (2, 9)), "set_size is 9 and vocab_size is 5"),
        ((5, 2, "file"), "a file of sets is read by KSparseTask.from_file"),
    ],
)
def test_a_task_that_has_no_sets_is_refused(arguments: tuple, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        KSparseTask(*arguments)


def test_only_a_file_has_training_lines() -> None:
    with pytest.raises(UsageError, match="only a file of sets has training lines"):
        KSparseTask(5, 2).training_lines()


def test_a_task_describes_itself() -> None:
    assert KSparseTask(9, (2, 3), "zipf").describe() == {
        "source": "zipf",
        "vocab_size": 9,
        "set_size": [2, 3],
    }
    assert KSparseTask(9, (2, 2)).describe()["set_size"] == 2


def test_copies_of_a_list_are_merged_and_short_sets_padded() -> None:
    sets = ListedSets.of([[2, 0], [0, 2], [1, 2, 3]], vocab_size=4)
    assert torch.equal(sets.chunk(0, 2), torch.tensor([[0, 2, 4], [1, 2, 3]]))
    assert sets.weights(0, 2).tolist() == [2, 1]
    assert (sets.method, sets.source) == ("listed", "given")


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        ([], "the list holds no sets"),
        ([[]], "holds each of its tokens once"),
        ([[1, 1]], r"a set is \[1, 1\]: it holds each of its tokens once"),
        ([[0, 4]], "ids are 0 to 3; mend the set"),
        ([[-1, 2]], "ids are 0 to 3; mend the set"),
    ],
)
def test_what_is_no_set_is_refused(sets: list[list[int]], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ListedSets.of(sets, vocab_size=4)
