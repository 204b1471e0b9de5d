"""The top of the page: the verdict with the numbers that carry it, and the worked example."""

from __future__ import annotations

import math

from relubloom.records.shortfall import filter_words, is_poor, reading_words, shortfall
from relubloom.records.study import best_words
from relubloom.report.charts.answers import draw_example
from relubloom.report.charts.weights import shortened
from relubloom.report.numbers import percent
from relubloom.report.read import Contents, StoredRun
from relubloom.report.render import SectionData

COUNTABLE = 10**15  # more sets than that are not written out


def head(contents: Contents) -> SectionData:
    """What falls short, the reading, a hash that is a poor filter; how many sets a sample is of;
    which network is best, where a code was learned."""
    run, found = contents.featured, contents.featured.mechanism
    said = {"unmet": "", "reading": "", "poor": ""}
    if found is not None:
        said = {"unmet": shortfall(found, percent), "reading": reading_words(found, percent)}
        hash_mean, random_mean = found.hash_false_positives, found.random_code_false_positives
        said["poor"] = (
            filter_words(hash_mean, random_mean, found.strengths) if is_poor(found) else ""
        )
    study = contents.study
    best = "" if study is None or study.learned_code is None else best_words(study)
    return SectionData(said | {"all_sets": _all_sets(run), "best": best})


def hero(contents: Contents) -> SectionData:
    """One set in, one token too many out, and every step between, where there is an example."""
    run, example = contents.featured, contents.example
    if example is None or run.code is None:
        return SectionData()
    put_in = ", ".join(shortened(run.labels[token]) for token in example.members)
    drawn = draw_example(
        example,
        run.graded or run.code,
        run.order,
        run.labels,
        f"Hashes of {put_in}; their union; the hidden units; the hash of "
        f"{shortened(run.labels[example.false_positive])}, every bit of which lies in the union; "
        "and the probabilities that the network answers",
    )
    return SectionData(drawings=(drawn,))


def _all_sets(run: StoredRun) -> int | None:
    """How many sets there are; None unless some of them were drawn, all equally likely."""
    found, source = run.behaviour, run.asked.get("source")
    if found is None or found.method != "drawn" or (found.source or source) != "uniform":
        return None
    smallest, largest = found.sizes
    if smallest < largest:
        return None
    total = math.comb(run.vocab_size, largest)
    return total if total < COUNTABLE else None
