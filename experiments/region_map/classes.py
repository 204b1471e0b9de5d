"""What a trained network is: nearly linear, binary, graded, or neither."""

from __future__ import annotations

from typing import Literal, TypedDict

import torch
from torch import Tensor

import relubloom as rb
from relubloom.task import SetCollection

Kind = Literal["nearly linear", "neither", "binary", "graded"]
CLASSES: tuple[Kind, ...] = ("nearly linear", "neither", "binary", "graded")
LEAST_OFF = 0.05  # share of (set, unit) pairs at 0, below which the ReLU hardly matters
MOST_FAILURES = 0.5  # share of sets above which "all fail" is too good a prediction
LEAST_F1 = 0.8
GAIN = 0.05  # in F1 by which half bits must improve the prediction
CHUNK = 4096


class Figures(TypedDict):
    """Of one network: error, failures by loss, share of units at 0, bits a token, F1, class."""

    mse: float
    failures: float
    off: float
    bits: float
    half: float
    binary_f1: float
    graded_f1: float
    kind: Kind


def figures_of(net: rb.ReluNet, sets: SetCollection) -> Figures:
    """Evaluate the network and both of its hashes on the sets.

    A bit is half if, with an average non-bit entry for each other member, it leaves its unit on.
    """
    bits = torch.tensor(rb.extract_code(net).bits)
    W_in = net.W_in.detach()
    every = sets.chunk(0, len(sets))
    others = every.shape[1] - 1
    mean = (W_in * ~bits).sum(0) / (~bits).sum(0).clamp(min=1)
    half = bits & (net.b_in.detach() + W_in + others * mean > 0)
    full = bits & ~half
    losses: list[Tensor] = []
    binary: list[Tensor] = []
    graded: list[Tensor] = []
    off = 0.0
    for chunk in every.split(CHUNK):
        logits, cache = net.run_with_cache(chunk)
        off += float((cache["hook_post"] == 0).float().sum())
        p = torch.softmax(logits.detach(), 1)
        y = torch.zeros_like(p).scatter_(1, chunk, 1 / chunk.shape[1])
        losses.append((p - y).square().sum(1))
        binary.append(_fails(chunk, bits, bits & False))
        graded.append(_fails(chunk, full, half))
    loss = torch.cat(losses)
    failed = loss > 1 / (2 * every.shape[1] * (every.shape[1] + 1))
    failures = float(failed.double().mean())
    scores = _f1(torch.cat(binary), failed), _f1(torch.cat(graded), failed)
    off /= len(every) * net.width
    return Figures(
        mse=float(loss.double().mean()),
        failures=failures,
        off=off,
        bits=float(bits.sum(1).double().mean()),
        half=float(half.sum() / bits.sum().clamp(min=1)),
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


def _fails(sets: Tensor, full: Tensor, half: Tensor) -> Tensor:
    """Whether another token comes out: full bits need a covered unit, half bits a leaking one."""
    strength = (2 * full.float() + half.float())[sets].sum(1)
    missing = (strength < 1).float() @ half.float().T + (strength < 2).float() @ full.float().T
    return (missing.scatter(1, sets, 1.0) == 0).any(1)


def _f1(predicted: Tensor, true: Tensor) -> float:
    either = int(predicted.sum()) + int(true.sum())
    return 2 * int((predicted & true).sum()) / either if either else 1.0
