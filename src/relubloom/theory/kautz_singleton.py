"""Kautz-Singleton codes: the smallest width at which no set has a false positive.

An existence calculation only (`code.kautz_singleton` makes the code of a design). Tokens are
polynomials of degree below `dimension` over the field of q elements, read at n points; bit (x, v)
is set where p(x) = v. Two polynomials agree at most dimension - 1 times, so k others cover at most
k (dimension - 1) of a token's n bits: n = k (dimension - 1) + 1 points are enough.
(Kautz and Singleton 1964, from memory; derived here and checked numerically.)
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_set_size

WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


@dataclass(frozen=True)
class KautzSingleton:
    """A Kautz-Singleton design: all polynomials of degree < `dimension` over the field.

    Attributes:
        field_size: q, a prime power; units per block.
        dimension: number of coefficients; overlaps are at most `dimension - 1`.
        points: evaluation points, at most q + 1 (the last is the point at infinity).

    Raises:
        UsageError: the field does not exist, or has too few points.
    """

    field_size: int
    dimension: int
    points: int

    def __post_init__(self) -> None:
        if not is_prime_power(self.field_size):
            raise UsageError(
                f"field_size is {self.field_size}: it must be a prime power; "
                "choose 2, 3, 4, 5, 7, 8, 9, 11, ..."
            )
        if self.dimension < 1 or not 1 <= self.points <= self.field_size + 1:
            raise UsageError(
                f"dimension is {self.dimension} and points is {self.points}: a design needs a "
                f"dimension of at least 1 and 1 to {self.field_size + 1} points; change them"
            )

    @property
    def width(self) -> int:
        """Units: one per point and value."""
        return self.points * self.field_size

    @property
    def weight(self) -> int:
        """Bits per token: one per point."""
        return self.points

    @property
    def vocab_size(self) -> int:
        """Tokens: one per polynomial."""
        return self.field_size**self.dimension


def kautz_singleton(vocab_size: int, set_size: int) -> KautzSingleton:
    """The narrowest Kautz-Singleton code without false positives on sets of `set_size` tokens.

    Over all prime powers q and dimensions; holds for every set, from any source. Where its width
    is vocab_size or more, one unit per token is narrower and does the same. The lesser weight
    wins among equal widths. Cost: O(k log N) field sizes, under 10 ms at N = 10^18.

    Raises:
        UsageError: there is no such set.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    single = _next_prime_power(max(2, vocab_size))  # dimension 1: one point, one unit per token
    best = KautzSingleton(single, 1, 1)
    for dimension in range(2, max(2, vocab_size.bit_length()) + 1):
        points = set_size * (dimension - 1) + 1
        if points * (points - 1) >= best.width:  # q >= points - 1: no narrower one can follow
            break
        least = max(2, points - 1, _ceil_root(vocab_size, dimension))
        size = _next_prime_power(least)
        if points * size < best.width:
            best = KautzSingleton(size, dimension, points)
    return best


def _ceil_root(value: int, degree: int) -> int:
    """The least r with r**degree >= value."""
    root = max(1, round(value ** (1 / degree)))
    while root**degree >= value and root > 1:
        root -= 1
    while root**degree < value:
        root += 1
    return root


def _next_prime_power(least: int) -> int:
    return next(filter(is_prime_power, itertools.count(least)))


def is_prime_power(number: int) -> bool:
    """Whether a finite field of this many elements exists; number below 3e24.

    Cost: O(log(number)) roots, and Miller and Rabin's test where one is whole.
    """
    for degree in range(1, number.bit_length()):
        root = _ceil_root(number, degree)
        if root**degree == number and is_prime(root):
            return True
    return False


def is_prime(number: int) -> bool:
    """Miller and Rabin's test with the first 13 primes: exact for numbers below 3.3e24.

    Source: Sorenson and Webster, "Strong pseudoprimes to twelve prime bases", 2017 (from memory).
    """
    if number < 2 or any(number % prime == 0 for prime in WITNESSES):
        return number in WITNESSES
    twos = ((number - 1) & (1 - number)).bit_length() - 1
    odd = (number - 1) >> twos
    for witness in WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        if not any((power := power * power % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True
