"""Counts by token, and by pair of tokens: who is called, missed or covered, and beside whom."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.measure.answers import Listed
from relubloom.task import AllSets

PAIRS_UP_TO = 2048  # tokens; two tables of all pairs are then at most 64 MB
WAITING = 1 << 20  # pairs that are gathered before they go into the table


@dataclass(frozen=True)
class TokenCounts:
    """float64 counts, copies counted; `false_positives` is the network's, by the calling rule.

    By token ([vocab]): `sets` that hold it, the sum of their mse, the sets on which it is missed,
    and on which it is a false positive of the network and of the code.
    By pair ([vocab, vocab], or None above 2,048 tokens): at [t, w], the sets that hold w on which t
    is a false positive; and `together`, the sets that hold both (None also where not asked for).
    """

    sets: NDArray[np.float64]
    mse: NDArray[np.float64]
    misses: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    code_false_positives: NDArray[np.float64]
    false_positives_beside: NDArray[np.float64] | None
    code_false_positives_beside: NDArray[np.float64] | None
    together: NDArray[np.float64] | None

    @property
    def dead(self) -> NDArray[np.bool_]:
        """The tokens that are missed on more than half of the sets that hold them.

        One that no set holds is not dead, nor one that is called beside false positives.
        """
        return self.misses > 0.5 * self.sets


@dataclass(frozen=True)
class ChunkOfTokens:
    """What one chunk adds to the counts; `ids` and `missed` are [batch, set_size]."""

    ids: NDArray[np.int64]
    copies: NDArray[np.float64]
    mse: NDArray[np.float64]
    missed: NDArray[np.bool_]
    called: Listed
    covered: Listed


class TokenTally:
    """Adds up the counts, chunk by chunk."""

    def __init__(
        self, vocab_size: int, *, together: bool = False, pairs_up_to: int = PAIRS_UP_TO
    ) -> None:
        self._vocab = vocab_size
        self._by_token = np.zeros((5, vocab_size))
        paired = vocab_size <= pairs_up_to
        self._called = PairTally(vocab_size) if paired else None
        self._covered = PairTally(vocab_size) if paired else None
        self._together = PairTally(vocab_size) if paired and together else None

    def add(self, chunk: ChunkOfTokens) -> None:
        """Add one chunk. Cost: O(vocab + batch set_size + set_size times those listed)."""
        copies = np.repeat(chunk.copies[:, None], chunk.ids.shape[1], axis=1)
        weighed = [
            (chunk.ids, copies),
            (chunk.ids, copies * chunk.mse[:, None]),
            (chunk.ids[chunk.missed], copies[chunk.missed]),
            (chunk.called.tokens, chunk.copies[chunk.called.rows]),
            (chunk.covered.tokens, chunk.copies[chunk.covered.rows]),
        ]
        for total, (tokens, weights) in zip(self._by_token, weighed, strict=True):
            found = np.bincount(tokens.ravel(), weights.ravel(), self._vocab + 1)
            total += found[: self._vocab]  # padding counts for nothing
        for pairs, listed in ((self._called, chunk.called), (self._covered, chunk.covered)):
            if pairs is not None:
                members = chunk.ids[listed.rows]
                pairs.add(listed.tokens[:, None], members, copies[listed.rows])
        if self._together is not None:
            for column in range(1, chunk.ids.shape[1]):
                first, second = chunk.ids[:, :column], chunk.ids[:, [column]]
                self._together.add(first, second, chunk.copies[:, None])

    def counts(self) -> TokenCounts:
        """What was added so far."""
        sets, mse, misses, false_positives, code_false_positives = self._by_token
        return TokenCounts(
            sets=sets,
            mse=mse,
            misses=misses,
            false_positives=false_positives,
            code_false_positives=code_false_positives,
            false_positives_beside=self._called and self._called.table(),
            code_false_positives_beside=self._covered and self._covered.table(),
            together=self._both_ways(),
        )

    def _both_ways(self) -> NDArray[np.float64] | None:
        """From each pair of columns in one order to pairs in both, and each token with itself."""
        if self._together is None:
            return None
        one_way = self._together.table()
        return one_way + one_way.T + np.diag(self._by_token[0])


def together_in_all(sets: AllSets, pairs_up_to: int = PAIRS_UP_TO) -> NDArray[np.float64] | None:
    """`TokenCounts.together` of all sets, which needs no counting."""
    vocab, size = sets.vocab_size, sets.set_size
    if vocab > pairs_up_to:
        return None
    both = math.comb(vocab - 2, size - 2) if size > 1 else 0
    table = np.full((vocab, vocab), float(both))
    np.fill_diagonal(table, math.comb(vocab - 1, size - 1))
    return table


class PairTally:
    """Weights of ordered pairs of tokens, added up in a table [vocab, vocab]."""

    def __init__(self, vocab_size: int, waiting: int = WAITING) -> None:
        self._most_waiting = waiting
        self._stride = vocab_size + 1  # one more for padding
        self._table = np.zeros(self._stride**2)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._pairs = 0

    def add(
        self, first: NDArray[np.int64], second: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> None:
        """Add pairs of ids; the three arrays are broadcast. Padding ids count for nothing."""
        keys = first * self._stride + second
        self._waiting.append((keys.ravel(), np.broadcast_to(weights, keys.shape).ravel()))
        self._pairs += keys.size
        if self._pairs >= self._most_waiting:
            self._settle()

    def table(self) -> NDArray[np.float64]:
        """The sum of weights at [first, second], float64 [vocab, vocab]."""
        self._settle()
        return self._table.reshape(self._stride, -1)[:-1, :-1].copy()

    def _settle(self) -> None:
        if not self._pairs:
            return
        keys, weights = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        self._table += np.bincount(keys, weights, self._stride**2)
        self._waiting, self._pairs = [], 0
