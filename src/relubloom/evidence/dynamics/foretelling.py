"""How far the weights of a moment foretell which entries end as bits."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from relubloom.records.dynamics import Foretelling


def foretell(film: NDArray[np.float32], bits: NDArray[np.bool_]) -> Foretelling:
    """Compare the film [snapshots, tokens, units] with the final `bits` [tokens, units].

    Cost: a sort of the tokens for each unit and snapshot.
    """
    ones = bits.sum(0)
    zeros = len(bits) - ones
    pairs = int((ones * zeros).sum())
    if pairs == 0:
        return Foretelling([None] * len(film), None, None)
    marked = np.argsort(film[0], axis=0, kind="stable").argsort(0) < ones
    both = (ones > 0) & (zeros > 0)
    total = int(ones[both].sum())
    return Foretelling(
        auc=[_auc(rankdata(frame, axis=0), bits, pairs) for frame in film],
        initial_hits=float((marked & bits)[:, both].sum() / total),
        chance_hits=float((ones[both] ** 2).sum() / len(bits) / total),
    )


def _auc(ranks: NDArray[np.float64], bits: NDArray[np.bool_], pairs: int) -> float:
    """Mann-Whitney: the bits' ranks above the least they can have count the pairs won by others."""
    ones = bits.sum(0)
    lost = (ranks * bits).sum() - (ones * (ones + 1) / 2).sum()
    return float(1 - lost / pairs)
