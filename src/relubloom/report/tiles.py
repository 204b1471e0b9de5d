"""The key figures under the verdict."""

from __future__ import annotations

from relubloom.report.contents import Contents
from relubloom.report.numbers import figure, percent
from relubloom.report.seeds_table import gap


def tiles(contents: Contents) -> list[tuple[str, str, str]]:
    """(name, value, comparison) of each; none where the network was not examined."""
    run, rival = contents.featured, contents.best_random_code
    if run.behaviour is None or run.mechanism is None:
        return []
    behaviour, mechanism = run.behaviour, run.mechanism
    extracted = mechanism["extracted"]
    beside = (
        f"best random code: {figure(rival['mse'])}" if rival else "mean over sets; 0 is perfect"
    )
    return [
        ("error (mse)", figure(behaviour["mse"]), beside),
        (
            "error of its hash alone",
            figure(extracted["mse"]),
            f"as a Bloom filter; exact on {percent(extracted['p_exact'])}",
        ),
        (
            "gap between the two modes",
            gap(behaviour, mechanism),
            "no spread around either" if mechanism["two_valued"] else "in standard deviations",
        ),
        (
            "units that follow the union",
            percent(mechanism["unit_agreement"]),
            "of all (set, unit) pairs",
        ),
    ]
