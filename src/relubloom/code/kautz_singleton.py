"""Kautz-Singleton codes: tokens are polynomials, bits are their values; no false positives.

Two different polynomials of degree below m agree at fewer than m points, so two hashes overlap in
fewer than m bits. (W. H. Kautz, R. C. Singleton, "Nonrandom binary superimposed codes", 1964.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.finite_field import field_tables, is_prime, is_prime_power
from relubloom.errors import UsageError

LARGEST_DESIGN = 1 << 22  # polynomials that `disjunct_code` is willing to list


@dataclass(frozen=True)
class KautzSingleton:
    """A Kautz-Singleton design: all polynomials of degree < `dimension` over GF(`field_size`).

    Attributes:
        field_size: q, a prime power.
        dimension: number of coefficients; overlaps are at most `dimension - 1`.
        points: evaluation points, at most q + 1 (the last is the point at infinity); the weight.

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
    def vocab_size(self) -> int:
        """Tokens: one per polynomial."""
        return self.field_size**self.dimension

    @property
    def disjunct_set_size(self) -> int:
        """The largest set size for which overlaps alone rule out false positives.

        k tokens cover at most k (dimension - 1) of a token's `points` bits. At dimension 1 hashes
        do not overlap at all: any set size, given as `vocab_size`.
        """
        if self.dimension == 1:
            return self.vocab_size
        return (self.points - 1) // (self.dimension - 1)


def kautz_singleton(design: KautzSingleton, vocab_size: int | None = None) -> Code:
    """The code of a design: unit (point x, value v) is set if the polynomial takes v at x.

    Args:
        design: field, dimension and points.
        vocab_size: keep the first so many polynomials, by their coefficients; default all.

    Cost: O(vocab (width + points dimension)).

    Raises:
        UsageError: more tokens are asked for than there are polynomials; or the field needs the
            extra `fields`.
    """
    vocab_size = design.vocab_size if vocab_size is None else vocab_size
    if not 1 <= vocab_size <= design.vocab_size:
        raise UsageError(
            f"vocab_size is {vocab_size}: the design has {design.vocab_size} polynomials; "
            "raise field_size or dimension"
        )
    values = _values(design, vocab_size)
    bits = np.zeros((vocab_size, design.width), dtype=np.bool_)
    units = values + np.arange(design.points) * design.field_size
    np.put_along_axis(bits, units, True, axis=1)
    return Code(bits)


def smallest_kautz_singleton(
    vocab_size: int, set_size: int, *, prime_powers: bool = True
) -> KautzSingleton:
    """The narrowest design without false positives for `vocab_size` tokens in sets of `set_size`.

    Points are set_size (dimension - 1) + 1, at most q + 1. For dimension 1 this is one unit per
    token.

    Raises:
        UsageError: vocab_size or set_size is below 1.
    """
    return min(_disjunct_designs(vocab_size, set_size, prime_powers), key=lambda d: d.width)


def disjunct_code(
    vocab_size: int, width: int, set_size: int, *, prime_powers: bool = False
) -> Code:
    """A code of exactly this width on which no set of `set_size` has a false positive.

    Kautz-Singleton designs, *shortened*: drop units, spread over the points, and with them the
    polynomials that use them. Hashes keep their weight and overlaps do not grow, so nothing is
    lost but tokens. (256 tokens, sets of 3: width 49 becomes 48.) Units to spare stay unused.

    Args:
        vocab_size: tokens wanted.
        width: units.
        set_size: tokens per set.
        prime_powers: also try fields that need the extra `fields`.

    Cost: O(designs q**dimension width).

    Raises:
        UsageError: no shortened design fits; a larger width may.
    """
    designs = _disjunct_designs(vocab_size, set_size, prime_powers)
    for design in sorted(designs, key=lambda d: d.width):
        if design.vocab_size > LARGEST_DESIGN:
            continue
        if design.width <= width:
            bits = np.zeros((vocab_size, width), dtype=np.bool_)
            bits[:, : design.width] = kautz_singleton(design, vocab_size).bits
            return Code(bits)
        kept = _shortened(design, design.width - width)
        if kept is not None and len(kept) >= vocab_size:
            return Code(kept[:vocab_size])
    raise UsageError(
        f"width is {width}: no shortened Kautz-Singleton design holds {vocab_size} tokens without "
        f"false positives on sets of {set_size}; "
        f"{smallest_kautz_singleton(vocab_size, set_size).width} units are enough"
    )


def shorten(code: Code, units: NDArray[np.int64] | list[int]) -> Code:
    """Drop units, and the tokens that have any of them; the others keep all their bits.

    Raises:
        UsageError: no token, or no unit, would be left.
    """
    gone = np.zeros(code.width, dtype=np.bool_)
    gone[units] = True
    return Code(code.bits[~code.bits[:, gone].any(1)][:, ~gone])


def _shortened(design: KautzSingleton, surplus: int) -> NDArray[np.bool_] | None:
    """The design without `surplus` units, as evenly over the points as can be, or None."""
    most = -(-surplus // design.points)
    if most >= design.field_size:
        return None
    units = [
        point * design.field_size + value for value in range(most) for point in range(design.points)
    ][:surplus]
    expected = float(design.vocab_size)
    for point in range(design.points):
        lost = sum(unit // design.field_size == point for unit in units)
        expected *= 1 - lost / design.field_size
    if expected < 1:
        return None
    return shorten(kautz_singleton(design), units).bits


def _disjunct_designs(vocab_size: int, set_size: int, prime_powers: bool) -> list[KautzSingleton]:
    """For each field, the disjunct design of the smallest dimension that has enough tokens."""
    if vocab_size < 1 or set_size < 1:
        raise UsageError(
            f"vocab_size is {vocab_size} and set_size is {set_size}: both must be at least 1"
        )
    designs: list[KautzSingleton] = []
    exists = is_prime_power if prime_powers else is_prime
    largest = max(vocab_size, 2)
    for field_size in range(2, largest + 1):
        dimension = 1
        while field_size**dimension < vocab_size:
            dimension += 1
        points = set_size * (dimension - 1) + 1
        if points <= field_size + 1 and exists(field_size):
            designs.append(KautzSingleton(field_size, dimension, points))
            if dimension <= 2:  # larger fields only widen it; dimension 1 is the identity
                break
    if not designs or designs[-1].dimension > 1:
        identity = next(q for q in range(largest, 2 * largest + 1) if exists(q))
        designs.append(KautzSingleton(identity, 1, 1))
    return designs


def _values(design: KautzSingleton, vocab_size: int) -> NDArray[np.int64]:
    """Values of the first polynomials at all points, int64 [vocab, points], by Horner's rule."""
    sums, products = field_tables(design.field_size)
    places = design.field_size ** np.arange(design.dimension)
    coefficients = np.arange(vocab_size)[:, None] // places % design.field_size
    values = np.zeros((vocab_size, design.points), dtype=np.int64)
    for point in range(design.points):
        if point == design.field_size:  # infinity: the leading coefficient
            values[:, point] = coefficients[:, -1]
            continue
        for place in reversed(range(design.dimension)):
            shifted = products[values[:, point], point]
            values[:, point] = sums[shifted, coefficients[:, place]]
    return values
