"""Evidence with every key that the report knows, made up: the page's tests need it, no one else.

The numbers are plausible in size and belong to no network.
"""

from pathlib import Path
from typing import Any

import numpy as np

from relubloom import atomic


def add_evidence(folder: Path, vocab_size: int, width: int, set_size: int, seed: int = 0) -> None:
    """Fill up an examined run folder's files with the keys that later analyses write."""
    rng = np.random.default_rng(seed)
    behaviour = atomic.read_json(folder / "behaviour.json")
    atomic.write_json(
        folder / "behaviour.json", behaviour | behaviour_keys(vocab_size, set_size, rng)
    )
    mechanism = atomic.read_json(folder / "mechanism.json")
    mechanism["units"] = [unit | unit_keys(rng) for unit in mechanism["units"]]
    atomic.write_json(folder / "mechanism.json", mechanism | mechanism_keys(vocab_size, width, rng))
    atomic.write_json(folder / "interventions.json", interventions(set_size))
    atomic.write_json(folder / "ladder.json", ladder(vocab_size, width))


def add_dynamics(folder: Path, split_step: int | None, hits: float | None = 0.65) -> None:
    """Write `dynamics.json` with the keys that the report reads."""
    found = {
        "splitting": {"split_step": split_step},
        "settling": {"half_settled_step": 1950, "half_all_but_one_step": 1398},
        "foretelling": {"initial_hits": hits, "chance_hits": None if hits is None else 0.19},
    }
    atomic.write_json(folder / "dynamics.json", found)


def behaviour_keys(vocab_size: int, set_size: int, rng: np.random.Generator) -> dict[str, Any]:
    code_rates = rng.gamma(4, 0.001, vocab_size)
    rates = np.clip(code_rates * rng.normal(1, 0.15, vocab_size), 0, 1)
    counts = [(0, 0.962, 0.957), (1, 0.03, 0.034), (2, 0.006, 0.007), (3, 0.0015, 0.0016)]
    return {
        "false_positives": {
            "network_mean": 0.0412,
            "code_mean": 0.0436,
            "theory_mean": 0.112,
            "correlation": 0.913,
            "by_count": [
                {"count": count, "network": network, "code": code}
                for count, network, code in [*counts, (4, 0.0005, 0.0004)]
            ],
        },
        "calls": {
            "sets_with_misses": 0.00002,
            "sets_with_false_positives": 0.038,
            "sets_with_both": 0.00001,
        },
        "set_sizes": [
            {
                "set_size": size,
                "sets": 20_000 if size > 1 else vocab_size,
                "method": "drawn" if size > 1 else "all",
                "mse": 10.0 ** (size - 6),
                "kl": 10.0 ** (size - 5),
                "p_exact": 1 - 10.0 ** (size - 7),
                "false_positives": 10.0 ** (size - 5) * 3 if size > 1 else 0.0,
                "misses": 0.0001 * size,
                "code": {
                    "mse": 10.0 ** (size - 6) * 1.1,
                    "kl": 10.0 ** (size - 5),
                    "p_exact": 1 - 10.0 ** (size - 7),
                    "false_positives": 10.0 ** (size - 5) * 3.4 if size > 1 else 0.0,
                },
                "theory": {
                    "mse": 10.0 ** (size - 6) * 2,
                    "p_exact": 1 - 10.0 ** (size - 7),
                    "false_positives": 10.0 ** (size - 5) * 6,
                },
            }
            for size in range(1, 2 * set_size + 1)
        ],
        "repeated_token": {
            "sets": 5000,
            "same_calls": 0.931,
            "lost_members": 0.002,
            "logit_change": {"median": 0.21, "p95": 1.7},
        },
        "growth": {
            "sequences": 1000,
            "steps": 8,
            "kept_members": 0.991,
            "kept_false_positives": 0.974,
            "by_size": [
                {
                    "set_size": size,
                    "members_called": 1 - 0.002 * size,
                    "false_positives": 0.001 * 3.0**size,
                    "code_false_positives": 0.0012 * 3.0**size,
                }
                for size in range(1, 9)
            ],
        },
        "member_mass": {
            "mean": 0.985,
            "least": 0.21,
            "p01": 0.62,
            "p50": 0.997,
            "uniformity": {"mean": 0.973, "p01": 0.83, "least": 0.31},
        },
        "confusion": {
            "pairs": [
                {"token": index, "with": index + 1, "sets": 32_131, "called": 0.2, "code": 0.19}
                for index in range(min(20, vocab_size - 1))
            ],
            "correlation": 0.88,
            "method": "all",
            "sets": 2_763_520,
        },
        "tokens": {
            "false_positive_rate": rates.tolist(),
            "miss_rate": [0.0] * vocab_size,
            "code_false_positive_rate": code_rates.tolist(),
            "mse": (rates * 2).tolist(),
            "correlation": 0.94,
            "worst": [
                {
                    "token": int(token),
                    "false_positive_rate": float(rates[token]),
                    "miss_rate": 0.0,
                    "code_false_positive_rate": float(code_rates[token]),
                    "mse": float(2 * rates[token]),
                }
                for token in np.argsort(-rates)[:20]
            ],
        },
    }


def unit_keys(rng: np.random.Generator) -> dict[str, Any]:
    level = float(rng.normal(1.2, 0.15))
    return {
        "polarity": "complement",
        "covered_off": float(rng.uniform(0.97, 1)),
        "uncovered_on": 1.0,
        "level_uncovered": {"mean": level, "sd": 0.1 * level},
        "level_covered": {"mean": 0.01, "p95": float(rng.uniform(0, 0.15))},
        "sets_covered": 0.46,
    }


def mechanism_keys(vocab_size: int, width: int, rng: np.random.Generator) -> dict[str, Any]:
    weights = np.clip(np.rint(rng.normal(width / 6, 0.5, vocab_size)), 0, width).astype(int)
    overlaps = np.bincount(rng.binomial(max(1, width // 5), 0.18, 2000))
    return {
        "hash_weight": {
            "counts": np.bincount(weights, minlength=width + 1).tolist(),
            "mean": float(weights.mean()),
            "variance": float(weights.var()),
            "binomial_variance": float(width * (1 / 6) * (5 / 6)),
            "variance_ratio": float(weights.var() / (width * 5 / 36)),
        },
        "overlaps": {
            "mean": 1.72,
            "sd": 1.01,
            "largest": len(overlaps) - 1,
            "counts": overlaps.tolist(),
            "random": {"mean": 1.74, "sd": 1.16},
            "sd_ratio": 0.87,
        },
        "unit_and_union": {
            "covered_off": 0.462,
            "covered_on": 0.005,
            "uncovered_on": 0.531,
            "uncovered_off": 0.002,
            "level_uncovered": {"mean": 1.2, "sd": 0.2},
            "weakly_on": {"share": 0.011, "relative_level": 0.21},
            "method": "all",
            "sets": 2_763_520,
        },
        "readout": {
            "r2": 0.957,
            "slope": -3.1,
            "intercept": 0.02,
            "by_missing_bits": [
                {
                    "missing": missing,
                    "share": 0.2 / (1 + missing),
                    "mean": -3.1 * missing,
                    "sd": 0.9,
                }
                for missing in range(10)
            ],
            "r2_levels": 0.981,
            "W_out": {
                "correlation": 0.97,
                "bit_mean": -2.6,
                "bit_sd": 0.3,
                "other_mean": 0.1,
                "other_sd": 0.2,
                "agreement": 0.994,
            },
            "b_out_on_weight": {"correlation": 0.41, "slope": 0.2},
            "method": "drawn",
            "sets": 20_000,
        },
        "duplicate_hashes": [[3, 7]] if vocab_size > 7 else [],
        "constant_units": 0,
    }


def interventions(set_size: int) -> dict[str, Any]:
    f1s = {
        "force-covered": (0.94, 0.21),
        "force-uncovered": (0.97, 0.3),
        "swap-hashes": (0.92, 0.05),
        "patch-false-positive": (0.9, 0.11),
        "patch-donor": (0.88, 0.08),
        "scrub-irrelevant": (0.95, 0.4),
        "two-level-input": (None, None),
    }
    return {
        "schema_version": 1,
        "set_size": set_size,
        "seed": 0,
        "interventions": [
            {
                "name": name,
                "question": f"What happens under {name}?",
                "prediction": "The tokens that the changed union covers come out.",
                "cases": 500,
                **_agreement(f1),
                "loss_correlation": 0.9,
                "control": {"name": "rows of the hash shuffled", **_agreement(control)},
                "explained": {"name": "weak-bits", **_agreement(f1 and f1 + 0.02)},
            }
            for name, (f1, control) in f1s.items()
        ],
    }


def _agreement(f1: float | None) -> dict[str, Any]:
    scores = {"precision": f1, "recall": f1, "f1": f1}
    exact = None if f1 is None else f1 - 0.02
    return {**scores, "exact_match": exact, "by_loss": scores, "changes": scores}


def ladder(vocab_size: int, width: int) -> dict[str, Any]:
    entries = vocab_size * width
    network_bits = 32 * (2 * entries + vocab_size + width)
    explained = [
        ("random-hash", "baseline", 64, 0.05, 0.02),
        ("extracted-hash", "explanation", entries // 2, 0.9, 0.45),
        ("hash-sharpness", "explanation", entries // 2 + 32, 0.9, 0.46),
        ("token-bias", "explanation", entries // 2 + 32 * vocab_size, 0.92, 0.55),
        ("unit-level", "explanation", entries // 2 + 32 * (vocab_size + width), 0.93, 0.62),
    ]
    rivals = [
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
    rows = [
        ("uniform", "baseline", 0, 0.0, 0.0),
        *explained,
        *rivals,
        ("network", "network", network_bits, 1.0, 1.0),
    ]
    return {
        "schema_version": 1,
        "sets": 200_000,
        "method": "drawn",
        "vocab_size": vocab_size,
        "width": width,
        "network_bits": network_bits,
        "rungs": [
            {
                "name": name,
                "title": name.replace("-", " "),
                "meaning": f"What {name} says.",
                "kind": kind,
                "bits": bits,
                "mse": 0.004 + 0.3 * (1 - loss),
                "kl": 0.02,
                "log_gap_closed": loss,
                "loss_failures": {"precision": loss, "recall": loss, "f1": loss},
                "ranking_failures": {"precision": rank, "recall": rank, "f1": rank},
                "loss_correlation": None if name == "uniform" else loss,
            }
            for name, kind, bits, loss, rank in rows
        ],
    }
