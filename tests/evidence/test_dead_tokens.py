"""Dead tokens: counted by hand, and against the scores of the same sets."""

import numpy as np
import pytest
import torch

import relubloom as rb
from relubloom.evidence.dead_tokens import count_misses, dead_tokens
from relubloom.evidence.scores import score_sets
from relubloom.task.set_collections import AllSets, DrawnSets, ListedSets


def net_of(logits: list[float]) -> rb.ReluNet:
    """A network that answers the same on every set."""
    vocab = len(logits)
    return rb.ReluNet(
        torch.zeros(vocab, 1), torch.zeros(1), torch.zeros(1, vocab), torch.tensor(logits)
    )


@pytest.mark.parametrize(
    ("sets", "misses", "dead"), [(4, 2, False), (4, 3, True), (0, 0, False), (1, 1, True)]
)
def test_a_token_is_dead_when_missed_on_more_than_half(sets: int, misses: int, dead: bool) -> None:
    assert dead_tokens(np.array([sets * 1.0]), np.array([misses * 1.0]))[0] == dead


def test_by_another_share() -> None:
    assert dead_tokens(np.array([10.0, 10.0]), np.array([9.0, 10.0]), 0.9).tolist() == [False, True]


def test_misses_by_hand() -> None:
    # Tokens 0 and 1 are called on every set, 2 is at a third of p_max and 3 far below.
    found = count_misses(net_of([0.0, 0.0, -float(np.log(3)), -40.0]), AllSets(4, 2))
    assert found.sets.tolist() == [3, 3, 3, 3]
    assert found.misses.tolist() == [0, 0, 3, 3]
    total = 2 + 1 / 3
    assert found.probability == pytest.approx([1 / total, 1 / total, 1 / 3 / total, 0], abs=1e-8)
    assert dead_tokens(found.sets, found.misses).tolist() == [False, False, True, True]


def test_half_of_the_largest_is_called() -> None:
    found = count_misses(net_of([0.0, -0.69, -0.7]), AllSets(3, 1))
    assert found.misses.tolist() == [0, 0, 1]


def test_copies_count_and_padding_does_not() -> None:
    # Sets {0, 2} three times and {1}; id 3 is padding.
    sets = ListedSets(
        torch.tensor([[0, 2], [1, 3]]), torch.tensor([3, 1]), torch.zeros(2, dtype=torch.bool)
    )
    found = count_misses(net_of([0.0, 0.0, -9.0]), sets)
    assert found.sets.tolist() == [3, 1, 3]
    assert found.misses.tolist() == [0, 0, 3]


def test_a_token_in_no_set_is_not_dead() -> None:
    sets = ListedSets(torch.tensor([[0, 1]]), torch.tensor([1]), torch.zeros(1, dtype=torch.bool))
    found = count_misses(net_of([0.0, 0.0, -9.0]), sets)
    assert not dead_tokens(found.sets, found.misses)[2]
    assert np.isnan(found.probability[2])


@pytest.mark.parametrize("workers", [1, 3])
def test_the_counts_are_those_of_the_scores(workers: int) -> None:
    generator = torch.Generator().manual_seed(1)
    vocab, width = 97, 7
    net = rb.ReluNet(
        torch.randn(vocab, width, generator=generator),
        torch.randn(width, generator=generator),
        torch.randn(width, vocab, generator=generator),
        torch.randn(vocab, generator=generator),
    )
    sets = DrawnSets(vocab, (2, 4), None, "evaluation", 20_000)
    found = count_misses(net, sets, workers)
    scores = score_sets(net, rb.extract_code(net), sets).tokens
    assert found.sets.tolist() == scores.sets.tolist()
    assert found.misses.tolist() == scores.misses.tolist()
    assert 0 < dead_tokens(scores.sets, scores.misses).sum() < vocab
