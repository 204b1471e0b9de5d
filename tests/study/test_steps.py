"""What a step leaves in a run folder beside what lay there."""

from dataclasses import replace
from pathlib import Path

import pytest

from relubloom.code import random_constant_weight
from relubloom.errors import FileError
from relubloom.evidence import Evidence, gather_evidence
from relubloom.network.construct import construct
from relubloom.records.certificate import Certificate
from relubloom.records.files import read_record, write_record
from relubloom.study.steps import is_examined, row_of, write_evidence
from relubloom.task import AllSets


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather_evidence(construct(random_constant_weight(8, 4, 2, 0), 20.0), AllSets(8, 2))


def test_a_sample_does_not_replace_a_proof_of_the_same_sets(
    evidence: Evidence, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    proof = evidence.certificate
    assert proof is not None
    sample = replace(proof, method="sampled", confidence=0.99)
    write_evidence(tmp_path, replace(evidence, certificate=sample))
    assert read_record(tmp_path, Certificate) == sample
    write_evidence(tmp_path, evidence)
    assert read_record(tmp_path, Certificate) == proof
    write_evidence(tmp_path, replace(evidence, certificate=sample))
    write_evidence(tmp_path, replace(evidence, certificate=None))
    assert read_record(tmp_path, Certificate) == proof
    write_record(tmp_path, replace(proof, set_size=3))
    write_evidence(tmp_path, replace(evidence, certificate=sample))
    assert read_record(tmp_path, Certificate) == sample
    (tmp_path / "certificate.json").write_text("{}")
    write_evidence(tmp_path, evidence)
    assert read_record(tmp_path, Certificate) == proof


def test_a_row_needs_an_examination(evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="was not examined; run `relubloom examine"):
        row_of(tmp_path, 0)
    (tmp_path / "config.json").write_text("{}")
    write_evidence(tmp_path, evidence)
    row = row_of(tmp_path, 7)
    assert (row.dir, row.seed, row.verdict) == (str(tmp_path), 7, evidence.mechanism.verdict)


def test_a_network_is_examined_anew_on_other_sets(evidence: Evidence, tmp_path: Path) -> None:
    assert not is_examined(tmp_path, 28, "quick")
    (tmp_path / "config.json").write_text("{}")
    write_evidence(tmp_path, evidence)
    assert is_examined(tmp_path, 28, "quick")
    assert not is_examined(tmp_path, 27, "quick")
    assert is_examined(tmp_path, 28, "study")
    (tmp_path / "snapshots.safetensors").touch()  # without what is read off it
    assert is_examined(tmp_path, 28, "quick")
    assert not is_examined(tmp_path, 28, "study")
