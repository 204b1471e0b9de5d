"""One set in, one token too many out, and every step between."""

from __future__ import annotations

from relubloom.report.charts.answers import draw_example
from relubloom.report.charts.weights import shortened
from relubloom.report.read import Contents
from relubloom.report.render import SectionData


def hero(contents: Contents) -> SectionData:
    """The worked example, where there is one."""
    run, example = contents.featured, contents.example
    if example is None or run.code is None:
        return SectionData()
    put_in = ", ".join(shortened(run.labels[token]) for token in example.members)
    drawn = draw_example(
        example,
        run.code,
        run.order,
        run.labels,
        f"Hashes of {put_in}; their union; the hidden units; the hash of "
        f"{shortened(run.labels[example.false_positive])}, every bit of which lies in the union; "
        "and the probabilities that the network answers",
    )
    return SectionData(drawings=(drawn,))
