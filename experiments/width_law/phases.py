"""Where networks binarise: shares over the seeds by width and set size, and the transition."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

from width_law.curves import AtWidth, Curve

BAND = (6.0, 10.0)  # predicted: below so many units per token of a set a network need not binarise
VERDICTS = ("bloom", "partly", "not-bloom")
MAJORITY = 0.5  # share of the seeds


@dataclass(frozen=True)
class Phase:
    """The seeds of one cell and width.

    Attributes:
        width: units.
        seeds: networks.
        verdicts: number of networks by verdict, in the order bloom, partly, not-bloom.
        binarised: share that has binarised, as `Measured.binarised` says.
        gap: median distance of the modes in pooled standard deviations; None where most networks
            have weights of exactly two values.
        agreement: median share of (set, unit) pairs on which "unit is 0" equals "a token of the
            set has the bit".
        bits: mean bits per token.
        saturated: whether they have hardly learnt the task, as `Curve.is_saturated` says. What
            two values such networks have is not a code for the sets.
    """

    width: int
    seeds: int
    verdicts: tuple[int, int, int]
    binarised: float
    gap: float | None
    agreement: float
    bits: float
    saturated: bool

    @property
    def bloom(self) -> float:
        """Share of the seeds whose verdict is bloom."""
        return self.verdicts[0] / self.seeds


@dataclass(frozen=True)
class Transition:
    """Between which neighbouring studied widths most seeds begin to do something, for good.

    Of the widths that are not saturated.

    `above` is the least width from which at every studied width at least half of the seeds do;
    None if they do not at the widest. `below` is the next narrower studied width; None if they do
    at all studied widths.
    """

    set_size: int
    below: int | None
    above: int | None

    @property
    def units_per_token(self) -> tuple[float | None, float | None]:
        """Both widths over the set size."""
        return (
            None if self.below is None else self.below / self.set_size,
            None if self.above is None else self.above / self.set_size,
        )

    @property
    def place(self) -> str:
        """Where it lies against the predicted band: "in", "below", "above" or "unknown".

        "in" where the interval between the two widths meets the band; "unknown" where the widths
        studied begin or end inside or beyond the band without a transition.
        """
        low, high = self.units_per_token
        if low is None:
            assert high is not None
            return "below" if high <= BAND[0] else "unknown"
        if high is None:
            return "above" if low >= BAND[1] else "unknown"
        if high <= BAND[0]:
            return "below"
        return "above" if low >= BAND[1] else "in"


def phases(curve: Curve) -> list[Phase]:
    """One phase a width, ascending."""
    return [_phase(curve, point) for point in curve.points]


def transition(
    curve: Curve, what: Literal["binarised", "bloom"] = "binarised"
) -> Transition | None:
    """Where most seeds of this curve begin to binarise, or to have the verdict bloom.

    None where every width is saturated.
    """
    found = [phase for phase in phases(curve) if not phase.saturated]
    if not found:
        return None
    first = len(found)
    while first > 0 and getattr(found[first - 1], what) >= MAJORITY:
        first -= 1
    return Transition(
        curve.cell.set_size,
        below=found[first - 1].width if first else None,
        above=found[first].width if first < len(found) else None,
    )


def _phase(curve: Curve, point: AtWidth) -> Phase:
    networks = point.networks
    gaps = [network.mode_gap for network in networks if network.mode_gap is not None]
    counted = [sum(network.verdict == verdict for network in networks) for verdict in VERDICTS]
    return Phase(
        width=point.width,
        seeds=len(networks),
        verdicts=(counted[0], counted[1], counted[2]),
        binarised=statistics.fmean(network.binarised for network in networks),
        gap=statistics.median(gaps) if 2 * len(gaps) > len(networks) else None,
        agreement=statistics.median(network.unit_agreement for network in networks),
        bits=statistics.fmean(network.bits_mean for network in networks),
        saturated=curve.is_saturated(point),
    )
