"""Addition and multiplication tables of the finite field with q elements."""

import importlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.errors import UsageError


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
    try:
        galois: Any = importlib.import_module("galois")
    except ImportError:
        raise UsageError(
            f"field_size is {field_size}: prime powers need the extra `fields`; "
            "run pip install 'relubloom[fields]', or choose a prime"
        ) from None
    field = galois.GF(field_size, compile="python-calculate")
    members = field(elements)
    sums = np.asarray(members[:, None] + members[None, :], dtype=np.int64)
    return sums, np.asarray(members[:, None] * members[None, :], dtype=np.int64)


def is_prime(number: int) -> bool:
    """Whether a number is prime, by trial division."""
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def is_prime_power(number: int) -> bool:
    """Whether a number is a power of one prime."""
    if number < 2:
        return False
    prime = next(divisor for divisor in range(2, number + 1) if number % divisor == 0)
    while number % prime == 0:
        number //= prime
    return number == 1
