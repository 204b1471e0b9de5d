"""`relubloom study --sets` and `train`: swapped tokens, the learned code, and `--init-from`."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import relubloom as rb
from build.process import DATA, Outcome
from relubloom.errors import UsageError
from relubloom.records.folder_task import read_task
from relubloom.report.page import write_report
from relubloom.study import study as study_module
from relubloom.study.steps import examine_network, write_evidence
from relubloom.task import SetCollection

Run = Callable[..., Outcome]
TAGS = DATA / "debtags.sets"
SIZES = ("--sets", TAGS, "-k", "3..8", "-d", 16)
SHORT = ("--steps", 30, "--batch-size", 32)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes are learned in no time, evidence is that of a quick study, and there is no page."""

    def examine(folder: Path, sets: SetCollection, _depth: str, *others: Any) -> None:
        examine_network(folder, sets, "quick", *others)

    monkeypatch.setattr(study_module, "examine_network", examine)
    monkeypatch.setattr(study_module, "write_report", lambda _out: None)
    for name in ("CODE_SECONDS", "QUICK_CODE_SECONDS"):
        monkeypatch.setattr(study_module, name, 0.2)


def config_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def test_a_study_of_a_file_chooses_swaps_and_learns_a_code(relubloom: Run, tmp_path: Path) -> None:
    out = tmp_path / "s"
    done = relubloom("study", *SIZES, *SHORT, "--out", out, "--json")
    found, swaps = done.json, done.json["swaps"]
    assert [each["share"] for each in swaps["tried"]] == [0, 0.5, 0.8]
    best = min(swaps["tried"], key=lambda each: each["mse"])
    assert swaps["share"] == best["share"] == found["configuration"]["task"].get("swaps", 0)
    assert config_of(out / "seed-0")["task"].get("swaps", 0) == swaps["share"]
    task = rb.KSparseTask.from_file(TAGS, (3, 8))
    code, held_out = rb.Code.load(out / "learned" / "code.npz"), task.evaluation_sets()
    positives = code.false_positives(held_out.chunk(0, len(held_out)))
    copies = held_out.weights(0, len(held_out)).numpy()
    learned = found["learned_code"]
    assert learned.keys() == {"weight", "mse", "kl", "p_exact", "false_positives"}
    assert learned["weight"] == pytest.approx(code.weights.mean())
    assert learned["false_positives"] == pytest.approx(np.average(positives, weights=copies))
    behaviour = json.loads((out / "learned" / "behaviour.json").read_text())
    assert behaviour["mse"] == pytest.approx(learned["mse"], abs=1e-6)
    assert config_of(out / "learned")["construction"]["family"] == "learned"
    assert "choosing swaps: 90 of 90, share 0.8" in done.err
    text = relubloom("study", *SIZES, *SHORT, "--out", out, "--resume").out
    assert f"  swapped tokens: a share of {swaps['share']:g}, for its mse is the least" in text
    named = {"seed 0": found["runs"][0], "best random code": found["best_random_code"]}
    named |= {"learned code": learned}
    by_mse = min(named, key=lambda name: named[name]["mse"])
    by_exact = max(named, key=lambda name: named[name]["p_exact"])
    assert f"best by mse: {by_mse} (" in text and f"best by exact share: {by_exact} (" in text
    write_report(out)
    page = (out / "report.html").read_text()
    assert "a code learned from the training sets" in page and ">learned code<" in page
    other = 0.3 if swaps["share"] else 0.8
    refused = relubloom("study", *SIZES, *SHORT, "--swaps", other, "--out", out, "--resume")
    assert "holds a study of other settings" in refused.err
    same = ("--swaps", swaps["share"], "--out", out, "--resume", "--json")
    assert relubloom("study", *SIZES, *SHORT, *same).json == found


def test_quick_and_narrow_studies_do_less(relubloom: Run, tmp_path: Path) -> None:
    asked = ("study", "--sets", TAGS, "-k", "3..8", *SHORT, "--quick", "--quiet", "--json")
    out = tmp_path / "n"
    out.mkdir()
    (out / "swaps.json").write_text("{}")  # of a study that was stopped early
    found = relubloom(*asked, "-d", 8, "--swaps", 0.5, "--out", out, "--force").json
    assert (found["swaps"], found["learned_code"]) == (None, None)
    assert found["configuration"]["task"]["swaps"] == 0.5
    assert not (out / "learned").exists() and not (out / "swaps.json").exists()


def test_train_starts_from_a_run_folder(relubloom: Run, tmp_path: Path) -> None:
    start, out = tmp_path / "code", tmp_path / "run"
    sets = ("--sets", TAGS, "-k", "3..8", "-d", 16)
    relubloom("construct", *sets, "--family", "frequency", "--out", start, "--quiet")
    weights = start / "model.safetensors"
    asked = ("train", *sets, *SHORT, "--init-from", start, "--swaps", 0.5, "--out", out, "--quiet")
    assert relubloom(*asked).status == 0
    config = config_of(out)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert config["init_from"] == {"dir": "code", "sha256": digest}
    assert (config["recipe"]["learning_rate"], config["task"]["swaps"]) == (3e-3, 0.5)
    film = load_file(out / "snapshots.safetensors")["W_in"]
    assert torch.equal(film[0], load_file(weights)["W_in"])
    task = read_task(out, net := rb.ReluNet.from_pretrained(out))
    assert task.swaps == 0.5
    write_evidence(out, rb.gather_evidence(net, task))
    page = relubloom("report", out, "--json").json["report"]
    text = Path(page).read_text()
    assert "from the weights of the network in code" in text
    assert re.search("a share of 50.{0,6}% of the sets trained on had a token swapped", text)


def test_a_study_starts_from_a_trained_network(relubloom: Run, tmp_path: Path) -> None:
    small = ("-N", 12, "-k", 2, "-d", 6, "--steps", 5, "--batch-size", 8, "--quiet")
    relubloom("train", *small, "--out", tmp_path / "one")
    asked = ("study", *small, "--quick", "--init-from", tmp_path / "one", "--out", tmp_path / "s")
    found = relubloom(*asked, "--json").json
    started = found["configuration"]["init_from"]
    assert started == config_of(tmp_path / "s" / "seed-0")["init_from"]
    assert relubloom(*asked, "--resume", "--json").json == found
    relubloom("train", *small, "--seed", 1, "--out", tmp_path / "one", "--force")
    assert "other settings" in relubloom(*asked, "--resume").error


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--init-from", "none"), 1, "none"),
        (("--init-from", "code", "-d", 5), 2, "init_from has 12 tokens and 6 units, and 12 tokens"),
        (("--init-from", "code", "-N", 11), 2, "sizes must agree; give a network of these sizes"),
        (("--init-from", "code", "--activation", "none"), 2, "its network applies a ReLU"),
        (("--init-from", "code", "--tokens", "others"), 2, "names other tokens than the task"),
        (("--init-from", "others"), 1, "others"),
        (("--swaps", 0.5), 2, "--swaps is 0.5 without --sets: only sets of a file are swapped"),
        (("--sets", TAGS, "--swaps", 1.5), 2, "swaps is 1.5 and source is 'file': it is a share"),
        (("--sets", TAGS, "--swaps", "nan"), 2, "swaps is nan and source is 'file'"),
    ],
)
@pytest.mark.parametrize("command", ["train", "study"])
def test_what_is_refused(
    relubloom: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    arguments: tuple[object, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "others").write_text("\n".join(f"token{i}" for i in range(12)))
    relubloom("construct", "-N", 12, "-k", 2, "-d", 6, "--out", "code", "--quiet")
    sizes = ("-d", 6, "-k", "2..4") if "--sets" in arguments else ("-N", 12, "-d", 6, "-k", 2)
    done = relubloom(command, *sizes, "--steps", 2, "--quiet", "--out", "o", *arguments)
    assert (done.status, message in done.error) == (status, True), done.err
    assert not (tmp_path / "o").exists()


def test_swaps_are_chosen_for_files_only() -> None:
    with pytest.raises(UsageError, match="choose_swaps is True and source is 'uniform'"):
        rb.Study(rb.KSparseTask(12, 2), 4, choose_swaps=True)
