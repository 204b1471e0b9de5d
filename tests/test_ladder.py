"""The explanation ladder: figures worked by hand, and the evaluator against the definitions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relubloom.code import random_constant_weight
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.ladder import Rung, Score, evaluate
from relubloom.evidence.ladder.rung import Program
from relubloom.evidence.scores import score_sets
from relubloom.network import ReluNet
from relubloom.task import KSparseTask, SetCollection


def random_net(vocab: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> ReluNet:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return ReluNet(*(torch.randn(s, generator=draw, dtype=dtype) for s in shapes))


def rung(*programs: Program) -> Rung:
    return Rung("name", "title", "meaning", "explanation", 0, programs)


def score(net: ReluNet, program: Program, sets: SetCollection) -> Score:
    return evaluate(net, [rung(program)], sets)[1]


def f1_by_definition(
    predicted: list[bool], actual: list[bool], copies: list[float]
) -> float | None:
    both = sum(c for p, a, c in zip(predicted, actual, copies, strict=True) if p and a)
    either = sum(c * (p + a) for p, a, c in zip(predicted, actual, copies, strict=True))
    return 2 * both / either if either else None


def same_as_scores(net: ReluNet, other: ReluNet, sets: SetCollection) -> None:
    code = random_constant_weight(net.vocab_size, net.width, 1)
    actual, predicted = score_sets(net, code, sets), score_sets(other, code, sets)
    found = score(net, other, sets)
    assert found.mse == pytest.approx(predicted.mean(predicted.mse), rel=1e-5, abs=1e-7)
    assert found.kl == pytest.approx(predicted.mean(predicted.kl), rel=1e-5, abs=1e-6)
    copies = actual.copies.tolist()
    for name, agreement in (
        ("loss_failure", found.loss_failures),
        ("ranking_failure", found.ranking_failures),
    ):
        wrong, right = getattr(predicted, name).tolist(), getattr(actual, name).tolist()
        f1 = f1_by_definition(wrong, right, copies)
        assert agreement.f1 == (None if f1 is None else pytest.approx(f1))


@given(vocab=st.integers(1, 9), width=st.integers(1, 6), seed=st.integers(0, 9999), data=st.data())
def test_agrees_with_the_scores(vocab: int, width: int, seed: int, data: st.DataObject) -> None:
    high = data.draw(st.integers(1, vocab))
    low = data.draw(st.integers(1, high))
    sets = KSparseTask(vocab, (low, high)).evaluation_sets(draw=20)
    same_as_scores(random_net(vocab, width, seed), random_net(vocab, width, seed + 1), sets)


@given(
    vocab=st.integers(1, 150),
    width=st.integers(1, 70),
    weight=st.integers(0, 9),
    seed=st.integers(),
)
def test_the_table_counts_covered_tokens(vocab: int, width: int, weight: int, seed: int) -> None:
    code = random_constant_weight(vocab, width, min(weight, width), abs(seed))
    sets = KSparseTask(vocab, (1, min(vocab, 4))).evaluation_sets(draw=10).chunk(0, 10).numpy()
    assert CoverTable(code).covered(sets).tolist() == code.decode(sets).sum(1).tolist()
