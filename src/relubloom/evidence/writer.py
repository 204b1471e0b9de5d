"""The one writer that turns evidence into the JSON files of a run folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.evidence.gather import Evidence
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.run_folder import CODE

SCHEMA_VERSION = 1
BEHAVIOUR, MECHANISM = "behaviour.json", "mechanism.json"
INTERVENTIONS, LADDER = "interventions.json", "ladder.json"
CERTIFICATE, DYNAMICS = "certificate.json", "dynamics.json"
EVIDENCE_FILES = (BEHAVIOUR, MECHANISM, INTERVENTIONS, LADDER, CERTIFICATE, DYNAMICS)
FROM_MECHANISM = (
    "mode_gap",
    "two_valued",
    "near_threshold",
    "bits_per_token",
    "unit_agreement",
    "extracted",
    "code_failure_share",
    "failures_explained",
    "failures_explained_by_loss",
)


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write `code.npz` and a JSON file for each kind of evidence, each atomically.

    A file of interventions or of a ladder that was not asked for, from an earlier examination, is
    removed.
    """
    evidence.code.save(folder / CODE)
    version = {"schema_version": SCHEMA_VERSION}
    for name, found in ((INTERVENTIONS, evidence.interventions), (LADDER, evidence.ladder)):
        if found is None:
            (folder / name).unlink(missing_ok=True)
        else:
            atomic.write_json(folder / name, version | asdict(found))
    atomic.write_json(folder / BEHAVIOUR, version | asdict(evidence.behaviour))
    mechanism = asdict(evidence.mechanism) | asdict(evidence.reading)
    atomic.write_json(folder / MECHANISM, version | {"verdict": evidence.verdict} | mechanism)


def write_certificate(folder: Path, certificate: Certificate) -> dict[str, Any]:
    """Write `certificate.json`; returns what stands in it, but for the schema's version."""
    found = certificate.describe()
    atomic.write_json(folder / CERTIFICATE, {"schema_version": SCHEMA_VERSION} | found)
    return found


def write_dynamics(folder: Path, dynamics: Dynamics | None) -> None:
    """Write `dynamics.json`; without a film to read it from, remove what an earlier one left."""
    if dynamics is None:
        (folder / DYNAMICS).unlink(missing_ok=True)
    else:
        version = {"schema_version": SCHEMA_VERSION}
        atomic.write_json(folder / DYNAMICS, version | asdict(dynamics))


def run_summary(folder: Path, seed: int | None) -> dict[str, Any]:
    """One row of `study.json`, by the keys of the contract, from the folder's evidence files.

    Raises:
        FileError: the folder was not examined.
    """
    behaviour = atomic.read_json(folder / BEHAVIOUR)
    mechanism = atomic.read_json(folder / MECHANISM)
    return (
        {"dir": str(folder), "seed": seed, "verdict": mechanism["verdict"]}
        | {key: behaviour[key] for key in ("mse", "kl", "p_exact")}
        | {key: mechanism[key] for key in FROM_MECHANISM}
    )
