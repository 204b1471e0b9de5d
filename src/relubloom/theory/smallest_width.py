"""The smallest width that reaches a target: bracket from a guess, bisect, then look back."""

from collections.abc import Callable

LOOK_BACK = 3  # widths just below the answer that are known to fail


def smallest_width(reaches: Callable[[int], bool], guess: int) -> int:
    """The smallest width w with reaches(w), where `reaches` is monotone, or nearly so.

    The answer reaches the target, and none of the `LOOK_BACK` widths just below it does: so a
    small dent in monotonicity does not hide a smaller answer close by, and a large one could.
    `reaches` must hold for some width. Cost: O(log(answer - guess)) calls, and `LOOK_BACK`.
    """
    low, high = _bracket(reaches, max(1, guess))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    below = high - 2  # high - 1 has failed already
    while below >= max(1, high - LOOK_BACK):
        if reaches(below):
            high = below
        below -= 1
    return high


def _bracket(reaches: Callable[[int], bool], guess: int) -> tuple[int, int]:
    """A width that fails (or 0) and a larger one that reaches, by growing steps from `guess`."""
    step = max(1, guess // 32)
    if reaches(guess):
        high, low = guess, guess - step
        while low > 0 and reaches(low):
            step *= 2
            high, low = low, low - step
        return max(0, low), high
    low, high = guess, guess + step
    while not reaches(high):
        step *= 2
        low, high = high, high + step
    return low, high
