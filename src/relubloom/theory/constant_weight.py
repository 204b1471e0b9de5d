"""Random constant-weight codes: every token has `weight` distinct bits, uniform, independent."""

from __future__ import annotations

from relubloom.theory.arguments import Criterion, check_criterion, check_sizes, check_weight
from relubloom.theory.expectations import Expectations, expectations
from relubloom.theory.union_size import cover_law
from relubloom.theory.weight_search import search_weight


def constant_weight(vocab_size: int, width: int, weight: int, set_size: int) -> Expectations:
    """Exact mean errors of a random constant-weight code at infinite sharpness.

    The union size u of k random h-sets follows p'[u + a] += p[u] C(d-u, a) C(u, h-a) / C(d, h);
    a non-member is covered with chance c(u) = C(u, h) / C(d, h), independently of the others.
    Holds for sets of `set_size` distinct tokens and hashes drawn independently of the set (so
    for any source of sets). Derived here; source of the recursion: the hypergeometric law.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-11 (rounding of
    ln d!), kept down to 1e-230. Cost: O(k h d) and independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has; a width whose exact law needs over half a
            gigabyte.
    """
    check_sizes(vocab_size, width, set_size)
    check_weight(weight, width)
    return expectations(
        cover_law(width, weight, set_size),
        vocab_size=vocab_size,
        width=width,
        set_size=set_size,
        weight=weight,
    )


def best_constant_weight(
    vocab_size: int, width: int, set_size: int, by: Criterion = "mse"
) -> Expectations:
    """The weight with the least mean error, and its errors: exact, over all weights 0..width.

    `by` is what is made best: "mse", "false_positives" (E[F]) or "p_exact". They can differ by
    one. The lightest of equals wins. A branch and bound, so exact: weights whose lower bound
    (see `weight_search`) is above the best value found are not evaluated.

    Cost: a handful of `constant_weight` calls and O(width) for the bounds.

    Raises:
        UsageError: as `constant_weight`; or `by` is none of the three.
    """
    check_sizes(vocab_size, width, set_size)
    check_criterion(by)
    weight = search_weight(vocab_size, width, set_size, by)
    return constant_weight(vocab_size, width, weight, set_size)
