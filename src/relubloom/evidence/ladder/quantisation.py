"""Quantised weights: the rival that explains nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.k_means import Quantiser, Reals
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.subject import Subject
from relubloom.network.relu_net import ReluNet

BITS = range(1, 9)


def two_level_input(subject: Subject) -> Rung:
    """W_in at the two means of each unit, W_out as stored."""
    units, width, vocab = subject.units, subject.net.width, subject.net.vocab_size
    W_in = np.where(subject.code.bits, units.bit_in, units.other_in)
    return Rung(
        name="two-level-input",
        title="Two-level W_in, real W_out",
        meaning="Each unit's two means in W_in, placed by the hash; W_out and the biases as "
        "stored (vocab_size times width numbers without a meaning).",
        kind="quantisation",
        bits=subject.hash_bits + REAL * (2 * width + width + width * vocab + vocab),
        programs=(_with_matrices(subject.net, W_in, subject.weights[2]),),
    )


def by_matrix(subject: Subject) -> Iterator[Rung]:
    """W_in and W_out each on a k-means codebook of 2^b numbers."""
    matrices = subject.weights[0], subject.weights[2]
    everywhere = np.ones(matrices[0].shape, dtype=np.bool_)
    quantised = [_Quantised(matrix, [everywhere.reshape(matrix.shape)]) for matrix in matrices]
    for bits in BITS:
        yield _rung(
            subject,
            quantised,
            bits,
            name=f"matrix-{bits}-bit",
            title=f"Weights in {bits} {_words(bits)}",
            meaning=f"W_in and W_out rounded to 2^{bits} numbers each (k-means); biases as stored.",
            hash_bits=0,
        )


def by_mode(subject: Subject) -> Iterator[Rung]:
    """Each mode of W_in and W_out, by the hash, on a codebook of its own."""
    hashes = subject.code.bits
    quantised = [
        _Quantised(subject.weights[0], [hashes, ~hashes]),
        _Quantised(subject.weights[2], [hashes.T, ~hashes.T]),
    ]
    for bits in BITS:
        yield _rung(
            subject,
            quantised,
            bits,
            name=f"mode-{bits}-bit",
            title=f"Hash, weights in {bits} {_words(bits)} per mode",
            meaning=f"The hash says which mode an entry of W_in or W_out is in; each mode is "
            f"rounded to 2^{bits} numbers of its own (k-means); biases as stored.",
            hash_bits=subject.hash_bits,
        )


class _Quantised:
    """A matrix, to be rounded part by part to codebooks of several sizes."""

    def __init__(self, matrix: Reals, parts: list[NDArray[np.bool_]]) -> None:
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


def _rung(
    subject: Subject,
    quantised: list[_Quantised],
    bits: int,
    *,
    name: str,
    title: str,
    meaning: str,
    hash_bits: int,
) -> Rung:
    """Entries at `bits` each, codebooks and biases at 32 bits a number, and the hash."""
    net = subject.net
    (W_in, numbers_in), (W_out, numbers_out) = (each.rounded(1 << bits) for each in quantised)
    reals = numbers_in + numbers_out + net.width + net.vocab_size
    return Rung(
        name=name,
        title=title,
        meaning=meaning,
        kind="quantisation",
        bits=hash_bits + bits * (W_in.size + W_out.size) + REAL * reals,
        programs=(_with_matrices(net, W_in, W_out),),
    )


def _with_matrices(net: ReluNet, W_in: Reals, W_out: Reals) -> ReluNet:
    """The network with other matrices, in float32."""
    return ReluNet(
        torch.from_numpy(W_in.astype(np.float32)),
        net.b_in.detach().float(),
        torch.from_numpy(W_out.astype(np.float32)),
        net.b_out.detach().float(),
    )


def _words(bits: int) -> str:
    return "bit" if bits == 1 else "bits"
