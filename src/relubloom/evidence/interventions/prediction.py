"""What the code says, before the network runs: unions, and the tokens that they call."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code

CHUNK_BYTES = 2 << 20  # of one [batch, vocab] array of 8-byte entries: it stays in a core's cache
MIN_CHUNK = 64  # cases; below that a chunk would read W_out more often than it uses it


@dataclass(frozen=True)
class Prediction:
    """Unions (bool [cases, width]) and the code that they are decoded by."""

    code: Code
    unions: NDArray[np.bool_]

    def called(self, start: int, stop: int) -> NDArray[np.bool_]:
        """The tokens predicted to be called in cases start..stop, bool [batch, vocab].

        These are the tokens with the fewest bits outside the union: the union's decode, unless it
        covers no token at all. A sharp readout calls exactly these, and never none.
        """
        unions = self.unions[start:stop]
        called = self.code.decode_unions(unions)
        bare = ~called.any(1)
        if bare.any():
            outside = (~unions[bare]).astype(np.float32)
            missing = outside @ self.code.bits.T.astype(np.float32)
            called[bare] = missing == missing.min(1, keepdims=True)
        return called


def with_shuffled_rows(
    code: Code, sets: NDArray[np.int64], random: np.random.Generator
) -> Prediction:
    """The sets' decode by a code whose hashes were dealt to the tokens anew."""
    shuffled = Code(code.bits[random.permutation(code.vocab_size)])
    return Prediction(shuffled, shuffled.union(sets))


def only(width: int, units: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bool [cases, width], True at each case's unit."""
    return units[:, None] == np.arange(width)


def indicator(ids: NDArray[np.int64], vocab_size: int) -> NDArray[np.bool_]:
    """Bool [batch, vocab]: which tokens each set holds; the id `vocab_size` is padding."""
    held = np.zeros((len(ids), vocab_size + 1), dtype=np.bool_)
    np.put_along_axis(held, ids, True, axis=1)
    return held[:, :vocab_size]


def chunks(count: int, vocab_size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of chunks whose [batch, vocab] arrays fit a cache."""
    size = max(MIN_CHUNK, CHUNK_BYTES // (8 * vocab_size))
    for start in range(0, count, size):
        yield start, min(count, start + size)
