"""Sets of other sizes than a network was trained on: what one line of arithmetic says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import relubloom as rb
from relubloom.network.strengths import measure_drops

SETS = 20_000


def other_size(net: rb.ReluNet, graded: rb.GradedCode, trained: int, size: int) -> dict[str, Any]:
    """Levels of the units on sets of `size` tokens, found and predicted, and members missed.

    A unit stands at b_in + k m on a set of k tokens without its bit, m the mean non-bit entry. So
    on q tokens it stands at 1 + (q - k) m / (b_in + k m) of that, and a bit that takes the share v
    away leaves 1 + (q - k) m / (b_in + k m) - v of it, or nothing. Figures are means over units,
    and over bits; levels are shares of the untouched level on sets of the trained size.
    """
    task = rb.KSparseTask(net.vocab_size, size)
    drops = measure_drops(net, rb.Code(graded.bits), trained)
    sets = task.drawn_sets("other sizes", SETS).chunk(0, SETS)
    logits, cache = net.run_with_cache(sets)
    post = cache["hook_post"].detach().double().numpy() / drops.untouched
    states = graded.states(sets.numpy())
    step = (drops.untouched - net.b_in.detach().double().numpy()) / trained / drops.untouched
    expected = 1 + (size - trained) * step
    left = np.maximum(expected - drops.share, 0)
    full, half = graded.strengths == graded.levels, graded.strengths == 1
    members = logits.detach().gather(1, sets)
    missed = members < logits.detach().max(1, keepdim=True).values - np.log(2)
    return {
        "untouched": float(post[states == 0].mean()),
        "untouched_said": float(expected.mean()),
        "leaking": float(post[states == 1].mean()),
        "leaking_said": float(left[half].mean()),
        "covered_on": float((post[states == graded.levels] > 0).mean()),
        "full_not_alone": float((left[full] > 0).mean()),
        "half_alone": float((left[half] == 0).mean()),
        "missed": float(missed.double().mean()),
        "failing": float(failing(logits, sets).mean()),
    }


def failing(logits: torch.Tensor, sets: torch.Tensor) -> NDArray[np.bool_]:
    """Whether each set fails by loss."""
    p = torch.softmax(logits.detach().double(), 1)
    size = sets.shape[1]
    y = torch.zeros_like(p).scatter_(1, sets, 1 / size)
    return ((p - y).square().sum(1) > 1 / (2 * size * (size + 1))).numpy()
