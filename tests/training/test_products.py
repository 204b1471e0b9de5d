"""Products by torch and by oneDNN: the numbers of float64, whatever is written to or added to."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from relubloom.task import KSparseTask
from relubloom.training import Recipe, products, train_stack
from relubloom.training.products import biased_product, write_product

SHAPES = [(1, 1, 1), (5, 3, 7), (16, 48, 33), (130, 9, 64)]  # rows, inner, columns
CAPABILITY = "get_cpu_capability"


@pytest.fixture(params=["AVX2", "AVX512"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A processor that has this, and products of any size by what it takes."""
    monkeypatch.setattr(torch.backends.cpu, CAPABILITY, lambda: request.param)
    monkeypatch.setattr(products, "LEAST_MULTIPLICATIONS", 1)
    products._linear.cache_clear()
    yield request.param
    products._linear.cache_clear()


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_only_a_processor_with_avx512_takes_onednn(processor: str) -> None:
    assert (products._linear() is not None) == (processor == "AVX512")


@pytest.mark.parametrize(("rows", "inner", "columns"), SHAPES)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("pieces", [1, 40, 1 << 22])
def test_products_are_those_of_float64(
    rows: int,
    inner: int,
    columns: int,
    transposed: bool,
    pieces: int,
    processor: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "PIECE_NUMBERS", pieces)
    left, right, bias = drawn(1, rows, inner), drawn(1, inner, columns), drawn(1, 1, columns)
    if transposed:  # the same numbers, in memory the other way round
        left, right = left.mT.contiguous().mT, right.mT.contiguous().mT
    exact = left.double() @ right.double()
    close = {"rtol": 0.0, "atol": 1e-6 * inner}
    room = torch.empty(1, rows, columns)
    with_bias = biased_product(left, right, bias, room)
    torch.testing.assert_close(with_bias.double(), exact + bias.double(), **close)
    out = torch.full((1, rows, columns), torch.nan)
    write_product(left, right, out, 0.5)
    torch.testing.assert_close(out.double(), exact / 2, **close)
    write_product(left, right, out, 2.0, add=True)
    torch.testing.assert_close(out.double(), 2.5 * exact, **close)


@pytest.mark.parametrize(("instances", "dtype"), [(2, torch.float32), (1, torch.float64)])
def test_stacks_and_float64_are_multiplied_by_torch(
    instances: int, dtype: torch.dtype, processor: str
) -> None:
    left, right = drawn(instances, 5, 3).to(dtype), drawn(instances, 3, 7).to(dtype)
    out = torch.empty(instances, 5, 7, dtype=dtype)
    write_product(left, right, out, 1.0)
    assert torch.equal(out, torch.bmm(left, right))
    zeros = torch.zeros(instances, 1, 7, dtype=dtype)
    assert biased_product(left, right, zeros, out) is out


def test_without_the_operation_torch_multiplies(
    processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    left, right = drawn(1, 5, 3), drawn(1, 3, 7)
    out = torch.empty(1, 5, 7)
    write_product(left, right, out, 1.0)
    assert torch.equal(out, torch.bmm(left, right))


def test_a_network_is_the_same_alone_and_in_a_stack(processor: str) -> None:
    task, recipe = KSparseTask(40, 3), Recipe(steps=20, batch_size=64)
    alone = train_stack(task, 8, recipe, (1,))[0].net
    stacked = train_stack(task, 8, recipe, (0, 1))[1].net
    assert torch.equal(alone.W_in, stacked.W_in)
    assert torch.equal(alone.W_out, stacked.W_out)
