"""`Expectations`: what a random code of one family does, averaged over codes (or sets)."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.theory.cover import CoverLaw, exact_share, failure_share, mean_losses


@dataclass(frozen=True)
class SetErrors:
    """Mean errors on one set of `set_size` tokens at infinite sharpness.

    Attributes:
        fpr: chance that one given non-member is covered.
        false_positives: E[F], covered non-members per set.
        p_exact: P(F = 0), the share of sets that are answered exactly.
        p_failure: P(F > 0) = 1 - p_exact, computed without cancellation.
        mse: mean of F / (k (k + F)): squared error summed over tokens, mean over sets.
        kl: mean of ln(1 + F / k), nats.
    """

    fpr: float
    false_positives: float
    p_exact: float
    p_failure: float
    mse: float
    kl: float


@dataclass(frozen=True)
class Expectations(SetErrors):
    """Mean errors of a family with a whole number of bits per token.

    Attributes:
        vocab_size: number of tokens, N.
        width: number of units, d.
        set_size: tokens per set, k.
        weight: bits per token (hashes per token, where they are drawn with replacement).
    """

    vocab_size: int
    width: int
    set_size: int
    weight: int


def set_errors(law: CoverLaw, vocab_size: int, set_size: int) -> SetErrors:
    """Mean errors of the code whose states and cover chances `law` lists.

    Cost: O(states). The mse and the kl are to about 1e-13 relative; see `cover`.
    """
    others = vocab_size - set_size
    mse, kl = mean_losses(law, others, set_size)
    fpr = law.mean_cover()
    return SetErrors(
        fpr=fpr,
        false_positives=others * fpr,
        p_exact=exact_share(law, others),
        p_failure=failure_share(law, others),
        mse=mse,
        kl=kl,
    )


def expectations(
    law: CoverLaw, *, vocab_size: int, width: int, set_size: int, weight: int
) -> Expectations:
    """`set_errors`, with the sizes they belong to."""
    errors = set_errors(law, vocab_size, set_size)
    return Expectations(
        **vars(errors), vocab_size=vocab_size, width=width, set_size=set_size, weight=weight
    )
