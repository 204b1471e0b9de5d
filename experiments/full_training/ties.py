"""What decides the sets that are ranked wrongly: and which non-bit entries say so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import relubloom as rb
from relubloom.evidence.ladder.by_strength import levels_by_strength
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.evidence.ladder.rung import as_network

SETS, CHUNK = 100_000, 5_000
NAMES = ("levels of the bits alone", "non-bit entries of `W_out`", "of `W_in`", "of both matrices")


def ranking_f1(net: rb.ReluNet, graded: rb.GradedCode, size: int) -> list[float]:
    """F1 of the sets that are ranked wrongly, for networks that keep some non-bit entries.

    All bits, and the non-bit entries that are not kept, are products of a factor a token and a
    level a unit, by strength and matrix; `b_out` is kept. In the order of `NAMES`.
    """
    read = ReadNetwork(net, rb.Code(graded.bits), size, graded)
    W_in, b_in, W_out, b_out = read.weights
    other = ~graded.bits
    flat_in, flat_out = (levels_by_strength(read, each) for each in (W_in, W_out.T))
    kept_in, kept_out = np.where(other, W_in, flat_in), np.where(other, W_out.T, flat_out)
    pairs = ((flat_in, flat_out), (flat_in, kept_out), (kept_in, flat_out), (kept_in, kept_out))
    sets = rb.KSparseTask(net.vocab_size, size).drawn_sets("ties", SETS)
    truth = _wrong(net, sets.chunk(0, SETS).numpy())
    found = [
        _wrong(as_network(one, b_in, other_out, b_out), sets.chunk(0, SETS).numpy())
        for one, other_out in pairs
    ]
    return [float(2 * (each & truth).sum() / max(1, each.sum() + truth.sum())) for each in found]


def _wrong(net: rb.ReluNet, sets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether some non-member's logit is at least some member's."""
    parts: list[NDArray[np.bool_]] = []
    for start in range(0, len(sets), CHUNK):
        ids = sets[start : start + CHUNK]
        logits = net(ids).detach().double().numpy()
        least = np.take_along_axis(logits, ids, axis=1).min(1, keepdims=True)
        parts.append((logits >= least).sum(1) > ids.shape[1])
    return np.concatenate(parts)
