"""Estimates from a random sample of sets, with confidence intervals: never a proof."""

from __future__ import annotations

import math

import torch
from scipy.stats import beta

from relubloom.evidence.certificate.certified import OnSets, clipped_mse, nothing_decided
from relubloom.evidence.certificate.outcomes import Judge
from relubloom.measure.error_bound import FLOAT64
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import CalledNonMembers, Certificate, Interval
from relubloom.task.sampling import draw_sets, seeded_generator

CONFIDENCE = 0.99
WORK = 1 << 39  # multiply-adds for one estimate: about ten seconds a core
FEWEST, MOST = 10_000, 250_000
DRAW_COST = 64  # multiply-adds that one of the set_size**2 steps of drawing a set is worth
CHUNK_BYTES = 2 << 20


def sample_sets(
    net: ReluNet,
    set_size: int,
    *,
    draws: int | None = None,
    seed: int = 0,
    on_sets: OnSets | None = None,
) -> Certificate:
    """Estimate from `draws` sets drawn uniformly and independently.

    p_exact: the Clopper-Pearson interval, exact for every p. mse and the mean of called
    non-members: the empirical Bernstein interval (Maurer and Pontil 2009, theorem 4, two-sided),
    which needs only that the values are bounded. Each holds with probability 99 % on its own;
    undecided sets and rounding errors widen them. By default 10,000 to
    250,000 draws, about ten seconds. Cost: O(draws (width vocab + set_size^2)).
    """
    vocab = net.vocab_size
    sets = math.comb(vocab, set_size)
    judge = Judge(net, set_size, FLOAT64)
    if not judge.error.usable:
        return nothing_decided(sets, set_size, vocab, "sampled")
    count = draws or min(MOST, max(FEWEST, WORK // (vocab * net.width + DRAW_COST * set_size**2)))
    generator = seeded_generator(seed, "certificate", 0)
    size = max(64, CHUNK_BYTES // (8 * vocab))
    exact = failing = done = 0
    values: list[torch.Tensor] = []  # per chunk: mse, called at least, called at most
    while done < count:
        chunk = min(size, count - done)
        found = judge.outcomes(draw_sets(generator, chunk, vocab, (set_size, set_size)))
        exact += int(found.exact.sum())
        failing += int(found.failing.sum())
        values.append(torch.stack([found.mse, found.called_low, found.called_high]).double())
        done += chunk
        if on_sets is not None:
            on_sets(done, count)
    mse, low, high = torch.cat(values, 1)
    called = Interval(
        max(0.0, _bernstein(low, vocab - set_size).lower),
        min(float(vocab - set_size), _bernstein(high, vocab - set_size).upper),
    )
    return Certificate(
        sets=sets,
        method="sampled",
        exact_sets=None,
        exact_sets_bounds=(0, sets),
        p_exact=Interval(
            clopper_pearson(exact, count).lower, clopper_pearson(count - failing, count).upper
        ),
        mse=_with_rounding(_bernstein(mse, 1 + 1 / set_size), judge.error.share, set_size),
        false_positives=CalledNonMembers(None, called),
        undecided_sets=sets,
        set_size=set_size,
        confidence=CONFIDENCE,
        reasons=f"sampled: {count:,} random sets, of which {exact:,} are exact; no proof",
    )


def clopper_pearson(successes: int, draws: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact binomial interval of a share: covers it with at least this probability."""
    tail = (1 - confidence) / 2
    lower = float(beta.ppf(tail, successes, draws - successes + 1)) if successes else 0.0
    upper = (
        float(beta.ppf(1 - tail, successes + 1, draws - successes)) if successes < draws else 1.0
    )
    return Interval(lower, upper)


def _bernstein(values: torch.Tensor, spread: float) -> Interval:
    """Mean +- sqrt(2 V L / n) + 7 spread L / (3 (n - 1)), L = ln(4 / (1 - confidence))."""
    draws = len(values)
    bound = math.log(4 / (1 - CONFIDENCE))
    mean = float(values.mean())
    variance = float(values.var()) if draws > 1 else spread**2
    radius = math.sqrt(2 * variance * bound / draws) + 7 * spread * bound / (3 * max(1, draws - 1))
    return Interval(mean - radius, mean + radius)


def _with_rounding(mse: Interval, eta: float, set_size: int) -> Interval:
    if not math.isfinite(eta):
        return clipped_mse(Interval(0.0, math.inf), set_size)
    slack = 1.01 * (2 * eta * math.sqrt(2) + eta * eta) + 1e-9
    return clipped_mse(Interval(mse.lower - slack, mse.upper + slack), set_size)
