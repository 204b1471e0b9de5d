"""Checks of the sizes that every formula takes; each message names value, rule and remedy.

They return the sizes as ints: NumPy's of few bits overflow within a formula.
"""

from typing import Literal, get_args

from relubloom.errors import UsageError, check_choice, check_fits, whole

MOST_TOKENS = 10**18  # beyond, floats lose what a formula subtracts
Criterion = Literal["mse", "false_positives", "p_exact"]


def check_sizes(vocab_size: int, width: int, set_size: int) -> tuple[int, int, int]:
    """The sizes; refuse those for which no set or no code exists.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size, or `width` is below 1.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    width = whole("width", width)
    if width < 1:
        raise UsageError(
            f"width is {width}: a code has at least one unit; give a width of 1 or more"
        )
    return vocab_size, width, set_size


def check_set_size(vocab_size: int, set_size: int) -> tuple[int, int]:
    """Both sizes; refuse a set size that is not in 1..vocab_size.

    Raises:
        UsageError: there is no such set.
    """
    set_size, vocab_size = whole("set_size", set_size), whole("vocab_size", vocab_size)
    if set_size < 1:
        raise UsageError(
            f"set_size is {set_size}: a set has at least one token; give a set_size of 1 or more"
        )
    if vocab_size > MOST_TOKENS:
        raise UsageError(
            f"vocab_size has {len(str(vocab_size))} digits: the exact laws hold up to "
            f"{MOST_TOKENS:.0e} tokens; lower it"
        )
    check_fits(set_size, vocab_size)
    return vocab_size, set_size


def check_weight(weight: int, width: int) -> int:
    """The weight; refuse a weight that is not in 0..width.

    Raises:
        UsageError: no hash has that many bits.
    """
    weight = whole("weight", weight)
    if not 0 <= weight <= width:
        raise UsageError(
            f"weight is {weight}: a hash has between 0 and width = {width} bits; change the weight"
        )
    return weight


def check_weights(half: int, full: int, width: int) -> tuple[int, int]:
    """Both weights of a graded hash; refuse those that no such hash has.

    Raises:
        UsageError: one is negative, or they are more than the units.
    """
    half, full = whole("half", half), whole("full", full)
    if half < 0 or full < 0 or half + full > width:
        raise UsageError(
            f"half is {half} and full is {full}: a hash has 0 or more of each, and in all at most "
            f"width = {width} bits; change them"
        )
    return half, full


def check_criterion(by: Criterion) -> Criterion:
    """The criterion; refuse one that no search knows.

    Raises:
        UsageError: `by` is not one of `Criterion`.
    """
    check_choice("by", by, *get_args(Criterion))
    return by
