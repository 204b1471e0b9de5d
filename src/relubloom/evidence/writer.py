"""The one writer that turns evidence into the JSON files of a run folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.evidence.gather import Evidence
from relubloom.run_folder import CODE

SCHEMA_VERSION = 1
BEHAVIOUR, MECHANISM = "behaviour.json", "mechanism.json"


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `code.npz`, `behaviour.json` and `mechanism.json`, each atomically."""
    evidence.code.save(folder / CODE)
    version = {"schema_version": SCHEMA_VERSION}
    atomic.write_json(folder / BEHAVIOUR, version | asdict(evidence.behaviour))
    mechanism = asdict(evidence.mechanism) | asdict(evidence.reading)
    atomic.write_json(
        folder / MECHANISM, version | {"verdict": evidence.verdict} | mechanism
    )


def run_summary(folder: Path, evidence: Evidence, seed: int) -> dict[str, Any]:
    """One row of `study.json`, by the keys of the contract."""
    behaviour, mechanism, reading = evidence.behaviour, evidence.mechanism, evidence.reading
    return {
        "dir": str(folder),
        "seed": seed,
        "verdict": evidence.verdict,
        "mse": behaviour.mse,
        "kl": behaviour.kl,
        "p_exact": behaviour.p_exact,
        "mode_gap": mechanism.mode_gap,
        "two_valued": mechanism.two_valued,
        "near_threshold": mechanism.near_threshold,
        "bits_per_token": asdict(mechanism.bits_per_token),
        "unit_agreement": mechanism.unit_agreement,
        "extracted": asdict(reading.extracted),
        "code_failure_share": reading.code_failure_share,
        "failures_explained": reading.failures_explained,
        "failures_explained_by_loss": reading.failures_explained_by_loss,
    }
