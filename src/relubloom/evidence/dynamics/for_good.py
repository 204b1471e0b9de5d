"""From when on something stays true."""

import numpy as np
from numpy.typing import NDArray


def for_good(true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first snapshot from which on the flags [snapshots, ...] stay true, int64 [...].

    It is the number of snapshots where the last flag is false.
    """
    false_last = np.argmin(true[::-1], axis=0)  # the first false from the end
    return np.where(true.all(0), 0, len(true) - false_last)


def step_of(snapshot: int, steps: list[int]) -> int | None:
    """The training step of a snapshot; None for one past the end."""
    return steps[snapshot] if snapshot < len(steps) else None
