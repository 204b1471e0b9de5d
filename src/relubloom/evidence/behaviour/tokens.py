"""Error by token and by pair: who is called in vain, and beside whom, and who is missed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.scores import SetScores
from relubloom.measure.statistics import pearson
from relubloom.records.behaviour import ConfusedPair, Confusion, TokenFigures, Tokens

LISTED_UP_TO = 10_000  # tokens; above, only the worst are given
WORST = 20
TIE_DIGITS = 7  # equal to so many digits of the largest mse is a tie, which goes by token id
LEAST = 1e-30
ENOUGH = 30  # sets of a sample that a pair's share must rest on


def measure_tokens(scores: SetScores, listed_up_to: int = LISTED_UP_TO) -> Tokens:
    """Turn the counts by token into rates; copies count."""
    counts = scores.tokens
    held, absent = counts.sets, scores.copies.sum() - counts.sets
    called = _rate(counts.false_positives, absent)
    covered = _rate(counts.code_false_positives, absent)
    missed, mse = _rate(counts.misses, held), _rate(counts.mse, held)
    known = absent > 0
    known_mse = np.where(held > 0, mse, 0.0)
    ranked = np.round(known_mse / max(known_mse.max(), LEAST), TIE_DIGITS)
    order = np.argsort(-np.where(held > 0, ranked, -np.inf), kind="stable")[:WORST].tolist()
    listed = len(held) <= listed_up_to
    return Tokens(
        false_positive_rate=_nullable(called) if listed else None,
        miss_rate=_nullable(missed) if listed else None,
        code_false_positive_rate=_nullable(covered) if listed else None,
        mse=_nullable(mse) if listed else None,
        correlation=pearson(called[known], covered[known]),
        worst=[
            TokenFigures(
                token=token,
                sets=round(float(held[token])),
                mse=float(mse[token]),
                miss_rate=float(missed[token]),
                false_positive_rate=_nullable(called[[token]])[0],
                code_false_positive_rate=_nullable(covered[[token]])[0],
            )
            for token in order
            if held[token] > 0
        ],
    )


def measure_confusion(scores: SetScores, enough_sets: int = ENOUGH) -> Confusion | None:
    """Share by ordered pair. None above 2,048 tokens: a sample holds too few sets of each pair;
    and None where no pair has enough sets.

    Cost: O(vocab^2).
    """
    counts = scores.tokens
    called, covered = counts.false_positives_beside, counts.code_false_positives_beside
    if called is None or covered is None or counts.together is None:
        return None
    without = counts.sets - counts.together  # at [t, w]: the sets that hold w and not t
    enough = without >= (1 if scores.method == "all" else enough_sets)
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


def _rate(counts: NDArray[np.float64], sets: NDArray[np.float64]) -> NDArray[np.float64]:
    """counts / sets, NaN where there are no sets."""
    return np.divide(counts, sets, out=np.full_like(counts, np.nan), where=sets > 0)


def _nullable(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
