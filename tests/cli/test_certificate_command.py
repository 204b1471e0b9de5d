"""`relubloom certify DIR` on run folders of every kind."""

from __future__ import annotations

import json

import pytest

import relubloom as rb
from relubloom.cli.app import run


@pytest.fixture
def folder(tmp_path):
    net = rb.construct(rb.random_constant_weight(16, 12, 3, 0), 20.0)
    net.save_pretrained(tmp_path / "run")
    return tmp_path / "run"


def certified(capsys, *arguments) -> dict:
    assert run(["certify", *map(str, arguments), "--json", "--quiet", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def test_a_bare_folder_is_certified_and_gains_the_file(folder, capsys):
    found = certified(capsys, folder, "--set-size", 3)
    assert (found["sets"], found["method"]) == (560, "enumeration")
    written = json.loads((folder / "certificate.json").read_text())
    assert written == {"schema_version": 1} | found
    assert certified(capsys, folder, "-k", 3, "--method", "counting")["method"] == "counting"


def test_the_text_says_what_was_proven(folder, capsys):
    assert run(["certify", str(folder), "-k", "2", "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "all 120 sets of 2 tokens count alike" in text
    assert "enumeration, proven" in text
    assert run(["certify", str(folder), "-k", "2", "--quiet", "--method", "sampled"]) == 0
    assert "no proof" in capsys.readouterr().out


def test_a_folder_that_names_a_sets_file_needs_no_such_file(folder, capsys):
    config = json.loads((folder / "config.json").read_text())
    config["task"] = {"source": "file", "vocab_size": 16, "set_size": [2, 5], "sets": "gone.txt"}
    (folder / "config.json").write_text(json.dumps(config))
    assert certified(capsys, folder, "--set-size", 2)["sets"] == 120
    assert run(["certify", str(folder)]) == 2
    assert "set_size is 2..5: a certificate is over the sets of one size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ([], 2, "does not say its set_size; pass --set-size k"),
        (["-k", "0"], 2, "sizes are at least 1"),
        (["-k", "17"], 2, "set_size <= vocab_size"),
        (["-k", "2", "--method", "guess"], 2, "'guess' is not one of"),
    ],
)
def test_errors_are_one_line(folder, capsys, arguments, status, text):
    assert run(["certify", str(folder), *arguments]) == status
    said = capsys.readouterr()
    assert text in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_what_is_no_folder_is_an_error(tmp_path, capsys):
    assert run(["certify", str(tmp_path / "none"), "-k", "2"]) == 1
    assert "is no folder" in capsys.readouterr().err
