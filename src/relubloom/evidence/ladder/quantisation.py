"""Quantised weights: the rival that explains nothing. Codebooks are those of k-means."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.ladder.read_network import Mask, ReadNetwork, Reals
from relubloom.evidence.ladder.rung import REAL, Rung, Written, as_network, rung
from relubloom.network.relu_net import ReluNet

MAX_ITERATIONS = 1000  # of Lloyd's
BITS = range(1, 9)


@rung("two-level-input", "Two-level W_in, real W_out", "quantisation")
def two_level_input(read: ReadNetwork) -> Written:
    """W_in at the two means of each unit, W_out as stored."""
    units, width, vocab = read.units, read.net.width, read.net.vocab_size
    W_in = np.where(read.code.bits, units.bit_in, units.other_in)
    meaning = (
        "Each unit's two means in W_in, placed by the hash; W_out and the biases as "
        "stored (vocab_size times width numbers without a meaning)."
    )
    _, b_in, W_out, b_out = read.weights
    return (
        meaning,
        read.length(3 * width + width * vocab + vocab),
        as_network(W_in, b_in, W_out.T, b_out),
    )


def by_matrix(read: ReadNetwork) -> Iterator[Rung]:
    """W_in and W_out each on a k-means codebook of 2^b numbers."""
    for bits, length, program in _quantised(read, [np.ones_like(read.code.bits)]):
        name, title = f"matrix-{bits}-bit", f"Weights in {bits} {_words(bits)}"
        meaning = f"W_in and W_out rounded to 2^{bits} numbers each (k-means); biases as stored."
        yield Rung(name, title, meaning, "quantisation", length, (program,))


def by_mode(read: ReadNetwork) -> Iterator[Rung]:
    """Each mode of W_in and W_out, by the hash, on a codebook of its own."""
    hashes = read.code.bits ^ read.reversed  # a reversed unit's bits are its upper entries
    for bits, length, program in _quantised(read, [hashes, ~hashes]):
        name, title = f"mode-{bits}-bit", f"Hash, weights in {bits} {_words(bits)} per mode"
        meaning = (
            f"The hash says which mode an entry of W_in or W_out is in; each mode is rounded to "
            f"2^{bits} numbers of its own (k-means); biases as stored."
        )
        length += read.hash_bits + read.mixed_bits
        yield Rung(name, title, meaning, "quantisation", length, (program,))


class _Quantised:
    """A matrix, to be rounded part by part to codebooks of several sizes."""

    def __init__(self, matrix: Reals, parts: list[Mask]) -> None:
        self._shape = matrix.shape
        self._parts = [(part, Quantiser(matrix[part])) for part in parts]

    def rounded(self, levels: int) -> tuple[Reals, int]:
        """The rounded matrix, and how many numbers its codebooks hold."""
        matrix, numbers = np.empty(self._shape), 0
        for part, quantiser in self._parts:
            codebook = quantiser.codebook(levels)
            matrix[part] = quantiser.nearest(codebook)
            numbers += len(codebook)
        return matrix, numbers


def _quantised(read: ReadNetwork, parts: list[Mask]) -> Iterator[tuple[int, int, ReluNet]]:
    """Networks of entries at 1 to 8 bits, each part [vocab, width] on a codebook of its own.

    With each its bits an entry and its length: entries, codebooks and biases at 32 bits a number.
    """
    W_in, b_in, W_out, b_out = read.weights
    matrices = [_Quantised(W_in, parts), _Quantised(W_out, [part.T for part in parts])]
    for bits in BITS:
        (W_in, numbers_in), (W_out, numbers_out) = (each.rounded(1 << bits) for each in matrices)
        reals = numbers_in + numbers_out + b_in.size + b_out.size
        length = bits * (W_in.size + W_out.size) + REAL * reals
        yield bits, length, as_network(W_in, b_in, W_out.T, b_out)


def _words(bits: int) -> str:
    return "bit" if bits == 1 else "bits"


class Quantiser:
    """Numbers sorted once, to be quantised to codebooks of several sizes.

    Lloyd's iteration on the sorted values, by prefix sums, from three starts: equal shares of the
    values, equal steps of their range, and between (shares of density to the 1/3, the best
    companding at high rates). The best of the three is taken; nothing is random.

    Cost: a sort; then O(levels log values) per iteration.
    """

    def __init__(self, values: Reals) -> None:
        self.values = values
        self._distinct, counts = np.unique(values, return_counts=True)
        self._centre = float(values.mean()) if values.size else 0.0
        self._moved = self._distinct - self._centre
        self._count = _from_zero(np.cumsum(counts))
        self._sum = _from_zero(np.cumsum(counts * self._moved))
        self._square = float(counts @ self._moved**2)

    def codebook(self, levels: int) -> Reals:
        """At most `levels` numbers, ascending; all of the values where there are no more."""
        if len(self._distinct) <= levels:
            return self._distinct
        books = [self._converged(start) for start in self._starts(levels)]
        return min(books, key=self._error) + self._centre

    def nearest(self, codebook: Reals) -> Reals:
        """Each of the values as its nearest number in the codebook, in the values' shape."""
        if not codebook.size:
            return self.values
        return codebook[np.searchsorted(_midpoints(codebook), self.values)]

    def _starts(self, levels: int) -> list[Reals]:
        """Centres to start from, each list ascending."""
        moved, companded = self._moved, self._companded
        shares = (np.arange(levels) + 0.5) / levels
        return [
            moved[np.searchsorted(self._count[1:], shares * self._count[-1])],
            moved[0] + shares * (moved[-1] - moved[0]),
            np.interp(shares * companded[-1], companded, moved),
        ]

    @cached_property
    def _companded(self) -> Reals:
        """Where each distinct value lies if steps count by the power 2/3 of their size."""
        return np.cumsum(np.diff(self._moved, prepend=self._moved[0]) ** (2 / 3))

    def _converged(self, centres: Reals) -> Reals:
        """Lloyd's iteration; a centre without values stays where it is."""
        cuts = np.zeros(0, dtype=np.int64)
        for _ in range(MAX_ITERATIONS):
            before, cuts = cuts, self._cuts(centres)
            if np.array_equal(before, cuts):
                break
            count, total = np.diff(self._count[cuts]), np.diff(self._sum[cuts])
            centres = np.where(count > 0, total / np.maximum(count, 1), centres)
        return centres

    def _cuts(self, centres: Reals) -> NDArray[np.int64]:
        """Borders, among the distinct values, between the cells of the centres."""
        inner = np.searchsorted(self._moved, _midpoints(centres))
        return np.concatenate([[0], inner, [len(self._moved)]])

    def _error(self, centres: Reals) -> float:
        """Sum of squared distances to the nearest centre, for converged centres."""
        cuts = self._cuts(centres)
        count, total = np.diff(self._count[cuts]), np.diff(self._sum[cuts])
        return self._square - float((total**2 / np.maximum(count, 1)).sum())


def _midpoints(ascending: Reals) -> Reals:
    return (ascending[1:] + ascending[:-1]) / 2


def _from_zero(sums: NDArray[np.generic]) -> Reals:
    return np.concatenate([[0.0], sums.astype(np.float64)])
