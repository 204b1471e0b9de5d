"""What a method found, as directions; and the bits and strengths that they are read as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.errors import UsageError, described

Found = Tensor | NDArray[Any] | Code | GradedCode | list[Any]
"""Directions [atoms, width], or a code whose hashes are taken for directions."""


@dataclass(frozen=True)
class Atoms:
    """Directions [atoms, width], float64, and which of them are dead.

    An atom is dead if all of its entries are 0, or if codes are given and it is in none of them.
    """

    directions: NDArray[np.float64]
    dead: NDArray[np.bool_]

    @property
    def scaled(self) -> NDArray[np.float64]:
        """The live atoms, each divided by its largest entry: no sum of powers overflows."""
        live = self.directions[~self.dead]
        return live / np.abs(live).max(1, keepdims=True)


def as_atoms(found: Found, width: int, codes: NDArray[np.float64] | None = None) -> Atoms:
    """The atoms of what was found, whole numbers and float16 too; `codes` [sets, atoms].

    Raises:
        UsageError: it is no matrix [atoms, width] of at least one atom, or not all numbers are
            finite.
    """
    if isinstance(found, Code | GradedCode):
        found = as_graded(found).strengths
    directions = finite_matrix("found", found)
    if directions.shape[1] != width:
        turned = "transpose it" if len(directions) == width else "give directions of this network"
        raise UsageError(
            f"found has shape {directions.shape}: it must be [atoms, {width}], a row an atom, as "
            f"the network has {width} units; {turned}"
        )
    dead = np.all(directions == 0, axis=1)
    if codes is not None:
        if codes.shape[1] != len(directions):
            raise UsageError(
                f"codes have shape {codes.shape}: beside {len(directions)} atoms they must be "
                f"[sets, {len(directions)}]; give such codes"
            )
        dead = dead | np.all(codes == 0, axis=0)
    return Atoms(directions, dead)


def finite_matrix(name: str, given: Any) -> NDArray[np.float64]:
    """What was given as float64, at least one row and one column.

    Raises:
        UsageError: it is no such matrix, or holds NaN or infinity; the message calls it `name`.
    """
    try:
        if isinstance(given, Tensor):
            given = given.detach().cpu()
            given = given.double().numpy() if given.is_floating_point() else given.numpy()
        matrix = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # sparse, rows of several lengths, no data
        matrix = np.empty(0, dtype=object)
    if matrix.dtype.kind not in "biuf" or matrix.ndim != 2 or 0 in matrix.shape:
        raise UsageError(
            f"{name} is {described(given)}: it must be a matrix of real numbers with at least one "
            "row and one column; give an array or a tensor"
        )
    matrix = matrix.astype(np.float64)
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0].tolist()
        raise UsageError(
            f"{name} holds {matrix[row, column]} in row {row}, column {column}: all numbers must "
            "be finite; mend that row or leave it out"
        )
    return matrix


def read_strengths(
    atoms: NDArray[np.float64], levels: int, side: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """The bits of each atom, with their strengths at each scale: uint8 [levels, atoms, width].

    `side` [width] is 1 where a bit raises its unit in the network, and -1 where it lowers it. A
    network that has both is also read with the one kind turned over, and each atom is taken as it
    is heavier: written as hashes are, or as such a network's W_in is.

    The rule, the same for every method and blind to the truth:

    1. *Sign.* An atom is turned so that the sum of its entries' cubes is above 0: its heavy side
       is what it does, switching units off, and entries of the other side count as 0. Where the
       sum is 0, both sides count.
    2. *Bits.* Entries are cut off at 1 / levels of the largest, so that all strengths look
       alike. They and one 0 more are split in two where the sum of squared distances within the
       parts is least. The upper part holds the bits. (The 0 is there so that an atom of equal
       entries has bits everywhere.)
    3. *Strengths.* An atom has no scale, so all are tried: reading number s takes the largest
       entry for strength s + 1. A bit has the nearest strength from 1 to `levels`.

    On hashes and strengths this is exact, and exactly the same under any change of sign.
    Cost: O(atoms width log width).
    """
    largest = np.abs(atoms).max(1, keepdims=True)
    values = atoms / np.where(largest > 0, largest, 1.0)
    if side is not None:
        plain, turned = (np.abs((each**3).sum(1)) for each in (values, values * side))
        values = np.where((turned > plain)[:, None], values * side, values)
    sign = np.sign((values**3).sum(1, keepdims=True))
    values = np.where(sign == 0, np.abs(values), values * sign).clip(min=0.0)
    largest = values.max(1, keepdims=True)
    values /= np.where(largest > 0, largest, 1.0)
    cut_off = np.concatenate([np.zeros((len(values), 1)), values.clip(max=1 / levels)], axis=1)
    ordered = np.sort(cut_off, axis=1)
    entries = ordered.shape[1]
    lower = np.arange(1, entries)  # entries in the lower part
    sums = np.cumsum(ordered, axis=1)
    apart = (sums[:, -1:] * lower - sums[:, :-1] * entries) ** 2 / (lower * (entries - lower))
    threshold = np.take_along_axis(ordered, apart.argmax(1, keepdims=True), axis=1)
    bits = cut_off[:, 1:] > threshold
    scales = np.arange(1, levels + 1)[:, None, None]
    strengths = np.rint(values * scales).clip(1, levels)
    return np.where(bits, strengths, 0).astype(np.uint8)
