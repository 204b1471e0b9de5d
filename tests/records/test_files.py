"""The one reader and writer of result files, and what it says of damaged ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from build.process import DATA
from relubloom.errors import FileError
from relubloom.records.behaviour import Behaviour, ConfusedPair
from relubloom.records.certificate import CalledNonMembers, Certificate, Interval
from relubloom.records.files import FILE_NAMES, as_json, read_record, remove_record, write_record
from relubloom.records.interventions import Interventions
from relubloom.records.study import StudyRecord

CERTIFICATE = Certificate(
    sets=10,
    method="bounds",
    exact_sets=None,
    exact_sets_bounds=(3, 7),
    p_exact=Interval(0.3, 0.7),
    mse=Interval(0.0, 1.5),
    false_positives=CalledNonMembers(None, Interval(0.0, 2.0)),
    undecided_sets=4,
    set_size=2,
    confidence=None,
    reasons="by hand",
)


def changed(folder: Path, name: str, **changes: Any) -> None:
    """A certificate's file with keys changed; `...` takes one out."""
    found = json.loads((folder / name).read_text()) | changes
    (folder / name).write_text(json.dumps({k: v for k, v in found.items() if v is not ...}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_record(tmp_path, CERTIFICATE)
    return tmp_path


def test_what_is_written_is_read(folder: Path) -> None:
    assert read_record(folder, Certificate) == CERTIFICATE
    stored = json.loads((folder / "certificate.json").read_text())
    assert list(stored)[:2] == ["schema_version", "sets"]
    assert stored["exact_sets_bounds"] == [3, 7]
    assert stored["mse"] == {"lower": 0.0, "upper": 1.5}
    remove_record(folder, Certificate)
    assert read_record(folder, Certificate) is None
    remove_record(folder, Certificate)  # nothing to do


def test_a_key_that_python_keeps_to_itself() -> None:
    pair = ConfusedPair(token=1, with_=2, sets=3, called=0.5, code=0.25)
    assert as_json(pair) == {"token": 1, "with": 2, "sets": 3, "called": 0.5, "code": 0.25}


@pytest.mark.parametrize("size", [2, [2, 5]])
def test_one_size_or_two(tmp_path: Path, size: int | list[int]) -> None:
    record = Interventions(set_size=size, seed=0, interventions=[])
    write_record(tmp_path, record)
    assert read_record(tmp_path, Interventions) == record


def test_a_whole_number_may_stand_for_a_real_one(folder: Path) -> None:
    changed(folder, "certificate.json", mse={"lower": 0, "upper": 2})
    found = read_record(folder, Certificate)
    assert found is not None
    assert found.mse == Interval(0.0, 2.0)
    assert isinstance(found.mse.lower, float)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sets": ...}, "lacks the key sets"),
        ({"mse": {"lower": 0.0}}, "lacks the key mse.upper"),
        ({"sets": None}, "is damaged at sets (invalid value for type, expected int)"),
        ({"sets": True}, "is damaged at sets (invalid value for type, expected int)"),
        ({"sets": 1.5}, "is damaged at sets (invalid value for type, expected int)"),
        ({"mse": {"lower": "0", "upper": 1.0}}, "is damaged at mse.lower (invalid value for"),
        ({"mse": 3}, "is damaged at mse.lower"),
        ({"reasons": 3}, "is damaged at reasons"),
        ({"method": "by hand"}, "is damaged at method"),
        ({"exact_sets_bounds": [1]}, "is damaged at exact_sets_bounds"),
        (
            {"schema_version": 2, "sets": ...},
            ", written by a newer relubloom (schema 2), lacks the key sets",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_key_and_a_remedy(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    changed(folder, "certificate.json", **changes)
    with pytest.raises(FileError) as error:
        read_record(folder, Certificate)
    assert said in str(error.value)
    assert str(error.value).startswith(str(folder / "certificate.json"))
    assert str(error.value).endswith(f"make it anew with `relubloom certify {folder}`")
    assert "\n" not in str(error.value)


def test_a_list_is_no_record(folder: Path) -> None:
    (folder / "certificate.json").write_text("[1]")
    with pytest.raises(FileError, match=r"certificate\.json holds no JSON object; make it anew"):
        read_record(folder, Certificate)
    (folder / "certificate.json").write_text("{")
    with pytest.raises(FileError, match=r"certificate\.json is not readable JSON"):
        read_record(folder, Certificate)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [(Behaviour, "relubloom examine"), (StudyRecord, "relubloom study --force --out")],
)
def test_the_remedy_is_the_command_that_makes_the_file(
    tmp_path: Path, kind: type, remedy: str
) -> None:
    (tmp_path / FILE_NAMES[kind]).write_text("{}")
    with pytest.raises(FileError, match=re.escape(f"anew with `{remedy} {tmp_path}`")):
        read_record(tmp_path, kind)


def test_keys_of_a_newer_schema_are_named_and_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    newer = {"schema_version": 2, "proof": "long", "mse": {"lower": 0.0, "upper": 1.5, "at": 1}}
    changed(folder, "certificate.json", **newer)
    assert read_record(folder, Certificate) == CERTIFICATE
    (line,) = caplog.messages
    assert line.startswith(str(folder / "certificate.json"))
    assert line.endswith("has keys that this relubloom does not know and leaves out: mse.at, proof")


def test_a_file_of_this_schema_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for kind in FILE_NAMES:
        read_record(DATA / "schema-1" / "study" / "seed-0", kind)
    read_record(DATA / "schema-1" / "study", StudyRecord)
    assert not caplog.messages
