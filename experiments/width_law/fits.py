"""Two laws of error against width, fitted to the same points: exponential and power law.

    exponential   ln eps = a - rate d        (error falls by a factor e every 1 / rate units)
    power law     ln eps = a - rate ln d     (error falls as d to the power -rate)

Both are lines, by weighted least squares on the mean ln error of each width. Between them stands
the family ln eps = a - b (d^shape - 1) / shape: shape 1 is the exponential, shape 0 the power law.
A third line with as many coefficients may stand beside them, in the exact ln error of the best
random codes: over a few narrow widths these do not follow their own exponential limit either.

    random code   ln eps = a + rate ln eps_random(d)      (rate 1: a constant share of its error)

Seeds of one width share the misfit of a law, so widths, not seeds, are the evidence for its form;
seeds say how sure the coefficients are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from relubloom.errors import UsageError

Kind = Literal["exponential", "power law", "random code"]
Floats = NDArray[np.float64]
Interval = tuple[float, float]
LEVEL = 0.95  # of every interval
RESAMPLES = 2000
FEWEST_WIDTHS = 4  # two coefficients and a variance leave one to judge the form by
FEWEST_SEEDS = 3  # at every width, for an interval over seeds
DECISIVE = 4.0  # difference of AICc from which one law is favoured (Burnham and Anderson 2002)
SHAPES = np.linspace(-3.0, 5.0, 401)
ROUNDING = 1e-10  # residual of a ln error below which a fit is perfect


@dataclass(frozen=True)
class Sample:
    """The networks of one width.

    Attributes:
        width: units.
        logs: ln error of each seed, float64 [seeds].
        noise: variance of a ln error that comes from evaluating on sampled sets; 0 where all sets
            were evaluated. The seeds share their sets, so it is taken not to average out over them.
    """

    width: int
    logs: Floats
    noise: float = 0.0


@dataclass(frozen=True)
class Law:
    """One fitted law.

    Attributes:
        kind: its form, see the head of the module.
        start: ln error at width 0 (exponential), at width 1 (power law), or where a random code's
            error is 1 (random code).
        rate: 1 / units (exponential), the exponent (power law), or the slope against the random
            code's ln error (random code); positive where error falls.
        by_seeds: 95 % interval of the rate from resampling the seeds of each width: what other
            seeds at these widths would give. None with fewer than 3 seeds at some width.
        by_misfit: 95 % interval of the rate from the scatter of the widths about the line
            (Student's t): it holds the misfit of the law as well.
        rms: root mean square distance of the widths' mean ln error from the line.
    """

    kind: Kind
    start: float
    rate: float
    by_seeds: Interval | None
    by_misfit: Interval
    rms: float

    def at(self, places: Floats) -> Floats:
        """Error that the law expects, float64 [places].

        At these widths; of the random code's law, at these errors of random codes.
        """
        return np.exp(self.start - self.rate * _coordinate(self.kind, places))


@dataclass(frozen=True)
class LawFit:
    """Both laws on the same points.

    Attributes:
        widths: the widths fitted, ascending.
        seeds: fewest networks at a width.
        exponential, power: the two laws.
        random: the line in the random code's ln error; None where its errors were not given.
        delta_aicc: AICc of the power law less that of the exponential, one point a width: positive
            favours the exponential. (Both have two coefficients and a variance, so the correction
            for few points cancels.)
        delta_aic_runs: the same with every network a point of its own. It overstates the evidence,
            since seeds share the misfit of a law.
        shape: exponent of the family between the laws; 1 is exponential, 0 a power law.
        shape_by_seeds: 95 % interval of the shape from resampling seeds, as in `Law`.
    """

    widths: tuple[int, ...]
    seeds: int
    exponential: Law
    power: Law
    random: Law | None
    delta_aicc: float
    delta_aic_runs: float
    shape: float
    shape_by_seeds: Interval | None

    @property
    def favours(self) -> Literal["exponential", "power law", "neither"]:
        """The law that is better by 4 or more in AICc."""
        if abs(self.delta_aicc) < DECISIVE:
            return "neither"
        return "exponential" if self.delta_aicc > 0 else "power law"

    @property
    def random_delta_aicc(self) -> float | None:
        """AICc of the exponential less that of the random code's law: positive favours this."""
        if self.random is None:
            return None
        return _delta(len(self.widths), self.exponential.rms**2, self.random.rms**2)


def fit_laws(
    samples: list[Sample], random: Mapping[int, float] | None = None, *, seed: int = 0
) -> LawFit:
    """Fit the laws to the networks of several widths.

    Args:
        samples: the networks, a width each.
        random: error of the best random code by width; None, or without one of the widths, leaves
            its law out.
        seed: seed of the resampling.

    A width weighs one over the variance of its mean: the spread of the seeds (pooled over the
    widths) over their number, plus the width's noise of sampling. Cost: milliseconds.

    Raises:
        UsageError: fewer than 4 widths, a width twice or without a network, or an error that is
            not finite (an error of 0 has no logarithm).
    """
    samples = sorted(samples, key=lambda sample: sample.width)
    _check(samples)
    widths = np.array([float(sample.width) for sample in samples])
    means = np.array([sample.logs.mean() for sample in samples])
    weights = _weights(samples)
    seeds = min(len(sample.logs) for sample in samples)
    resampled = _resampled(samples, seed) if seeds >= FEWEST_SEEDS else None
    exponential = _law("exponential", widths, means, weights, resampled)
    power = _law("power law", widths, means, weights, resampled)
    beside = None
    if random is not None and all(random.get(sample.width, 0.0) > 0 for sample in samples):
        errors = np.array([random[sample.width] for sample in samples])
        beside = _law("random code", errors, means, weights, resampled)
    shapes = None if resampled is None else _shapes(widths, resampled, weights)
    return LawFit(
        widths=tuple(sample.width for sample in samples),
        seeds=seeds,
        exponential=exponential,
        power=power,
        random=beside,
        delta_aicc=_delta(len(widths), power.rms**2, exponential.rms**2),
        delta_aic_runs=_delta_of_runs(samples, power, exponential),
        shape=float(_shapes(widths, means[None], weights)[0]),
        shape_by_seeds=None if shapes is None else _middle(shapes),
    )


def _check(samples: list[Sample]) -> None:
    widths = [sample.width for sample in samples]
    if len(set(widths)) < max(FEWEST_WIDTHS, len(widths)):
        raise UsageError(
            f"widths are {widths}: two laws can be told apart by {FEWEST_WIDTHS} distinct widths "
            "or more; give each width once, and more widths"
        )
    bad = [s.width for s in samples if not len(s.logs) or not np.isfinite(s.logs).all()]
    if bad:
        raise UsageError(
            f"width {bad[0]} has no network or an error without a logarithm: a law needs errors "
            "above 0; leave that width out"
        )


def _weights(samples: list[Sample]) -> Floats:
    """Weight of each width's mean, mean 1."""
    counts = np.array([len(sample.logs) for sample in samples], dtype=np.float64)
    freedom = float((counts - 1).sum())
    squares = math.fsum(float(((s.logs - s.logs.mean()) ** 2).sum()) for s in samples)
    spread = squares / freedom if freedom else 0.0
    variance = spread / counts + np.array([sample.noise for sample in samples])
    if not variance.any():
        return counts / counts.mean()
    weights = 1 / np.maximum(variance, 1e-6 * variance.max())
    return weights / weights.mean()


def _resampled(samples: list[Sample], seed: int) -> Floats:
    """Mean ln error of each width over seeds drawn with replacement, [resamples, widths]."""
    generator = np.random.default_rng([seed, len(samples)])
    columns = [
        sample.logs[generator.integers(0, len(sample.logs), (RESAMPLES, len(sample.logs)))].mean(1)
        for sample in samples
    ]
    return np.stack(columns, axis=1)


def _law(
    kind: Kind,
    places: Floats,
    means: Floats,
    weights: Floats,
    resampled: Floats | None,
) -> Law:
    x = _coordinate(kind, places)
    share = weights / weights.sum()
    centred = x - share @ x
    across = share @ centred**2
    pull = share * centred / across  # slope = pull @ means
    slope = float(pull @ means)
    start = float(share @ means - slope * (share @ x))
    misfit = float(share @ (means - start - slope * x) ** 2)
    freedom = len(x) - 2
    deviation = math.sqrt(misfit / freedom / across)
    reach = float(student_t.ppf((1 + LEVEL) / 2, freedom)) * deviation
    return Law(
        kind=kind,
        start=start,
        rate=-slope,
        by_seeds=None if resampled is None else _middle(-(resampled @ pull)),
        by_misfit=(-slope - reach, -slope + reach),
        rms=math.sqrt(misfit),
    )


def _coordinate(kind: Kind, places: Floats) -> Floats:
    """What ln error falls along: widths, their logarithms, or minus the random code's ln error."""
    if kind == "exponential":
        return places
    return np.log(places) if kind == "power law" else -np.log(places)


def _shapes(widths: Floats, means: Floats, weights: Floats) -> Floats:
    """Shape of least squares for each row of `means` [rows, widths], to .02: float64 [rows]."""
    share = weights / weights.sum()
    log = np.log(widths / widths.mean())
    x = np.stack([log if abs(shape) < 1e-9 else np.expm1(shape * log) / shape for shape in SHAPES])
    x -= (x @ share)[:, None]
    x *= np.sqrt(share)
    x /= np.linalg.norm(x, axis=1, keepdims=True)  # [shapes, widths]
    y = (means - (means @ share)[:, None]) * np.sqrt(share)
    explained = (y @ x.T) ** 2  # [rows, shapes]
    return SHAPES[explained.argmax(1)]


def _middle(values: Floats) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _delta(points: int, power: float, exponential: float) -> float:
    """Difference of AIC from mean squares of equally many coefficients."""
    least = ROUNDING**2
    return points * math.log(max(power, least) / max(exponential, least))


def _delta_of_runs(samples: list[Sample], power: Law, exponential: Law) -> float:
    weights = _weights(samples) / [len(sample.logs) for sample in samples]  # of one network
    weights /= sum(w * len(s.logs) for w, s in zip(weights, samples, strict=True))

    def mean_square(law: Law) -> float:
        return math.fsum(
            float(weight * ((s.logs - np.log(law.at(np.array([float(s.width)])))) ** 2).sum())
            for weight, s in zip(weights, samples, strict=True)
        )

    runs = sum(len(sample.logs) for sample in samples)
    return _delta(runs, mean_square(power), mean_square(exponential))
