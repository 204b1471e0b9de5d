"""One pass: every set is read once, and the network runs on it once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from build.scores import random_net
from relubloom.evidence.gather import look_at
from relubloom.measure.answers import Batch
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.one_pass import Chunk, evaluator_for, one_pass
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets, ListedSets, SetCollection


@dataclass
class Spied(SetCollection):
    """A collection that counts how often each set is read."""

    sets: SetCollection
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def method(self) -> str:
        return self.sets.method

    @property
    def source(self) -> str:
        return self.sets.source

    def __len__(self) -> int:
        return len(self.sets)

    def chunk(self, start: int, stop: int) -> Tensor:
        self.reads.append((start, stop))
        return self.sets.chunk(start, stop)

    def weights(self, start: int, stop: int) -> Tensor:
        return self.sets.weights(start, stop)

    def unseen(self, start: int, stop: int) -> Tensor:
        return self.sets.unseen(start, stop)


def once(spans: list[tuple[int, int]], count: int) -> bool:
    return [at for start, stop in sorted(spans) for at in range(start, stop)] == list(range(count))


@pytest.mark.parametrize("workers", [1, 3])
def test_each_set_is_read_once_and_run_once(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net = ReluNet(*(value.float() for value in random_net(20, 6, 0).parameters()))
    runs: list[int] = []
    answers = Evaluator.answers

    def counted(self: Evaluator, batch: Batch, *rest: Tensor | None, tight: bool = False):
        runs.append(len(batch))
        return answers(self, batch, *rest, tight=tight)

    monkeypatch.setattr(Evaluator, "answers", counted)
    sets = Spied(AllSets(20, 3))
    first = [(0, 1)]  # the size of the sets is looked up on one
    look_at(net, extract_code(net), sets, workers, chunk=100)
    assert once([span for span in sets.reads if span not in first], 1140)
    assert sum(runs) == 1140


def test_chunks_are_taken_in_order_with_all_that_is_asked_for() -> None:
    net = random_net(8, 3, 0)
    sets = ListedSets(AllSets(8, 2).chunk(0, 28), torch.arange(1, 29), torch.arange(28) % 3 == 0)
    starts: list[int] = []

    class Looking:
        def work(self, chunk: Chunk) -> int:
            part = slice(chunk.start, chunk.stop)
            assert torch.equal(chunk.sets, sets.sets[part])
            assert torch.equal(chunk.copies, sets.copies[part].double())
            assert torch.equal(chunk.unseen, sets.has_unseen[part])
            assert torch.equal(chunk.post, torch.relu(net.W_in[chunk.sets].sum(1) + net.b_in))
            return chunk.start

        def take(self, found: int) -> None:
            starts.append(found)

    one_pass(net, sets, [Looking()], chunk=5, workers=3)
    assert starts == [0, 5, 10, 15, 20, 25]


def test_an_evaluator_knows_the_sizes_of_a_collection() -> None:
    net = random_net(8, 3, 0)
    for sets, largest in (
        (AllSets(8, 2), 2),
        (DrawnSets(8, (1, 4), None, "test", 10), 4),
        (ListedSets(torch.tensor([[0, 1, 8]]), torch.ones(1).long(), torch.zeros(1).bool()), 3),
    ):
        assert evaluator_for(net, sets).largest_set == largest


def test_the_certificate_of_a_pass() -> None:
    net = random_net(20, 6, 0)
    code = extract_code(net)
    whole = look_at(net, code, AllSets(20, 3)).certificate
    assert whole is not None
    assert (whole.method, whole.sets, whole.undecided_sets) == ("enumeration", 1140, 0)
    drawn = look_at(net, code, DrawnSets(20, (3, 3), None, "test", 500)).certificate
    assert drawn is not None
    assert (drawn.method, drawn.confidence) == ("sampled", 0.99)
    assert whole.exact_sets is not None
    assert drawn.p_exact.lower <= whole.exact_sets / 1140 <= drawn.p_exact.upper
    assert drawn.mse.lower <= whole.mse.lower <= whole.mse.upper <= drawn.mse.upper
    assert look_at(net, code, DrawnSets(20, (2, 3), None, "test", 500)).certificate is None
    listed = ListedSets(
        AllSets(20, 3).chunk(0, 9), torch.ones(9, dtype=torch.int64), torch.zeros(9).bool()
    )
    assert look_at(net, code, listed).certificate is None
