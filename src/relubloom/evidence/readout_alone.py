"""A readout without its hidden layer: are its entries of two kinds, as a hash's would be?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from relubloom.code import Code
from relubloom.errors import UsageError, described
from relubloom.evidence.mechanism import measure_input_modes
from relubloom.evidence.mechanism.units import BIT_GAP
from relubloom.network.given_weights import as_tensor
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.records.mechanism import InputModes
from relubloom.records.verdict import NEAR_BLOOM


@dataclass(frozen=True)
class ReadoutAlone:
    """The entries of a readout [width, vocab], and the bits that they would be.

    Args:
        modes: the mixture of two normals over all entries.
        code: bits, the entries below the midpoint of their unit's two means.
        units_apart: share of units whose own entries have two modes at least 4 apart.
        normal: `modes` of a control: the same means and standard deviations, unit by unit, and
            normal draws.
        normal_units_apart: `units_apart` of the control.
    """

    modes: InputModes
    code: Code = field(repr=False)
    units_apart: float
    normal: InputModes
    normal_units_apart: float

    @property
    def two_kinds(self) -> bool:
        """Whether entries are of two kinds, by what the verdict asks of W_in: two modes by BIC, and
        at most 3 % of the entries near the threshold."""
        return self.modes.two_modes and self.modes.near_threshold <= NEAR_BLOOM

    @property
    def says(self) -> str:
        """In one line: two kinds of entries or not, with the figures and the control's."""
        kinds = "two kinds of entries, as bits would be" if self.two_kinds else "no two kinds"
        return (
            f"{kinds}: {self.modes.near_threshold:.1%} of the entries near the threshold (normal "
            f"draws: {self.normal.near_threshold:.1%}, most for bits: {NEAR_BLOOM:.0%}), "
            f"{self.units_apart:.1%} of the units with modes apart (normal draws: "
            f"{self.normal_units_apart:.1%}); a readout alone cannot show a union, so no verdict"
        )


def examine_readout(readout: object) -> ReadoutAlone:
    """Look for bits in a readout alone, where no ReLU or no hidden layer can be seen.

    In a Bloom filter a unit lowers every token that has its bit, so the readout's entries are of
    two kinds. The converse does not hold: whether units are the complement of a union needs their
    activations (`examine_layer`). So this gives no verdict.

    Args:
        readout: [width, vocab], a tensor, array or nested list; or an `nn.Linear` from width to
            vocab.

    Raises:
        UsageError: it is no finite matrix.

    Cost: two mixtures over all entries, and one a unit.
    """
    weights = readout.weight.T if isinstance(readout, nn.Linear) else readout
    W = as_tensor("readout", weights).cpu().double().numpy()
    if W.ndim != 2 or 0 in W.shape or not np.isfinite(W).all():
        raise UsageError(
            f"readout is {described(weights)}: give a matrix [width, vocab] of finite numbers"
        )
    entries = np.ascontiguousarray(W.T)
    draw = np.random.default_rng(0).standard_normal(entries.shape)
    control = entries.mean(0) + entries.std(0) * draw
    units, control_units = fit_two_modes(entries), fit_two_modes(control)
    return ReadoutAlone(
        modes=measure_input_modes(entries),
        code=Code(entries < units.midpoint),
        units_apart=_share_apart(units),
        normal=measure_input_modes(control),
        normal_units_apart=_share_apart(control_units),
    )


def _share_apart(units: TwoModes) -> float:
    apart: NDArray[np.bool_] = (units.distinct == 2) | (
        (units.bic_gain > 0) & (np.nan_to_num(units.gap) >= BIT_GAP)
    )
    return float(apart.mean())
