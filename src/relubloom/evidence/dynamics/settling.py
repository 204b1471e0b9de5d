"""When each token has the hash that it ends with."""

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.dynamics.for_good import for_good
from relubloom.records.dynamics import Settling

LISTED_UP_TO = 10_000  # tokens; above, only shares are given


def follow_hashes(on_final_side: NDArray[np.bool_], steps: list[int]) -> Settling:
    """Follow the bits; `on_final_side` is [snapshots, tokens, units], true at the last snapshot.

    Cost: O(snapshots tokens units).
    """
    wrong = (~on_final_side).sum(2)
    bits, tokens = for_good(on_final_side), for_good(wrong == 0)
    nearly = for_good(wrong <= 1)
    times = np.array(steps)
    listed = len(tokens) <= LISTED_UP_TO
    return Settling(
        settled_bits=_share_by(bits, len(steps)),
        final_side=on_final_side.mean((1, 2)).tolist(),
        settled_tokens=_share_by(tokens, len(steps)),
        all_but_one=_share_by(nearly, len(steps)),
        token_steps=times[tokens].tolist() if listed else None,
        token_steps_all_but_one=times[nearly].tolist() if listed else None,
        half_settled_step=steps[_half(tokens)],
        half_all_but_one_step=steps[_half(nearly)],
    )


def _share_by(snapshot: NDArray[np.int64], snapshots: int) -> list[float]:
    """The share of entries whose snapshot is at most 0, 1, ..."""
    counts = np.bincount(snapshot.ravel(), minlength=snapshots)
    return (np.cumsum(counts) / snapshot.size).tolist()


def _half(snapshot: NDArray[np.int64]) -> int:
    """The first snapshot that at least half of the entries are at or before."""
    return int(np.sort(snapshot)[(len(snapshot) - 1) // 2])
