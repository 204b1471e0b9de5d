"""Disjunct codes: is there any set on which any token is a false positive?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.counting import TokenCounter, check_set_size, coverable_tokens
from relubloom.errors import UsageError


@dataclass(frozen=True)
class Disjunctness:
    """Whether a code is free of false positives on all sets of one size, and by what proof.

    Attributes:
        set_size: tokens per set. A verdict of "certified" holds for smaller sets as well.
        verdict: "certified": no set has a false positive. "refuted": some set has one.
            "undecided": no token was refuted, and some could not be decided.
        proof: "overlaps": each token's `set_size` largest overlaps sum to less than its weight.
            "counting": exact counts decided what overlaps left open.
        breaking: the tokens that are a false positive on some set (proved).
        open: the tokens that could not be decided.
    """

    set_size: int
    verdict: Literal["certified", "refuted", "undecided"]
    proof: Literal["overlaps", "counting"]
    breaking: tuple[int, ...]
    open: tuple[int, ...]


def is_disjunct(code: Code, set_size: int) -> Disjunctness:
    """Decide whether any set of `set_size` tokens covers a token outside it.

    The overlap test comes first; an exact count decides each token that it leaves. A heavy token
    that resists counting is still refuted if a greedy choice of tokens covers it.

    Source: W. H. Kautz, R. C. Singleton, 1964 (overlaps); `docs/theory.md` (counts).
    Cost: O(vocab**2 width), then for each token left open that of `TokenCounter.count`.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    check_set_size(code, set_size)
    left = coverable_tokens(code, set_size, every_token=True)[0]
    if set_size == code.vocab_size or len(left) == 0:  # the only set has no outsider
        return Disjunctness(set_size, "certified", "overlaps", (), ())
    breaking, unknown = _decide(code, set_size, left)
    _, group = np.unique(code.packed, axis=0, return_inverse=True)
    group = group.reshape(-1)
    breaking, unknown = (
        tuple(np.flatnonzero(np.isin(group, group[tokens])).tolist())
        for tokens in (np.array(breaking, dtype=np.int64), np.array(unknown, dtype=np.int64))
    )
    verdict = "refuted" if breaking else "undecided" if unknown else "certified"
    return Disjunctness(set_size, verdict, "counting", breaking, unknown)


def _decide(code: Code, set_size: int, tokens: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    counter = TokenCounter(code, set_size)
    breaking: list[int] = []
    unknown: list[int] = []
    for token in tokens.tolist():
        if _greedily_covered(code, token, set_size):
            breaking.append(token)
            continue
        try:
            if counter.count(token):
                breaking.append(token)
        except UsageError:
            unknown.append(token)
    return breaking, unknown


def _greedily_covered(code: Code, token: int, set_size: int) -> bool:
    """Whether adding the token that covers most of the rest, `set_size` times, covers `token`."""
    rows = code.bits[:, code.bits[token]].copy()
    rows[token] = False
    left = np.ones(rows.shape[1], dtype=np.bool_)
    for _ in range(set_size):
        left &= ~rows[int((rows & left).sum(1).argmax())]
    return not left.any()
