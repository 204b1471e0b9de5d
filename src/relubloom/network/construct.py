"""Networks made by hand: the filter of a code, and a linear map as a network with a ReLU."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.errors import UsageError, described
from relubloom.network.relu_net import ReluNet
from relubloom.theory import sharpness_for

TOLERANCE = 1e-9  # default mass that all non-members together may keep
SLACK = 4.0  # roundings per summand by which a unit of a linear map stays above 0
STEPS = {torch.float32: 24, torch.float64: 53}  # 1 - x is held for multiples x of 2^-steps
USUAL_LEAK = 12  # the default leak is 2^-12 where that will do
MARGIN = 0.999  # of the largest leak: more than all roundings of a logit


def construct(
    code: Code | GradedCode | Bool[Tensor, "vocab width"] | ArrayLike,
    sharpness: float | None = None,
    leak: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> ReluNet:
    """Set a network's weights so that it is the (graded) Bloom filter of `code`.

    b_in = 1 and b_out = 0. For a `Code` W_in[t, i] = -A[t, i] and W_out[i, t] = -sharpness A[t, i]:
    on sets without repeated tokens unit i is 1 when no token of the set has bit i, and exactly 0
    otherwise; the logit of t is -sharpness times its number of missing bits. All of this is exact
    in float32.

    For a `GradedCode` of L strengths a unit in state s is at level r(s), exactly: r(0) = 1,
    r(s) = leak**s rounded down to what the type holds, r(L) = 0. W_in is r(s) - 1 and W_out is
    -sharpness / r(s - 1) for a bit of strength s, so that with two strengths W_in is -1 full and
    -(1 - leak) half, W_out -sharpness / leak full and -sharpness half. A covered token, member or
    not, loses at most `leaked`, about sharpness leak H in logit, H the most bits below strength
    L that a token has; any other token loses at least sharpness. `leaked` is kept below ln 2 and
    below sharpness: so covered tokens are above all others, and members are called. From a
    sharpness of 2 ln 2 on, nothing but covered tokens is called. These hold in float32 and in
    float64, up to a relative rounding of a logit by (width + 2) 2^-24.

    Args:
        code: the hashes; a 0/1 tensor, array or nested list [vocab, width] is taken as one.
        sharpness: logit lost per missing bit, > 0; None takes `default_sharpness` for sets of
            one token.
        leak: for two strengths or more, level of a unit that one half bit covers, at most 1/2; it
            is rounded down to a multiple of 2^-24 (float32) or 2^-53. None takes `default_leak`.
        dtype: of the weights, torch.float32 or torch.float64.

    Cost: O(vocab width).

    Raises:
        UsageError: the code is no 0/1 matrix; the dtype is another; sharpness is outside
            1e-30..1e30; the leak, or the sharpness beside it, is too large for the code, or the
            leak too small for the type.
    """
    if dtype not in tuple(STEPS):
        raise UsageError(f"dtype is {dtype}: choose one of {', '.join(map(str, STEPS))}")
    graded = code if isinstance(code, GradedCode) else None
    hashes = code if isinstance(code, Code | GradedCode) else Code(code)
    cost = default_sharpness(hashes.vocab_size, 1) if sharpness is None else sharpness
    if not isinstance(cost, Real):
        raise UsageError(f"sharpness is {described(cost)}: it must be a number; try 20")
    cost = float(cost)
    if leak is not None and not isinstance(leak, Real):
        raise UsageError(f"leak is {described(leak)}: it must be a number; try 2**-12")
    if not 1e-30 <= cost <= 1e30:
        raise UsageError(f"sharpness is {cost}: it must be from 1e-30 to 1e30; try 20")
    if graded is None or graded.levels == 1:
        if leak is not None:
            raise UsageError(
                f"leak is {leak}: a code whose bits are all full does not leak; leave it out"
            )
        strengths, levels = hashes.bits.astype(np.int64), np.array([1.0, 0.0])
    else:
        strengths = graded.strengths.astype(np.int64)
        levels = unit_levels(graded, cost, None if leak is None else float(leak), dtype)
    into = levels - 1
    out_of = np.concatenate([[0.0], -cost / levels[:-1]])
    return ReluNet(
        W_in=torch.from_numpy(into[strengths]).to(dtype),
        b_in=torch.ones(hashes.width, dtype=dtype),
        W_out=torch.from_numpy(out_of[strengths.T]).to(dtype).contiguous(),
        b_out=torch.zeros(hashes.vocab_size, dtype=dtype),
    )


def largest_leak(code: GradedCode, sharpness: float) -> float:
    """The largest leak with which every member of every set is called, and above what is missing.

    At most 1/2 (so that two half bits cover), and below ln 2 / (sharpness H) and 1 / H, H the most
    bits below the largest strength that a token has. Cost: O(vocab width).
    """
    leaking = int((code.weights - code.of_strength(code.levels)).max())
    return min(0.5, MARGIN * min(math.log(2) / sharpness, 1.0) / max(1, leaking))


def default_leak(code: GradedCode, sharpness: float, steps: int = STEPS[torch.float32]) -> float:
    """2^-12, or the largest power of 2 that the code allows below; no less than the type holds.

    `steps` is 24 for float32 and 53 for float64. Cost: O(vocab width).
    """
    wanted = max(USUAL_LEAK, math.ceil(-math.log2(largest_leak(code, sharpness))))
    return max(2.0 ** -(steps / max(1, code.levels - 1)), 2.0**-wanted)


def unit_levels(
    code: GradedCode,
    sharpness: float,
    leak: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> NDArray[np.float64]:
    """Level of a unit of `construct(code, ...)` in each state, from 1 to 0: float64 [levels + 1].

    They are multiples of 2^-24 (float32) or 2^-53.

    Raises:
        UsageError: no such levels can be held, or they leak too much.
    """
    steps = STEPS[dtype]
    below = code.levels - 1  # strengths below the largest
    largest, smallest = largest_leak(code, sharpness), 2.0 ** -(steps / below)
    name = "float32" if steps == STEPS[torch.float32] else "float64"
    if smallest > largest:
        if smallest > largest_leak(code, 1e-30):
            raise UsageError(
                f"levels is {code.levels}: these hashes ask for a leak of at most "
                f"{largest_leak(code, 1e-30):.3g}, and {name} holds none below {smallest:.3g}; use "
                "fewer levels, or fewer bits below the largest strength"
            )
        raise UsageError(
            f"sharpness is {sharpness:g}: members of these hashes would lose too much to be "
            f"called at the smallest leak that {name} holds, {smallest:.3g}; the largest "
            f"sharpness that works is {sharpness * largest / smallest:.6g}"
        )
    if leak is None:
        leak = default_leak(code, sharpness, steps)
    if leak < smallest:
        raise UsageError(
            f"leak is {leak:g}: {name} does not tell 1 - leak**{below} from 1; the smallest that "
            f"works is {smallest:.6g}"
        )
    powers = leak ** np.arange(code.levels) * 2.0**steps
    exact = np.floor(powers + 1e-6) / 2.0**steps  # 1e-6: a power may come out just below 1
    if not leak <= 0.5 or (exact[1:] / exact[:-1]).max() > largest:
        raise UsageError(
            f"leak is {leak:g}: at sharpness {sharpness:g} members of these hashes would lose too "
            f"much to be called; the largest that works is {largest:.6g}"
        )
    return np.append(exact, 0.0)


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
