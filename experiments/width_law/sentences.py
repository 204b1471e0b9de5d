"""What the width law's numbers say, in sentences chosen by them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from relubloom.report.numbers import NONE, SPACE, decimal, figure, percent, several
from width_law.curves import ASTRAY, Curve
from width_law.fits import (
    DECISIVE,
    FEWEST_WIDTHS,
    Interval,
    Law,
    LawFit,
    Sample,
    fit_laws,
)
from width_law.phases import BAND, Transition, phases, transition
from width_law.rivals import Rivals

ByWidth = Mapping[int, Rivals]


def random_fit(rivals: ByWidth, widths: tuple[int, ...]) -> LawFit | None:
    """Both laws through the exact errors of the best random codes at these widths."""
    found = [rivals[width] for width in widths if width in rivals]
    usable = [each for each in found if each.random_mse > 0]
    if len(usable) < FEWEST_WIDTHS:
        return None
    return fit_laws([Sample(each.width, np.log([each.random_mse])) for each in usable])


def random_errors(rivals: ByWidth) -> dict[int, float]:
    """Exact error of the best random code by width."""
    return {width: each.random_mse for width, each in rivals.items()}


def random_logs(rivals: ByWidth) -> tuple[tuple[int, float], ...]:
    """Widths, ascending, and ln of that error, where it is above 0."""
    return tuple(
        (width, math.log(rivals[width].random_mse))
        for width in sorted(rivals)
        if rivals[width].random_mse > 0
    )


def law_sentences(curve: Curve, fit: LawFit | None, random: LawFit | None) -> list[str]:
    """Which law the errors follow, and how fast they fall beside a random code's."""
    if curve.trivial:
        return [_trivial(curve)]
    if fit is None:
        widths = ", ".join(str(point.width) for point in curve.range) or "none"
        return [
            f"Too few widths for a law: {FEWEST_WIDTHS} or more are needed between saturation and "
            f"the noise of sampling, and there are these: {widths}."
        ]
    return [_form(fit), _rate(curve, fit, random)]


def curvature_sentences(curve: Curve, fit: LawFit, random: LawFit | None) -> list[str]:
    """How the errors bend away from both laws, and what was left out."""
    said = [_shape(fit.shape_by_seeds, fit.shape)] if fit.shape_by_seeds is not None else []
    if fit.random is not None:
        said.append(_beside_random(fit, fit.random))
    return [*said, *_slowing(curve, random), *_soft(curve), *_left_out(curve)]


def _trivial(curve: Curve) -> str:
    """Why sets of one token have no law."""
    ends = sorted(point.median for point in curve.points)
    exact = min(network.p_exact for point in curve.points for network in point.networks)
    return (
        "Nothing is united in a set of one token, so no law of unions is fitted: at every width "
        f"each network ranks {'all' if exact == 1 else f'at least {percent(exact)} of'} the sets "
        f"right, with a median error from {figure(ends[0])} to {figure(ends[-1])}."
    )


def _form(fit: LawFit) -> str:
    low, high = fit.widths[0], fit.widths[-1]
    size = f"{abs(fit.delta_aicc):.1f}"
    chosen = {
        "exponential": f"an exponential fits better than a power law (AICc lower by {size})",
        "power law": f"a power law fits better than an exponential (AICc lower by {size})",
        "neither": f"neither law fits clearly better (AICc within {size})",
    }[fit.favours]
    return (
        f"From width {low} to {high} ({len(fit.widths)} widths of at least "
        f"{several(fit.seeds, 'seed')}) {chosen}; they miss the widths’ mean errors by factors of "
        f"{_factor(fit.exponential)} (exponential) and {_factor(fit.power)} (power law), root mean "
        "square."
    )


def _shape(ends: Interval, shape: float) -> str:
    """Where between the two laws the errors lie."""
    holds = [name for name, value in (("0", 0.0), ("1", 1.0)) if ends[0] <= value <= ends[1]]
    return (
        f"Between the two laws (shape 1 is exponential, 0 a power law) the best shape is "
        f"{decimal(shape, 2)}; its 95{SPACE}% interval over seeds, {decimal(ends[0], 2)} to "
        f"{decimal(ends[1], 2)}, holds {' and '.join(holds) or 'neither'}."
    )


def _factor(law: Law) -> str:
    return figure(math.exp(law.rms))


def _beside_random(fit: LawFit, law: Law) -> str:
    """The line in the random code's own error, and whether it does better."""
    delta = fit.random_delta_aicc or 0.0
    verdict = "as well as the exponential does"
    if abs(delta) >= DECISIVE:
        verdict = f"{'better' if delta > 0 else 'worse'} than the exponential"
    ends = law.by_seeds or law.by_misfit
    return (
        f"The random code’s own exact curve, to a power of {decimal(law.rate, 2)} "
        f"({decimal(ends[0], 2)} to {decimal(ends[1], 2)}) times a constant, fits {verdict} (AICc "
        f"{'lower' if delta > 0 else 'higher'} by {abs(delta):.1f}; it misses by a factor of "
        f"{_factor(law)})."
    )


def _rate(curve: Curve, fit: LawFit, random: LawFit | None) -> str:
    size = curve.cell.set_size
    ends = fit.exponential.by_seeds or fit.exponential.by_misfit
    kind = "over seeds" if fit.exponential.by_seeds else "from the misfit"
    said = (
        f"The exponential falls by a factor e every {figure(1 / fit.exponential.rate)} units: "
        f"rate × k = {decimal(size * fit.exponential.rate)} "
        f"({decimal(size * ends[0])} to {decimal(size * ends[1])}, 95{SPACE}% {kind})"
    )
    if random is None:
        return f"{said}."
    own = size * random.exponential.rate
    holds = ends[0] <= random.exponential.rate <= ends[1]
    beside = "not told apart from" if holds else "against"
    return (
        f"{said}, {beside} {decimal(own)} for the exact errors of the best random code at the same "
        f"widths (its limit for large widths is (ln 2)² = {decimal(math.log(2) ** 2)})."
    )


def _left_out(curve: Curve) -> list[str]:
    kept = {point.width for point in curve.range}
    narrow = [p.width for p in curve.points if p.width < min(kept) and p.width not in kept]
    other = [p.width for p in curve.points if p.width > min(kept) and p.width not in kept]
    said: list[str] = []
    if narrow:
        said.append(
            f"Left out of the fits as saturated (over half the uniform answer’s "
            f"{figure(curve.uniform_error)}): width {_widths(narrow)}."
        )
    if other:
        said.append(
            "Left out because sampled sets cannot resolve the error: width " + _widths(other) + "."
        )
    return said


def _widths(widths: list[int]) -> str:
    return ", ".join(map(str, widths))


def _slowing(curve: Curve, random: LawFit | None) -> list[str]:
    """From where the error falls under half as fast as a random code's."""
    if random is None:
        return []
    slow = curve.slowing(random.exponential.rate, random.widths[0])
    if not slow:
        return []
    where = ", ".join(f"{each.low}–{each.high}" for each in slow)
    return [f"The error falls less than half as fast as a random code’s between widths {where}."]


def _soft(curve: Curve) -> list[str]:
    """Where the error is not that of sets ranked wrongly, so no code's: a floor of training."""
    if not curve.soft:
        return []
    most = max(point.failing_share for point in curve.soft)
    where = _widths([point.width for point in curve.soft])
    return [
        f"At width {where} sets ranked wrongly can make at most {percent(most, 0)} of the error: "
        "the rest is softness on sets ranked right, which training leaves and a code does not have."
    ]


def against_rivals(curve: Curve, linear: Curve | None, rivals: ByWidth) -> list[str]:
    """How the networks stand beside random codes, designed codes and linear networks."""
    said: list[str] = []
    met = [point for point in curve.points if point.width in rivals]
    if met:
        better = [p.width for p in met if p.median < rivals[p.width].random_mse]
        worse = [p.width for p in met if p.median >= rivals[p.width].random_mse]
        said.append(_split("the best random code", better, worse))
        better, worse = [], []
        for point in met:
            designed = rivals[point.width].designed
            if designed is not None:
                (better if point.median < designed.mse else worse).append(point.width)
        if better or worse:
            said.append(_split("the designed code", better, worse))
    return said if linear is None else [*said, *linear_sentences(curve, linear)]


def astray_sentence(curve: Curve) -> str | None:
    """How many seeds err far more than the others of their width."""
    found = [point for point in curve.points if point.astray]
    if not found:
        return None
    number = sum(len(point.astray) for point in found)
    where = "; ".join(
        f"{point.width} ({', '.join(figure(each, 2) for each in point.astray)} times)"
        for point in found
    )
    return (
        f"{several(number, 'network')} of {sum(len(p.networks) for p in curve.points)} "
        f"{'errs' if number == 1 else 'err'} more than {ASTRAY:g} times the median of "
        f"{'its' if number == 1 else 'their'} width: at width {where}."
    )


def linear_sentences(curve: Curve, linear: Curve) -> list[str]:
    """What the ReLU is worth: errors without it over errors with it, at the widths of both."""
    other = {point.width: point.median for point in linear.points}
    shared = [point for point in curve.points if point.width in other and point.median > 0]
    if not shared:
        return []
    ratios = [other[point.width] / point.median for point in shared]
    no_worse = [point.width for point, ratio in zip(shared, ratios, strict=True) if ratio <= 1]
    where = f", and at width {_widths(no_worse)} it is no larger" if no_worse else ""
    return [
        f"Trained without its ReLU the network’s median error is {figure(min(ratios), 2)} to "
        f"{figure(max(ratios), 2)} times as large ({several(len(shared), 'width')}){where}."
    ]


def _split(rival: str, better: list[int], worse: list[int]) -> str:
    if not worse:
        return f"At every width the median network has less error than {rival}."
    if not better:
        return f"At no width has the median network less error than {rival}."
    return (
        f"The median network has less error than {rival} at width {_widths(better)}, and not at "
        f"{_widths(worse)}."
    )


def onset_sentences(curve: Curve) -> list[str]:
    """Where most seeds begin to binarise, against the prediction; and to be Bloom filters."""
    binarised, bloom = transition(curve), transition(curve, "bloom")
    if binarised is None or bloom is None:
        return ["Every width is saturated, so none can test where networks begin to binarise."]
    predicted = (
        f"nothing was predicted for k = {curve.cell.set_size} but that they need not"
        if curve.cell.set_size <= 2
        else _place(binarised)
    )
    return [
        f"{_onset(binarised, 'binarise')}: {predicted}.",
        f"{_onset(bloom, 'have the verdict bloom')}.",
        *_saturated(curve),
    ]


def _onset(found: Transition, what: str) -> str:
    low, high = (None if each is None else figure(each, 2) for each in found.units_per_token)
    if high is None:
        return f"At the widest, {found.below} ({low} units per token), most seeds do not {what}"
    if low is None:
        return (
            f"Most seeds {what} at every width beyond saturation, from {found.above} on ({high} "
            "units per token)"
        )
    return (
        f"Most seeds {what} from width {found.above} on and not at {found.below} ({low} to {high} "
        "units per token)"
    )


def _saturated(curve: Curve) -> list[str]:
    """What the networks do that have hardly learnt the task."""
    found = [phase for phase in phases(curve) if phase.saturated]
    if not found:
        return []
    seeds = sum(phase.seeds for phase in found)
    binarised = round(sum(phase.seeds * phase.binarised for phase in found))
    bits = sorted(phase.bits for phase in found)
    ends = dict.fromkeys(figure(each, 2) for each in (bits[0], bits[-1]))
    return [
        f"Where the error is saturated (width {_widths([phase.width for phase in found])}) "
        f"{binarised} of {several(seeds, 'seed')} binarise, with {' to '.join(ends)} bits per "
        "token."
    ]


def _place(found: Transition) -> str:
    band = f"{BAND[0]:g} to {BAND[1]:g}"
    return {
        "in": f"as predicted ({band})",
        "below": f"sooner than predicted ({band})",
        "above": f"later than predicted ({band})",
        "unknown": f"these widths cannot test the prediction ({band})",
    }[found.place]


def need_sentence(curve: Curve, rivals: ByWidth) -> str | None:
    """Whether networks as good as the best random code must be binarised."""
    good = [
        network
        for point in curve.range
        if point.width in rivals
        for network in point.networks
        if network.mse <= rivals[point.width].random_mse
    ]
    if not good:
        return None
    plain = sum(not network.binarised for network in good)
    return (
        f"Of {several(len(good), 'network')} beyond saturation and no worse than the best random "
        f"code of their width, {plain} did not binarise."
    )


def verdict_counts(curve: Curve) -> str:
    """Verdicts over all widths, `12 bloom, 3 partly, 1 not-bloom`."""
    rows = phases(curve)
    counts = [sum(row.verdicts[index] for row in rows) for index in range(3)]
    return ", ".join(
        f"{count} {name}"
        for count, name in zip(counts, ("bloom", "partly", "not-bloom"), strict=True)
        if count
    )


def designed_error(rivals: Rivals) -> str:
    """Mse of the designed code, marked where it is a bound (≤) or over drawn sets (≈)."""
    made = rivals.designed
    if made is None:
        return NONE
    return {"all": "", "bound": "≤ ", "drawn": "≈ "}[made.method] + figure(made.mse)
