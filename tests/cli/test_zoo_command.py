"""`relubloom zoo`: what it prints, and what it refuses."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import relubloom as rb
from build.process import Outcome
from build.zoo import SMALL, prepared
from relubloom.zoo import catalogue, figures

Call = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "ENTRIES", SMALL)
    monkeypatch.setattr(figures, "measure", partial(figures.measure, sets=200))
    return tmp_path / "cache"


def test_list_names_what_load_takes(relubloom: Call) -> None:
    done = relubloom("zoo", "list", "--json")
    rows = json.loads(done.out)["networks"]
    assert (done.status, done.err) == (0, "")
    assert [row["name"] for row in rows] == list(rb.zoo.names())
    assert rows[0] == {
        "name": "constructed-binary-20x12-k3",
        "kind": "constructed-binary",
        "version": 1,
        "vocab_size": 20,
        "width": 12,
        "set_size": 3,
        "source": "uniform",
        "tokens_per_unit": 20 / 12,
        "what": catalogue.WHAT["constructed-binary"],
    }
    assert all(name in relubloom("zoo", "list").out for name in rb.zoo.names())


def test_get_writes_a_folder(relubloom: Call, cache: Path, tmp_path: Path) -> None:
    prepared(cache)
    arguments = "zoo", "get", "constructed-graded-20x12-k3", "--seed", 2, "--out", tmp_path / "out"
    done = relubloom(*arguments, "--json")
    answer = json.loads(done.out)
    assert (done.status, done.err) == (0, "")
    files = answer.pop("files")
    assert files == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert answer == {
        "dir": str(tmp_path / "out"),
        "name": "constructed-graded-20x12-k3",
        "version": 1,
        "seed": 2,
        "format": "folder",
    }
    again = relubloom(*arguments)
    assert again.status == 2
    assert "is not empty; replace it with --force" in again.err
    done = relubloom(*arguments, "--force")
    assert done.status == 0
    assert "seed 2\nnext: read " in done.out


def test_get_writes_what_saelens_reads(relubloom: Call, tmp_path: Path) -> None:
    arguments = "--format", "saelens", "--out", tmp_path / "out", "--json"
    done = relubloom("zoo", "get", "planted-parity-20x12-k3", *arguments)
    assert json.loads(done.out)["files"] == [
        "synthetic_model.safetensors",
        "synthetic_model_config.json",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("get", "planted-20x12"), 2, "there is no network 'planted-20x12': the nearest are "),
        (("get", "planted-parity-20x12-k3", "--seed", "-1"), 2, "seed is -1: seeds are 0 or more"),
        (("get", "planted-parity-20x12-k3", "--seed", "x"), 2, "Invalid value for '--seed'"),
        (("get", "planted-parity-20x12-k3", "--format", "x"), 2, "--format is 'x': choose one of"),
        (("put",), 2, "No such command 'put'"),
        ((), 2, "see relubloom zoo --help"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], status: int, text: str, relubloom: Call, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "out") if arguments[:1] == ("get",) else ()
    done = relubloom("zoo", *arguments, *out)
    assert (done.status, done.out) == (status, "")
    assert text in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_cache_that_cannot_be_written_fails(relubloom: Call, cache: Path, tmp_path: Path) -> None:
    cache.write_text("a file")
    done = relubloom("zoo", "get", "planted-parity-20x12-k3", "--out", tmp_path / "out")
    assert done.status == 1
    assert "set RELUBLOOM_CACHE to a folder of yours" in done.err
    assert done.err.count("\n") == 1
