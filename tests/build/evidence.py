"""Evidence with every figure that the report knows, made up: the page's tests need it, no one else.

The numbers are plausible in size and belong to no network.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from relubloom.records.behaviour import (
    Behaviour,
    Calls,
    ConfusedPair,
    Confusion,
    CountShare,
    FalsePositives,
    FilterFigures,
    GrownSets,
    Growth,
    LogitChange,
    MemberMass,
    RepeatedToken,
    SizeFigures,
    TheoryFigures,
    TokenFigures,
    Tokens,
    Uniformity,
)
from relubloom.records.certificate import CalledNonMembers, Certificate, Interval
from relubloom.records.dynamics import Dynamics, Foretelling, Order, Settling, Splitting
from relubloom.records.files import read_record, write_record
from relubloom.records.interventions import Control, Explained, Intervened, Interventions
from relubloom.records.ladder import Agreement, Kind, Ladder, ScoredRung
from relubloom.records.mechanism import (
    BiasOnWeight,
    CoveredLevel,
    HashWeight,
    Mechanism,
    MissingBits,
    OutputWeights,
    Overlaps,
    Readout,
    Spread,
    Unit,
    UnitAndUnion,
    WeaklyOn,
)


def add_evidence(folder: Path, vocab_size: int, width: int, set_size: int, seed: int = 0) -> None:
    """Make up what later analyses say, in the files of an examined run folder."""
    rng = np.random.default_rng(seed)
    behaviour, mechanism = read_record(folder, Behaviour), read_record(folder, Mechanism)
    assert behaviour is not None
    assert mechanism is not None
    write_record(folder, told_behaviour(behaviour, vocab_size, set_size, rng))
    write_record(folder, told_mechanism(mechanism, vocab_size, width, rng))
    write_record(folder, interventions(set_size))
    write_record(folder, ladder(vocab_size, width))


def told_behaviour(
    behaviour: Behaviour, vocab_size: int, set_size: int, rng: np.random.Generator
) -> Behaviour:
    code_rates = rng.gamma(4, 0.001, vocab_size)
    rates = np.clip(code_rates * rng.normal(1, 0.15, vocab_size), 0, 1)
    counts = [(0, 0.962, 0.957), (1, 0.03, 0.034), (2, 0.006, 0.007), (3, 0.0015, 0.0016)]
    return replace(
        behaviour,
        false_positives=FalsePositives(
            network_mean=0.0412,
            code_mean=0.0436,
            theory_mean=0.112,
            correlation=0.913,
            by_count=[CountShare(*row) for row in [*counts, (4, 0.0005, 0.0004)]],
        ),
        calls=Calls(0.00002, 0.038, 0.00001),
        set_sizes=[size_figures(size, vocab_size) for size in range(1, 2 * set_size + 1)],
        repeated_token=RepeatedToken(5000, 0.931, 0.002, LogitChange(median=0.21, p95=1.7)),
        growth=Growth(
            sequences=1000,
            steps=8,
            kept_members=0.991,
            kept_false_positives=0.974,
            by_size=[
                GrownSets(size, 1 - 0.002 * size, 0.001 * 3.0**size, 0.0012 * 3.0**size)
                for size in range(1, 9)
            ],
        ),
        member_mass=MemberMass(
            mean=0.985,
            least=0.21,
            p01=0.62,
            p50=0.997,
            uniformity=Uniformity(mean=0.973, p01=0.83, least=0.31),
        ),
        confusion=Confusion(
            pairs=[
                ConfusedPair(index, index + 1, 32_131, 0.2, 0.19)
                for index in range(min(20, vocab_size - 1))
            ],
            correlation=0.88,
            method="all",
            sets=2_763_520,
        ),
        tokens=Tokens(
            false_positive_rate=rates.tolist(),
            miss_rate=[0.0] * vocab_size,
            code_false_positive_rate=code_rates.tolist(),
            mse=(rates * 2).tolist(),
            correlation=0.94,
            worst=[
                TokenFigures(token, 100, 2 * float(rates[token]), 0.0, float(rates[token]), 0.0)
                for token in np.argsort(-rates)[:20].tolist()
            ],
        ),
    )


def size_figures(size: int, vocab_size: int) -> SizeFigures:
    return SizeFigures(
        set_size=size,
        sets=20_000 if size > 1 else vocab_size,
        method="drawn" if size > 1 else "all",
        mse=10.0 ** (size - 6),
        kl=10.0 ** (size - 5),
        p_exact=1 - 10.0 ** (size - 7),
        false_positives=10.0 ** (size - 5) * 3 if size > 1 else 0.0,
        misses=0.0001 * size,
        code=FilterFigures(
            mse=10.0 ** (size - 6) * 1.1,
            kl=10.0 ** (size - 5),
            p_exact=1 - 10.0 ** (size - 7),
            false_positives=10.0 ** (size - 5) * 3.4 if size > 1 else 0.0,
        ),
        theory=TheoryFigures(
            mse=10.0 ** (size - 6) * 2,
            p_exact=1 - 10.0 ** (size - 7),
            false_positives=10.0 ** (size - 5) * 6,
        ),
    )


def told_mechanism(
    mechanism: Mechanism, vocab_size: int, width: int, rng: np.random.Generator
) -> Mechanism:
    units = [told_unit(unit, rng) for unit in mechanism.units]
    weights = np.clip(np.rint(rng.normal(width / 6, 0.5, vocab_size)), 0, width).astype(int)
    overlaps = np.bincount(rng.binomial(max(1, width // 5), 0.18, 2000))
    return replace(
        mechanism,
        units=units,
        hash_weight=HashWeight(
            counts=np.bincount(weights, minlength=width + 1).tolist(),
            mean=float(weights.mean()),
            variance=float(weights.var()),
            binomial_variance=float(width * (1 / 6) * (5 / 6)),
            variance_ratio=float(weights.var() / (width * 5 / 36)),
        ),
        overlaps=Overlaps(
            mean=1.72,
            sd=1.01,
            largest=len(overlaps) - 1,
            counts=overlaps.tolist(),
            random=Spread(mean=1.74, sd=1.16),
            sd_ratio=0.87,
            method="all",
            pairs=2000,
        ),
        unit_and_union=UnitAndUnion(
            covered_off=0.462,
            covered_on=0.005,
            uncovered_on=0.531,
            uncovered_off=0.002,
            level_uncovered=Spread(mean=1.2, sd=0.2),
            weakly_on=WeaklyOn(share=0.011, relative_level=0.21),
            method="all",
            sets=2_763_520,
        ),
        readout=Readout(
            r2=0.957,
            slope=-3.1,
            intercept=0.02,
            by_missing_bits=[
                MissingBits(missing, 0.2 / (1 + missing), -3.1 * missing, 0.9)
                for missing in range(10)
            ],
            r2_levels=0.981,
            W_out=OutputWeights(0.97, -2.6, 0.3, 0.1, 0.2, 0.994),
            b_out_on_weight=BiasOnWeight(correlation=0.41, slope=0.2),
            method="drawn",
            sets=20_000,
        ),
        duplicate_hashes=[[3, 7]] if vocab_size > 7 else [],
        constant_units=0,
    )


def told_unit(unit: Unit, rng: np.random.Generator) -> Unit:
    level = float(rng.normal(1.2, 0.15))
    return replace(
        unit,
        polarity="complement",
        covered_off=float(rng.uniform(0.97, 1)),
        uncovered_on=1.0,
        level_uncovered=Spread(mean=level, sd=0.1 * level),
        level_covered=CoveredLevel(mean=0.01, p95=float(rng.uniform(0, 0.15))),
        sets_covered=0.46,
    )


def interventions(set_size: int) -> Interventions:
    f1s = {
        "force-covered": (0.94, 0.21),
        "force-uncovered": (0.97, 0.3),
        "swap-hashes": (0.92, 0.05),
        "patch-false-positive": (0.9, 0.11),
        "patch-donor": (0.88, 0.08),
        "scrub-irrelevant": (0.95, 0.4),
        "two-level-input": (None, None),
    }
    return Interventions(
        set_size=set_size,
        seed=0,
        interventions=[
            Intervened(
                name=name,
                question=f"What happens under {name}?",
                prediction="The tokens that the changed union covers come out.",
                cases=500,
                **_match(f1),
                predicted_share=0.5,
                loss_correlation=0.9,
                control=Control(name="rows of the hash shuffled", **_match(control)),
                explained=Explained(name="weak-bits", **_match(f1 and f1 + 0.02)),
            )
            for name, (f1, control) in f1s.items()
        ],
    )


def _match(f1: float | None) -> dict[str, Any]:
    exact = None if f1 is None else f1 - 0.02
    scores = {"precision": f1, "recall": f1, "f1": f1}
    return {**scores, "exact_match": exact, "by_loss": agree(f1), "changes": agree(f1)}


def agree(f1: float | None) -> Agreement:
    return Agreement(precision=f1, recall=f1, f1=f1)


def rung(
    name: str,
    kind: Kind,
    bits: int,
    loss: float | None,
    ranking: float | None,
    **others: Any,
) -> ScoredRung:
    """A rung of a ladder by its two F1."""
    known: dict[str, Any] = {
        "title": name.replace("-", " "),
        "meaning": f"What {name} says.",
        "mse": 0.1,
        "kl": 0.02,
        "log_gap_closed": None,
        "loss_correlation": None,
    }
    return ScoredRung(
        name=name,
        kind=kind,
        bits=bits,
        loss_failures=agree(loss),
        ranking_failures=agree(ranking),
        **known | others,
    )


def ladder(vocab_size: int, width: int) -> Ladder:
    entries = vocab_size * width
    network_bits = 32 * (2 * entries + vocab_size + width)
    explained: list[tuple[str, Kind, int, float, float]] = [
        ("random-hash", "baseline", 64, 0.05, 0.02),
        ("extracted-hash", "explanation", entries // 2, 0.9, 0.45),
        ("hash-sharpness", "explanation", entries // 2 + 32, 0.9, 0.46),
        ("token-bias", "explanation", entries // 2 + 32 * vocab_size, 0.92, 0.55),
        ("unit-level", "explanation", entries // 2 + 32 * (vocab_size + width), 0.93, 0.62),
    ]
    rivals: list[tuple[str, Kind, int, float, float]] = [
        (f"{mode}-{bits}-bit", "quantisation", 2 * entries * bits + extra, loss, rank)
        for mode, extra, lift in (("matrix", 0, 0.0), ("mode", entries // 3, 0.05))
        for bits, loss, rank in (
            (1, 0.3, 0.1),
            (2, 0.7 + lift, 0.3),
            (3, 0.9, 0.55 + lift),
            (4, 0.95, 0.71),
            (6, 0.99, 0.89),
            (8, 0.995, 0.97),
        )
    ]
    rows: list[tuple[str, Kind, int, float, float]] = [
        ("uniform", "baseline", 0, 0.0, 0.0),
        *explained,
        *rivals,
        ("network", "network", network_bits, 1.0, 1.0),
    ]
    return Ladder(
        sets=200_000,
        method="drawn",
        vocab_size=vocab_size,
        width=width,
        network_bits=network_bits,
        rungs=[
            rung(
                *row,
                mse=0.004 + 0.3 * (1 - row[3]),
                log_gap_closed=row[3],
                loss_correlation=None if row[0] == "uniform" else row[3],
            )
            for row in rows
        ],
    )


def dynamics(split_step: int | None, hits: float | None = 0.65) -> Dynamics:
    """What the report reads of `dynamics.json` as given, the rest empty."""
    return Dynamics(
        steps=[0, 3000],
        tokens=16,
        constant_units=0,
        splitting=Splitting([], [], [], [], [], two_modes_step=split_step, split_step=split_step),
        settling=Settling(
            [], [], [], [], None, None, half_settled_step=1950, half_all_but_one_step=1398
        ),
        foretelling=Foretelling([], hits, None if hits is None else 0.19),
        order=Order(None, None, None, None, None, None, None),
    )


def certificate(**changes: Any) -> Certificate:
    """C(16, 2) = 120 sets, all but 7 of them right."""
    found = Certificate(
        sets=120,
        method="enumeration",
        exact_sets=113,
        exact_sets_bounds=(113, 113),
        p_exact=Interval(113 / 120, 113 / 120),
        mse=Interval(0.01, 0.0100000001),
        false_positives=CalledNonMembers(total=9, mean=Interval(0.075, 0.075)),
        undecided_sets=0,
        set_size=2,
        confidence=None,
        reasons="every set evaluated in float64",
        seconds=0.5,
    )
    return replace(found, **changes)
