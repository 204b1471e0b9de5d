"""What a caller may give where weights or a network are wanted, and the way in for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from relubloom.errors import UsageError, described
from relubloom.network.weights_file import PRECISIONS, precision_of

WeightsLike = Tensor | NDArray[Any] | Sequence[Any] | Any
"""A tensor, anything that NumPy takes for an array, or nested lists of numbers."""


def as_weights(W_in: Any, b_in: Any, W_out: Any, b_out: Any) -> dict[str, Tensor]:
    """The four tensors of a network by name, detached; a bias that is None is zeros.

    Lists and whole numbers become the precision of W_in, or float32.

    Raises:
        UsageError: one is no array of finite numbers' type, W_out is not given, or they differ in
            precision.
    """
    _refuse_a_network(W_in)
    weights = {"W_in": as_tensor("W_in", W_in)}
    dtype, device = weights["W_in"].dtype, weights["W_in"].device
    if W_out is None:
        raise UsageError(
            "W_out is None: a network reads the tokens off its units; give W_out [width, vocab], "
            "such as W_in.T where the weights are tied"
        )
    weights["W_out"] = as_tensor("W_out", W_out, dtype, device)
    sizes = {"b_in": weights["W_in"].shape[-1:], "b_out": weights["W_out"].shape[-1:]}
    for name, bias in (("b_in", b_in), ("b_out", b_out)):
        if bias is None:
            weights[name] = torch.zeros(sizes[name], dtype=dtype, device=device)
        else:
            weights[name] = as_tensor(name, bias, dtype, device)
    for name, value in weights.items():
        if value.dtype != dtype:
            raise UsageError(
                f"{name} is {described(value)} and W_in {described(weights['W_in'])}: give all "
                "four the same precision, such as float32"
            )
    return {name: weights[name] for name in ("W_in", "b_in", "W_out", "b_out")}


def as_tensor(
    name: str,
    value: Any,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> Float[Tensor, "*shape"]:
    """A floating-point tensor: a tensor detached, an array in its precision, else as `dtype`.

    `dtype` (by default float32) is that of lists and of whole numbers.

    Raises:
        UsageError: it is no array of numbers; the message calls it `name`.
    """
    wanted = torch.get_default_dtype() if dtype is None else dtype
    if isinstance(value, Tensor):
        tensor = value.detach()
    else:
        try:
            array = np.array(value, order="C")
            tensor = torch.from_numpy(array)
        except (TypeError, ValueError):  # ragged, texts, objects
            raise UsageError(
                f"{name} is {described(value)}: give a tensor, an array or equally long lists of "
                "numbers"
            ) from None
        if not hasattr(value, "__array__"):
            tensor = tensor.to(wanted)
        tensor = tensor if device is None else tensor.to(device)
    whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    if not whole and precision_of(tensor) not in PRECISIONS:
        raise UsageError(
            f"{name} is {described(tensor)}: weights are real numbers; give them as float32"
        )
    return tensor if tensor.is_floating_point() else tensor.to(wanted)


def as_array(tensor: Tensor) -> NDArray[np.float64]:
    """The numbers in float64, detached and on the CPU."""
    return tensor.detach().to("cpu", torch.float64).numpy()


def _refuse_a_network(value: Any) -> None:
    """Name the way in for what holds weights and is no matrix."""
    if isinstance(value, nn.Module):
        way = "ReluNet.from_module(module)"
    elif isinstance(value, dict):
        way = "ReluNet.from_state_dict(state_dict)"
    elif isinstance(value, str | Path):
        way = f"ReluNet.from_file({str(value)!r})"
    else:
        return
    raise UsageError(
        f"W_in is {described(value)}: ReluNet takes the four tensors W_in, b_in, W_out, b_out; use "
        f"{way}"
    )
