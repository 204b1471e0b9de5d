"""How far computed logits and shares can be from those of exact arithmetic on the same weights.

The standard model of floating point: each operation errs by a factor 1 + delta, |delta| <= u, or,
near zero, by less than the smallest normal number. A sum of n terms in any order, blocked or
fused, then errs by at most gamma_n = n u / (1 - n u) times the sum of the terms' sizes (Higham,
Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 4.2). Only products that
are each formed once are assumed: no Strassen-like multiplication. Derived in docs/certificates.md.

So the bounds hold on CUDA too. There float64 and float32 are those of IEEE 754, a product and its
sum may be fused into one rounding, which is one less, and the terms are summed in some order or
other; exp errs by at most 2 units in the last place. TF32 multiplies float32 numbers of which it
drops 13 bits, so that no bound of float32 holds: where torch may use it, float32 is left out
(`forward.holds_float32`). It does not act on float64. What does is cuBLAS's emulation of float64
(`CUBLAS_EMULATE_DOUBLE_PRECISION`), which is off unless a user turns it on: these bounds are not
its.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet

Reals = NDArray[np.float64]

EXP_ULPS = 8  # vector exponentials are documented to err by 1 to 4 units in the last place
NO_GRID = 1 << 14  # exponent that stands for "zero lies on every grid"
TOKENS = 1 << 12  # taken at a time: their share of a matrix stays in a core's cache
FRACTION, EXPONENT = 52, 0x7FF  # bits of a double, and the mask of its exponent


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


def rounding_error(
    net: ReluNet, set_size: int, arithmetic: Arithmetic = FLOAT64, *, or_fewer: bool = False
) -> RoundingError:
    """Bound the rounding error of the forward pass over all sets of `set_size` distinct tokens.

    `or_fewer`: over all smaller sets, too, as if as many tokens of zeros filled them up. The
    weights must be representable in the arithmetic. Cost: O(vocab width), a few passes over the
    weights; a dozen where they lie on a grid.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        logit = _largest_logit_error(net, set_size, arithmetic, or_fewer)
    if not math.isfinite(logit):
        return RoundingError(math.inf, math.inf)
    vocab = net.vocab_size + (set_size if or_fewer else 0)
    return RoundingError(logit, _share_error(logit, vocab, arithmetic))


def float32_error(net: ReluNet, set_size: int, *, or_fewer: bool = False) -> RoundingError:
    """Bounds on float32's error where its logits are in units of ln 2; as `rounding_error`.

    Two more roundings of each weight: the division, and the multiplication back.
    """
    error = rounding_error(net, set_size, FLOAT32, or_fewer=or_fewer)
    W_in, b_in, W_out, b_out = map(as_array, net.parameters())
    level = np.maximum(0, top_sums(W_in, set_size, or_fewer=or_fewer) + b_in)
    logits = [
        level @ np.abs(W_out[:, part]) + np.abs(b_out[part]) for part in _parts(net.vocab_size)
    ]
    scaling = 4 * FLOAT32.roundoff * max(float(part.max()) for part in logits)
    share = share_of(math.log1p(error.share) + 2 * scaling)
    return RoundingError(error.logit + scaling, share)


def share_of(relative_log_error: float) -> float:
    """e^x - 1, inf instead of an overflow."""
    return math.expm1(relative_log_error) if relative_log_error < 700 else math.inf


def top_sums(values: Reals, count: int, *, or_fewer: bool = False) -> Reals:
    """The largest sum of `count` entries of each column, or of fewer (of none it is 0), [width]."""
    count = min(count, len(values))
    largest = np.partition(_candidates(values, count), -count, axis=0)[-count:]
    return (largest.clip(min=0) if or_fewer else largest).sum(0)


def _candidates(values: Reals, count: int) -> Reals:
    """Rows with the `count` largest entries of each column.

    Of many rows, the blocks with the largest maxima: no other holds a larger entry than theirs.
    """
    if len(values) <= TOKENS or len(values) < count**2:
        return values
    size = math.isqrt(len(values) // count)
    blocks = values[: len(values) // size * size].reshape(-1, size, values.shape[1])
    chosen = np.argpartition(blocks.max(1), -count, axis=0)[-count:]
    found = blocks[chosen, :, np.arange(values.shape[1])]  # (count, width, size)
    rest = values[len(blocks) * size :]
    return np.concatenate([found.transpose(0, 2, 1).reshape(-1, values.shape[1]), rest])


def _parts(tokens: int) -> list[slice]:
    return [slice(start, start + TOKENS) for start in range(0, tokens, TOKENS)]


def _share_error(logit: float, vocab: int, arithmetic: Arithmetic) -> float:
    """Numerator and denominator of softmax each err by the logits, the shift, and exp; the
    denominator also by its summation; subtracting 1/k errs by a few roundoffs."""
    u = arithmetic.roundoff
    each = logit + (arithmetic.deepest + EXP_ULPS) * u
    relative = share_of(1.01 * (2 * each + (vocab + 24) * u))
    return relative + 8 * u + 4 * vocab * math.exp(-80)


def _largest_logit_error(
    net: ReluNet, set_size: int, arithmetic: Arithmetic, or_fewer: bool
) -> float:
    W_in, b_in, W_out, b_out = map(as_array, net.parameters())
    width = W_in.shape[1]
    u, smallest = arithmetic.roundoff, arithmetic.smallest
    inflate = 1 + (width + set_size + 32) * 2.0**-52  # this function's own rounding
    sizes = (top_sums(np.abs(W_in), set_size) + np.abs(b_in)) * inflate
    if not sizes.max() <= arithmetic.largest:  # or NaN
        return math.nan
    unit_grid = _unit_grid(W_in, b_in, sizes, arithmetic)
    exact_unit = _fits(sizes, unit_grid, arithmetic)
    unit_error = _gamma(set_size + 2, u) * sizes + (2 * set_size + 4) * smallest
    unit_error = np.where(exact_unit, 0.0, unit_error)
    top = top_sums(W_in, set_size, or_fewer=or_fewer)
    level = np.maximum(0.0, top + b_in + sizes * 2.0**-50)
    post = (level + unit_error) * inflate

    def logit_errors(part: slice) -> Reals:
        size_out = np.abs(W_out[:, part])
        sums = (post @ size_out + np.abs(b_out[part])) * inflate
        passed_on = (unit_error @ size_out) * inflate
        near_zero = smallest * (size_out.sum(0) + post.sum() + 8 * (width + set_size + 8))
        error = (passed_on + _gamma(width + 4, u) * sums + near_zero) * inflate
        if exact_unit.all():
            grid = (unit_grid[:, None] + _grid(W_out[:, part])).min(0)
            grid = np.minimum(grid, _grid(b_out[part]))
            error = np.where(_fits(sums, grid, arithmetic), 0.0, error)
        return error if sums.max() <= arithmetic.largest else np.full_like(error, math.nan)

    return float(np.max([logit_errors(part).max() for part in _parts(net.vocab_size)]))


def _unit_grid(W_in: Reals, b_in: Reals, sizes: Reals, arithmetic: Arithmetic) -> NDArray[np.int64]:
    """The grid that each unit's entries and bias lie on, [width].

    It is not followed to the end where no unit can fit any more, as in any trained network.
    """
    grid = _grid(b_in)
    for part in _parts(len(W_in)):
        if not (_fits(sizes, grid, arithmetic) & (sizes > 0)).any():
            break
        grid = np.minimum(grid, _grid(W_in[part]).min(0))
    return grid


def _gamma(terms: int, roundoff: float) -> float:
    product = terms * roundoff
    return product / (1 - product) * (1 + 2.0**-40) if product < 0.5 else math.inf


def _grid(values: Reals) -> NDArray[np.int64]:
    """Exponent of the lowest set bit of each entry: it is a multiple of 2**grid."""
    bits = values.view(np.int64)
    exponent = (bits >> FRACTION) & EXPONENT
    digits = (bits & ((1 << FRACTION) - 1)) | ((exponent > 0).astype(np.int64) << FRACTION)
    lowest = ((digits & -digits).astype(np.float64).view(np.int64) >> FRACTION) - EXPONENT // 2
    return np.where(digits == 0, NO_GRID, exponent.clip(min=1) - EXPONENT // 2 - FRACTION + lowest)


def _fits(sizes: Reals, grid: NDArray[np.int64], arithmetic: Arithmetic) -> NDArray[np.bool_]:
    """Whether multiples of 2**grid of at most these sizes are all representable."""
    reach = np.ldexp(1.0, np.clip(grid + arithmetic.digits, -1000, 1000))
    return (sizes == 0) | ((sizes <= reach) & (grid >= arithmetic.finest_grid))
