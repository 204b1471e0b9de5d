"""Section 9: how the weights came to be what they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relubloom.records.run_folder import read_film
from relubloom.report.charts.training import BINS, draw_loss, draw_moment
from relubloom.report.charts.weights import shown
from relubloom.report.contents import Contents, JsonObject, block
from relubloom.report.numbers import count, figure, percent, several
from relubloom.report.parts import Panel, Part, Section, absent
from relubloom.report.subject import Subject

MOMENTS = 8  # pictures shown
NEAR = 0.15  # of the gap: an entry this near the middle counts as undecided, as in the verdict
HEADING = "How it came about"
CONSTRUCTED = "This network was constructed, not trained, so there is no film of it."
Film = NDArray[np.float32]


def film_section(subject: Subject) -> Section:
    """The loss curve and small multiples of W_in."""
    if subject.run.construction is not None:
        parts = (absent(CONSTRUCTED, mount="film"),)
    else:
        parts = (_loss(subject.contents), _moments(subject))
    return Section("training", HEADING, parts, "Training")


def _loss(contents: Contents) -> Part:
    run = contents.featured
    if len(run.history) < 2:
        return absent("The folder holds no training history, so there is no loss curve.")
    rival = contents.best_random_code
    mse = None if rival is None else rival["mse"]
    others = [each.history for each in contents.runs if each is not run]
    last = run.history[-1]
    drawn = draw_loss(
        run.history,
        others,
        mse,
        f"Training loss over {last['step']} steps, ending at {last['loss']:.4g} "
        f"({last['objective']})",
    )
    said = ["Loss on fresh training batches, averaged between records."]
    if len(contents.runs) > 1:
        said.append(f"Line: seed {run.seed}; band: the range over all {len(contents.runs)} seeds.")
    if mse is not None:
        said.append(
            f"The dotted level is the best random code’s mse of {figure(mse)}, drawn where the "
            "loss is an mse."
        )
    return Part(panels=(Panel("", drawn),), caption=" ".join(said))


def _moments(subject: Subject) -> Part:
    heading = "Two values appear"
    found = read_film(subject.run.folder)
    if found is None:
        return absent("The folder holds no film of its weights.", heading, "film")
    film, steps = found[0].float().numpy(), found[1]
    mechanism = subject.run.mechanism
    middle = None if mechanism is None else sum(mechanism["mode_means"]) / 2
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(MOMENTS, len(steps))).round().astype(int))
    low, high = float(film[chosen].min()), float(film[chosen].max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    panels = tuple(
        Panel(
            f"step {count(steps[moment])}",
            draw_moment(
                f"film-{moment}",
                f"W_in after {steps[moment]} steps, with the histogram of its entries",
                shown(film[moment], subject.order),
                np.histogram(film[moment], edges)[0] / film[moment].size,
                edges,
                middle,
            ),
        )
        for moment in chosen.tolist()
    )
    tokens = "" if film.shape[1] == subject.vocab_size else f" of the first {film.shape[1]} tokens"
    said = (
        f"{len(chosen)} of {several(len(steps), 'saved moment')} of W_in{tokens}, the rows and "
        "units that the weight matrix above shows, in the same order; below each the histogram of "
        "its entries. The dashed line is the final threshold."
    )
    if middle is None:
        said = said.replace(" The dashed line is the final threshold.", "")
    said += _settled(film, steps, mechanism)
    told = _when(subject.run.dynamics)
    return Part(heading, (said, *told), panels=panels, mount="film", kind="film")


def _settled(film: Film, steps: list[int], mechanism: JsonObject | None) -> str:
    """When the entries had left the middle between the two modes that they ended in."""
    if mechanism is None or mechanism["two_valued"] or not mechanism["two_modes"]:
        return ""
    low, high = mechanism["mode_means"]
    reach = NEAR * (high - low)
    near = (np.abs(film - (low + high) / 2) < reach).mean((1, 2))
    return (
        f" At first {percent(float(near[0]), 1)} of the entries lay near it (within "
        f"{percent(NEAR, 0)} of the final gap), in the middle of the film "
        f"{percent(float(near[len(near) // 2]), 1)} (step {count(steps[len(near) // 2])}), in the "
        f"end {percent(float(near[-1]))}."
    )


def _when(dynamics: JsonObject | None) -> tuple[str, ...]:
    """When the modes had parted and the hashes were final, as `dynamics.json` has it."""
    splitting, settling = block(dynamics, "splitting"), block(dynamics, "settling")
    foretelling = block(dynamics, "foretelling")
    if splitting is None or settling is None or foretelling is None:
        return ()
    split = splitting["split_step"]
    modes = (
        "The two modes did not part: their gap is below 4 in the end"
        if split is None
        else f"The two modes had parted for good (a gap of at least 4) by step {count(split)}"
    )
    said = (
        f"{modes}. Half of the tokens had their final hash by step "
        f"{count(settling['half_settled_step'])}, and all of it but one bit by step "
        f"{count(settling['half_all_but_one_step'])}."
    )
    hits, chance = foretelling["initial_hits"], foretelling["chance_hits"]
    if hits is not None:
        said += (
            f" Much of it was there before the first step: mark in each unit as many of its lowest "
            f"entries as it has bits in the end, and {percent(hits, 0)} of them become bits (by "
            f"chance {percent(chance, 0)})."
        )
    return (said,)
