"""What each unit of a network means: which tokens it reads, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.network.relu_net import ReluNet
from relubloom.zoo.catalogue import SET_SIZE, CatalogueEntry
from relubloom.zoo.planted import hinges_of


@dataclass(frozen=True)
class UnitMeaning:
    """One hidden unit.

    Keys:
        unit: its number.
        tokens: ids of the tokens with a full bit there, of a planted unit of those that it counts.
        half: ids of the tokens with a half bit there.
        agreement: of a trained filter: the share of drawn sets on which the unit is 0 just where
            its tokens cover it; null where it is so by construction, or nothing is covered.
        sentence: what the unit makes of its tokens.
    """

    unit: int
    tokens: list[int]
    half: list[int]
    agreement: float | None
    sentence: str


def meanings(
    entry: CatalogueEntry,
    net: ReluNet,
    code: Code | GradedCode | None,
    sets: Int64[Tensor, "sets set_size"],
) -> list[UnitMeaning]:
    """One for each unit; `sets` are what agreement is measured on, where that must be.

    Cost: a forward pass of a trained network.
    """
    if code is None:
        strengths, levels = np.zeros((net.vocab_size, net.width), dtype=np.uint8), 1
    else:
        strengths, levels = as_graded(code).strengths, as_graded(code).levels
    agreement = None
    if code is not None and entry.trained:
        agreement = _agreement(net, code, sets)
    return [
        UnitMeaning(
            unit=unit,
            tokens=np.flatnonzero(column == levels).tolist(),
            half=np.flatnonzero((column > 0) & (column < levels)).tolist(),
            agreement=None if agreement is None else float(agreement[unit]),
            sentence=_sentence(entry, net, unit, column, levels),
        )
        for unit, column in enumerate(strengths.T)
    ]


def _agreement(
    net: ReluNet, code: Code | GradedCode, sets: Int64[Tensor, "sets set_size"]
) -> NDArray[np.float64]:
    """Share of the sets on which each unit is 0 just where it is covered, [width]."""
    post = net.run_with_cache(sets, "hook_post")[1]["hook_post"].numpy()
    graded = as_graded(code)
    covered = graded.states(sets) == graded.levels
    return ((post == 0) == covered).mean(0)


def _sentence(
    entry: CatalogueEntry, net: ReluNet, unit: int, column: NDArray[np.uint8], levels: int
) -> str:
    full, half = int((column == levels).sum()), int(((column > 0) & (column < levels)).sum())
    if entry.kind == "nearly-linear":
        return "Above 0 on every set: a weighted sum of all tokens, without a bit."
    if entry.kind.startswith("planted"):
        return _planted_sentence(entry, net.width, unit, full)
    by = "Set so" if entry.kind.startswith("constructed") else "Learned"
    level = "1" if entry.kind.startswith("constructed") else "on"
    if levels == 1:
        return f"{by}: {level} when none of its {full} tokens is in the set, else 0."
    return (
        f"{by}: {level} when none of its {full + half} tokens is in the set, weakly on when just "
        f"one is and that has one of the {half} half bits, else 0."
    )


def _planted_sentence(entry: CatalogueEntry, width: int, unit: int, tokens: int) -> str:
    hinges = hinges_of(entry.kind, SET_SIZE)
    functions = width // len(hinges)
    number, place = unit % functions, list(hinges)[unit // functions]
    terms = [f"{s:+g} x unit {number + i * functions}" for i, s in enumerate(hinges.values())]
    function = entry.kind.removeprefix("planted-")
    return (
        f"ReLU(c - {place}), c the tokens of the set among its {tokens}: {function} {number} is "
        f"{' '.join(terms)}."
    )
