"""The modes of W_in: over all entries, and unit by unit, with what that makes each unit."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer
from relubloom.measure.statistics import rates, spread
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.records.mechanism import (
    CoveredLevel,
    InputModes,
    Polarity,
    Strengths,
    Unit,
    UnitClass,
)

NEAR = 0.15  # an entry is near the threshold within this share of the gap between the means
BIT_GAP = 4.0  # a unit's two modes are apart when their gap is at least this
BIT_AGREEMENT = 0.95
POLARITY = 0.8  # each share by which a polarity is right, at least


def measure_input_modes(W_in: NDArray[np.float64], turned: NDArray[np.bool_]) -> InputModes:
    """Fit the mixture to all entries of W_in [vocab, width], those of reversed units negated.

    `turned` marks these units: so the bits of every unit lie in the lower mode. Cost: that of
    `fit_two_modes`.
    """
    entries = np.where(turned, -W_in, W_in).reshape(-1, 1)
    modes = fit_two_modes(entries)
    gap = float(modes.gap[0])
    (low, high), (low_sd, high_sd), (low_share, high_share) = (
        each[:, 0].tolist() for each in (modes.mean, modes.sd, modes.share)
    )
    return InputModes(
        mode_gap=None if np.isnan(gap) else gap,
        two_valued=bool(modes.distinct[0] == 2),
        two_modes=bool(modes.bic_gain[0] > 0),
        mode_means=(low, high),
        mode_sds=(low_sd, high_sd),
        mode_shares=(low_share, high_share),
        near_threshold=float(share_near(entries, modes)[0]),
    )


def measure_units(
    W_in: NDArray[np.float64],
    code: Code,
    modes: TwoModes,
    layer: HiddenLayer,
    strengths: Strengths | None = None,
) -> list[Unit]:
    """One row a unit, from the mixture of its column and from the pass over the sets."""
    near = share_near(W_in, modes)
    bits = code.bits.sum(0)
    polarity = polarities(layer, modes)
    agreement = layer.as_said / layer.total
    expected = np.where(layer.reversed, "direct", "complement")
    apart = (modes.distinct == 2) | (modes.gap >= BIT_GAP)
    held, as_read = agreement, apart & (np.array(polarity) == expected)
    if strengths is not None:  # half bits lie between the modes, and a unit that leaks is on
        held = np.array([unit.as_said for unit in strengths.unit_levels])
        as_read = modes.bic_gain > 0
    on = layer.on / layer.total
    covered_off = rates(layer.covered - layer.covered_on, layer.covered)
    uncovered_on = rates(layer.uncovered_on, layer.uncovered)
    return [
        Unit(
            unit=unit,
            kind=_kind(
                two_modes=bool(modes.bic_gain[unit] > 0),
                as_read=bool(as_read[unit]),
                on=float(on[unit]),
                agreement=float(held[unit]),
            ),
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
    """Which way each unit reads the entries of its column, on the sets.

    *complement*: on when no token of the set has the lower entry, off when some token has it; the
    unit is the complement of a union. *direct*: on when some token has the upper entry, off when
    none has, that is, when every token has the lower one; the unit is itself a union, of the
    upper entries. The bits are the lower entries, or the upper ones of a reversed unit.

    Each says which sets the unit is on for. It holds if at least .8 of those sets are on, .8 of
    the others off, .8 of the sets that are on are among those, and .8 of the sets that are off
    among the others: so a unit that is nearly always off does not go with a bit that nearly
    every set has. If both hold, the one whose smallest share is larger is taken; on sets of one
    token they are the same thing, called complement, or direct where the unit is reversed. A unit
    that never changes has none, and a column without two modes (by BIC) has no bits to be read
    either way.
    """
    none = _smallest_share(layer, layer.uncovered, layer.uncovered_on, layer.covered)
    some = _smallest_share(layer, layer.covered, layer.covered_on, layer.uncovered)
    full = _smallest_share(layer, layer.full, layer.full_on, layer.total - layer.full)
    lacking, on_there = layer.total - layer.full, layer.on - layer.full_on
    not_all = _smallest_share(layer, lacking, on_there, layer.full)
    found: list[Polarity | None] = [
        _polarity(some_bit, all_bits, "direct", "complement")
        if turned
        else _polarity(no_bit, some_lack, "complement", "direct")
        for turned, no_bit, some_bit, all_bits, some_lack in zip(
            layer.reversed, none, some, full, not_all, strict=True
        )
    ]
    return [each if two else None for two, each in zip(modes.bic_gain > 0, found, strict=True)]


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
            rates(wanted_on, wanted),
            rates(others_off, others),
            rates(wanted_on, layer.on),
            rates(others_off, off),
        ]
    )


def _polarity(share: float, other_share: float, one: Polarity, other: Polarity) -> Polarity | None:
    """From the smallest share of each, `one` where they are equal; nan is none."""
    if share >= POLARITY and not other_share > share:
        return one
    return other if other_share >= POLARITY else None


def _kind(*, two_modes: bool, as_read: bool, on: float, agreement: float) -> UnitClass:
    if on == 0:
        return "dead"
    if on == 1:
        return "always on"
    if as_read and agreement >= BIT_AGREEMENT:
        return "bit"
    return "unclear" if two_modes else "graded"


def _covered_level(layer: HiddenLayer, unit: int) -> CoveredLevel | None:
    if layer.covered[unit] == 0:
        return None
    mean = layer.covered_sum[unit] / layer.covered[unit]
    return CoveredLevel(float(mean), float(layer.covered_p95[unit]))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
