"""How the weights came to be what they are."""

from __future__ import annotations

import numpy as np

from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.training import BINS, draw_loss, draw_moment
from relubloom.report.charts.weights import shown
from relubloom.report.read import Contents, StoredRun
from relubloom.report.render import SectionData

MOMENTS = 8  # pictures shown
REACH = 0.15  # of the gap: an entry this near the middle counts as undecided, as in the verdict


def film(contents: Contents) -> SectionData:
    """The loss curve and small multiples of W_in."""
    run = contents.featured
    if run.construction is not None:
        return SectionData()
    loss = [_loss(contents)] if len(run.history) > 1 else []
    if run.film is None:
        return SectionData(drawings=tuple(loss))
    steps = run.film[1]
    places = np.linspace(0, len(steps) - 1, min(MOMENTS, len(steps)))
    moments = np.unique(places.round().astype(int)).tolist()
    values = {
        "moments": moments,
        "near": _near(run),
        "middle": len(steps) // 2,
        "reach": REACH,
    }
    return SectionData(values, (*loss, *_pictures(run, moments)))


def _loss(contents: Contents) -> Drawing:
    run, rival = contents.featured, contents.rival
    last = run.history[-1]
    return draw_loss(
        run.history,
        [each.history for each in contents.runs if each is not run],
        None if rival is None else rival.mse,
        f"Training loss over {last['step']} steps, ending at {last['loss']:.4g} "
        f"({last['objective']})",
    )


def _pictures(run: StoredRun, moments: list[int]) -> list[Drawing]:
    if run.film is None:
        return []
    W_in, steps = run.film
    middle = None if run.mechanism is None else sum(run.mechanism.mode_means) / 2
    low, high = float(W_in[moments].min()), float(W_in[moments].max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    return [
        draw_moment(
            f"film-{moment}",
            f"W_in after {steps[moment]} steps, with the histogram of its entries",
            shown(W_in[moment], run.order),
            np.histogram(W_in[moment], edges)[0] / W_in[moment].size,
            edges,
            middle,
        )
        for moment in moments
    ]


def _near(run: StoredRun) -> list[float]:
    """By moment, the share of entries near the middle of the two modes that they end in."""
    found = run.mechanism
    if run.film is None or found is None or found.two_valued or not found.two_modes:
        return []
    low, high = found.mode_means
    return (np.abs(run.film[0] - (low + high) / 2) < REACH * (high - low)).mean((1, 2)).tolist()
