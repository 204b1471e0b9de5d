"""Products of matrices, one an instance, on any device; by oneDNN on a CPU with AVX-512.

On a CPU torch multiplies float32 matrices by Intel's MKL, which takes no more than AVX2 on AMD's
processors. oneDNN, which torch carries as well, takes AVX-512 there, and half the time. torch
calls it for float32 only in what `torch.compile` makes, by the operation that `_linear` finds.
Where that is missing, on other processors and for other dtypes, torch multiplies as it always does.

oneDNN's product lies in memory of its own. So what is scaled or added to is one more pass, and a
large product comes in pieces.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

KEPT_BYTES = 31 << 20  # glibc keeps freed blocks of up to 32 MiB
PIECE_NUMBERS = 1 << 22  # 16 MiB of float32, well below that
LEAST_MULTIPLICATIONS = 1 << 21  # below, the longer call costs what the product saves

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""As `torch.nn.functional.linear`: left, the transpose of right, bias."""


def by_onednn() -> bool:
    """Whether large products of float32 on the CPU are oneDNN's."""
    return _linear() is not None


def biased_product(
    left: Float[Tensor, "instances rows inner"],
    right: Float[Tensor, "instances inner columns"],
    bias: Float[Tensor, "instances 1 columns"],
    out: Float[Tensor, "instances rows columns"],
) -> Float[Tensor, "instances rows columns"]:
    """left @ right + bias, in `out` or in memory of its own."""
    linear = _linear_for(left, right)
    if linear is None:
        return torch.baddbmm(bias, left, right, out=out)
    return linear(left[0], right[0].mT, bias[0, 0])[None]


def write_product(
    left: Float[Tensor, "instances rows inner"],
    right: Float[Tensor, "instances inner columns"],
    out: Float[Tensor, "instances rows columns"],
    scale: float,
    add: bool = False,
) -> None:
    """Write scale * left @ right to `out`, or with `add` add it to what is there."""
    linear = _linear_for(left, right)
    if linear is None:
        out.baddbmm_(left, right, beta=float(add), alpha=scale)
        return
    rows, columns = out.shape[1:]
    most = max(1, PIECE_NUMBERS // columns)
    first = left[0] if rows <= most else left[0].contiguous()
    for own, goal in zip(first.split(most), out[0].split(most), strict=True):
        product = linear(own, right[0].mT, None)
        if add:
            goal.add_(product, alpha=scale)
        else:
            torch.mul(product, scale, out=goal)


def _linear_for(left: Tensor, right: Tensor) -> Linear | None:
    """oneDNN's product, if these are for it: where rows lie apart it is slow."""
    suits = len(left) == 1 and left.dtype is torch.float32 and left.device.type == "cpu"
    large = left.numel() * right.shape[2] >= LEAST_MULTIPLICATIONS
    if suits and large and (right.is_contiguous() or right.mT.is_contiguous()):
        return _linear()
    return None


@functools.cache
def _linear() -> Linear | None:
    """oneDNN's product, where torch has it and the processor has AVX-512.

    Freeing a block tells glibc to keep blocks of its size from then on, where it would ask the
    system for memory in each step, which takes as long as the product.
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    try:
        operation = torch.ops.mkldnn._linear_pointwise.default
    except AttributeError:
        return None
    torch.empty(KEPT_BYTES, dtype=torch.uint8)
    return lambda left, right, bias: operation(left, right, bias, "none", [], "")
