"""What a trained network is: nearly linear, binary, graded, or neither."""

from __future__ import annotations

from typing import Literal, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

import relubloom as rb
from relubloom.measure.statistics import agreement
from relubloom.network.strengths import ASKED, BIT, FULL, extract_with_drops
from relubloom.task import SetCollection

Kind = Literal["nearly linear", "neither", "binary", "graded"]
CLASSES: tuple[Kind, ...] = ("nearly linear", "neither", "binary", "graded")
LEAST_OFF = 0.05  # share of (set, unit) pairs at 0, below which the ReLU hardly matters
MOST_FAILURES = 0.5  # share of sets above which "all fail" is too good a prediction
LEAST_F1 = 0.8
GAIN = 0.05  # in F1 by which half bits must improve the prediction
CHUNK = 4096


class Figures(TypedDict):
    """Of one network.

    Error, share of sets that fail by loss, share of (set, unit) pairs at 0, bits a token and share
    of half ones, how many strengths `extract_graded_code` finds to be kinds of their own, F1 of the
    failures by both hashes, class.
    """

    mse: float
    failures: float
    off: float
    bits: float
    half: float
    kinds: int
    binary_f1: float
    graded_f1: float
    kind: Kind


def figures_of(net: rb.ReluNet, sets: SetCollection) -> Figures:
    """Evaluate the network and both of its hashes on the sets."""
    every = sets.chunk(0, len(sets))
    size = every.shape[1]
    code = rb.extract_code(net)
    kinds, drops = extract_with_drops(net, code, size)
    half = (drops.share >= BIT) & (drops.share < FULL) & (drops.cost >= ASKED)
    graded = rb.GradedCode(np.where(half, 1, 2 * np.where(half, False, code.bits)), 2)
    loss, off = [], 0.0
    for chunk in every.split(CHUNK):
        logits, cache = net.run_with_cache(chunk)
        off += float((cache["hook_post"] == 0).float().sum())
        p = torch.softmax(logits.detach(), 1)
        y = torch.zeros_like(p).scatter_(1, chunk, 1 / size)
        loss.append((p - y).square().sum(1))
    losses = torch.cat(loss).double().numpy()
    failed = losses > 1 / (2 * size * (size + 1))
    failures = float(failed.mean())
    scores = _f1(code, every, failed), _f1(graded, every, failed)
    off /= len(every) * net.width
    return Figures(
        mse=float(losses.mean()),
        failures=failures,
        off=off,
        bits=float(graded.weights.mean()),
        half=float(half.sum() / max(1, graded.bits.sum())),
        kinds=kinds.levels,
        binary_f1=scores[0],
        graded_f1=scores[1],
        kind=kind_of(off, failures, *scores),
    )


def kind_of(off: float, failures: float, binary_f1: float, graded_f1: float) -> Kind:
    """The class by shares of units at 0 and of sets that fail, and by the F1 of both hashes."""
    if off < LEAST_OFF:
        return "nearly linear"
    if failures > MOST_FAILURES:
        return "neither"
    if graded_f1 >= LEAST_F1 and graded_f1 > binary_f1 + GAIN:
        return "graded"
    return "binary" if binary_f1 >= LEAST_F1 else "neither"


def _f1(code: rb.Code | rb.GradedCode, sets: torch.Tensor, failed: NDArray[np.bool_]) -> float:
    predicted = code.false_positives(sets) > 0
    both = float((predicted & failed).sum())
    found = agreement(float(predicted.sum()), float(failed.sum()), both).f1
    return 1.0 if found is None else found
