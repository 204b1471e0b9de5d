"""The headline and the verdict, with the numbers that carry it."""

from __future__ import annotations

import math

from relubloom.report.read import Contents, StoredRun
from relubloom.report.render import SectionData
from relubloom.report.sections.mechanism import unmet_lines

COUNTABLE = 10**15  # more sets than that are not written out


def head(contents: Contents) -> SectionData:
    """Which lines of the verdict rule fall short, and how many sets a sample is of."""
    run = contents.featured
    unmet = [] if run.mechanism is None else unmet_lines(run.mechanism)
    return SectionData({"unmet": unmet, "all_sets": _all_sets(run)})


def _all_sets(run: StoredRun) -> int | None:
    """How many sets there are; None unless some of them were drawn, all equally likely."""
    size, task = run.task.get("set_size"), run.task
    drawn = run.behaviour is not None and run.behaviour.method == "drawn"
    if not (drawn and task.get("source") == "uniform" and isinstance(size, int)):
        return None
    total = math.comb(task["vocab_size"], size)
    return total if total < COUNTABLE else None
