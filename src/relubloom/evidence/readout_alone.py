"""A readout without its hidden layer: are its entries of two kinds, as a hash's would be?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from relubloom.code import Code
from relubloom.errors import UsageError, described
from relubloom.evidence.mechanism.units import BIT_GAP, share_near
from relubloom.network.given_weights import as_tensor
from relubloom.network.modes import fit_two_modes
from relubloom.records.verdict import NEAR_BLOOM

GROUPS = 1 << 14  # of sorted entries that a mixture takes together: readouts are large


@dataclass(frozen=True)
class KindsOfEntries:
    """The mixtures of two normals of a readout's entries, all together and unit by unit.

    Args:
        two_modes: whether two normals describe all entries better than one (BIC).
        near_threshold: share of entries closer to the midpoint than 0.15 of the means' distance.
        means, shares: of all entries, the lower mode first.
        units_apart: share of units whose own two modes are at least 4 standard deviations apart.
    """

    two_modes: bool
    near_threshold: float
    means: tuple[float, float]
    shares: tuple[float, float]
    units_apart: float


@dataclass(frozen=True)
class ReadoutAlone:
    """The entries of a readout [width, vocab], and the bits that they would be.

    Args:
        entries: their kinds.
        normal: the kinds of a control: normal draws with each unit's mean and standard deviation.
        code: bits, the entries below the midpoint of their unit's two means.
    """

    entries: KindsOfEntries
    normal: KindsOfEntries
    code: Code = field(repr=False)

    @property
    def two_kinds(self) -> bool:
        """Whether entries are of two kinds as the verdict asks it of W_in, two modes by BIC and
        at most 3 % of the entries near the threshold."""
        return self.entries.two_modes and self.entries.near_threshold <= NEAR_BLOOM

    @property
    def says(self) -> str:
        """One line, that entries are of two kinds or not, with the figures and the control's."""
        kinds = "two kinds of entries, as bits would be" if self.two_kinds else "no two kinds"
        return (
            f"{kinds}: {self.entries.near_threshold:.1%} of the entries near the threshold (normal "
            f"draws: {self.normal.near_threshold:.1%}, most for bits: {NEAR_BLOOM:.0%}), "
            f"{self.entries.units_apart:.1%} of the units with modes apart (normal draws: "
            f"{self.normal.units_apart:.1%}); a readout alone cannot show a union, so no verdict"
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

    Cost: O(width vocab log(width vocab)), and 500 iterations on 2^14 groups for each unit at most.
    """
    weights = readout.weight.T if isinstance(readout, nn.Linear) else readout
    W = as_tensor("readout", weights).cpu().double().numpy()
    if W.ndim != 2 or 0 in W.shape or not np.isfinite(W).all():
        raise UsageError(
            f"readout is {described(weights)}: give a matrix [width, vocab] of finite numbers"
        )
    entries = np.ascontiguousarray(W.T)
    draw = np.random.default_rng(0).standard_normal(entries.shape)
    normal, _ = _kinds(entries.mean(0) + entries.std(0) * draw)
    found, code = _kinds(entries)
    return ReadoutAlone(found, normal, code)


def _kinds(entries: NDArray[np.float64]) -> tuple[KindsOfEntries, Code]:
    every = entries.reshape(-1, 1)
    modes, units = fit_two_modes(every, GROUPS), fit_two_modes(entries, GROUPS)
    apart = (units.distinct == 2) | (np.nan_to_num(units.gap) >= BIT_GAP)
    (low, high), (fewer, more) = modes.mean[:, 0].tolist(), modes.share[:, 0].tolist()
    kinds = KindsOfEntries(
        two_modes=bool(modes.bic_gain[0] > 0),
        near_threshold=float(share_near(every, modes)[0]),
        means=(low, high),
        shares=(fewer, more),
        units_apart=float(apart.mean()),
    )
    return kinds, Code(entries < units.midpoint)
