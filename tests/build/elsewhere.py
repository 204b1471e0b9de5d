"""A CPU that plays CUDA, and is as strict: what lies there is reached by `to` and `cpu` alone."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from relubloom.network.relu_net import ReluNet

CUDA = torch.device("cuda")
INDEXED = (Tensor.__getitem__, Tensor.__setitem__)  # there, by an index of the CPU too


class Elsewhere(Tensor):
    """A tensor that says it is on CUDA; `on` counts the operations there."""

    on = 0

    @property
    def device(self) -> torch.device:
        """What it plays; where it is, to torch's own work."""
        return CUDA if torch._C._is_torch_function_enabled() else torch.device("cpu")

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.numpy, Tensor.__array__):
            raise TypeError("can't convert cuda tensor to numpy; use Tensor.cpu()")
        given = [args[0], *args[2:]] if func in INDEXED else [args, kwargs or {}]
        if any(not isinstance(each, Elsewhere) and each.ndim for each in _tensors(given)):
            raise RuntimeError(f"{func.__name__}: tensors on two devices, cuda and cpu")
        Elsewhere.on += 1
        return super().__torch_function__(func, types, args, kwargs or {})


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)


def play_cuda(monkeypatch: pytest.MonkeyPatch) -> type[Elsewhere]:
    """Let tensors and networks go to CUDA and come back, for the rest of a test."""
    to, plain_cpu = Tensor.to, Tensor.cpu

    def moved(tensor: Tensor, *args: Any, **named: Any) -> Tensor:
        targets = [torch.device(each) for each in args if isinstance(each, str | torch.device)]
        if not targets:
            return to(tensor, *args, **named)
        found = to(tensor, "cpu", *args[1:], **named)
        return _as(found, Elsewhere if targets[0].type == "cuda" else Tensor)

    monkeypatch.setattr(Tensor, "to", moved)
    monkeypatch.setattr(Tensor, "cpu", lambda tensor: _as(plain_cpu(tensor), Tensor))
    monkeypatch.setattr(
        ReluNet,
        "to",
        lambda net, *to: ReluNet(*(each.detach().to(*to) for each in net.parameters())),
    )
    monkeypatch.setattr(Elsewhere, "on", 0)
    return Elsewhere


def _as(tensor: Tensor, kind: type[Tensor]) -> Tensor:
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.as_subclass(kind)
