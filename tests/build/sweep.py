"""Records of sweeps that nobody ran: errors from a law that is given, with noise from a seed."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from relubloom.records.sweep_row import Glance, SweepRow

Record = dict[str, Any]
Law = Callable[[int], float]


def record(**changes: Any) -> Record:
    """One finished run's record; `changes` replace its fields."""
    made: Record = {
        "run": "0" * 12,
        "status": "done",
        "reason": None,
        "vocab_size": 256,
        "width": 48,
        "set_size": 3,
        "source": "uniform",
        "training_pool": None,
        "objective": "mse",
        "activation": "relu",
        "steps": 5000,
        "batch_size": 512,
        "learning_rate": 0.02,
        "init_scale_in": 3.0,
        "init_scale_out": 1.0,
        "seed": 0,
        "mse": 0.004,
        "mse_se": 0.0,
        "kl": 0.02,
        "p_exact": 0.98,
        "sets": 2_763_520,
        "sampled": False,
        "verdict": "bloom",
        "mode_gap": 11.0,
        "two_modes": True,
        "near_threshold": 0.005,
        "unit_agreement": 0.99,
        "union_skill": 0.98,
        "bits_mean": 9.0,
        "bits_sd": 0.4,
        "extracted_mse": 0.0038,
        "extracted_kl": 0.02,
        "extracted_p_exact": 0.96,
        "loss_failure_f1": 0.9,
        "dead_tokens": 0,
        "seconds": 10.0,
    }
    unknown = changes.keys() - made.keys()
    assert not unknown, f"no such field: {unknown}"
    return made | changes


def sweep(
    widths: Iterable[int],
    law: Law,
    *,
    seeds: int = 4,
    spread: float = 0.05,
    onset: float = 8.0,
    **fields: Any,
) -> list[Record]:
    """Networks of one cell: ln error is normal about the law; below `onset` units per token of a
    set they do not binarise."""
    rows: list[Record] = []
    set_size = fields.get("set_size", 3)
    for width in widths:
        for seed in range(seeds):
            generator = np.random.default_rng([width, seed, set_size])
            bloom = fields.get("activation", "relu") == "relu" and width / set_size >= onset
            partly = not bloom and width / set_size >= 0.8 * onset
            rows.append(
                record(
                    width=width,
                    seed=seed,
                    run=f"{width}-{seed}-{sorted(fields.items())}",
                    mse=law(width) * float(np.exp(spread * generator.standard_normal())),
                    verdict="bloom" if bloom else "partly" if partly else "not-bloom",
                    near_threshold=0.005 if bloom else 0.2,
                    mode_gap=(11.0 if bloom else 3.0) + float(generator.standard_normal()),
                    unit_agreement=0.99 if bloom else 0.85 if partly else 0.7,
                    bits_mean=0.19 * width,
                    **fields,
                )
            )
    return rows


def rows_of(records: Iterable[Record]) -> list[SweepRow]:
    """The same runs as rows, with all fields of a record among the settings."""
    return [
        SweepRow(f"{index:016x}", "done", dict(each), Glance.of(each))
        for index, each in enumerate(records)
    ]


def done_row(run: str, settings: dict[str, Any], **figures: Any) -> SweepRow:
    """A finished run; `figures` replace those of `record`."""
    return SweepRow(run, "done", settings, Glance.of(record(**figures)), seconds=1.5)


def missing_row(run: str, settings: dict[str, Any], reason: str) -> SweepRow:
    """A run that a machine let down."""
    return SweepRow(run, "failed", settings, reason=reason)
