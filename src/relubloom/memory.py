"""Refuse sizes that cannot fit this machine before anything is made."""

import os

from relubloom.errors import UsageError

TRAINING_COPIES = 4  # weights, gradients, and Adam's two moments
FLOAT32 = 4  # bytes


def refuse_too_large(vocab_size: int, width: int, networks: int = 1) -> None:
    """Estimate the memory of training `networks` networks and compare it with the machine's.

    Raises:
        UsageError: the weights, gradients and moments alone need more than there is.
    """
    needed = TRAINING_COPIES * FLOAT32 * networks * (2 * vocab_size * width + vocab_size + width)
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        together = "" if networks == 1 else f" of {_told(networks)} networks"
        raise UsageError(
            f"vocab_size {_told(vocab_size)} and width {_told(width)}{together} need "
            f"{_told(needed >> 30, ',')} GiB for weights and optimiser, and this machine has "
            f"{there / 2**30:,.0f}; lower them"
        )


def _told(number: int, form: str = "") -> str:
    """A whole number, or how long it is."""
    return format(number, form) if number < 10**18 else f"a number of {len(str(number))} digits"
