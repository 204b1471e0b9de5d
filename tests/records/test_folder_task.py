"""The task of a run folder: written and read back; what makes no sense is one clear line."""

import json
from pathlib import Path

import pytest
import torch

from build.process import DATA
from relubloom.errors import FileError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.records.folder_task import holds_for, read_task, refuse_sizes, remember
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.task import KSparseTask
from relubloom.training import Recipe


def zero_net(vocab: int, width: int = 3) -> ReluNet:
    return ReluNet(
        torch.zeros(vocab, width), torch.zeros(width), torch.zeros(width, vocab), torch.zeros(vocab)
    )


def folder_of(path: Path, task: KSparseTask, labels: tuple[str, ...] | None = None) -> ReluNet:
    net = zero_net(task.vocab_size)
    write_network(
        path, net, Origin(task, 4, recipe=Recipe()), labels or default_labels(len(net.b_out))
    )
    return net


@pytest.mark.parametrize(
    "task",
    [
        KSparseTask(20, 3),
        KSparseTask(20, (2, 5)),
        KSparseTask(20, 3, "zipf"),
        KSparseTask(20, 3, generator="philox"),
        KSparseTask(20, 3, training_pool=9),
    ],
    ids=["uniform", "range", "zipf", "philox", "pool"],
)
def test_the_task_is_read_back(tmp_path: Path, task: KSparseTask) -> None:
    net = folder_of(tmp_path, task)
    assert read_task(tmp_path, net) == task
    assert read_task(tmp_path, net, (1, 2)).sizes == (1, 2)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["seed"] == 4
    assert Recipe.from_description(config["recipe"]) == Recipe()
    assert config["construction"] is None
    assert {"schema_version", "relubloom_version", "git_commit", "network"} <= config.keys()


def test_a_bare_folder_needs_a_set_size(tmp_path: Path) -> None:
    net = zero_net(20)
    net.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=r"does not say its set_size; pass set_size=k or a..b"):
        read_task(tmp_path, net)
    assert read_task(tmp_path, net, 2) == KSparseTask(20, 2)
    remember(tmp_path, KSparseTask(20, 3, "zipf"))
    assert read_task(tmp_path, net) == KSparseTask(20, 3, "zipf")
    assert read_task(tmp_path, net, 2) == KSparseTask(20, 2)  # sizes that are given are of its own


def test_a_task_without_its_size_needs_one_too(tmp_path: Path) -> None:
    net = zero_net(20)
    net.save_pretrained(tmp_path, {"task": {"source": "zipf"}})
    with pytest.raises(UsageError, match=r"does not say its set_size; pass set_size=k or a..b"):
        read_task(tmp_path, net)
    assert read_task(tmp_path, net, 2) == KSparseTask(20, 2, "zipf")


@pytest.mark.parametrize(
    "task",
    [
        {"source": "magic", "set_size": 2},
        {"source": "uniform", "set_size": "two"},
        {"source": "uniform", "set_size": [2]},
        {"source": "uniform", "set_size": True},
        {"source": "uniform", "set_size": 2, "generator": "dice"},
        {"source": "uniform", "set_size": 2, "training_pool": "many"},
        {"source": "uniform", "set_size": 2, "training_pool": 0},
        {"source": "file", "set_size": 2},
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_task_that_makes_no_sense_is_one_clear_line(tmp_path: Path, task: dict) -> None:
    net = zero_net(20)
    net.save_pretrained(tmp_path, {"task": task})
    with pytest.raises(FileError, match=r"config.json .*; restore"):
        read_task(tmp_path, net)


def test_a_task_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    task = KSparseTask.from_file(DATA / "nextwords.sets")
    folder_of(tmp_path, task, task.file.tokens)
    with pytest.raises(FileError, match=r"has 5 tokens and its task \d+; restore its config.json"):
        read_task(tmp_path, zero_net(5))


def test_a_sets_file_is_found_again_and_must_be_the_same(tmp_path: Path) -> None:
    lines = (DATA / "debtags.sets").read_text()
    original, moved, changed = (tmp_path / name for name in ("a.sets", "b.sets", "c.sets"))
    original.write_text(lines)
    moved.write_text(lines)
    changed.write_text(lines + "one more\n")
    task = KSparseTask.from_file(original, (3, 8), split_seed=5)
    net = folder_of(tmp_path / "run", task, task.file.tokens)
    for again in (read_task(tmp_path / "run", net), read_task(tmp_path / "run", net, None, moved)):
        assert again.file.tokens == task.file.tokens
        assert again.file.counts == task.file.counts
        assert again.split_seed == 5
        held_out = again.evaluation_sets()
        assert torch.equal(held_out.chunk(0, 99), task.evaluation_sets().chunk(0, 99))
    original.write_text(changed.read_text())
    with pytest.raises(FileError, match=r"is not the file that .* was made from \(its SHA-256"):
        read_task(tmp_path / "run", net)
    original.unlink()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    for sha256 in (task.file.sha256, "0" * 64):  # last examined on the file moved, or on another
        examined = {"examined": {"sets": str(moved), "sha256": sha256}}
        (tmp_path / "run" / "config.json").write_text(json.dumps(config | examined))
        if sha256 == task.file.sha256:
            assert read_task(tmp_path / "run", net).file.path == str(moved)
    with pytest.raises(FileError, match=r"a\.sets, is not there; pass sets FILE"):
        read_task(tmp_path / "run", net)


def test_the_sizes_that_a_network_brought_in_holds_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"import": {"holds_for": [0, 2]}}')
    assert holds_for(tmp_path) == (0, 2)
    refuse_sizes(tmp_path, (1, 2))
    for sizes in (3, (2, 3)):
        with pytest.raises(UsageError, match=r"was brought in for sets of 0\.\.2 tokens"):
            refuse_sizes(tmp_path, sizes)
