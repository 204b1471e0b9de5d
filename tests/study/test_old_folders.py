"""Files that the first schema's code wrote: each opens, and its figures come out again."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import relubloom as rb
from build.process import DATA, Outcome
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.files import FILE_NAMES, document, read_record
from relubloom.records.folder_task import read_task
from relubloom.records.interventions import Interventions
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import read_code, read_film, read_history
from relubloom.records.study import StudyRecord
from relubloom.study.steps import certify_run, examine_run
from relubloom.training import train_stack

OLD = DATA / "schema-1"
TRAINED, BUILT = OLD / "study" / "seed-0", OLD / "built"
KINDS = (Behaviour, Mechanism, Interventions, Ladder, Certificate, Dynamics)
NO_FIGURES = {"seconds", "title", "meaning", "question", "prediction", "reasons", "name"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", [TRAINED, BUILT, OLD / "study" / "constructed"])
def test_a_record_is_read_and_would_be_written_the_same(folder: Path, kind: type) -> None:
    record, path = read_record(folder, kind), folder / FILE_NAMES[kind]
    assert (record is None) == (not path.exists())
    if record is not None:
        written = json.loads(json.dumps(document(record)))
        stored = json.loads(path.read_text())
        assert without_newer_keys(written, stored) == stored


def without_newer_keys(written: Any, stored: Any) -> Any:
    """What is written, without the keys that the stored value lacks: these hold nothing."""
    if isinstance(written, list) and isinstance(stored, list):
        return [without_newer_keys(*pair) for pair in zip(written, stored, strict=True)]
    if not (isinstance(written, dict) and isinstance(stored, dict)):
        return written
    newer = {key: value for key, value in written.items() if key not in stored}
    assert all(value in (None, []) for value in newer.values()), newer
    return {key: without_newer_keys(written[key], stored[key]) for key in stored}


def test_the_other_files_of_a_run_folder() -> None:
    net = rb.ReluNet.from_pretrained(TRAINED)
    assert read_task(TRAINED, net) == rb.KSparseTask(12, 2)
    assert len(read_history(TRAINED)) > 2
    film = read_film(TRAINED)
    assert film is not None
    assert torch.equal(film[0][-1], net.W_in)
    assert read_code(TRAINED) == rb.extract_code(net)


def test_a_study_goes_on_and_is_drawn(tmp_path: Path, relubloom: Callable[..., Outcome]) -> None:
    study = shutil.copytree(OLD / "study", tmp_path / "study")
    sizes = ("-N", 12, "-d", 6, "-k", 2, "--steps", 60, "--batch-size", 16)
    done = relubloom("study", *sizes, "--resume", "--json", "--quiet", "--out", study)
    record = read_record(OLD / "study", StudyRecord)
    assert record is not None
    here = [replace(row, dir=str(study / f"seed-{row.seed}")) for row in record.runs]
    record = replace(record, runs=here, report=str(study / "report.html"))
    assert done.json == json.loads(json.dumps(document(record)))
    assert "<svg" in (study / "report.html").read_text(encoding="utf-8")


def test_a_checkpoint_goes_on(tmp_path: Path) -> None:
    checkpoint = Path(shutil.copy(OLD / "checkpoint.safetensors", tmp_path))
    task, recipe = rb.KSparseTask(12, 2), rb.Recipe(steps=20, batch_size=16)
    seen: list[int] = []
    (resumed,) = train_stack(
        task,
        *(4, recipe, (0,)),
        checkpoint=checkpoint,
        resume=True,
        on_progress=lambda progress: seen.append(progress.step),
    )
    (whole,) = train_stack(task, 4, recipe, (0,))
    assert seen == list(range(9, 21))
    assert torch.allclose(resumed.net.W_in, whole.net.W_in, rtol=1e-4, atol=1e-5)


def test_a_table_of_sweeps_opens() -> None:
    rows = rb.load_results(OLD / "results.sqlite")
    assert [(row["width"], row["status"]) for row in rows] == [(4, "done"), (6, "done")]
    assert all(row["mse"] > 0 and row["verdict"] for row in rows)


@pytest.mark.parametrize("old", [TRAINED, BUILT], ids=["trained", "constructed"])
def test_the_figures_are_those_of_before(old: Path, tmp_path: Path) -> None:
    # 1e-6 relative; the absolute term is for what is 0 but for rounding.
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokens.txt", "snapshots.safetensors"):
        if (old / name).exists():
            shutil.copy(old / name, folder)
    examine_run(folder)
    certify_run(folder)
    compared = 0
    for kind in KINDS:
        was, now = read_record(old, kind), read_record(folder, kind)
        assert (was is None) == (now is None), kind
        if now is not None:
            stored = json.loads((old / FILE_NAMES[kind]).read_text())
            before = dict(leaves(stored))
            after = {place: value for place, value in leaves(document(now)) if place in before}
            assert after.keys() == before.keys()
            close = {
                place: value
                if not isinstance(value, float)
                else pytest.approx(value, rel=1e-6, abs=1e-12)
                for place, value in before.items()
            }
            assert after == close, kind
            compared += len(close)
    assert compared > 1000


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, verdicts and classes of a document, by where they stand; no sentences."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in NO_FIGURES:
                yield from leaves(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{place}[{index}]")
    else:
        yield place, value
