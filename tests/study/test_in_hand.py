"""What lies in memory becomes a run folder and a page; a study in one call."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import relubloom as rb
from build.process import DATA, Outcome
from relubloom.records.behaviour import Behaviour
from relubloom.records.files import read_record
from relubloom.records.labels import read_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.study import in_hand
from relubloom.study import study as studies
from relubloom.training import loop

pytestmark = pytest.mark.usefixtures("unchecked")
TASK = rb.KSparseTask(12, 2)
NET = rb.construct(rb.random_constant_weight(12, 8, 3, seed=0), 8.0)


def test_saved_evidence_is_a_run_folder(tmp_path: Path) -> None:
    evidence = rb.gather_evidence(NET, TASK, depth="study")
    folder = evidence.save(tmp_path / "run", tokens=[f"word{index}" for index in range(12)])
    assert read_record(folder, Behaviour) == evidence.behaviour
    names = {path.name for path in folder.iterdir()}
    assert {"mechanism.json", "ladder.json", "interventions.json", "certificate.json"} <= names
    config = json.loads((folder / "config.json").read_text())
    assert config["task"] is None  # NET was made for no task,
    assert config["examined"]["set_size"] == 2  # but was examined on one
    assert torch.equal(rb.ReluNet.from_pretrained(folder).W_in, NET.W_in)
    assert read_labels(folder, 12)[3] == "word3"
    page = evidence.report(folder)
    assert "Of all 66" in page.read_text(encoding="utf-8").replace("\u00a0", " ")


def test_a_stopped_study_says_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = loop.TrainingRun.advance

    def advance_and_press(run: loop.TrainingRun) -> None:
        advance(run)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.TrainingRun, "advance", advance_and_press)
    said = (
        f"stopped at step 1 of 3, kept in {tmp_path / 'run'}; go on with the same call and resume="
    )
    with pytest.raises(rb.StoppedError, match=re.escape(said)):
        rb.study(
            tmp_path / "run", vocab_size=12, width=6, set_size=2, steps=3, quick=True, quiet=True
        )
    with pytest.raises(rb.UsageError, match=r"token label 'b\\r' is no line"):
        rb.Study(rb.KSparseTask(2, 1), 4, labels=("a", "b\r"))


def test_evidence_goes_back_to_the_folder_that_it_is_of(tmp_path: Path) -> None:
    net, _ = rb.train(TASK, 6, rb.Recipe(steps=2, batch_size=8))
    net.save_pretrained(tmp_path, {"recipe": {"steps": 2}, "task": TASK.describe()})
    rb.gather_evidence(net, TASK).save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["recipe"] == {"steps": 2} and "examined" not in config
    with pytest.raises(rb.RelubloomError, match="not empty; replace it with force=True"):
        rb.gather_evidence(NET, TASK).save(tmp_path)
    rb.gather_evidence(NET, TASK).save(tmp_path, force=True)
    assert torch.equal(rb.ReluNet.from_pretrained(tmp_path).W_in, NET.W_in)


@pytest.mark.parametrize("depth", ["quick", "study"])
def test_saved_evidence_is_opened_again(tmp_path: Path, depth: Any) -> None:
    saved = rb.gather_evidence(NET, TASK, depth=depth)
    saved.save(tmp_path / "run")
    found = rb.Evidence.load(tmp_path / "run")
    for name in ("behaviour", "mechanism", "interventions", "ladder", "certificate", "code"):
        assert getattr(found, name) == getattr(saved, name), name
    assert found.task == TASK and found.graded.levels == saved.graded.levels
    assert torch.equal(found.net.W_out, NET.W_out)
    assert found.verdict == saved.verdict == saved.mechanism.verdict


def test_evidence_of_an_earlier_version_opens() -> None:
    found = rb.Evidence.load(DATA / "schema-1" / "study" / "seed-0")
    assert found.task is not None and found.task == found.net.task
    assert found.verdict == found.mechanism.verdict


def test_what_holds_no_evidence_is_refused(tmp_path: Path) -> None:
    NET.save_pretrained(tmp_path / "run")
    with pytest.raises(rb.FileError, match="was not examined; run `relubloom examine "):
        rb.Evidence.load(tmp_path / "run")
    with pytest.raises(rb.FileError, match="is a study; give one of its run folders"):
        rb.Evidence.load(DATA / "schema-1" / "study")


def test_a_network_knows_what_it_was_made_for(tmp_path: Path) -> None:
    for said, task in (
        (TASK.describe(), TASK),
        ({"vocab_size": 13, "set_size": 2}, None),
        ({"source": "zipf", "set_size": [1, 3]}, rb.KSparseTask(12, (1, 3), "zipf")),
        ({"set_size": "many"}, None),
        ({"sets": "a.sets", "source": "file", "set_size": 2}, None),
        (7, None),
    ):
        NET.save_pretrained(tmp_path, {"task": said})
        assert rb.ReluNet.from_pretrained(tmp_path).task == task
    module = NET.to_module()
    assert rb.ReluNet.from_module(module, set_size=2).task == TASK
    assert rb.ReluNet.from_module(module).task is None


def test_evidence_on_a_list_of_sets_says_their_sizes(tmp_path: Path) -> None:
    rb.gather_evidence(NET, [[0, 1], [2, 3, 4]]).save(tmp_path / "run")
    assert rb.Evidence.load(tmp_path / "run").task is None
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["examined"] == {"set_size": [2, 3]}


def test_a_network_reports_on_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(in_hand, "write_report", lambda folder: folder / "report.html")
    net, _ = rb.train(TASK, 6, rb.Recipe(steps=2, batch_size=8))
    page = net.report(depth="quick")
    assert page.parts[:2] == ("runs", page.parent.name) and page.parent.name.startswith("N12-d6-")
    assert net.report(depth="quick") == page  # the same weights, the same folder
    with pytest.raises(rb.RelubloomError, match=r"give sets=KSparseTask\(12, set_size\)"):
        NET.report()
    with pytest.raises(rb.RelubloomError, match="2 token labels for 12 tokens"):
        NET.report("run", TASK, tokens=["a", "b"], depth="quick")
    assert not Path("run").exists()


def test_a_network_of_a_folder_knows_its_task_and_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(in_hand, "write_report", lambda folder: folder / "report.html")
    words = tuple(f"word{index}" for index in range(12))
    write_network(tmp_path / "run", NET, Origin(TASK), words)
    net = rb.ReluNet.from_pretrained("run")
    page = net.report(depth="quick")
    assert read_labels(page.parent, 12) == words
    assert read_record(page.parent, Behaviour) == rb.gather_evidence(NET, TASK).behaviour
    rows = rb.plot.matrix(net).axes[0].get_yticklabels()
    assert [each.get_text() for each in rows][:2] == ["word0", "word2"]


def test_one_call_asks_for_what_the_command_does(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[rb.Study, Path]] = []

    def run_study(study: rb.Study, out: Path, **_: object) -> None:
        asked.append((study, out))
        raise rb.RelubloomError("enough")

    monkeypatch.setattr(studies, "run_study", run_study)
    labels = tmp_path / "tokens.txt"
    labels.write_text("a\nb\nc\nd\n")
    for options in ({}, {"seeds": 2, "quick": True, "objective": "kl"}, {"tokens": str(labels)}):
        given = {"vocab_size": 4, "width": 5, "set_size": 2} | options
        with pytest.raises(rb.RelubloomError, match="enough"):
            rb.study(quiet=True, **given)
        words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        relubloom("study", *(word.removesuffix("=True") for word in words), "--quiet")
        assert asked[-1] == asked[-2]
    assert asked[-1][0].labels == ("a", "b", "c", "d")


def test_one_call_returns_the_record(tmp_path: Path) -> None:
    sizes = {"vocab_size": 8, "width": 4, "set_size": 2, "steps": 2, "batch_size": 8}
    made = rb.study(tmp_path, quiet=True, threads=1, **sizes)
    assert made == rb.study(tmp_path, quiet=True, resume=True, **sizes)
    assert (tmp_path / "report.html").exists() and made.runs[0].seed == 0


def test_one_call_refuses_what_it_does_not_know() -> None:
    with pytest.raises(rb.RelubloomError, match="a study has no option 'widht': it takes preset, "):
        rb.study(widht=5)  # type: ignore[call-arg]
    with pytest.raises(rb.RelubloomError, match="preset is 'huge': choose one of article, "):
        rb.study(preset="huge")


def test_a_study_has_the_defaults_of_the_command() -> None:
    assert rb.Study() == rb.Study(rb.KSparseTask(256, 3), 48, rb.Recipe())
    assert str(rb.Study().default_folder) == "runs/N256-d48-k3-mse-seed0"
