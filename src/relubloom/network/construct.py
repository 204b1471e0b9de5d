"""Networks made by hand: the Bloom filter of a code, and a linear map as a network with a ReLU."""

from numbers import Real

import torch
from jaxtyping import Bool
from numpy.typing import ArrayLike
from torch import Tensor

from relubloom.code import Code
from relubloom.errors import UsageError, described
from relubloom.network.relu_net import ReluNet
from relubloom.theory import sharpness_for

TOLERANCE = 1e-9  # default mass that all non-members together may keep
SLACK = 4.0  # roundings per summand by which a unit of a linear map stays above 0


def construct(
    code: Code | Bool[Tensor, "vocab width"] | ArrayLike, sharpness: float | None = None
) -> ReluNet:
    """Set a network's weights so that it is the Bloom filter of `code`.

    W_in[t, i] = -A[t, i], b_in = 1, W_out[i, t] = -sharpness A[t, i], b_out = 0. On sets without
    repeated tokens unit i is 1 when no token of the set has bit i, and exactly 0 otherwise; the
    logit of t is -sharpness times its number of missing bits. All of this is exact in float32.

    Args:
        code: the hashes; a 0/1 tensor, array or nested list [vocab, width] is taken as one.
        sharpness: logit lost per missing bit, > 0; None takes `default_sharpness` for sets of
            one token.

    Raises:
        UsageError: the code is no 0/1 matrix, or sharpness is outside 1e-30..1e30, where float32
            holds it and its multiples.
    """
    hashes = code if isinstance(code, Code) else Code(code)
    level = default_sharpness(hashes.vocab_size, 1) if sharpness is None else sharpness
    if not isinstance(level, Real):
        raise UsageError(f"sharpness is {described(level)}: it must be a number; try 20")
    if not 1e-30 <= level <= 1e30:
        raise UsageError(f"sharpness is {level}: it must be from 1e-30 to 1e30; try 20")
    bits = torch.from_numpy(hashes.bits.copy()).float()
    return ReluNet(
        W_in=0.0 - bits,
        b_in=torch.ones(hashes.width),
        W_out=0.0 - level * bits.T.contiguous(),
        b_out=torch.zeros(hashes.vocab_size),
    )


def default_sharpness(vocab_size: int, set_size: int) -> float:
    """The sharpness that leaves others a mass of 1e-9 in all; at least 1.

    See `theory.sharpness_for`.
    """
    return max(1.0, sharpness_for(vocab_size, set_size, TOLERANCE))


def always_on(net: ReluNet, largest: int) -> ReluNet:
    """The linear map (x @ W_in + b_in) @ W_out + b_out as a network that applies a ReLU.

    b_in is raised, unit by unit, until the unit is above 0 on every set of at most `largest`
    distinct tokens, and no further; what that adds to the logits is taken off b_out. The ReLU
    then clips nothing, so the network is exactly linear on those sets, whether it is evaluated in
    float64 or in the weights' own precision. W_in and W_out stay as they are.

    The cost: b_out is rounded once more, so in float32 a logit differs from the trained one by at
    most 2^-24 |b_out|, by the same amount on every set.

    Cost: O(vocab width).
    """
    precision = torch.finfo(net.W_in.dtype)
    W_in, b_in, W_out, b_out = (value.detach().double() for value in net.parameters())
    taken = min(largest, net.vocab_size)
    lowest = W_in.topk(taken, dim=0, largest=False).values.clamp(max=0).sum(0)
    size = W_in.abs().topk(taken, dim=0).values.sum(0) + b_in.abs()
    above = (SLACK * (taken + 2) * precision.eps * size).clamp(min=precision.tiny)
    raised = torch.maximum(b_in, above - lowest).to(net.W_in.dtype)
    shifted = b_out - (raised.double() - b_in) @ W_out
    return ReluNet(net.W_in, raised, net.W_out, shifted.to(net.W_in.dtype))
