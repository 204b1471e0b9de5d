"""Which token is called in vain beside which: confusion of ordered pairs of tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores
from relubloom.evidence.token_counts import PairTally
from relubloom.measure.correlation import pearson
from relubloom.records.behaviour import ConfusedPair, Confusion
from relubloom.task import SetCollection

WORST = 20
ENOUGH = 30  # sets of a sample that a pair's share must rest on
CHUNK = 1 << 16  # sets read at a time


def measure_confusion(scores: SetScores, sets: SetCollection) -> Confusion | None:
    """Share by ordered pair. None above 2,048 tokens: a sample holds too few sets of each pair;
    and None where no pair has enough sets.

    Cost: O(sets set_size^2 + vocab^2).
    """
    called, covered = (
        scores.tokens.false_positives_beside,
        scores.tokens.code_false_positives_beside,
    )
    if called is None or covered is None:
        return None
    without = _sets_without(scores, sets)
    enough = without >= (1 if scores.method == "all" else ENOUGH)
    np.fill_diagonal(enough, False)
    if not enough.any():
        return None
    counted = without[enough]
    share, predicted = called[enough] / counted, covered[enough] / counted
    tokens, beside = np.nonzero(enough)
    order = np.lexsort((-counted, -share))[:WORST].tolist()
    return Confusion(
        pairs=[
            ConfusedPair(
                token=int(tokens[place]),
                with_=int(beside[place]),
                sets=round(float(counted[place])),
                called=float(share[place]),
                code=float(predicted[place]),
            )
            for place in order
            if share[place] > 0
        ],
        correlation=pearson(share, predicted),
        method=scores.method,
        sets=len(scores.mse),
    )


def _sets_without(scores: SetScores, sets: SetCollection) -> NDArray[np.float64]:
    """At [t, w]: the sets, copies counted, that hold w and not t."""
    together = PairTally(len(scores.tokens.sets))
    for start in range(0, len(sets), CHUNK):
        stop = min(len(sets), start + CHUNK)
        ids = sets.chunk(start, stop).numpy()
        copies = scores.copies[start:stop, None]
        for column in range(ids.shape[1]):
            together.add(ids, ids[:, [column]], copies)
    return scores.tokens.sets - together.table()
