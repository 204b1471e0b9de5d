"""How numbers are written on the page."""

import math
from collections.abc import Callable

SPACE = "\u00a0"  # does not break between a number and its unit
NONE = "\u2013"


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage that says 100 or 0 only where it is exactly that."""
    if share in (0, 1):
        return f"{100 * share:.0f}{SPACE}%"
    for places in range(digits, 7):
        text = f"{100 * share:.{places}f}"
        if float(text) not in (0, 100):
            return f"{text}{SPACE}%"
    return f"under 0.000001{SPACE}%" if share < 0.5 else f"over 99.999999{SPACE}%"


def figure(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, in plain decimals or as a power of ten."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -5 < exponent < 6:
        text = f"{value:.{max(0, digits - 1 - exponent)}f}"
    else:
        text = f"{value / 10**exponent:.{digits - 1}f}{SPACE}×{SPACE}{power_of_ten(exponent)}"
    return text.replace("-", "\u2212")


def power_of_ten(exponent: int) -> str:
    """10⁻⁵ and the like."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def decimal(value: float, digits: int = 3) -> str:
    """A number between -1 and 1 to so many decimals: a correlation, an F1."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\u2212")


def count(number: int) -> str:
    """A whole number with thousands separated."""
    return f"{number:,}"


def several(number: int, noun: str) -> str:
    """A number with its noun: 1 set, 2 sets."""
    return f"{count(number)}{SPACE}{noun}{'' if number == 1 else 's'}"


def optional(value: float | None, write: Callable[[float], str]) -> str:
    """A number that may be absent."""
    return NONE if value is None else write(value)


def spans(numbers: list[int]) -> str:
    """Ascending whole numbers, neighbours drawn together: 3, 9 to 16."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ", ".join(
        f"{group[0]} to {group[-1]}" if len(group) > 2 else ", ".join(map(str, group))
        for group in groups
    )
