"""The page's short form for a lesson, and which networks make one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from relubloom import atomic
from relubloom.errors import FileError
from relubloom.network.given_weights import as_array
from relubloom.records.behaviour import Behaviour
from relubloom.records.run_folder import LESSON
from relubloom.records.verdict import FILTERS
from relubloom.report.explorer.embed import embed
from relubloom.report.explorer.networks import code_of
from relubloom.report.page import render, tell
from relubloom.report.read import Contents, StoredRun, read_contents
from relubloom.report.render import SectionData
from relubloom.theory import CLASS_SET_SIZE, CLASS_TOKENS, class_width

LEAST_RIGHT = 2 / 3  # of the sets


def write_lesson(folder: Path) -> Path:
    """Write `folder/lesson.html`, the page's short form: an example, the weights, the live part,
    three questions with folded answers. Returns its path.

    Raises:
        FileError: the folder is neither a study nor a run folder, was not examined, or its network
            is no Bloom filter, is right on fewer than two of three sets, or has no false positive
            to show; or a file in it is damaged.
    """
    contents = read_contents(folder)
    run, found = contents.featured, contents.featured.behaviour
    if run.verdict is None or found is None:
        raise FileError(
            f"{folder} was not examined, and a lesson is about figures; run `relubloom examine "
            f"{folder}` first"
        )
    right, example = right_share(found), contents.example
    if run.verdict not in FILTERS:
        raise no_lesson(folder, run, f"is {run.verdict}, and a lesson shows a Bloom filter")
    if right < LEAST_RIGHT:
        short = f"is right on {right:.2%} of the sets"
        raise no_lesson(folder, run, f"{short}, and a lesson asks for two of three")
    if example is None or not example.called:
        missing = "has no false positive that can be drawn"
        raise no_lesson(folder, run, f"{missing}, and a lesson explains one")
    told = tell(contents, sections=("head", "hero", "weights"))
    values = {**told.values, "lesson": _values(contents, found, right)}
    page = render(
        contents, SectionData(values, told.drawings), embed(contents, lesson=True), "lesson.html.j2"
    )
    atomic.write_text(folder / LESSON, page)
    return folder / LESSON


def right_share(found: Behaviour) -> float:
    """Share of the sets on which exactly the members come out: each member is called, and nothing
    else, by the rule that the page's live part goes by."""
    calls = found.calls
    wrong = calls.sets_with_misses + calls.sets_with_false_positives - calls.sets_with_both
    return 1 - wrong


def _values(contents: Contents, found: Behaviour, right: float) -> dict[str, object]:
    """What only the lesson says.

    `raised` is whether most units are off before any token is put in, and most entries that are no
    bits above 0, so that these turn units on; `worst` the row of the size with the most members
    that do not come out, if any; `follows` whether, at the network's own sizes, no member fails to
    come out and as many others do as its hash calls.
    """
    grown = [row for row in found.set_sizes if row.sets]
    worst = max(grown, key=lambda row: row.misses)
    low, high = found.sizes
    own = [row for row in grown if low <= row.set_size <= high]
    run = contents.featured
    others = run.W_in[~code_of(run).bits]
    return {
        "right": right,
        "raised": bool(np.median(as_array(run.net.b_in)) <= 0 < np.median(others)),
        "grown": grown,
        "follows": all(
            not row.misses and math.isclose(row.false_positives, row.code.false_positives)
            for row in own
        ),
        "worst": worst if worst.misses else None,
    }


def no_lesson(folder: Path, run: StoredRun, why: str) -> FileError:
    """Why a network makes no lesson, and what to train that is not the same again."""
    tokens, (low, high) = run.vocab_size, run.sizes or (CLASS_SET_SIZE, CLASS_SET_SIZE)
    fewest, most = CLASS_TOKENS
    width = class_width(tokens, CLASS_SET_SIZE)
    if not low == high == CLASS_SET_SIZE:
        remedy = f"train `--preset class` on sets of {CLASS_SET_SIZE}"
    elif not fewest <= tokens <= most:
        remedy = f"train `--preset class` with {fewest} to {most} tokens"
    elif run.width != width:
        remedy = f"train `--preset class` with --width {width}"
    else:
        remedy = f"train `--preset class` with --seed {(run.seed or 0) + 1}"
    return FileError(f"{folder} {why}; {remedy}")
