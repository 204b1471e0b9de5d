"""White box: are the weights of two values, and is each unit the complement of a union?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.scores import SetScores
from relubloom.modes import TwoModes, fit_two_modes
from relubloom.network import ReluNet

UnitClass = Literal["bit", "graded", "dead", "always on", "unclear"]
NEAR = 0.15  # an entry is near the threshold within this share of the gap between the means
BIT_GAP = 4.0  # a unit's two modes are apart when their gap is at least this
BIT_AGREEMENT = 0.95


@dataclass(frozen=True)
class Unit:
    """One hidden unit: `threshold` between its two means, `near_threshold` the share of its
    entries near it, `bits` the number of tokens with the bit, `agreement` the share of sets on
    which "unit is 0" equals "some token has the bit", `on` the share on which it is above 0.

    `kind`: *dead* is 0 on every set, *always on* is 0 on none; *bit* has two modes at least 4
    apart and agrees on 95 % of the sets; *graded* has no two modes by BIC; the rest is *unclear*.
    """

    unit: int
    kind: UnitClass
    gap: float | None
    threshold: float
    near_threshold: float
    bits: int
    agreement: float
    on: float


@dataclass(frozen=True)
class BitsPerToken:
    """Mean and (population) standard deviation of the hashes' weights."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Mechanism:
    """The weights' modes, the hash, and the units' agreement with the union.

    `mode_gap` is null for exactly two values (`two_valued`) or fewer. `two_modes`: two normals
    describe all entries of W_in better than one, by BIC. `mode_means`, `mode_sds`, `mode_shares`:
    the mixture over all entries, lower component (the bits) first.
    """

    mode_gap: float | None
    two_valued: bool
    two_modes: bool
    mode_means: list[float]
    mode_sds: list[float]
    mode_shares: list[float]
    near_threshold: float
    bits_per_token: BitsPerToken
    unit_agreement: float
    units: list[Unit]


def measure_mechanism(
    net: ReluNet, code: Code, unit_modes: TwoModes, scores: SetScores
) -> Mechanism:
    """Read the weights, and compare each unit with the union of the code's bits.

    `unit_modes` is the mixture fitted to each column, from `extraction.extract_with_modes`.
    """
    W_in = net.W_in.detach().to("cpu").double().numpy()
    modes = fit_two_modes(W_in.reshape(-1, 1))
    gap = float(modes.gap[0])
    return Mechanism(
        mode_gap=None if np.isnan(gap) else gap,
        two_valued=bool(modes.distinct[0] == 2),
        two_modes=bool(modes.bic_gain[0] > 0),
        mode_means=modes.mean[:, 0].tolist(),
        mode_sds=modes.sd[:, 0].tolist(),
        mode_shares=modes.share[:, 0].tolist(),
        near_threshold=float(_near(W_in.reshape(-1, 1), modes)[0]),
        bits_per_token=BitsPerToken(float(code.weights.mean()), float(code.weights.std())),
        unit_agreement=float(scores.unit_agreement.mean()),
        units=_units(W_in, code, unit_modes, scores),
    )


def _near(columns: NDArray[np.float64], modes: TwoModes) -> NDArray[np.float64]:
    """Share of each column's entries near the midpoint of its two means; 0 for one value."""
    reach = NEAR * (modes.mean[1] - modes.mean[0])
    return (np.abs(columns - modes.midpoint) < reach).mean(0)


def _units(W_in: NDArray[np.float64], code: Code, modes: TwoModes, scores: SetScores) -> list[Unit]:
    near = _near(W_in, modes)
    bits = code.bits.sum(0)
    return [
        Unit(
            unit=unit,
            kind=_kind(
                modes, unit, float(scores.unit_on[unit]), float(scores.unit_agreement[unit])
            ),
            gap=None if np.isnan(modes.gap[unit]) else float(modes.gap[unit]),
            threshold=float(modes.midpoint[unit]),
            near_threshold=float(near[unit]),
            bits=int(bits[unit]),
            agreement=float(scores.unit_agreement[unit]),
            on=float(scores.unit_on[unit]),
        )
        for unit in range(code.width)
    ]


def _kind(modes: TwoModes, unit: int, on: float, agreement: float) -> UnitClass:
    if on == 0:
        return "dead"
    if on == 1:
        return "always on"
    apart = modes.distinct[unit] == 2 or modes.gap[unit] >= BIT_GAP
    if apart and agreement >= BIT_AGREEMENT:
        return "bit"
    return "graded" if modes.bic_gain[unit] <= 0 else "unclear"
