"""A device is used when it computes what the CPU computes; here a CPU plays the device."""

import pytest
import torch
from torch import Tensor

from relubloom.errors import RelubloomError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.training.devices import check_device


@pytest.fixture
def cpu_as_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes to "cuda" stays on the CPU."""
    monkeypatch.setattr(ReluNet, "to", lambda net, _: net)
    to = Tensor.to

    def stay(tensor: Tensor, target: object) -> Tensor:
        return to(tensor, target) if isinstance(target, torch.dtype) else tensor

    monkeypatch.setattr(Tensor, "to", stay)


def test_the_cpu_needs_no_check() -> None:
    check_device("cpu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(UsageError, match="device is 'tpu': choose cpu, cuda or mps"):
        check_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_device_is_refused() -> None:
    with pytest.raises(UsageError, match=r"device is 'cuda': not usable here .*; try cpu"):
        check_device("cuda")


@pytest.mark.usefixtures("cpu_as_cuda")
def test_a_device_that_computes_the_same_is_accepted() -> None:
    check_device("cuda")


@pytest.mark.usefixtures("cpu_as_cuda")
def test_a_device_one_rounding_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, calls = ReluNet.forward, []

    def second_one_off(net: ReluNet, sets: Tensor) -> Tensor:
        calls.append(sets)
        logits = exact(net, sets)
        return logits if len(calls) == 1 else torch.nextafter(logits, torch.tensor(1e9))

    monkeypatch.setattr(ReluNet, "forward", second_one_off)
    with pytest.raises(RelubloomError, match="computes other logits than the CPU"):
        check_device("cuda")
