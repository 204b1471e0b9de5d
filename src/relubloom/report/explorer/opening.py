"""The set that the page opens on: a real false positive."""

from __future__ import annotations

import numpy as np
import torch

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet

DRAWS = 20_000
TESTS = 50_000_000  # (set, token) pairs to look through at most
TRIED = 200  # sets that the network is asked about
CALLED = 0.5  # of the largest probability


def opening_set(net: ReluNet, code: Code, set_size: int) -> list[int] | None:
    """Members of a seeded set with one false positive of the code that the network calls too.

    Of those found, the one on which members and false positive are the most alike: the clearest
    to look at. None where no such set is found. Cost: at most `TESTS` word operations.
    """
    draws = max(1, min(DRAWS, TESTS // code.vocab_size))
    generator = np.random.default_rng(0)
    sets = np.sort(generator.integers(code.vocab_size, size=(draws, set_size)), axis=1)
    sets = sets[(np.diff(sets, axis=1) > 0).all(1)]
    sets = sets[code.false_positives(sets) == 1][:TRIED]
    if not len(sets):
        return None
    covered = code.decode(sets)
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    with torch.no_grad():
        p = exact(torch.from_numpy(sets)).softmax(1).numpy()
    least = np.where(covered, p, np.inf).min(1) / p.max(1)
    others = np.where(covered, 0.0, p).max(1) / p.max(1)
    least[others >= CALLED] = 0
    best = int(least.argmax())
    return [int(token) for token in sets[best]] if least[best] >= CALLED else None
