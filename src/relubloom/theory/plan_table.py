"""A plan as rows of text, for whoever draws the table."""

from __future__ import annotations

from relubloom.theory.planner import Plan

FAMILY_COLUMNS = ("family", "width", "weight", "E[F]", "FPR", "P_exact", "mse", "kl", "method")


def family_table(plan: Plan) -> list[tuple[str, ...]]:
    """One row of text per family, in the order of `FAMILY_COLUMNS`; "-" for no figure."""
    return [
        (
            row.family,
            str(row.width),
            _figure(row.weight),
            _figure(row.false_positives),
            _figure(row.fpr),
            _share(row.p_exact),
            _figure(row.mse),
            _figure(row.kl),
            row.method,
        )
        for row in plan.families
    ]


def bounds_table(plan: Plan) -> list[tuple[str, str]]:
    """Bounds and sizes of the plan as (what, value) pairs of text."""
    bounds = plan.bounds
    return [
        ("counting: least width for this P_exact", f"{bounds.counting_width:.1f}"),
        ("counting: least width for every set", f"{bounds.counting_width_all_sets:.1f}"),
        ("counting: P_exact at this width at most", _share(bounds.counting_p_exact)),
        ("no disjunct code below width", str(bounds.disjunct_width)),
        ("readout: every set up to set_size", str(bounds.readout_set_size)),
        ("random readout: most sets up to set_size", _figure(bounds.random_readout_set_size)),
        ("rule of thumb for the width", _figure(bounds.width_rule)),
        ("parameters of the network", f"{plan.parameters:,}"),
        ("bytes in float32", f"{plan.bytes_float32:,}"),
    ]


def family_notes(plan: Plan) -> list[str]:
    """The families' remarks, one line each."""
    return [f"{row.family}: {row.note}" for row in plan.families if row.note]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    """A share near 1 as 1 - error, so that it does not read as certain."""
    if value is None:
        return "-"
    if 0.9999 < value < 1:
        return f"1 - {1 - value:.2g}"
    return f"{value:.4g}"
