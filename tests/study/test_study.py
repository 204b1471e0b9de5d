"""The main job: what a study writes, its contract, and folders that it must not touch."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from build.process import DATA, Outcome
from relubloom.cli.app import run
from relubloom.code import Code
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import Behaviour
from relubloom.records.files import read_record
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import read_film, read_history
from relubloom.study import steps
from relubloom.study import study as study_module
from relubloom.study.settings import Study, StudyOptions, planned, quick_recipe
from relubloom.study.study import run_study
from relubloom.task import KSparseTask
from relubloom.theory import best_constant_weight
from relubloom.training import Recipe

SIZES = ("-N", "20", "-d", "10", "-k", "2", "--steps", "10", "--batch-size", "64", "--threads", "1")
RUN_KEYS = {
    "dir",
    "seed",
    "verdict",
    "mse",
    "kl",
    "p_exact",
    "mode_gap",
    "two_valued",
    "near_threshold",
    "bits_per_token",
    "unit_agreement",
    "extracted",
    "code_failure_share",
    "failures_explained",
    "failures_explained_by_loss",
    "hash_false_positives",
    "random_code_false_positives",
    "reading",
    "quantity",
    "value",
    "threshold",
    "try_width",
    "graded",
}
SHARES = ("p_exact", "near_threshold", "unit_agreement", "code_failure_share")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of seeds 3 and 4. Tests that change it take `mine`."""
    out = tmp_path_factory.mktemp("finished") / "study"
    arguments = ["study", *SIZES, "--seed", "3", "--seeds", "2", "--quiet", "--out", str(out)]
    assert run(arguments) == 0
    return out


@pytest.fixture
def mine(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "study")


def test_the_files_of_a_study(finished: Path) -> None:
    folders = {path.name for path in finished.iterdir() if path.is_dir()}
    assert folders == {"seed-3", "seed-4", "constructed", "figures"}
    assert (finished / "study.json").is_file()
    assert not (finished / "checkpoint.safetensors").exists()
    network = {"config.json", "model.safetensors", "tokens.txt"}
    evidence = {"code.npz", "behaviour.json", "mechanism.json", "interventions.json", "ladder.json"}
    evidence |= {"certificate.json"}
    training = {"history.jsonl", "snapshots.safetensors", "dynamics.json"}
    for name in ("seed-3", "seed-4"):
        found = {path.name for path in (finished / name).iterdir()}
        assert network | evidence | training <= found
    constructed = {path.name for path in (finished / "constructed").iterdir()}
    assert network | evidence <= constructed
    assert not training & constructed
    assert not list(finished.rglob(".*"))


def test_the_keys_of_study_json(finished: Path) -> None:
    study = json.loads((finished / "study.json").read_text())
    assert {"runs", "best_random_code", "verdict", "report"} <= study.keys()
    assert [row["seed"] for row in study["runs"]] == [3, 4]
    for row in study["runs"]:
        assert row.keys() == RUN_KEYS
        assert row["bits_per_token"].keys() == {"mean", "sd"}
        assert row["extracted"].keys() == {"mse", "kl", "p_exact", "loss_failure_f1"}
        assert row["verdict"] in {"bloom", "partly", "not-bloom"}
        assert Path(row["dir"]).name == f"seed-{row['seed']}"
        assert all(0 <= row[share] <= 1 for share in SHARES)
    assert study["verdict"] in {row["verdict"] for row in study["runs"]}
    assert Path(study["report"]).name == "report.html"


def test_the_rival_is_the_best_random_code(finished: Path) -> None:
    rival = json.loads((finished / "study.json").read_text())["best_random_code"]
    best = best_constant_weight(20, 10, 2)
    assert rival == {
        "weight": best.weight,
        "mse": pytest.approx(best.mse),
        "kl": pytest.approx(best.kl),
        "p_exact": pytest.approx(best.p_exact),
    }
    code = extract_code(ReluNet.from_pretrained(finished / "constructed"))
    assert (code.weights == best.weight).all()
    mechanism = json.loads((finished / "constructed" / "mechanism.json").read_text())
    assert mechanism["verdict"] == "bloom"
    assert mechanism["two_valued"] is True
    assert mechanism["mode_gap"] is None


def test_the_figures_agree_with_the_files(finished: Path) -> None:
    study = json.loads((finished / "study.json").read_text())
    for row in study["runs"]:
        folder = finished / f"seed-{row['seed']}"
        behaviour = json.loads((folder / "behaviour.json").read_text())
        assert (behaviour["sets"], behaviour["method"]) == (190, "all")
        assert behaviour["mse"] == row["mse"]
        config = json.loads((folder / "config.json").read_text())
        assert config["seed"] == row["seed"]
        assert config["task"] == {"source": "uniform", "vocab_size": 20, "set_size": 2}
        assert config["recipe"]["steps"] == 10
        code = Code.load(folder / "code.npz")
        assert code == extract_code(ReluNet.from_pretrained(folder))
        assert row["bits_per_token"]["mean"] == pytest.approx(code.weights.mean())


def test_history_and_film_of_a_run(finished: Path) -> None:
    history = read_history(finished / "seed-3")
    assert [row["step"] for row in history] == list(range(1, 11))
    film, steps = read_film(finished / "seed-3")
    assert steps[0] == 0
    assert steps[-1] == 10
    assert film.shape == (len(steps), 20, 10)
    assert torch.equal(film[-1], ReluNet.from_pretrained(finished / "seed-3").W_in)
    assert not torch.equal(film[0], film[-1])


def test_a_run_folder_opens_without_the_rest(mine: Path, relubloom: Callable[..., Outcome]) -> None:
    row = relubloom("examine", mine / "seed-3", "--json", "--quiet").json
    before = json.loads((mine / "study.json").read_text())["runs"][0]
    over = {"sets": 190, "method": "all", "source": "uniform", "file": None}
    assert row == before | over | {"dir": str(mine / "seed-3")}
    assert relubloom("query", mine / "seed-3", "kiwi", "5").status == 0


@pytest.mark.usefixtures("no_page")
def test_a_study_alone_has_the_numbers_it_has_beside_others(
    finished: Path, tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    done = relubloom("study", *SIZES, "--seed", 4, "--quiet", "--json", "--out", tmp_path / "one")
    alone, beside = done.json["runs"][0], json.loads((finished / "study.json").read_text())
    assert alone["mse"] == pytest.approx(beside["runs"][1]["mse"], rel=1e-3)
    first, _ = read_film(tmp_path / "one" / "seed-4")
    assert torch.equal(first[0], read_film(finished / "seed-4")[0][0])


def test_resume_of_a_finished_study_does_nothing_again(
    mine: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(*_: object, **__: object) -> None:
        raise AssertionError("the study is finished")

    monkeypatch.setattr(study_module, "best_random_code", no_more)
    for name in ("train_stack", "gather_evidence"):
        monkeypatch.setattr(steps, name, no_more)
    files = {path: path.stat().st_mtime_ns for path in mine.rglob("*") if path.suffix != ".html"}
    command = ("study", *SIZES, "--seed", 3, "--seeds", 2, "--quiet", "--out", mine)
    done = relubloom(*command, "--json", "--resume")
    kept = json.loads((mine / "study.json").read_text())
    assert kept["report"] != str(mine / "report.html")  # it was copied here, and says what is here
    for row in kept["runs"]:
        row["dir"] = str(mine / f"seed-{row['seed']}")
    assert done.json == kept | {"report": str(mine / "report.html")}
    assert {path: path.stat().st_mtime_ns for path in files} == files


@pytest.mark.parametrize(
    "changes", [("--steps", 11), ("--seed", 4), ("--seeds", 1), ("-d", 11), ("--quick",)]
)
def test_resume_with_other_settings_is_refused(
    mine: Path, relubloom: Callable[..., Outcome], changes: tuple[object, ...]
) -> None:
    command = ("study", *SIZES, "--seed", 3, "--seeds", 2, "--quiet", "--out", mine)
    done = relubloom(*command, *changes, "--resume")
    assert done.status == 2
    assert "holds a study of other settings; choose another --out, or replace it" in done.error


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["study", "train", "construct"])
def test_a_folder_that_holds_something_is_refused(
    mine: Path, relubloom: Callable[..., Outcome], command: str
) -> None:
    before = contents(mine)
    sizes = SIZES[:6] if command == "construct" else SIZES
    done = relubloom(command, *sizes, "--quiet", "--out", mine)
    assert done.status == 2
    assert "is not empty" in done.error
    assert "--force" in done.error
    assert contents(mine) == before


@pytest.mark.usefixtures("no_page")
def test_force_replaces_a_study_and_leaves_other_files(
    mine: Path, relubloom: Callable[..., Outcome]
) -> None:
    (mine / "notes.txt").write_text("keep me")
    (mine / "seed-of-doubt").mkdir()
    command = ("study", *SIZES, "--seed", 7, "--quiet", "--out", mine, "--force")
    assert relubloom(*command).status == 0
    assert (mine / "notes.txt").read_text() == "keep me"
    assert (mine / "seed-of-doubt").is_dir()
    assert {path.name for path in mine.glob("seed-?")} == {"seed-7"}


def test_resume_goes_on_with_a_study_only(
    tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    (tmp_path / "report.html").write_text("years of work")
    done = relubloom("study", *SIZES, "--quiet", "--out", tmp_path, "--resume")
    assert done.status == 2
    assert done.error.endswith("holds no study: --resume goes on with one; choose another")
    assert contents(tmp_path) == {tmp_path / "report.html": b"years of work"}


@pytest.mark.parametrize("command", ["study", "train", "construct"])
def test_force_does_not_replace_other_things(
    tmp_path: Path, relubloom: Callable[..., Outcome], command: str
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    sizes = SIZES[:6] if command == "construct" else SIZES
    done = relubloom(command, *sizes, "--quiet", "--out", tmp_path, "--force")
    assert done.status == 2
    assert "--force replaces only those; choose another" in done.error
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    done = relubloom(command, *sizes, "--quiet", "--out", tmp_path / "thesis.tex", "--force")
    assert done.status == 2
    assert "is a file: --out names a folder" in done.error


@pytest.mark.parametrize(
    "bad",
    [
        ("-d", 0),
        ("--steps", 0),
        ("--sets", "one-set", "-k", "2"),
        ("--tokens", "two-tokens"),
        ("--set-size", 21),
        ("--device", "no-such-device"),
    ],
    ids=lambda bad: bad[0],
)
@pytest.mark.usefixtures("unchecked")
def test_a_refused_study_loses_nothing_even_with_force(
    mine: Path, relubloom: Callable[..., Outcome], tmp_path: Path, bad: tuple[object, ...]
) -> None:
    (tmp_path / "one-set").write_text("a b\nb a\n")
    (tmp_path / "two-tokens").write_text("a\nb\n")
    named = [tmp_path / each if each in ("one-set", "two-tokens") else each for each in bad]
    before = contents(mine)
    sizes = SIZES[2:4] + SIZES[6:] if bad[0] == "--sets" else SIZES
    done = relubloom("study", *sizes, *named, "--quiet", "--out", mine, "--force")
    assert done.status in (1, 2)
    assert done.error
    assert contents(mine) == before


@pytest.mark.usefixtures("no_page")
def test_quick_caps_the_steps_and_the_sets(tmp_path: Path) -> None:
    task = KSparseTask(52, 3)  # of 22,100 sets
    recipe = quick_recipe(Recipe(steps=12, batch_size=64), steps=8)
    study = Study(task, 4, recipe, default_labels(52), quick=True)
    found = run_study(study, tmp_path / "s")
    assert found.configuration["recipe"]["steps"] == 8
    behaviour = read_record(tmp_path / "s" / "seed-0", Behaviour)
    assert behaviour is not None
    assert (behaviour.sets, behaviour.method) == (20_000, "drawn")


@pytest.mark.parametrize(("name", "sizes"), [("debtags.sets", "3..8"), ("nextwords.sets", None)])
@pytest.mark.usefixtures("no_page")
def test_a_study_of_real_sets(
    tmp_path: Path, relubloom: Callable[..., Outcome], name: str, sizes: str | None
) -> None:
    size = () if sizes is None else ("--set-size", sizes)
    out = tmp_path / "s"
    done = relubloom(
        *("study", "--sets", DATA / name, *size, "-d", 4, "--steps", 8, "--json", "--out", out)
    )
    assert done.status == 0
    task = done.json["configuration"]["task"]
    assert task["source"] == "file"
    behaviour = json.loads((out / "seed-0" / "behaviour.json").read_text())
    assert behaviour["method"] == "held-out"
    lines = behaviour["sets"]
    if sizes is None:
        assert (task["lines"], task["set_size"]) == (48, 5)
    else:
        assert task["left_out"] > 0
        assert f"{task['left_out']} of other sizes left out" in done.err
        assert [row["set_size"] for row in behaviour["by_set_size"]]
        assert sum(row["sets"] for row in behaviour["by_set_size"]) == lines
    labels = (out / "seed-0" / "tokens.txt").read_text().splitlines()
    assert len(labels) == task["vocab_size"]
    again = relubloom("examine", out / "seed-0", "--json", "--quiet")
    assert again.json["mse"] == done.json["runs"][0]["mse"]


@pytest.mark.parametrize(
    "sizes", [("-N", 1, "-k", 1, "-d", 1), ("-N", 3, "-k", 3, "-d", 2), ("-N", 6, "-k", "1..6")]
)
def test_the_smallest_studies_finish(
    tmp_path: Path, relubloom: Callable[..., Outcome], sizes: tuple[object, ...]
) -> None:
    tail = ("--steps", 3, "--batch-size", 8, "--quick", "--quiet", "--json")
    done = relubloom("study", "-d", 4, *sizes, *tail, "--out", tmp_path / "s")
    assert done.status == 0, done.err
    assert done.json["runs"][0].keys() == RUN_KEYS


@pytest.mark.parametrize(
    ("preset", "sizes", "recipe"),
    [
        ("article", (256, 48, 3), Recipe()),
        ("article-full", (256, 48, 3), Recipe(steps=80_000, learning_rate=0.005)),
        ("wide", (1000, 64, 3), Recipe(objective="kl-then-mse", steps=6500)),
        (
            *("vocab-4096", (4096, 64, 3)),
            Recipe(objective="kl", steps=32_000, batch_size=256, learning_rate=0.01),
        ),
        (
            *("vocab-50257", (50257, 128, 4)),
            Recipe("kl", 60_000, 1256, 0.01, weight_decay=0.016, softmax="batch"),
        ),
    ],
)
def test_a_preset_is_the_study_that_its_page_reports(
    preset: str, sizes: tuple[int, int, int], recipe: Recipe
) -> None:
    study = planned(preset=preset)
    assert (study.task.vocab_size, study.width, study.task.set_size) == sizes
    assert study.recipe == recipe


def test_the_presets_of_larger_vocabularies_fit_their_recipe_to_the_sizes() -> None:
    sizes: StudyOptions = {"vocab_size": 20_000, "width": 256, "set_size": 5}
    study = planned(preset="vocab-4096", **sizes)
    assert (
        study.recipe
        == Recipe.for_sizes(20_000, 256, 5)
        == planned(preset="vocab-50257", **sizes).recipe
    )
    assert study.recipe.softmax == "batch"
    assert planned(preset="wide", **sizes).recipe == planned(preset="wide").recipe
    assert planned(preset="vocab-4096", steps=7, **sizes).recipe == replace(study.recipe, steps=7)


@pytest.mark.parametrize(
    "other", [StudyOptions(objective="mse"), StudyOptions(source="zipf")], ids=["mse", "zipf"]
)
def test_where_a_batch_does_not_stand_for_all_its_softmax_goes_over_all(
    other: StudyOptions,
) -> None:
    study = planned(preset="vocab-50257", **other)
    asked = replace(Recipe.for_sizes(50_257, 128, 4), softmax="all")
    assert study.recipe == replace(asked, objective=other.get("objective", "kl"))
