"""The one evaluation of a set: float32 first gives what float64 gives, within its own bounds."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
import torch

from build.elsewhere import play_cuda
from build.scores import hand_made, random_net
from relubloom.code import random_constant_weight
from relubloom.measure.answers import Batch
from relubloom.measure.error_bound import FLOAT32, float32_error, rounding_error
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.forward import evidence_device, holds_float32, placed
from relubloom.measure.shares import losses_of
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets, SetCollection


def float32_net(vocab: int, width: int, seed: int, scale: float = 1.0) -> ReluNet:
    return ReluNet(
        *(scale * value.float() for value in random_net(vocab, width, seed).parameters())
    )


def constructed(vocab: int, width: int, weight: int, sharpness: float) -> ReluNet:
    return construct(random_constant_weight(vocab, width, weight, seed=1), sharpness)


CASES: list[tuple[ReluNet, SetCollection, int]] = [
    (float32_net(30, 7, 0), AllSets(30, 3), 3),
    (float32_net(65, 9, 1, 3.0), DrawnSets(65, (1, 4), None, "test", 3000), 4),
    (float32_net(5, 1, 2), AllSets(5, 5), 5),
    (float32_net(9, 4, 3), AllSets(9, 1), 1),
    (constructed(40, 14, 4, 20.0), AllSets(40, 3), 3),
    (constructed(40, 14, 4, 90.0), DrawnSets(40, (2, 5), None, "test", 2000), 5),
    (constructed(9, 1, 1, 60.0), AllSets(9, 2), 2),
]


@pytest.mark.parametrize(("net", "sets", "largest"), CASES)
@pytest.mark.parametrize("tight", [False, True])
def test_float32_first_decides_as_float64_does(
    net: ReluNet, sets: SetCollection, largest: int, tight: bool
) -> None:
    mixed, plain = Evaluator(net, largest), Evaluator(net, largest, float32=False)
    assert mixed.in_float32 and not plain.in_float32
    batch = Batch.of(sets.chunk(0, len(sets)), net.vocab_size)
    post = mixed.hidden(batch)
    found, _ = mixed.answers(batch, post, tight=tight)
    truth, _ = plain.answers(batch, post)
    for name in ("missed", "exact", "failing", "called_low", "called_high"):
        assert torch.equal(getattr(found, name), getattr(truth, name)), name
    assert found.called.rows.tolist() == truth.called.rows.tolist()
    assert found.called.tokens.tolist() == truth.called.tokens.tolist()
    assert torch.equal(found.margin > 0, truth.margin > 0)
    assert torch.equal(found.mse > batch.threshold, truth.mse > batch.threshold)
    for name in ("mse", "kl", "member_p", "member_mass", "uniformity"):
        torch.testing.assert_close(
            getattr(found, name), getattr(truth, name), rtol=3e-5, atol=1e-9, msg=name
        )
    assert ((found.mse - truth.mse).abs() <= found.mse_error + truth.mse_error).all()
    assert not truth.fine.logical_not().any()
    if tight:
        assert found.fine[found.mse > batch.threshold / 4].all()


@pytest.mark.parametrize(("net", "sets", "largest"), CASES)
def test_losses_alone_decide_alike(net: ReluNet, sets: SetCollection, largest: int) -> None:
    batch = Batch.of(sets.chunk(0, len(sets)), net.vocab_size)
    found = Evaluator(net, largest).losses(batch)
    truth = Evaluator(net, largest, float32=False).losses(batch)
    assert torch.equal(found.margin > 0, truth.margin > 0)
    assert torch.equal(found.mse > batch.threshold, truth.mse > batch.threshold)
    torch.testing.assert_close(found.mse, truth.mse, rtol=1e-3, atol=1e-9)
    logits = net(batch.sets).detach().double()
    torch.testing.assert_close(losses_of(logits, batch).mse, truth.mse, rtol=1e-3, atol=1e-9)


def test_logits_that_are_asked_for_are_those_of_float64() -> None:
    net = float32_net(30, 7, 0)
    batch = Batch.of(AllSets(30, 3).chunk(0, 500), 30)
    evaluator = Evaluator(net, 3)
    post = evaluator.hidden(batch)
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    for wanted in (torch.tensor([3, 70, 499]), torch.arange(500)):
        found, logits = evaluator.answers(batch, post, wanted)
        assert logits is not None
        assert found.fine[wanted].all()
        expected = exact(batch.sets[wanted]).detach()
        torch.testing.assert_close(logits, expected, rtol=1e-13, atol=1e-13)


def test_answers_of_the_network_by_hand() -> None:
    net, _, sets = hand_made()
    batch = Batch.of(sets.sets, 3)
    evaluator = Evaluator(net, 1)
    found, _ = evaluator.answers(batch, evaluator.hidden(batch))
    # {0}: p = .60 .35 .05, {1}: .20 .20 .60, {2}: .10 .45 .45.
    assert found.mse.tolist() == pytest.approx([0.285, 1.04, 0.515])
    assert found.kl.tolist() == pytest.approx([-math.log(p) for p in (0.6, 0.2, 0.45)])
    assert found.margin.tolist() == pytest.approx([math.log(6 / 3.5), math.log(1 / 3), 0])
    assert found.member_p[:, 0].tolist() == pytest.approx([0.6, 0.2, 0.45])
    assert found.missed[:, 0].tolist() == [False, True, False]
    assert (found.called.rows.tolist(), found.called.tokens.tolist()) == ([0, 1, 2], [1, 2, 1])


@pytest.mark.parametrize(("net", "sets", "largest"), CASES)
@pytest.mark.parametrize("float32", [True, False])
def test_answers_are_those_of_the_cpu_where_the_weights_are_elsewhere(
    net: ReluNet,
    sets: SetCollection,
    largest: int,
    float32: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = Batch.of(sets.chunk(0, min(64, len(sets))), net.vocab_size)  # one block on the CPU too
    wanted, there = torch.arange(0, min(6, len(batch)), 2), play_cuda(monkeypatch)
    own, other = (
        Evaluator(placed(net, device), largest, float32=float32) for device in ("cpu", "cuda")
    )
    for rows in (None, wanted):
        before = there.on
        found, kept = own.answers(batch, own.hidden(batch), rows)
        assert there.on == before
        same, as_kept = other.answers(batch, other.hidden(batch), rows)
        assert there.on > before
        for field in fields(found):
            mine, its = getattr(found, field.name), getattr(same, field.name)
            if field.name == "called":
                assert mine.rows.tolist() == its.rows.tolist()
                assert mine.tokens.tolist() == its.tokens.tolist()
            else:
                assert torch.equal(mine, its), field.name
        assert (kept is None) == (as_kept is None) == (rows is None)
        if kept is not None and as_kept is not None:
            assert torch.equal(kept, as_kept)
    assert torch.equal(own.losses(batch).mse, other.losses(batch).mse)


def test_evidence_of_weights_on_mps_is_computed_on_the_cpu() -> None:
    assert evidence_device("mps") == evidence_device("cpu") == torch.device("cpu")
    assert evidence_device("cuda:1") == torch.device("cuda:1")
    assert placed(float32_net(6, 3, 0), "mps").W_in.device == torch.device("cpu")


def test_tf32_leaves_float32_out(monkeypatch: pytest.MonkeyPatch) -> None:
    net = float32_net(30, 7, 0)
    assert Evaluator(net, 3).in_float32
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = True
        assert not Evaluator(net, 3).in_float32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before

    def no_one_answer() -> str:
        raise RuntimeError("PyTorch is checking the matmul precision without a specific backend")

    monkeypatch.setattr("torch.get_float32_matmul_precision", no_one_answer)
    assert not Evaluator(net, 3).in_float32


def test_float32_needs_weights_that_it_holds() -> None:
    net = random_net(6, 3, 0)
    assert not holds_float32(net)
    assert not Evaluator(net, 2).in_float32
    assert not Evaluator(float32_net(6, 3, 0, 1e6), 2).in_float32  # its error has no useful bound


def test_the_bound_of_a_share_has_both_errors_of_the_change_of_units() -> None:
    # A share is a quotient of two exponentials, each of a logit that errs by `scaling` more.
    net = float32_net(30, 7, 0, 3.0)
    plain, found = rounding_error(net, 3, FLOAT32), float32_error(net, 3)
    scaling = found.logit - plain.logit
    assert scaling > 0
    assert 1 + found.share == pytest.approx((1 + plain.share) * math.exp(2 * scaling), abs=1e-12)


def test_members_are_the_same_where_torch_cannot_sample_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, sets = float32_net(65, 9, 1, 3.0), DrawnSets(65, (1, 4), None, "test", 500)
    batch = Batch.of(sets.chunk(0, 500), 65)
    sampled, _ = Evaluator(net, 4).answers(batch, Evaluator(net, 4).hidden(batch))
    monkeypatch.setattr("relubloom.measure.forward.samples_products", lambda: False)
    gathered, _ = Evaluator(net, 4).answers(batch, Evaluator(net, 4).hidden(batch))
    torch.testing.assert_close(sampled.member_p, gathered.member_p, rtol=1e-12, atol=0)
    torch.testing.assert_close(sampled.margin, gathered.margin, rtol=1e-12, atol=1e-12)
