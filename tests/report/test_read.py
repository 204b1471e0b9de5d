"""What a page reads: which run it features, what is damaged, and that nothing is read twice."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from build.report_runs import constructed_run, edited, study, trained_run
from relubloom import atomic, reading
from relubloom.errors import FileError
from relubloom.network.relu_net import ReluNet
from relubloom.records.run_folder import read_film
from relubloom.report.page import write_report
from relubloom.report.read import read_contents, read_run


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    study(folder)
    return folder


def test_study_features_the_seed_of_median_mse(study_folder: Path) -> None:
    contents = read_contents(study_folder)
    mses = sorted(run.behaviour.mse for run in contents.runs if run.behaviour)
    assert contents.featured.behaviour is not None
    assert contents.featured.behaviour.mse == mses[1]
    assert [run.seed for run in contents.runs] == [0, 1, 2]
    assert contents.heading == f"trained (seed {contents.featured.seed})"


def test_results_are_read_once_for_a_page(
    study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[tuple[str, Path]] = Counter()

    def counted(read: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *rest: Any) -> Any:
            reads[read.__name__, path] += 1
            return read(path, *rest)

        return call

    monkeypatch.setattr(reading, "read_json", counted(reading.read_json))
    monkeypatch.setattr(ReluNet, "from_pretrained", counted(ReluNet.from_pretrained))
    monkeypatch.setattr("relubloom.report.read.read_film", counted(read_film))
    write_report(study_folder)
    assert {"study.json", "behaviour.json", "mechanism.json"} <= {path.name for _, path in reads}
    twice = {path.name for (_, path), times in reads.items() if times > 1}
    assert twice == {"config.json"}  # once more with the weights


@pytest.mark.parametrize(
    ("said", "sizes", "middle"),
    [(3, (3, 3), 3), ([3, 8], (3, 8), 5), (None, None, None)],
)
def test_set_sizes_of_a_task(
    tmp_path: Path, said: Any, sizes: tuple[int, int] | None, middle: int | None
) -> None:
    constructed_run(tmp_path)
    edited(tmp_path, "config.json", task={"source": "uniform", "set_size": said})
    run = read_run(tmp_path)
    assert (run.sizes, run.set_size) == (sizes, middle)


def test_damaged_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"config\.json is not there"):
        write_report(tmp_path)
    (tmp_path / "study.json").write_text("[]")
    with pytest.raises(FileError, match="no JSON object"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_study_without_its_runs_is_one_clear_line(study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes((study_folder / "study.json").read_bytes())
    with pytest.raises(FileError, match="no run folder seed-N"):
        write_report(tmp_path)


def test_missing_key_is_one_clear_line(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    mechanism = reading.read_json(tmp_path / "mechanism.json")
    del mechanism["unit_agreement"]
    atomic.write_json(tmp_path / "mechanism.json", mechanism)
    with pytest.raises(FileError, match=r"mechanism\.json lacks the key unit_agreement; make it"):
        write_report(tmp_path)


def test_a_mixture_of_one_mode_is_one_clear_line(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    mechanism = reading.read_json(tmp_path / "mechanism.json")
    mechanism["mode_means"] = [0.5]
    atomic.write_json(tmp_path / "mechanism.json", mechanism)
    with pytest.raises(FileError, match=r"mechanism\.json .*mode_means.*; make it anew"):
        write_report(tmp_path)


def test_unknown_recipe_is_one_clear_line(tmp_path: Path) -> None:
    trained_run(tmp_path)
    edited(tmp_path, "config.json", recipe={"objective": "mse", "haste": 1})
    with pytest.raises(FileError, match=r"config\.json is not readable: recipe has no 'haste'"):
        read_run(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"recipe": "fast"}))
    with pytest.raises(
        FileError, match=r"config\.json is not readable: recipe is 'fast'.*; restore it"
    ):
        read_run(tmp_path)
