"""Disjunct codes: no set of some size has a false positive. The test, and a way to make them.

A Kautz-Singleton code has polynomials for tokens and their values for bits. Two different
polynomials of degree below m agree at fewer than m points, so two hashes overlap in fewer than m
bits. (W. H. Kautz, R. C. Singleton, "Nonrandom binary superimposed codes", 1964.)
"""

import importlib
import itertools
import math
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.counting import TokenCounter, check_set_size, coverable_tokens
from relubloom.errors import UsageError
from relubloom.theory import KautzSingleton, is_prime_power
from relubloom.theory.kautz_singleton import is_prime
from relubloom.threads import intra_op_threads

LARGEST_DESIGN = 1 << 22  # polynomials that `disjunct_code` is willing to list


def is_disjunct(code: Code, set_size: int) -> bool:
    """Whether it is proved that no set of `set_size` tokens, or of fewer, covers one outside it.

    The overlap test comes first; of the tokens that it leaves, greedy choices of others may cover
    one, and else exact counts decide. A token too heavy to count leaves it unproved.

    Source: W. H. Kautz, R. C. Singleton, 1964 (overlaps); `docs/exact-counts.md` (counts).
    Cost: O(vocab**2 width), then for each token left open that of `TokenCounter.count`.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    check_set_size(code.vocab_size, set_size)
    left = coverable_tokens(code, set_size, every_token=True)[0].tolist()
    if set_size == code.vocab_size or not left:  # the only set has no outsider
        return True
    if any(_greedily_covered(code, token, set_size) for token in left):
        return False
    counter = TokenCounter(code, set_size)
    try:
        return all(counter.count(token) == 0 for token in left)
    except UsageError:
        return False


def _greedily_covered(code: Code, token: int, set_size: int) -> bool:
    """Whether adding the token that covers most of the rest, `set_size` times, covers `token`."""
    rows = code.bits[:, code.bits[token]].copy()
    rows[token] = False
    left = np.ones(rows.shape[1], dtype=np.bool_)
    for _ in range(set_size):
        left &= ~rows[int((rows & left).sum(1).argmax())]
    return not left.any()


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


def disjunct_code(vocab_size: int, width: int, set_size: int) -> Code:
    """A code of exactly this width on which no set of `set_size` has a false positive.

    Kautz-Singleton designs over primes, *shortened*: drop units, spread over the points, and with
    them the polynomials that use them. Hashes keep their weight and overlaps do not grow, so
    nothing is lost but tokens. (256 tokens, sets of 3: width 49 becomes 48.) Units to spare stay
    unused.

    Args:
        vocab_size: tokens wanted.
        width: units.
        set_size: tokens per set.

    Cost: O(designs q**dimension width).

    Raises:
        UsageError: no shortened design fits; a larger width may.
    """
    if vocab_size > LARGEST_DESIGN:
        raise UsageError(
            f"vocab_size is {vocab_size}: designs of up to {LARGEST_DESIGN:,} tokens are made; "
            "lower it"
        )
    designs = [
        design
        for design in _disjunct_designs(vocab_size, set_size)
        if design.vocab_size <= LARGEST_DESIGN
    ]
    for design in sorted(designs, key=lambda design: design.width):
        if design.dimension == 1:  # a unit for each token
            if width >= vocab_size:
                return Code(np.eye(vocab_size, width, dtype=np.bool_))
            continue
        if design.width <= width:
            bits = np.zeros((vocab_size, width), dtype=np.bool_)
            bits[:, : design.width] = kautz_singleton(design, vocab_size).bits
            return Code(bits)
        kept = _shortened(design, design.width - width, vocab_size)
        if kept is not None:
            return Code(kept)
    raise UsageError(
        f"width is {width}: no shortened Kautz-Singleton design holds {vocab_size} tokens without "
        f"false positives on sets of {set_size}; "
        f"{min(vocab_size, *(design.width for design in designs))} units are enough"
    )


def shorten(code: Code, units: NDArray[np.int64] | list[int]) -> Code:
    """Drop units, and the tokens that have any of them; the others keep all their bits.

    Raises:
        UsageError: no token, or no unit, would be left.
    """
    gone = np.zeros(code.width, dtype=np.bool_)
    gone[units] = True
    return Code(code.bits[~code.bits[:, gone].any(1)][:, ~gone])


def _shortened(design: KautzSingleton, surplus: int, vocab_size: int) -> NDArray[np.bool_] | None:
    """`vocab_size` tokens of the design without `surplus` units, as evenly over the points as can
    be; None where there are not so many.

    At `dimension` points a polynomial may have any values, so those that avoid the dropped ones
    there are counted; no more are left.
    """
    most = -(-surplus // design.points)
    if most >= design.field_size:
        return None
    value, point = np.divmod(np.arange(surplus), design.points)
    lost = np.bincount(point, minlength=design.points)
    free = [design.field_size - int(each) for each in lost[: design.dimension]]  # the fewest first
    if math.prod(free) < vocab_size:
        return None
    if design.vocab_size * float(np.prod(1 - lost / design.field_size)) < 1:  # expected tokens
        return None
    with suppress(UsageError):  # no token is left
        kept = shorten(kautz_singleton(design), point * design.field_size + value).bits
        return kept[:vocab_size] if len(kept) >= vocab_size else None
    return None


def _disjunct_designs(vocab_size: int, set_size: int) -> list[KautzSingleton]:
    """For each prime, the disjunct design of the smallest dimension that has enough tokens."""
    if vocab_size < 1 or set_size < 1:
        raise UsageError(
            f"vocab_size is {vocab_size} and set_size is {set_size}: both must be at least 1"
        )
    designs: list[KautzSingleton] = []
    for field_size in filter(is_prime, itertools.count(2)):
        dimension = 1
        while field_size**dimension < vocab_size:
            dimension += 1
        points = set_size * (dimension - 1) + 1
        if points <= field_size + 1:
            designs.append(KautzSingleton(field_size, dimension, points))
            if dimension <= 2:  # larger fields only widen it, up to the identity: dimension 1
                break
    identity = next(filter(is_prime, itertools.count(max(vocab_size, 2))))
    return [*designs, KautzSingleton(identity, 1, 1)]


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


@lru_cache(maxsize=8)
def field_tables(field_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums and products of the elements 0..q-1 of GF(q), two int64 arrays [q, q].

    Primes are computed here; prime powers by the `galois` package (extra `fields`).

    Raises:
        UsageError: q is no prime power, or is a proper power and `galois` is not installed.
    """
    elements = np.arange(field_size)
    if is_prime(field_size):
        sums = (elements[:, None] + elements) % field_size
        return sums, elements[:, None] * elements % field_size
    if not is_prime_power(field_size):
        raise UsageError(
            f"field_size is {field_size}: fields have a prime power of elements; "
            "choose 2, 3, 4, 5, 7, 8, 9, 11, ..."
        )
    with intra_op_threads(torch.get_num_threads()):  # numba, which galois loads, sets it anew
        try:
            galois: Any = importlib.import_module("galois")
        except ImportError:
            raise UsageError(
                f"field_size is {field_size}: prime powers need the extra `fields`; "
                "run pip install 'relubloom[fields]', or choose a prime"
            ) from None
        members = galois.GF(field_size, compile="python-calculate")(elements)
    sums = np.asarray(members[:, None] + members[None, :], dtype=np.int64)
    return sums, np.asarray(members[:, None] * members[None, :], dtype=np.int64)
