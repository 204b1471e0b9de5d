"""The modes of W_in: over all entries, and unit by unit, with what that makes each unit."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer
from relubloom.measure.statistics import spread
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.records.mechanism import CoveredLevel, InputModes, Polarity, Unit, UnitClass

NEAR = 0.15  # an entry is near the threshold within this share of the gap between the means
BIT_GAP = 4.0  # a unit's two modes are apart when their gap is at least this
BIT_AGREEMENT = 0.95
POLARITY = 0.8  # each share by which a polarity is right, at least


def measure_input_modes(W_in: NDArray[np.float64]) -> InputModes:
    """Fit the mixture to all entries of W_in [vocab, width]. Cost: that of `fit_two_modes`."""
    entries = W_in.reshape(-1, 1)
    modes = fit_two_modes(entries)
    gap = float(modes.gap[0])
    return InputModes(
        mode_gap=None if np.isnan(gap) else gap,
        two_valued=bool(modes.distinct[0] == 2),
        two_modes=bool(modes.bic_gain[0] > 0),
        mode_means=modes.mean[:, 0].tolist(),
        mode_sds=modes.sd[:, 0].tolist(),
        mode_shares=modes.share[:, 0].tolist(),
        near_threshold=float(share_near(entries, modes)[0]),
    )


def measure_units(
    W_in: NDArray[np.float64], code: Code, modes: TwoModes, layer: HiddenLayer
) -> list[Unit]:
    """One row a unit, from the mixture of its column and from the pass over the sets."""
    near = share_near(W_in, modes)
    bits = code.bits.sum(0)
    polarity = polarities(layer, modes)
    agreement = (layer.uncovered_on + layer.covered - layer.covered_on) / layer.total
    on = layer.on / layer.total
    covered_off = _share(layer.covered - layer.covered_on, layer.covered)
    uncovered_on = _share(layer.uncovered_on, layer.uncovered)
    return [
        Unit(
            unit=unit,
            kind=_kind(modes, unit, polarity[unit], float(on[unit]), float(agreement[unit])),
            polarity=polarity[unit],
            gap=_known(modes.gap[unit]),
            threshold=float(modes.midpoint[unit]),
            near_threshold=float(near[unit]),
            bits=int(bits[unit]),
            agreement=float(agreement[unit]),
            on=float(on[unit]),
            sets_covered=float(layer.covered[unit] / layer.total),
            covered_off=_known(covered_off[unit]),
            uncovered_on=_known(uncovered_on[unit]),
            level_uncovered=spread(
                float(layer.uncovered[unit]),
                float(layer.uncovered_sum[unit]),
                float(layer.uncovered_squares[unit]),
            ),
            level_covered=_covered_level(layer, unit),
        )
        for unit in range(code.width)
    ]


def share_near(columns: NDArray[np.float64], modes: TwoModes) -> NDArray[np.float64]:
    """Share of each column's entries near the midpoint of its two means; 0 for one value."""
    reach = NEAR * (modes.mean[1] - modes.mean[0])
    return (np.abs(columns - modes.midpoint) < reach).mean(0)


def polarities(layer: HiddenLayer, modes: TwoModes) -> list[Polarity | None]:
    """Which way each unit reads the tokens' bits, the lower entries of its column.

    *complement*: on when no token of the set has the bit, off when some token has it; the unit is
    the complement of a union. *direct*: the other way: on when some token has the upper entry,
    off when none has, that is, when every token has the bit; the unit is itself a union, of the
    upper entries.

    Each says which sets the unit is on for. It holds if at least .8 of those sets are on, .8 of
    the others off, .8 of the sets that are on are among those, and .8 of the sets that are off
    among the others: so a unit that is nearly always off does not go with a bit that nearly
    every set has. If both hold, the one whose smallest share is larger is taken; on sets of one
    token they are the same thing, called complement. A unit that never changes has none, and a
    column without two modes (by BIC) has no bits to be read either way.
    """
    covered, full = layer.covered, layer.full
    complement = _smallest_share(layer, layer.uncovered, layer.uncovered_on, covered)
    some_upper, on_there = layer.total - full, layer.on - layer.full_on
    direct = _smallest_share(layer, some_upper, on_there, full)
    return [
        _polarity(*shares) if two else None
        for two, *shares in zip(modes.bic_gain > 0, complement, direct, strict=True)
    ]


def _smallest_share(
    layer: HiddenLayer,
    wanted: NDArray[np.float64],
    wanted_on: NDArray[np.float64],
    others: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Of the four shares by which "on for the wanted sets alone" is right; nan where one has no
    sets."""
    off = layer.total - layer.on
    others_off = off - (wanted - wanted_on)
    return np.minimum.reduce(
        [
            _share(wanted_on, wanted),
            _share(others_off, others),
            _share(wanted_on, layer.on),
            _share(others_off, off),
        ]
    )


def _polarity(complement: float, direct: float) -> Polarity | None:
    """From the smallest share of each; nan is none."""
    if complement >= POLARITY and not direct > complement:
        return "complement"
    return "direct" if direct >= POLARITY else None


def _kind(
    modes: TwoModes, unit: int, polarity: Polarity | None, on: float, agreement: float
) -> UnitClass:
    if on == 0:
        return "dead"
    if on == 1:
        return "always on"
    apart = modes.distinct[unit] == 2 or modes.gap[unit] >= BIT_GAP
    if apart and polarity == "complement" and agreement >= BIT_AGREEMENT:
        return "bit"
    return "graded" if modes.bic_gain[unit] <= 0 else "unclear"


def _covered_level(layer: HiddenLayer, unit: int) -> CoveredLevel | None:
    if layer.covered[unit] == 0:
        return None
    mean = layer.covered_sum[unit] / layer.covered[unit]
    return CoveredLevel(float(mean), float(layer.covered_p95[unit]))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """nan where the whole is 0."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
