"""The fused passes against the plain ones in float64, their kernels run by Triton's interpreter.

No GPU runs here: what is tested is the kernels' arithmetic and where they read and write. That they
compile for GPUs is tested too; how fast they are is not.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from build.kernels import compiled_sizes, interpreted
from build.process import Outcome
from build.steps import OBJECTIVES, random_stack, reference
from relubloom.task import KSparseTask
from relubloom.training.recipe import Objective
from relubloom.training.softmax_loss import Targets, softmax_loss_
from relubloom.training.step import ChunkedStep

NAME = "relubloom.training.fused_loss"
# instances, rows, vocab, set sizes: k = 1, k = N, padding, rows just below, at and above a tile,
# vocabularies that are no multiple of a block, and of more than one.
SHAPES = [
    (1, 1, 1, (1, 1)),
    (1, 3, 5, (5, 5)),
    (1, 16, 7, (1, 7)),
    (2, 17, 300, (3, 3)),
    (1, 2, 2500, (2, 4)),
]
ROUNDING = {torch.float64: 1e-13, torch.float32: 2e-6}


@pytest.fixture(scope="module")
def fused() -> Any:
    return interpreted(NAME).fused_loss_


def plain(logits: Tensor, sets: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
    logits = logits.double()
    targets = Targets.of(sets, logits.shape[2], logits.dtype)
    return softmax_loss_(logits, targets, objective, torch.empty_like(logits))


def drawn(shape: tuple[int, int, int], sizes: tuple[int, int], scale: float) -> tuple[Tensor, ...]:
    instances, rows, vocab = shape
    draw = torch.Generator().manual_seed(vocab)
    sets = KSparseTask(vocab, sizes).training_batches([(i, 0) for i in range(instances)], rows)
    logits = torch.randn(shape, generator=draw, dtype=torch.float64) * scale
    return logits, torch.randn(instances, vocab, generator=draw, dtype=torch.float64), sets


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("instances", "rows", "vocab", "sizes"), SHAPES)
def test_it_is_the_plain_passes(
    instances: int,
    rows: int,
    vocab: int,
    sizes: tuple[int, int],
    objective: Objective,
    dtype: torch.dtype,
    fused: Any,
) -> None:
    logits, bias, sets = drawn((instances, rows, vocab), sizes, scale=4.0)
    logits, bias = logits.to(dtype), bias.to(dtype)
    loss, gradient = plain(logits.double() + bias.double()[:, None], sets, objective)
    found, sums = fused(logits, bias, sets, objective, torch.full_like(logits, float("nan")))
    close = {"rtol": ROUNDING[dtype], "atol": ROUNDING[dtype], "check_dtype": False}
    torch.testing.assert_close(found, loss, **close)
    torch.testing.assert_close(logits, gradient, **close)
    torch.testing.assert_close(sums, gradient.sum(1), **close)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_small_loss_is_accurate_in_float32(objective: Objective, fused: Any) -> None:
    # Members 12 above all others, whose 297 probabilities of e^-12 / 3 are all that is wrong: kl is
    # ln(1 + 99 e^-12) and mse about 1e-7. Members' p is 1/3 but for 2e-4, and float32 rounds it by
    # 1e-8, so that mse is right to some 1e-4 of itself; a difference of sums near 1/3 loses it all.
    sets = torch.tensor([[[5, 0, 299]]])
    logits = torch.zeros(1, 1, 300).scatter_(2, sets, 12.0)
    loss, _ = plain(logits, sets, objective)
    found, _ = fused(logits, torch.zeros(1, 300), sets, objective, torch.empty_like(logits))
    # kl is a difference of logarithms near ln 3, as it is in the plain passes.
    rtol, atol = (1e-3, 0.0) if objective == "mse" else (0.0, 3e-7)
    torch.testing.assert_close(found, loss, rtol=rtol, atol=atol, check_dtype=False)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("far", [-1e4, 1e4, 3e37])
def test_large_logits_do_not_overflow(far: float, objective: Objective, fused: Any) -> None:
    # One token far from all others, once a member and once not.
    logits = torch.zeros(1, 2, 40)
    logits[..., 7] = far
    sets = torch.tensor([[[7, 3], [2, 3]]])
    loss, gradient = plain(logits, sets, objective)
    found, _ = fused(logits, torch.zeros(1, 40), sets, objective, torch.empty_like(logits))
    assert logits.isfinite().all()
    torch.testing.assert_close(logits, gradient, rtol=1e-5, atol=1e-6, check_dtype=False)
    if objective == "mse":  # the plain kl stops at the smallest float64
        torch.testing.assert_close(found, loss, rtol=1e-5, atol=1e-6, check_dtype=False)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("precision", ["highest", "high"])  # with the second rows are aligned
@pytest.mark.parametrize("most", [32, 2])  # sets are larger than the second: the plain passes
def test_a_step_with_it_equals_autograd(
    objective: Objective, precision: str, most: int, fused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.training.step.MOST_COMPARED", most)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: precision)
    monkeypatch.setattr("relubloom.training.step.instances_together", lambda count, _: count)
    monkeypatch.setattr("relubloom.training.step.fused_pass", lambda _: fused)
    stack = random_stack(2, 29, 4, seed=0)
    sets = KSparseTask(29, (1, 3)).training_batches([(0, 0), (1, 0)], 11)
    result = ChunkedStep("relu", rows=6)(stack, sets, objective)
    for i in range(2):
        net = stack[i]
        loss = reference(net, sets[i], objective)
        loss.backward()
        torch.testing.assert_close(result.loss[i], loss.detach(), rtol=1e-10, atol=1e-10)
        for name, value in net.named_parameters():
            torch.testing.assert_close(
                result.gradients[name][i], value.grad, rtol=1e-10, atol=1e-10
            )


def test_the_kernels_compile_for_a_gpu(python: Callable[..., Outcome]) -> None:
    # Triton fixes an argument that is 1: here a chunk of one row.
    along = {"size": 3, "padded_size": 4, "block": 2048}
    over = {"size": 3, "padded_size": 4, "tile_rows": 16, "tile_columns": 256}
    cases: list[tuple[str, dict[str, str], dict[str, Any]]] = []
    for kernel, fixed in (("_along_rows", along), ("_over_tiles", over)):
        for own in ({"squared": True}, {"squared": False, "rows": 1}):
            kinds = {"rows": "i32", "vocab": "i32", "columns": "i32", "sets": "*i64"}
            names = getattr(interpreted(NAME), kernel).arg_names
            types = {name: kinds.get(name, "*fp32") for name in names}
            cases.append((kernel, types, fixed | own))
    assert min(compiled_sizes(python, NAME, cases)) > 0
