"""Who is missed, and which tokens are dead: counted by hand."""

import numpy as np
import torch

import relubloom as rb
from relubloom.evidence.scores import score_sets
from relubloom.evidence.token_counts import TokenCounts
from relubloom.task import SetCollection
from relubloom.task.set_collections import AllSets, ListedSets


def counts_of(logits: list[float], sets: SetCollection) -> TokenCounts:
    """Of a network that answers the same on every set."""
    vocab = len(logits)
    net = rb.ReluNet(
        torch.zeros(vocab, 1), torch.zeros(1), torch.zeros(1, vocab), torch.tensor(logits)
    )
    return score_sets(net, rb.Code(np.zeros((vocab, 1), dtype=np.bool_)), sets).tokens


def test_misses_by_hand() -> None:
    # Tokens 0 and 1 are called on every set, 2 is at a third of p_max and 3 far below.
    found = counts_of([0.0, 0.0, -float(np.log(3)), -40.0], AllSets(4, 2))
    assert found.sets.tolist() == [3, 3, 3, 3]
    assert found.misses.tolist() == [0, 0, 3, 3]
    assert found.dead.tolist() == [False, False, True, True]


def test_half_of_the_largest_is_called() -> None:
    found = counts_of([0.0, -0.69, -0.7], AllSets(3, 1))
    assert found.misses.tolist() == [0, 0, 1]


def test_copies_count_and_padding_does_not() -> None:
    # Sets {0, 2} three times and {1}; id 3 is padding.
    sets = ListedSets(
        torch.tensor([[0, 2], [1, 3]]), torch.tensor([3, 1]), torch.zeros(2, dtype=torch.bool)
    )
    found = counts_of([0.0, 0.0, -9.0], sets)
    assert found.sets.tolist() == [3, 1, 3]
    assert found.misses.tolist() == [0, 0, 3]


def test_a_token_in_no_set_is_not_dead() -> None:
    sets = ListedSets(torch.tensor([[0, 1]]), torch.tensor([1]), torch.zeros(1, dtype=torch.bool))
    assert counts_of([0.0, 0.0, -9.0], sets).dead.tolist() == [False, False, False]


def test_a_token_is_dead_when_missed_on_more_than_half() -> None:
    # Alone, token 1 is called; beside token 0, which has the greater logit, it is missed.
    net = rb.ReluNet(
        torch.tensor([[1.0], [0.0], [0.0]]),
        torch.zeros(1),
        torch.tensor([[9.0, 0.0, 0.0]]),
        torch.tensor([0.0, 5.0, 0.0]),
    )
    code = rb.Code(np.zeros((3, 1), dtype=np.bool_))
    for copies, dead in ((2, False), (3, True)):
        sets = ListedSets(
            torch.tensor([[1, 3], [0, 1]]),
            torch.tensor([2, copies]),
            torch.zeros(2, dtype=torch.bool),
        )
        found = score_sets(net, code, sets).tokens
        assert (found.sets[1], found.misses[1]) == (2 + copies, copies)
        assert found.dead.tolist() == [False, dead, False]
