"""The sizes of sets, as they are written: `k`, `(a, b)`, `[a, b]` or `a..b`."""

import re
from numbers import Integral
from typing import Any

from relubloom.errors import UsageError


def as_sizes(set_size: int | tuple[int, int]) -> tuple[int, int]:
    """(smallest, largest) of a set_size that may be one number."""
    return (set_size, set_size) if isinstance(set_size, int) else set_size


def parse_sizes(value: Any, name: str = "set_size") -> int | tuple[int, int]:
    """The set_size that a JSON value or a text says: `k`, `[a, b]`, or `a..b`.

    Raises:
        UsageError: it is none of these; the message calls it `name`.
    """
    match value:
        case bool():
            pass
        case Integral():
            return int(value)
        case [Integral() as low, Integral() as high]:
            return int(low), int(high)
        case str() if found := re.fullmatch(r"\s*(-?\d+)(?:\.\.(-?\d+))?\s*", value):
            return simplest((int(found[1]), int(found[2] or found[1])))
        case _:
            pass
    raise UsageError(f"{name} is {value!r}: give a number, or a range such as 3..8")


def format_sizes(sizes: tuple[int, int]) -> str:
    """`k`, or `a..b`."""
    return str(sizes[0]) if sizes[0] == sizes[1] else f"{sizes[0]}..{sizes[1]}"


def simplest(sizes: tuple[int, int]) -> int | tuple[int, int]:
    """The set_size that says (smallest, largest): one number where both are equal."""
    return sizes[0] if sizes[0] == sizes[1] else sizes
