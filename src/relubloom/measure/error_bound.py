"""How far computed logits and shares can be from those of exact arithmetic on the same weights.

The standard model of floating point: each operation errs by a factor 1 + delta, |delta| <= u, or,
near zero, by less than the smallest normal number. A sum of n terms in any order, blocked or
fused, then errs by at most gamma_n = n u / (1 - n u) times the sum of the terms' sizes (Higham,
Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 4.2). Only products that
are each formed once are assumed: no Strassen-like multiplication. Derived in docs/certificates.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.relu_net import ReluNet

Reals = NDArray[np.float64]

EXP_ULPS = 8  # vector exponentials are documented to err by 1 to 4 units in the last place
NO_GRID = 1 << 14  # exponent that stands for "zero lies on every grid"


@dataclass(frozen=True)
class Arithmetic:
    """A floating-point type: digits, unit roundoff, smallest normal number, range of exp."""

    dtype: torch.dtype
    digits: int
    roundoff: float
    smallest: float
    deepest: float  # exp of less than -deepest is 0
    finest_grid: int  # multiples of 2**this are safe from underflow
    largest: float  # sums of sizes up to this cannot overflow


FLOAT64 = Arithmetic(torch.float64, 53, 2.0**-53, 2.0**-1022, 746.0, -1000, 1e300)
FLOAT32 = Arithmetic(torch.float32, 24, 2.0**-24, 2.0**-126, 104.0, -110, 1e37)


@dataclass(frozen=True)
class RoundingError:
    """Bounds for every set of one size: |computed - true logit| <= `logit`, and
    |computed - true p_t| <= `share` * p_t + (negligible terms that `share` includes).

    Both are inf when nothing can be said. `logit` is 0 when every product and every partial sum,
    in any order, is representable: then computed logits are the true ones, ties included.
    """

    logit: float
    share: float

    @property
    def usable(self) -> bool:
        """Whether logits are known at all."""
        return math.isfinite(self.logit)


def rounding_error(net: ReluNet, set_size: int, arithmetic: Arithmetic = FLOAT64) -> RoundingError:
    """Bound the rounding error of the forward pass over all sets of `set_size` distinct tokens.

    The weights must be representable in the arithmetic. Cost: O(vocab width).
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        logit = _largest_logit_error(net, set_size, arithmetic)
    if not math.isfinite(logit):
        return RoundingError(math.inf, math.inf)
    return RoundingError(logit, _share_error(logit, net.vocab_size, arithmetic))


def share_of(relative_log_error: float) -> float:
    """e^x - 1, inf instead of an overflow."""
    return math.expm1(relative_log_error) if relative_log_error < 700 else math.inf


def top_sums(values: Reals, count: int) -> Reals:
    """Sum of the `count` largest entries of each column, [width]."""
    return np.partition(values, len(values) - count, axis=0)[len(values) - count :].sum(0)


def _share_error(logit: float, vocab: int, arithmetic: Arithmetic) -> float:
    """Numerator and denominator of softmax each err by the logits, the shift, and exp; the
    denominator also by its summation; subtracting 1/k errs by a few roundoffs."""
    u = arithmetic.roundoff
    each = logit + (arithmetic.deepest + EXP_ULPS) * u
    relative = share_of(1.01 * (2 * each + (vocab + 24) * u))
    return relative + 8 * u + 4 * vocab * math.exp(-80)


def _largest_logit_error(net: ReluNet, set_size: int, arithmetic: Arithmetic) -> float:
    W_in, b_in, W_out, b_out = (
        value.detach().to("cpu", torch.float64).numpy() for value in net.parameters()
    )
    width = W_in.shape[1]
    u, smallest = arithmetic.roundoff, arithmetic.smallest
    inflate = 1 + (width + set_size + 32) * 2.0**-52  # this function's own rounding
    sizes = (top_sums(np.abs(W_in), set_size) + np.abs(b_in)) * inflate
    unit_grid = np.minimum(_grid(W_in).min(0), _grid(b_in))
    exact_unit = _fits(sizes, unit_grid, arithmetic)
    unit_error = _gamma(set_size + 2, u) * sizes + (2 * set_size + 4) * smallest
    unit_error = np.where(exact_unit, 0.0, unit_error)
    level = np.maximum(0.0, top_sums(W_in, set_size) + b_in + sizes * 2.0**-50)
    post = (level + unit_error) * inflate

    size_out = np.abs(W_out)
    sums = (post @ size_out + np.abs(b_out)) * inflate
    passed_on = (unit_error @ size_out) * inflate
    near_zero = smallest * (size_out.sum(0) + post.sum() + 8 * (width + set_size + 8))
    error = (passed_on + _gamma(width + 4, u) * sums + near_zero) * inflate
    grid = np.minimum((unit_grid[:, None] + _grid(W_out)).min(0), _grid(b_out))
    exact = exact_unit.all() & _fits(sums, grid, arithmetic)
    error = np.where(exact, 0.0, error)
    safe = sizes.max() <= arithmetic.largest and sums.max() <= arithmetic.largest  # not if NaN
    return float(error.max()) if safe else math.nan


def _gamma(terms: int, roundoff: float) -> float:
    product = terms * roundoff
    return product / (1 - product) * (1 + 2.0**-40) if product < 0.5 else math.inf


def _grid(values: Reals) -> NDArray[np.int64]:
    """Exponent of the lowest set bit of each entry: it is a multiple of 2**grid."""
    mantissa, exponent = np.frexp(values)
    digits = np.abs(mantissa * 2.0**53).astype(np.int64)
    lowest = np.frexp((digits & -digits).astype(np.float64))[1].astype(np.int64) - 1
    return np.where(digits == 0, NO_GRID, exponent.astype(np.int64) - 53 + lowest)


def _fits(sizes: Reals, grid: NDArray[np.int64], arithmetic: Arithmetic) -> NDArray[np.bool_]:
    """Whether multiples of 2**grid of at most these sizes are all representable."""
    reach = np.ldexp(1.0, np.clip(grid + arithmetic.digits, -1000, 1000))
    return (sizes == 0) | ((sizes <= reach) & (grid >= arithmetic.finest_grid))
