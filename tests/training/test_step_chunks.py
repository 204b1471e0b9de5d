"""The step in chunks: nothing depends on where a batch is cut, nor on the rest of the stack."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from build.linear import Linear
from build.steps import OBJECTIVES, random_stack, reference
from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training import Recipe, train_stack
from relubloom.training.products import by_onednn
from relubloom.training.recipe import Activation, Objective, ObjectiveName
from relubloom.training.step import (
    ACCELERATOR_CHUNK_LOGITS,
    CHUNK_LOGITS,
    CHUNK_ROWS,
    ONEDNN_CHUNK_LOGITS,
    ChunkedStep,
    chunk_rows,
    dense_step,
    instances_together,
)

ACTIVATIONS = ("relu", "none")
# vocab, width, set sizes, batch, rows: vocabularies that are no power of two, k = 1, k = N, width
# 1, padding, a batch of one, below, at, just over and at several times the rows of a chunk.
SHAPES = [
    (1, 1, (1, 1), 1, 1),
    (2, 1, (1, 2), 5, 2),
    (7, 3, (1, 1), 6, 6),
    (7, 3, (7, 7), 7, 6),
    (13, 1, (1, 13), 12, 4),
    (33, 5, (3, 3), 13, 4),
    (129, 17, (2, 9), 31, 16),
    (257, 8, (8, 8), 3, 64),
]


def drawn(vocab: int, sizes: tuple[int, int], instances: int, batch: int) -> Tensor:
    return KSparseTask(vocab, sizes).training_batches([(i, 0) for i in range(instances)], batch)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("vocab", "width", "sizes", "batch", "rows"), SHAPES)
def test_awkward_shapes_equal_autograd(
    vocab: int,
    width: int,
    sizes: tuple[int, int],
    batch: int,
    rows: int,
    activation: Activation,
    objective: Objective,
) -> None:
    stack = random_stack(3, vocab, width, seed=vocab)
    sets = drawn(vocab, sizes, 3, batch)
    result = ChunkedStep(activation, rows)(stack, sets, objective)
    for i in range(3):
        net = stack[i]
        loss = reference(net if activation == "relu" else Linear(net), sets[i], objective)
        loss.backward()
        torch.testing.assert_close(result.loss[i], loss.detach(), rtol=1e-10, atol=1e-10)
        for name, value in net.named_parameters():
            torch.testing.assert_close(
                result.gradients[name][i], value.grad, rtol=1e-10, atol=1e-10
            )


@given(
    rows=st.integers(1, 40),
    objective=st.sampled_from(OBJECTIVES),
    activation=st.sampled_from(ACTIVATIONS),
)
def test_where_a_batch_is_cut_makes_no_difference(
    rows: int, objective: Objective, activation: Activation
) -> None:
    stack, sets = random_stack(2, 11, 4, seed=0), drawn(11, (1, 5), 2, 37)
    whole = ChunkedStep(activation, rows=37)(stack, sets, objective)
    cut = ChunkedStep(activation, rows)(stack, sets, objective)
    torch.testing.assert_close(cut.loss, whole.loss, rtol=1e-12, atol=1e-14)
    for name, value in whole.gradients.items():
        torch.testing.assert_close(cut.gradients[name], value, rtol=1e-12, atol=1e-14)


def as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """All instances in one operation, an accelerator's chunks, and nothing asked of the sets."""
    monkeypatch.setattr("relubloom.training.step.instances_together", lambda count, _: count)
    monkeypatch.setattr(
        "relubloom.training.step.chunk_rows",
        lambda batch, vocab, instances, _: chunk_rows(batch, vocab, instances, "cuda"),
    )
    monkeypatch.setattr("relubloom.training.softmax_loss.known_unpadded", lambda *_: False)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_all_instances_at_once_do_what_one_after_the_other_do(
    objective: Objective, activation: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on an accelerator, in chunks too.
    stack, sets = random_stack(3, 11, 4, seed=3), drawn(11, (1, 5), 3, 37)
    one_by_one = ChunkedStep(activation, rows=10)(stack, sets, objective)
    assert instances_together(3, "cpu") == 1
    as_on_an_accelerator(monkeypatch)
    at_once = ChunkedStep(activation, rows=10)(stack, sets, objective)
    torch.testing.assert_close(at_once.loss, one_by_one.loss, rtol=1e-12, atol=1e-14)
    for name, value in one_by_one.gradients.items():
        torch.testing.assert_close(at_once.gradients[name], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_in_float32_they_agree_to_a_stated_part_of_the_largest_gradient(
    objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    double, sets = random_stack(8, 256, 48, seed=1), drawn(256, (3, 3), 8, 512)
    stack = NetStack(*(0.3 * value.float() for value in double.parameters().values()))
    one_by_one = ChunkedStep("relu")(stack, sets, objective)
    as_on_an_accelerator(monkeypatch)
    at_once = ChunkedStep("relu")(stack, sets, objective)
    for name, value in one_by_one.gradients.items():
        off = (at_once.gradients[name] - value).abs().amax()
        assert off <= 1e-5 * value.abs().amax()


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_training_as_on_an_accelerator_gives_the_same_networks_but_for_rounding(
    objective: ObjectiveName, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not run on a GPU: its code, on the CPU. Adam's first steps are of the gradient's sign, so
    # that rounding is small beside a step but not nothing.
    task, recipe = KSparseTask(37, 3), Recipe(objective, steps=20, batch_size=19)
    one_by_one = train_stack(task, 7, recipe, (0, 1, 2))
    as_on_an_accelerator(monkeypatch)
    at_once = train_stack(task, 7, recipe, (0, 1, 2), step=ChunkedStep("relu"))
    for here, there in zip(one_by_one, at_once, strict=True):
        assert there.history[-1]["loss"] == pytest.approx(here.history[-1]["loss"], rel=1e-4)
        for p, q in zip(here.net.parameters(), there.net.parameters(), strict=True):
            torch.testing.assert_close(q, p, rtol=0, atol=1e-3)


def test_a_stack_given_other_tensors_is_looked_at_anew() -> None:
    stack, sets = random_stack(2, 9, 3, seed=1), drawn(9, (3, 3), 2, 10)
    step = ChunkedStep("relu")
    step(stack, sets, "mse")
    other = random_stack(2, 9, 3, seed=2)
    stack.W_out = other.W_out
    wanted = ChunkedStep("relu")(stack, sets, "mse")
    for name, value in step(stack, sets, "mse").gradients.items():
        assert torch.equal(value, wanted.gradients[name])


def test_nothing_stays_from_the_step_before() -> None:
    # Other sets, another batch size and the other objective write to the same place in between.
    stack = random_stack(2, 9, 3, seed=1)
    step = ChunkedStep("relu", rows=4)
    sets = drawn(9, (1, 3), 2, 10)
    first = {name: value.clone() for name, value in step(stack, sets, "mse").gradients.items()}
    for value in step(stack, drawn(9, (3, 3), 2, 15), "kl").gradients.values():
        value.fill_(float("nan"))
    for name, value in step(stack, sets, "mse").gradients.items():
        assert torch.equal(value, first[name])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_seed_in_a_stack_has_the_gradient_it_has_alone(
    objective: Objective, dtype: torch.dtype
) -> None:
    stack, sets = random_stack(3, 37, 7, seed=2), drawn(37, (2, 5), 3, 19)
    stack = NetStack(*(value.to(dtype) for value in stack.parameters().values()))
    together = dense_step(stack, sets, objective)
    for i in range(3):
        parts = {name: value[i : i + 1].clone() for name, value in stack.parameters().items()}
        alone = dense_step(NetStack(**parts), sets[i : i + 1], objective)
        assert torch.equal(alone.loss[0], together.loss[i])
        for name, value in alone.gradients.items():
            assert torch.equal(value[0], together.gradients[name][i])


@pytest.mark.parametrize(
    ("task", "recipe"),
    [
        (KSparseTask(37, 3), Recipe(steps=60, batch_size=19)),
        (KSparseTask(37, (1, 4), "zipf"), Recipe(steps=40, batch_size=50, objective="kl")),
        (KSparseTask(21, 2), Recipe(steps=40, batch_size=16, activation="none")),
    ],
    ids=["mse", "zipf-kl-padded", "linear"],
)
def test_a_seed_in_a_stack_becomes_the_network_it_becomes_alone(
    task: KSparseTask, recipe: Recipe
) -> None:
    stacked = train_stack(task, 7, recipe, (3, 4, 5))
    for trained in stacked:
        alone = train_stack(task, 7, recipe, (trained.seed,))[0]
        assert alone.history == trained.history
        assert torch.equal(alone.film, trained.film)
        for p, q in zip(alone.net.parameters(), trained.net.parameters(), strict=True):
            assert torch.equal(p, q)


@given(st.integers(1, 5000), st.integers(1, 200_000), st.integers(1, 16))
def test_chunks_are_few_alike_and_within_their_limits(
    batch: int, vocab: int, instances: int
) -> None:
    on_cpu = ONEDNN_CHUNK_LOGITS if by_onednn() else CHUNK_LOGITS
    for device, limit in (("cpu", on_cpu), ("cuda", ACCELERATOR_CHUNK_LOGITS)):
        rows = chunk_rows(batch, vocab, instances, device)
        most = max(CHUNK_ROWS, limit // (instances * vocab))
        assert 1 <= rows <= min(batch, most)
        chunks = -(-batch // rows)
        if device == "cuda" and rows < batch:
            assert rows % CHUNK_ROWS == 0
            assert chunks <= -(-batch // (most // CHUNK_ROWS * CHUNK_ROWS))
            continue
        assert chunks == -(-batch // most)
        assert rows - 1 < batch / chunks <= rows


class _Sizes(TorchDispatchMode):
    """The number of entries of every tensor that an operation returns with memory of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.seen.append(leaf.untyped_storage().nbytes() // leaf.element_size())
        return result


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("onednn", "chunks"), [(False, 8), (True, 4)])
def test_no_array_is_larger_than_a_chunk_or_a_parameter(
    onednn: bool, chunks: int, objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 1,000 x 4,000 logits in chunks of 125 or 250 rows; the parameters have 12,000 entries.
    vocab, width, batch = 4000, 3, 1000
    monkeypatch.setattr("relubloom.training.step.by_onednn", lambda: onednn)
    rows = chunk_rows(batch, vocab)
    assert rows * chunks == batch
    stack, sets = random_stack(1, vocab, width, seed=0), drawn(vocab, (2, 2), 1, batch)
    with _Sizes() as sizes:
        ChunkedStep("relu")(stack, sets, objective)
    assert max(sizes.seen) == rows * vocab
    assert rows * vocab > vocab * width  # the watch sees chunks, and more than parameters
    with _Sizes() as sizes:
        torch.empty(batch * vocab)
    assert max(sizes.seen) == batch * vocab


def test_a_workspace_goes_with_its_stack() -> None:
    step = ChunkedStep("relu")
    stack = random_stack(1, 5, 2, seed=0)
    step(stack, drawn(5, (2, 2), 1, 4), "mse")
    assert len(step._spaces) == 1
    del stack
    assert len(step._spaces) == 0


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("sizes", [(3, 3), (1, 5)])
def test_a_step_elsewhere_uses_no_cpu_and_waits_for_no_value(
    objective: Objective, sizes: tuple[int, int]
) -> None:
    # Tensors without memory on a device that is no CPU: to mix devices fails, and so does to ask
    # for a value, which a GPU would be waited for and no CUDA graph allows.
    with FakeTensorMode(allow_non_fake_inputs=True):
        stack = NetStack(
            *(value.to("meta") for value in random_stack(3, 900, 4, seed=0).parameters().values())
        )
        task = KSparseTask(900, sizes, generator="philox")
        sets = task.training_batches([(0, 0), (1, 0), (2, 0)], 200_000, "meta")
        step = ChunkedStep("relu")
        result = step(stack, sets, objective)
        assert {value.device.type for value in result.gradients.values()} == {"meta"}
        assert result.loss.shape == (3,)
        assert len(step._spaces[stack].chunks) == -(-3 * 200_000 * 900 // ACCELERATOR_CHUNK_LOGITS)
        with pytest.raises(RuntimeError, match="meta and cpu"):
            stack.b_in.add(torch.zeros(3, 4))
        with pytest.raises(RuntimeError, match="_local_scalar_dense"):
            int(sets.max())
