"""Random codes of two strengths: exact laws, the best weights; more strengths in closed form.

A unit is untouched, covered half (one half bit alone) or covered. Given how many units are in each
state after the members, non-members are covered independently, so `cover` makes the errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import comb, gammaln  # pyright: ignore[reportMissingTypeStubs]

from relubloom.errors import UsageError
from relubloom.theory.arguments import Criterion, check_criterion, check_sizes, check_weights
from relubloom.theory.cover import CoverLaw, Floats, SetErrors, set_errors
from relubloom.theory.union_size import FORGOTTEN, log_cover_chance

WIDEST = 400  # units: above, one evaluation takes many seconds


@dataclass(frozen=True)
class GradedExpectations(SetErrors):
    """Mean errors of random graded codes with constant weights.

    Attributes:
        vocab_size: number of tokens, N.
        width: number of units, d.
        set_size: tokens per set, k.
        half: half bits per token.
        full: full bits per token.
    """

    vocab_size: int
    width: int
    set_size: int
    half: int
    full: int


def graded_constant_weight(
    vocab_size: int, width: int, set_size: int, half: int, full: int
) -> GradedExpectations:
    """Exact mean errors of a random code of `half` half and `full` full bits, all distinct.

    After the members n0 units are untouched, n1 covered half, n2 covered. A member's full bits
    fall on each kind by the hypergeometric law and leave covered units; then its half bits on the
    units left, from n0 to n1 and from n1 to n2. A non-member is covered with chance
    C(n2, h2) C(n1 + n2 - h2, h1) / (C(d, h2) C(d - h2, h1)), independently of the others. half = 0
    and full = 0 both give `constant_weight`. Derived here.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-11.
    Cost: O(k d^2 (half^2 + full^2)), independent of `vocab_size`: 5 ms at width 48, 11 bits.

    Raises:
        UsageError: sizes that no code or set has; a width above 400.
    """
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    half, full = check_weights(half, full, width)
    if width > WIDEST:
        raise UsageError(
            f"width is {width}: the exact graded law is offered up to {WIDEST} units; use a "
            "smaller width, or graded_bernoulli for an estimate"
        )
    errors = set_errors(_cover_law(width, set_size, half, full), vocab_size, set_size)
    return GradedExpectations(
        **vars(errors),
        vocab_size=vocab_size,
        width=width,
        set_size=set_size,
        half=half,
        full=full,
    )


def best_graded_weights(
    vocab_size: int, width: int, set_size: int, by: Criterion = "mse"
) -> GradedExpectations:
    """The half and full weights with the least mean error, by descent from the Bernoulli optimum.

    Of a pair's eight neighbours the best is taken until none is better. That no other valley is
    deeper is not proved; the descent agreed with all pairs of weights wherever both were tried.

    Cost: some 20 `graded_constant_weight` calls.

    Raises:
        UsageError: as `graded_constant_weight`; or `by` is none of the three criteria.
    """
    check_criterion(by)
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    name = "p_failure" if by == "p_exact" else by
    known: dict[tuple[int, int], GradedExpectations] = {}

    def error(half: int, full: int) -> float:
        if (half, full) not in known:
            known[half, full] = graded_constant_weight(vocab_size, width, set_size, half, full)
        return float(getattr(known[half, full], name))

    each = max(1, round(0.45 * width * best_graded_density(set_size)))
    at = (min(each, width // 2), min(each, width - width // 2))
    while True:
        around = [
            (half, full)
            for half in range(max(0, at[0] - 1), at[0] + 2)
            for full in range(max(0, at[1] - 1), at[1] + 2)
            if half + full <= width
        ]
        best = min(around, key=lambda pair: (error(*pair), sum(pair)))
        if error(*best) >= error(*at):
            return known[at]
        at = best


def graded_bernoulli(
    width: int, set_size: int, levels: int = 2, density: float | None = None
) -> float:
    """False positive rate (1 - x)^d of independent bits whose strengths are uniform on 1..L.

    A unit stops a non-member with chance x = q (1-q)^k + k (1-q)^(k-1) q^2 (1 - 1/L) / 2: the
    non-member has a bit there, and either no member has, or one alone has a weaker one. Two equal
    strengths meet with chance 1/L at least, so uniform ones are the best. Derived here. Cost: O(1).

    Args:
        width, set_size: sizes.
        levels: number of strengths, L; math.inf for the limit.
        density: chance q of a bit; None takes the best.

    Raises:
        UsageError: sizes that no code or set has, levels below 1, or a density outside 0..1.
    """
    _, width, set_size = check_sizes(set_size, width, set_size)
    q = best_graded_density(set_size, levels) if density is None else density
    if not 0 <= q <= 1:
        raise UsageError(
            f"density is {q}: it is the chance that a bit is set; give a value in 0..1"
        )
    return math.exp(width * math.log1p(-_stopping(q, set_size, levels)))


def best_graded_density(set_size: int, levels: float = 2) -> float:
    """The density with the least rate, at every width.

    The root of 1 - (1 + B) q + (B - a k (k-1)) q^2 in 0..1, a = (1 - 1/L) / 2, B = 1 + k - 2 a k.
    One strength gives 1 / (k + 1). Cost: O(1).

    Raises:
        UsageError: levels or set_size below 1.
    """
    check_sizes(set_size, 1, set_size)
    if not levels >= 1:
        raise UsageError(f"levels is {levels}: a bit has at least one strength; give 1 or more")
    a, k = (1 - 1 / levels) / 2, set_size
    b = 1 + k - 2 * a * k
    linear, square = 1 + b, b - a * k * (k - 1)
    return 2 / (linear + math.sqrt(max(0.0, linear**2 - 4 * square)))


def graded_exponent(set_size: int, levels: float = 2) -> float:
    """How much faster than with one strength the rate falls with the width, at best densities.

    ln(1 - x) of L strengths over that of one; its inverse is the share of the width that is
    needed. Cost: O(1). Raises as `best_graded_density`.
    """
    stopping, binary = (
        _stopping(best_graded_density(set_size, number), set_size, number)
        for number in (levels, 1.0)
    )
    return math.log1p(-stopping) / math.log1p(-binary)


def precision_bits(levels: int, weight: int, sharpness: float) -> float:
    """Bits of a unit's level that L strengths take in `network.construct`: (L-1) log2(c H / ln 2).

    Members of H bits below the largest strength lose up to c r H at leak r, and are called while
    that is below ln 2; the lowest level above 0 is r^(L-1). So width is traded against precision:
    float32 has 24 bits, which hold two strengths always and three for some ten bits at sharpness
    20. Never below L - 1, since r <= 1/2. Derived here. Cost: O(1).

    Raises:
        UsageError: levels below 1, a negative weight or a sharpness that is not positive.
    """
    if levels < 1 or weight < 0 or not sharpness > 0:
        raise UsageError(
            f"levels is {levels}, weight {weight}, sharpness {sharpness}: give at least one "
            "level, a weight of 0 or more and a sharpness above 0"
        )
    needed = max(2.0, weight, sharpness * weight / math.log(2))
    return (levels - 1) * math.log2(needed)


def _stopping(density: float, set_size: int, levels: float) -> float:
    q, k = density, set_size
    alone = k * (1 - q) ** (k - 1) * q**2 * (1 - 1 / levels) / 2
    return q * (1 - q) ** k + alone


def _cover_law(width: int, set_size: int, half: int, full: int) -> CoverLaw:
    if half + full == 0:
        return CoverLaw.of_everything()
    most = max(half, full)
    ways: Floats = np.asarray(comb(np.arange(width + 1)[:, None], np.arange(most + 1)))  # [n, r]
    chance = np.zeros((width + 1, width + 1))  # of n1 half and n2 covered units
    chance[0, 0] = 1
    for _ in range(set_size):
        chance = _drawn(chance, ways, full, 0, full=True)
        chance = _drawn(chance, ways, half, full, full=False)
    half_covered, covered = np.nonzero(chance)
    probability = chance[half_covered, covered]
    sure = covered.astype(np.float64)
    with np.errstate(invalid="ignore"):
        log_cover = log_cover_chance(width, full, sure)
        log_cover = log_cover + (
            gammaln(half_covered + sure - full + 1.0)
            - gammaln(half_covered + sure - full - half + 1.0)
            - gammaln(width - full + 1.0)
            + gammaln(width - full - half + 1.0)
        )
    possible = (covered >= full) & (half_covered + covered >= full + half)
    return CoverLaw(probability, np.where(possible, np.minimum(log_cover, 0.0), -np.inf))


def _drawn(chance: Floats, ways: Floats, bits: int, taken: int, *, full: bool) -> Floats:
    """The states after a member's bits of one kind, drawn from all but `taken` covered units.

    A full bit covers its unit; a half bit covers an untouched unit half, and a half one fully.
    """
    if bits == 0:
        return chance
    width = len(chance) - 1
    halves, covers = np.nonzero(chance > FORGOTTEN)
    low1, low2 = int(halves.min()), int(covers.min())
    box = chance[low1 : halves.max() + 1, low2 : covers.max() + 1]
    n1 = np.arange(low1, low1 + box.shape[0])[:, None]
    n2 = np.arange(low2, low2 + box.shape[1])[None, :]
    n0 = np.maximum(width - n1 - n2, 0)
    grown = np.zeros((width + 1 + bits, width + 1 + bits))
    for fresh in range(bits + 1):
        untouched = box * ways[n0, fresh]
        for raised in range(min(bits - fresh, low1 + box.shape[0] - 1) + 1):
            rest = ways[np.maximum(n2 - taken, 0), bits - fresh - raised]
            share = untouched * (ways[n1, raised] * rest)
            row, column = low1 - raised, low2 + raised
            if full:
                column += fresh
            else:
                row += fresh
            skip = max(0, -row)  # rows with fewer half units than are raised: their share is 0
            to = grown[row + skip : row + share.shape[0], column : column + share.shape[1]]
            to += share[skip:]
    grown = grown[: width + 1, : width + 1]
    return grown / grown.sum()
