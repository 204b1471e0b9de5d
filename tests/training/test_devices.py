"""A device is used when it computes what the CPU computes; here a CPU plays the device."""

import re

import pytest
import torch
from torch import Tensor

from build.elsewhere import play_cuda
from relubloom.errors import RelubloomError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.task import KSparseTask
from relubloom.training import Recipe, devices, train_stack
from relubloom.training.devices import check_device, check_room, products_as, training_bytes
from relubloom.training.step import StepResult


@pytest.fixture
def cpu_as_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU plays CUDA."""
    play_cuda(monkeypatch)


def test_the_cpu_needs_no_check() -> None:
    check_device("cpu")


@pytest.mark.parametrize("name", ["tpu", "meta", "cuda:x"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"device is '{name}': choose cpu, cuda or mps"):
        check_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_device_is_refused() -> None:
    with pytest.raises(UsageError, match=r"device is 'cuda': not usable here .*; try cpu"):
        check_device("cuda")
    with pytest.raises(UsageError, match=r"device is 'cuda': not usable here .*; try cpu"):
        train_stack(KSparseTask(12, 2), 4, Recipe(steps=3), (0,), device="cuda")


@pytest.mark.usefixtures("cpu_as_cuda")
def test_a_device_that_computes_the_same_is_accepted() -> None:
    check_device("cuda")


@pytest.mark.usefixtures("cpu_as_cuda")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_device_one_rounding_off_is_refused(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = ReluNet.forward

    def one_off_there(net: ReluNet, sets: Tensor) -> Tensor:
        logits = exact(net, sets)
        if logits.device.type == "cpu" or logits.dtype != dtype:
            return logits
        return torch.nextafter(logits, torch.full_like(logits, 1e9))

    monkeypatch.setattr(ReluNet, "forward", one_off_there)
    with pytest.raises(RelubloomError, match="computes other logits than the CPU"):
        check_device("cuda")


def gib(number: float) -> int:
    return round(number * 2**30)


@pytest.mark.parametrize(
    ("batch", "networks", "free", "remedy"),
    [
        (8192, 1, 0.6, "a batch_size of 4096 fits"),
        (64, 8, 1.2, "6 at once fit; train fewer"),
        (1, 1, 0.1, "lower vocab_size or width, or use device cpu"),
    ],
)
def test_too_little_memory_is_told_with_what_fits(
    batch: int, networks: int, free: float, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "free_bytes", lambda _: gib(free))
    cuda, sizes = torch.device("cuda"), (50_257, 128, 4)
    with pytest.raises(RelubloomError) as refused:
        check_room(cuda, *sizes, batch, networks)
    said = str(refused.value)
    needed = training_bytes(*sizes, batch, networks) / 2**30
    assert "\n" not in said
    assert f"needs about {needed:.2f} GiB, and {free:.2f} are free; {remedy}" in said
    # What it says fits does, and twice as much or one more does not.
    if found := re.search(r"a batch_size of (\d+)", said):
        check_room(cuda, *sizes, int(found[1]), networks)
        with pytest.raises(RelubloomError):
            check_room(cuda, *sizes, 2 * int(found[1]), networks)
    if found := re.search(r"(\d+) at once", said):
        assert training_bytes(*sizes, 1, int(found[1])) <= gib(free)
        assert training_bytes(*sizes, 1, int(found[1]) + 1) > gib(free)


def test_what_a_training_needs_by_hand() -> None:
    # 10 tokens, 3 units: 73 weights in 4 copies of 4 bytes; 6 sets: 60 logits and as much room, 3
    # numbers of 4 bytes a unit, and 96 bytes a member.
    assert training_bytes(10, 3, 2, 6, 1) == 73 * 16 + 2 * 60 * 4 + 6 * (3 * 12 + 2 * 96)


def test_a_cpu_is_not_asked_for_memory() -> None:
    check_room(torch.device("cpu"), 10**9, 10**9, 4, 1, 1)


def test_a_device_that_fills_up_ends_training_with_one_line() -> None:
    def full(*_: object) -> StepResult:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to\nallocate 2 GiB")

    with pytest.raises(RelubloomError, match=r"device 'cpu' has no memory left: .*; lower batch"):
        train_stack(KSparseTask(5, 2), 3, Recipe(steps=2, batch_size=4), (0,), step=full)


def test_tf32_is_refused_where_there_is_none() -> None:
    with pytest.raises(UsageError, match="products is 'tf32' and device is 'cpu': NVIDIA GPUs"):
        train_stack(KSparseTask(5, 2), 3, Recipe(steps=2, products="tf32"), (0,))


def test_products_are_the_recipes_whatever_was_set_before(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: (9, 0))
    before = torch.get_float32_matmul_precision()
    with products_as("tf32", cuda):
        assert torch.get_float32_matmul_precision() == "high"
        with products_as("float32", cuda):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: (7, 5))
    with pytest.raises(UsageError, match="leave it out"), products_as("tf32", cuda):
        pass
