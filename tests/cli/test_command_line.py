"""The command line: exit statuses, one line for each error, one JSON object, light help."""

import itertools
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from build.code_csv import read_code_csv
from build.process import COMMAND, DATA, Outcome
from relubloom.cli import constructing
from relubloom.cli.app import run
from relubloom.code import Code, GradedCode, count_false_positives
from relubloom.code.families import Family
from relubloom.code.graded_families import GradedFamily
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import read_record
from relubloom.records.labels import default_labels
from relubloom.records.study import StudyRecord
from relubloom.study import settings
from relubloom.study.source_codes import SourceFamily

COMMANDS = ("study", "train", "construct", "examine", "report", "compare", "query")
SIZES = ("-N", 12, "-d", 8, "-k", 2)
SHORT = ("--steps", 4, "--batch-size", 8, "--quiet", "--threads", 1)


def test_help_and_version_in_a_process_of_their_own(python: Callable[..., Outcome]) -> None:
    done = python(COMMAND, "--help")
    assert done.status == 0
    assert all(command in done.out for command in COMMANDS)
    assert done.err == ""
    version = python(COMMAND, "study", "--version")
    assert version.status == 0
    assert version.out.startswith("relubloom 0.")


def test_bare_relubloom_prints_help(relubloom: Callable[..., Outcome]) -> None:
    bare = relubloom()
    assert (bare.status, bare.err) == (0, "")
    assert bare.out == relubloom("--help").out
    assert "A run folder holds one network" in " ".join(bare.out.split())


def test_the_module_is_the_command(python: Callable[..., Outcome]) -> None:
    source = "import runpy; runpy.run_module('relubloom', run_name='__main__')"
    assert python(source, "--version").out.startswith("relubloom 0.")


def test_the_shell_completes_names(
    python: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RELUBLOOM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "relubloom exa")
    monkeypatch.setenv("COMP_CWORD", "1")
    done = python(COMMAND)
    assert (done.status, done.out.split()) == (0, ["examine"])


@pytest.mark.parametrize(
    "changes",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},  # as LANG=C once was
    ],
)
def test_an_ascii_terminal_breaks_nothing(
    python: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    tokens = tmp_path / "ü.txt"
    tokens.write_text("".join(f"ä{n}\n" for n in range(12)), encoding="utf-8")
    done = python(COMMAND, "construct", *SIZES[2:], "--tokens", tokens, "--out", "é")
    assert (done.status, done.err) == (0, "")
    assert python(COMMAND, "-h").out.isascii()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(relubloom: Callable[..., Outcome], command: str) -> None:
    done = relubloom(command, "--help")
    assert done.status == 0
    assert command in done.out


def test_an_error_in_a_process_of_its_own(python: Callable[..., Outcome], tmp_path: Path) -> None:
    done = python(COMMAND, "study", "-N", 3, "-k", 5, "--out", "s", "--json")
    assert done.status == 2
    assert done.out == ""
    assert done.error == (
        "set_size is 5 and vocab_size is 3: a set has distinct tokens, so set_size <= vocab_size; "
        "lower set_size or raise vocab_size"
    )
    assert not any(tmp_path.iterdir())


def test_study_json_in_a_process_of_its_own(python: Callable[..., Outcome]) -> None:
    done = python(COMMAND, "study", *SIZES, *SHORT[:4], "--json", "--out", "s")
    assert done.status == 0, done.err
    assert done.json["runs"][0]["dir"] == "s/seed-0"
    assert done.out.count("\n") == 1
    assert "training: 4 of 4" in done.err  # progress goes to standard error
    assert "\x1b" not in done.err
    assert done.json["command"].startswith("relubloom ") or done.json["command"]


BAD_VALUES = {
    "N below k": (("study", "-N", 3, "-k", 5), "set_size is 5 and vocab_size is 3"),
    "no tokens": (("study", "-N", 0), "vocab_size is 0"),
    "negative N": (("study", "-N", -4), "vocab_size is -4"),
    "no units": (("study", "-d", 0), "width is 0"),
    "negative d": (("study", "-d", -1), "width is -1"),
    "k is 0": (("study", "-k", 0), "set_size is 0"),
    "k is negative": (("study", "-k", -2), "set_size is -2"),
    "sizes fall": (("study", "-k", "5..2"), "set_size is 5..2"),
    "sizes from 0": (("study", "-k", "0..2"), "set_size is 0..2"),
    "k is a word": (("study", "-k", "three"), "--set-size is 'three'"),
    "k is a fraction": (("study", "-k", "2.5"), "--set-size is '2.5'"),
    "N is a word": (("study", "-N", "many"), "'many'"),
    "N is a word close by": (("study", "-Nmany"), "number (received 'many'); see relubloom study "),
    "seed is a word": (("study", "--seed=few"), "number (received 'few'); see relubloom study -"),
    "a sub-command's": (
        ("zoo", "get", "--seed=few"),
        "number (received 'few'); see relubloom zoo get --help",
    ),
    "no seeds": (("study", "--seeds", 0), "seeds is 0"),
    "more seeds than fit": (("study", "--seeds", 10**12), "of 1000000000000 networks need "),
    "negative seed": (("study", "--seed", -1), "seed is -1"),
    "no steps": (("study", "--steps", 0), "steps is 0"),
    "no batch": (("study", "--batch-size", 0), "batch_size is 0"),
    "rate 0": (("study", "--learning-rate", 0), "learning_rate is 0"),
    "rate nan": (("study", "--learning-rate", "nan"), "learning_rate is nan"),
    "odd objective": (("study", "--objective", "mae"), "mae"),
    "odd preset": (("study", "--preset", "huge"), "huge"),
    "odd device": (("study", "--device", "abacus"), "device is 'abacus': choose cpu, cuda or mps"),
    "no threads": (("study", "--threads", 0), "0"),
    "odd option": (("study", "--colour"), "--colour"),
    "odd command": (("studdy",), "studdy"),
    "train without units": (("train", "-d", 0), "width is 0"),
    "construct without units": (("construct", "-d", 0), "width is 0"),
    "construct of no weight": (("construct", "-d", 0, "--weight", 0), "width is 0"),
    "weight over width": (("construct", "-d", 5, "--weight", 6), "weight is 6"),
    "negative weight": (("construct", "--weight", -1), "weight is -1"),
    "sharpness 0": (("construct", "--sharpness", 0), "sharpness is 0"),
    "sharpness over float32": (("construct", "--sharpness", 1e39), r"sharpness is 1e+39"),
    "half alone": (("construct", "--family", "graded", "--half", 3), "half is 3 and full is None"),
    "graded weight": (("construct", "--family", "graded", "--weight", 3), "weight is 3"),
    "half of a binary code": (("construct", "--half", 3, "--full", 2), "has full bits only"),
    "odd family": (("construct", "--family", "oak"), "oak"),
    "seed of a code that is not drawn": (
        ("construct", "--family", "kautz-singleton", "--seed", 1),
        "--seed is 1 and --family is 'kautz-singleton': such a code is not drawn; leave it out",
    ),
    "seconds of no search": (("construct", "--seconds", 5), "only a search takes its time"),
    "N and sets": (("study", "-N", 5, "--sets", "x.sets"), "leave --vocab-size out"),
}


@pytest.mark.parametrize(("arguments", "text"), BAD_VALUES.values(), ids=BAD_VALUES)
@pytest.mark.usefixtures("unchecked")
def test_a_bad_value_is_one_line_and_status_2(
    relubloom: Callable[..., Outcome], tmp_path: Path, arguments: tuple[object, ...], text: str
) -> None:
    out = tmp_path / "out"
    done = relubloom(*arguments, "--out", out, "--json")
    assert done.status == 2
    assert text in done.error
    assert done.out == ""
    assert not out.exists()


def test_memory_that_pytorch_does_not_get_is_memory_that_is_not_there(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(**_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 16 bytes")

    monkeypatch.setattr(settings, "planned", planned)
    done = relubloom("train", "--batch-size", 10**12, "--out", tmp_path / "out")
    assert done.status == 1
    assert done.error == "out of memory; lower --vocab-size, --batch-size or --seeds"


@pytest.mark.parametrize(
    "arguments",
    [("train", *SIZES), ("construct", *SIZES), ("examine",), ("query",), ("query", "folder")],
)
def test_a_missing_argument_is_one_line_and_status_2(
    relubloom: Callable[..., Outcome], arguments: tuple[object, ...]
) -> None:
    done = relubloom(*arguments)
    assert done.status == 2
    assert "Missing" in done.error


SETS_FILES = {
    "bad line": (b"a b\na\tb\n", "line 2: control character U+0009"),
    "encoding": (b"a b\n\xff\xfea\n", "line 2: byte 1 is not UTF-8"),
    "utf-16": ("a b\nc d\n".encode("utf-16"), "line 1: byte 1 is not UTF-8"),
    "empty": (b"", "holds no sets"),
    "comments only": (b"# nothing\n", "holds no sets"),
    "one set": (b"a b\nb a\n", "has 1 distinct set"),
    "no such size": (b"a\nb\n", "none of its 2 sets has 2 to 2 tokens"),
    "binary": (bytes(range(256)) * 20, "line 1: "),
}


@pytest.mark.parametrize(("content", "text"), SETS_FILES.values(), ids=SETS_FILES)
@pytest.mark.parametrize("command", ["study", "train"])
@pytest.mark.usefixtures("unchecked")
def test_a_bad_sets_file_is_one_line_and_status_1(
    relubloom: Callable[..., Outcome], tmp_path: Path, command: str, content: bytes, text: str
) -> None:
    path, out = tmp_path / "x.sets", tmp_path / "out"
    path.write_bytes(content)
    done = relubloom(command, "--sets", path, "-k", 2, "--out", out)
    assert done.status == 1
    assert text in done.error
    assert str(path) in done.error
    assert not out.exists()


def test_files_that_are_not_there(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for option in ("--sets", "--tokens"):
        done = relubloom("study", option, nowhere, "--out", tmp_path / "out")
        assert done.status == 1
        assert f"cannot read {nowhere}: No such file or directory" in done.error
    done = relubloom("query", nowhere, "a")
    assert done.status == 1
    assert f"{nowhere} is no folder" in done.error
    done = relubloom("examine", nowhere)
    assert done.status == 1
    assert f"{nowhere} is not there; give a run folder or a file with a network" in done.error


def test_bad_lines_are_skipped_on_request_and_counted(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    path = tmp_path / "x.sets"
    path.write_bytes(b"a b\na a c\n\xff\nb c\nc d\nd e f\n" * 3)
    command = ("train", "--sets", path, "-d", 4, "--steps", 2, "--out", tmp_path / "out")
    done = relubloom(*command, "-k", 2, "--skip-bad")
    assert done.status == 0
    first = done.err.splitlines()[0]
    assert first == (
        f"12 sets of 4 tokens from {path}; 3 of other sizes left out; 3 bad lines skipped; "
        "3 repeated tokens merged"
    )
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["task"]["bad_lines"] == 3


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but weights and their config: ant and bee force cat."""
    folder = tmp_path_factory.mktemp("bare") / "net"
    bits = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]], dtype=bool)
    construct(Code(bits), 20.0).save_pretrained(folder)
    return folder


@pytest.fixture
def mine(bare: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bare, tmp_path / "net")


def test_examine_of_a_bare_folder_needs_a_set_size(
    mine: Path, relubloom: Callable[..., Outcome]
) -> None:
    done = relubloom("examine", mine, "--json")
    assert done.status == 2
    assert "does not say its set_size; pass --set-size k or a..b" in done.error
    assert {path.name for path in mine.iterdir()} == {"config.json", "model.safetensors"}
    done = relubloom("examine", mine, "--set-size", 2, "--json", "--quiet")
    assert done.status == 0
    assert done.json["verdict"] == "bloom"
    assert done.json["seed"] is None
    # Of the 6 pairs ant-bee covers cat, ant-cat and bee-cat cover 0, 1, 2: one false positive
    # each; with dog, ant covers all four units (bee and cat), bee-dog none, cat-dog none.
    assert done.json["code_failure_share"] == pytest.approx(4 / 6)
    assert done.json["failures_explained"] == 1
    assert done.json["mse"] == pytest.approx((3 * 1 / (2 * 3) + 2 / (2 * 4)) / 6, rel=1e-6)
    assert (mine / "code.npz").exists()


@pytest.mark.parametrize("size", ["0", "5", "-1", "3..2", "x"])
def test_examine_refuses_sizes_that_there_are_not(
    mine: Path, relubloom: Callable[..., Outcome], size: str
) -> None:
    done = relubloom("examine", mine, "--set-size", size)
    assert done.status == 2
    assert done.error
    assert not (mine / "behaviour.json").exists()


def test_a_set_size_of_0_does_not_mean_the_folders_own(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert relubloom("construct", *SIZES, "--out", tmp_path / "c").status == 0
    done = relubloom("examine", tmp_path / "c", "--set-size", 0)
    assert done.status == 2
    assert "set_size is 0" in done.error


def test_examine_prints_its_figures(mine: Path, relubloom: Callable[..., Outcome]) -> None:
    done = relubloom("examine", mine, "--set-size", 2, "--quiet")
    assert "bloom" in done.out.splitlines()[0]
    assert "two exact values" in done.out
    assert "best explanation             hash, F1 1.000" in done.out
    assert done.out.splitlines()[-1] == f"next: relubloom report {mine} draws the page"
    assert done.err == ""


def test_examine_says_what_it_left_out_of_a_large_network(
    mine: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert relubloom("examine", mine, "--set-size", 2, "--quiet").status == 0
    monkeypatch.setattr("relubloom.evidence.gather.EXPLAINED_UP_TO", 15)  # W_in has 16
    done = relubloom("examine", mine, "--set-size", 2, "--quiet")
    assert done.status == 0
    said = "best explanation             not looked for, and no interventions: W_in has over 15 "
    assert said in done.out
    assert not (mine / "ladder.json").exists()
    assert not (mine / "interventions.json").exists()
    assert relubloom("examine", mine, "--set-size", 2, "--quiet", "--json").json["sets"] == 6


def test_examine_says_how_far_a_sample_may_be_off(
    mine: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.task.k_sparse.ENUMERATE_UP_TO", 5)  # there are 6 sets
    monkeypatch.setattr("relubloom.task.k_sparse.HELD_OUT_SETS", 2_000)
    monkeypatch.setattr("relubloom.evidence.gather.COUNTING_SECONDS", -1.0)
    done = relubloom("examine", mine, "--set-size", 2, "--quiet")
    certificate = json.loads((mine / "certificate.json").read_text())
    (line,) = (each for each in done.out.splitlines() if each.startswith("99% intervals"))
    mse, exact = certificate["mse"], certificate["p_exact"]
    assert line.removeprefix("99% intervals, all sets").strip() == (
        f"mse {mse['lower']:.6f} to {mse['upper']:.6f}, "
        f"exact sets {exact['lower']:.4%} to {exact['upper']:.4%}"
    )


def test_a_study_boasts_of_no_failures_that_a_bad_hash_has_on_every_set(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = read_record(DATA / "schema-1" / "study", StudyRecord)
    assert record is not None
    linear = replace(
        *record.runs,
        verdict="not-bloom",
        code_failure_share=0.984,
        failures_explained=1.0,
        **{"reading": "nearly-linear", "quantity": "units_off", "value": 0.005, "threshold": 0.05},
    )
    monkeypatch.setattr(
        "relubloom.study.study.run_study", lambda *_, **__: replace(record, runs=[linear])
    )
    said = relubloom("study", "--out", tmp_path, "--quiet").out
    assert "a false positive on 98.4% of all sets, and on 100.0% of those not exact" in said
    assert "reading: nearly linear: the ReLU hardly clips; units are off in 0.50%" in said


def test_query_explains_a_forced_false_positive(
    mine: Path, relubloom: Callable[..., Outcome]
) -> None:
    (mine / "tokens.txt").write_text("ant\nbee\ncat\ndog\n")
    answer = relubloom("query", mine, "ant", "bee", "--json").json
    assert answer["members"] == ["ant", "bee"]
    assert answer["union"] == [0, 1, 2]
    assert answer["false_positives"] == [
        {
            "token": "cat",
            "called": True,
            "covered": True,
            "covered_by": {"0": ["ant"], "2": ["bee"]},
            "half_bits": [],
            "states": {},
        }
    ]
    text = relubloom("query", mine, "ant", "1").out
    assert "false positive: cat, called by the network: every bit it probes is already cov" in text
    assert "bit   0: from ant" in text
    assert "no false positives" in relubloom("query", mine, "dog").out


def test_query_takes_what_follows_two_dashes_for_tokens(
    mine: Path, relubloom: Callable[..., Outcome]
) -> None:
    (mine / "tokens.txt").write_text("--version\n--debug\n--help\n-q\n")
    said = relubloom("query", mine, "--json", "--", "--version", "--debug", "--help", "-q")
    assert said.json["members"] == ["--version", "--debug", "--help", "-q"]
    refused = relubloom("query", mine, "--", "--debug", "--nothing")
    assert refused.error.startswith("token '--nothing' is not in the vocabulary")


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["emu"], "token 'emu' is not in the vocabulary of 4 tokens (t0 ... t3)"),
        (["t2", "2"], "token 't2' is given twice"),
    ],
)
def test_query_refuses_tokens(
    mine: Path, relubloom: Callable[..., Outcome], tokens: list[str], text: str
) -> None:
    done = relubloom("query", mine, *tokens)
    assert done.status == 2
    assert text in done.error
    assert done.out == ""


def spoil(folder: Path, **changes: torch.Tensor) -> None:
    path = folder / "model.safetensors"
    save_file(load_file(path) | changes, path)


DAMAGE = {
    "no weights": (lambda at: (at / "model.safetensors").unlink(), "has no model.safetensors"),
    "no config": (lambda at: (at / "config.json").unlink(), "config.json is not there"),
    "wrong shape": (lambda at: spoil(at, b_in=torch.zeros(3)), "b_in has shape (3,)"),
    "NaN": (lambda at: spoil(at, b_out=torch.full((4,), torch.nan)), "b_out holds NaN"),
    "no numbers": (
        lambda at: (at / "model.safetensors").write_text("hello"),
        "is not a safetensors file",
    ),
    "wrong labels": (lambda at: (at / "tokens.txt").write_text("a\nb\n"), "lists 2 tokens"),
}


@pytest.mark.parametrize(("damage", "text"), DAMAGE.values(), ids=DAMAGE)
@pytest.mark.usefixtures("unchecked")
def test_a_damaged_run_folder_is_one_line_and_status_1(
    mine: Path, relubloom: Callable[..., Outcome], damage: object, text: str
) -> None:
    damage(mine)
    before = sorted(mine.iterdir())
    commands = [("query", mine, "kiwi")]
    if text != "lists 2 tokens":  # labels matter to a query alone
        commands.append(("examine", mine, "--set-size", 2))
    for command in commands:
        done = relubloom(*command)
        assert done.status == 1
        assert text in done.error
        assert done.out == ""
    assert sorted(mine.iterdir()) == before


def test_a_study_is_no_run_folder(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    out = tmp_path / "s"
    assert relubloom("study", *SIZES, *SHORT, "--out", out).status == 0
    for command in (("examine", out), ("query", out, "kiwi")):
        done = relubloom(*command)
        assert done.status == 1
        assert f"is a study; give one of its run folders, such as {out / 'seed-0'}" in done.error


def test_train_then_examine(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = relubloom("train", *SIZES, *SHORT, "--seed", 5, "--json", "--out", out)
    assert done.json == {
        "dir": str(out),
        "seed": 5,
        "step": 4,
        "objective": "mse",
        "learning_rate": done.json["learning_rate"],
        "loss": done.json["loss"],
    }
    assert {path.name for path in out.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokens.txt",
        "history.jsonl",
        "snapshots.safetensors",
    }
    assert relubloom("examine", out, "--json", "--quiet").json["seed"] == 5
    again = relubloom("examine", out, "--set-size", "1..2", "--json", "--quiet")
    assert again.status == 0  # another size than it was trained on


@pytest.mark.parametrize(
    ("command", "bad"),
    [
        *itertools.product(
            ("train", "construct"), [("-d", 0), ("-k", 13), ("--tokens", "two-tokens")]
        ),
        *itertools.product(
            ("construct",),
            [
                ("--weight", 9),
                ("--sharpness", "nan"),
                ("--seed", -1),
                ("--family", "graded", "--leak", 2),
                ("--family", "learned"),
                ("--family", "search", "--seconds", -1),
            ],
        ),
    ],
)
def test_a_refused_command_keeps_the_run_even_with_force(
    relubloom: Callable[..., Outcome], tmp_path: Path, command: str, bad: tuple[object, ...]
) -> None:
    out, labels = tmp_path / "run", tmp_path / "two-tokens"
    labels.write_text("a\nb\n")
    bad = tuple(labels if each == "two-tokens" else each for each in bad)
    tail = SHORT if command == "train" else ()
    assert relubloom(command, *SIZES, *tail, "--out", out).status == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    done = relubloom(command, *SIZES, *tail, *bad, "--out", out, "--force")
    assert done.status == 2
    assert done.error
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_force_replaces_a_run(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert relubloom("train", *SIZES, *SHORT, "--out", out).status == 0
    assert relubloom("examine", out, "--quiet").status == 0
    (out / "notes.txt").write_text("keep me")
    assert relubloom("construct", *SIZES, "--weight", 3, "--out", out, "--force").status == 0
    found = {path.name for path in out.iterdir()}
    network = {"config.json", "model.safetensors", "tokens.txt", "code.npz", "code.csv"}
    assert found == network | {"notes.txt"}


def test_construct_says_what_it_made(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    out = tmp_path / "c"
    done = relubloom(
        *("construct", *SIZES, "--weight", 3, "--sharpness", 16, "--seed", 2),
        *("--json", "--out", out),
    )
    assert done.json == {
        "dir": str(out),
        "family": "constant-weight",
        "weight": 3,
        "code_seed": 2,
        "sharpness": 16.0,
        "false_positives": done.json["false_positives"],
    }
    net = ReluNet.from_pretrained(out)
    code = Code.load(out / "code.npz")
    assert (torch.from_numpy(code.bits.copy()) == (net.W_in != 0)).all()
    rows = list(default_labels(12)), code.bits.astype(int).tolist()
    assert read_code_csv(out / "code.csv") == rows
    total = count_false_positives(code, 2)
    assert done.json["false_positives"] == {"mean": total / math.comb(12, 2), "total": total}
    assert set(net.W_out.flatten().tolist()) == {0.0, -16.0}
    assert (net.W_in.sum(1) == -3).all()


def test_construct_offers_every_family_that_there_is() -> None:
    made = [*get_args(Family), *get_args(GradedFamily), *get_args(SourceFamily)]
    assert sorted(get_args(constructing.Family)) == sorted(made)


def test_construct_for_sets_of_several_sizes(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    out = tmp_path / "c"
    done = relubloom("construct", "-N", 12, "-d", 8, "-k", "1..3", "--json", "--out", out)
    counts = [count_false_positives(Code.load(out / "code.npz"), size) for size in (1, 2, 3)]
    means = [count / math.comb(12, size) for size, count in enumerate(counts, 1)]
    assert done.json["false_positives"]["total"] == sum(counts)
    assert done.json["false_positives"]["mean"] == pytest.approx(sum(means) / 3)
    three = relubloom("construct", "-N", 12, "-d", 8, "-k", 3, "--json", "--out", tmp_path / "t")
    assert done.json["weight"] == three.json["weight"]


def test_construct_says_what_bits_a_graded_code_has(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    out = tmp_path / "g"
    bits = ("--family", "graded", "--half", 3, "--full", 2)
    done = relubloom("construct", *SIZES, *bits, "--sharpness", 16, "--json", "--out", out)
    assert done.json == {
        "dir": str(out),
        "family": "graded",
        "half": 3,
        "full": 2,
        "weight": 5,
        "code_seed": 0,
        "sharpness": 16.0,
        "leak": 2.0**-12,
        "false_positives": done.json["false_positives"],
    }
    graded = GradedCode.load(out / "code.npz")
    assert done.json["false_positives"]["total"] == count_false_positives(graded, 2)
    net = ReluNet.from_pretrained(out)
    assert set(net.W_out.flatten().tolist()) == {0.0, -16.0, -16.0 * 2**12}
    assert set(net.W_in.flatten().tolist()) == {0.0, -1.0, 2.0**-12 - 1}
    too_much = relubloom("construct", *SIZES, *bits, "--leak", 0.5, "--force", "--out", out)
    assert too_much.status == 2
    assert "leak is 0.5" in too_much.error
    assert "the largest that works is" in too_much.error


def test_labels_of_a_tokens_file(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.write_text("".join(f"word-{i}\n" for i in range(12)))
    out = tmp_path / "run"
    sizes = ("--tokens", labels, "-d", 8, "-k", 2)
    assert relubloom("train", *sizes, *SHORT, "--out", out).status == 0
    assert (out / "tokens.txt").read_text() == labels.read_text()
    answer = relubloom("query", out, "word-3", "word-11", "--json").json
    assert answer["members"] == ["word-3", "word-11"]
    done = relubloom("train", "-N", 13, *sizes, *SHORT, "--out", tmp_path / "other")
    assert done.status == 2
    assert "lists 12 tokens and --vocab-size is 13: give one label a token" in done.error


def test_debug_shows_the_traceback(
    relubloom: Callable[..., Outcome], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = relubloom("examine", tmp_path / "nowhere", "--debug")
    assert done.status == 1
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("relubloom: ")


def test_a_stopped_command_goes_on_only_where_it_can(
    relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, mine: Path
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("relubloom.study.steps.examine_run", stop)
    monkeypatch.chdir(mine.rename(mine.with_name("study")).parent)
    done = relubloom("examine", "study")
    assert (done.status, done.error) == (1, "stopped; run it again")


def test_an_unforeseen_error_is_one_line_too(
    relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, mine: Path
) -> None:
    def surprise(*_: object, **__: object) -> None:
        raise RuntimeError("something\nodd")

    monkeypatch.setattr("relubloom.study.steps.examine_run", surprise)
    done = relubloom("examine", mine)
    assert done.status == 1
    assert done.error == "RuntimeError: something odd; rerun with --debug for the traceback"


def test_a_plan_names_a_code_without_errors_that_is_no_wider(
    relubloom: Callable[..., Outcome],
) -> None:
    # One unit a token makes no error; 4 bits a token in as many units do.
    lines = relubloom("plan", "-N", 20, "-k", 3, "-d", 20).out.splitlines()
    assert lines[1] == "no wider and without any error: a Kautz-Singleton code of 20 units"
    assert "no wider" not in relubloom("plan", "-N", 20, "-k", 3, "-d", 19).out


def test_no_arguments_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    status = run([])
    captured = capsys.readouterr()
    assert status in (0, 2)
    assert "Traceback" not in captured.err + captured.out
    assert captured.err + captured.out
