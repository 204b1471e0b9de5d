"""What no code can beat, and the rules of thumb: counting, disjunctness, readout, width rule."""

from __future__ import annotations

import math

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_set_size, check_sizes


def log2_sets(vocab_size: int, set_size: int) -> float:
    """Log2 of C(N, k), the number of sets. Relative error about 1e-10. Cost: O(1).

    Raises:
        UsageError: there is no such set.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    smaller = min(set_size, vocab_size - set_size)
    if smaller <= 1000:  # a sum of logs keeps accuracy where log factorials would cancel
        terms = (math.log2((vocab_size - i) / (i + 1)) for i in range(smaller))
        return math.fsum(terms)
    log = math.lgamma(vocab_size + 1) - math.lgamma(set_size + 1)
    return (log - math.lgamma(vocab_size - set_size + 1)) / math.log(2)


def counting_bound(vocab_size: int, width: int, set_size: int, levels: int = 1) -> float:
    """Upper bound min(1, (L+1)^d / C(N, k)) on P_exact, for any layer of L + 1 states a unit.

    L = 1 is a binary layer, L = `levels` that of a graded code; any readout. A hidden state gives
    one answer, so at most (L+1)^d sets are answered exactly; sets uniform.
    Real-valued units escape it. Standard. Cost: O(1).

    Raises:
        UsageError: sizes that no code or set has.
    """
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    return 2.0 ** min(0.0, width * math.log2(levels + 1) - log2_sets(vocab_size, set_size))


def counting_width(vocab_size: int, set_size: int, p_exact: float = 1.0, levels: int = 1) -> float:
    """Least width, in units, (log2 C(N, k) + log2 P) / log2(L + 1); 0 where that is negative.

    What `counting_bound` says when solved for the width; not rounded up.

    Raises:
        UsageError: there is no such set, or p_exact is outside 0..1.
    """
    if not 0 <= p_exact <= 1:
        raise UsageError(f"p_exact is {p_exact}: it is a share of the sets; give a value in 0..1")
    sets = log2_sets(vocab_size, set_size)
    if p_exact == 0:
        return 0.0
    return max(0.0, (sets + math.log2(p_exact)) / math.log2(levels + 1))


def disjunct_bound(vocab_size: int, set_size: int, levels: int = 1) -> int:
    """No code of fewer units than this is without a false positive on every set of k tokens.

    min(N, C(k+2, 2)) units: for N > d no k-disjunct code exists below d = C(k+2, 2) (Bassalygo,
    from memory), and N units always do (one per token). 0 where there is no non-member.
    A weak bound: random codes need about 2.08 k² ln N. With L = `levels` strengths a code has no
    false positive only if its L d units "at least so strong" have none as a binary code: L times
    fewer units, rounded up. Cost: O(1).

    Raises:
        UsageError: there is no such set.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    if vocab_size == set_size:
        return 0
    return -(-min(vocab_size, math.comb(set_size + 2, 2)) // levels)


def readout_capacity(vocab_size: int, width: int) -> int:
    """Largest k for which some readout of `width` real units can make every k-set the top k.

    d >= 2k is necessary where N >= d + k + 2, and enough: W_out[:, t] = (cos j θ_t, sin j θ_t),
    j = 1..k. An existence statement: margins fall to 1e-8 and below. Where N < d + k + 2 the
    necessity is not claimed and the value is what is enough, capped at N. Sources: neighbourly
    polytopes (Gale), from memory. Cost: O(1).

    Raises:
        UsageError: width or vocab_size below 1.
    """
    vocab_size, width, _ = check_sizes(vocab_size, width, 1)
    return min(vocab_size, width // 2)


def random_readout_capacity(vocab_size: int, width: int) -> float:
    """About the k below which a *random* readout makes most k-sets the top k: d / (2 ln(N/d)).

    Donoho and Tanner 2005, for N much larger than d. Infinite where N <= d. Cost: O(1).

    Raises:
        UsageError: width or vocab_size below 1.
    """
    vocab_size, width, _ = check_sizes(vocab_size, width, 1)
    return width / (2 * math.log(vocab_size / width)) if vocab_size > width else math.inf


def width_rule(
    vocab_size: int, set_size: int, *, mse: float | None = None, p_exact: float | None = None
) -> float:
    """Rule of thumb for the width of a constant-weight code, in units; `plan` solves exactly.

    k / (ln 2)² ln((N - k) / (-ln P)), or ln((N - k) / (k (k+1) eps)) for an mse eps. Within about
    3 % for P >= .9 or eps <= .01, up to 9 % off outside (derived, checked numerically). At least
    1. Cost: O(1).

    Raises:
        UsageError: not exactly one target, a target outside (0, 1), or there is no such set.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    target = mse if p_exact is None else p_exact
    if target is None or (mse is not None and p_exact is not None):
        raise UsageError("the width rule takes mse or p_exact: give exactly one of the two")
    if not 0 < target < 1:
        name = "mse" if p_exact is None else "p_exact"
        raise UsageError(f"{name} is {target}: the width rule needs a value between 0 and 1")
    allowed = -math.log(target) if p_exact is not None else set_size * (set_size + 1) * target
    others = vocab_size - set_size
    if others <= allowed:
        return 1.0
    return max(1.0, set_size / math.log(2) ** 2 * math.log(others / allowed))
