"""Which sets a command is about: --sets, --set-size, --tokens, and what a folder remembers."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from build.process import Outcome
from relubloom.cli.app import run
from relubloom.code import Code
from relubloom.network.construct import construct

Command = Callable[..., Outcome]
FORCED = Code(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]], dtype=bool))
NAMES = "ant\nbee\ncat\ndog\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Nothing but weights and an empty config.json: ant and bee force cat."""
    construct(FORCED, 20.0).save_pretrained(tmp_path / "net")
    (tmp_path / "net" / "config.json").write_text("{}")
    return tmp_path / "net"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """0 and 1 have the one false positive 2; 1 and 3 have none."""
    path = tmp_path / "ids.sets"
    path.write_text("0 1\n1 3\n1 3\n1 3\n0 1 2\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `net` trained on the lines of 2 and 3 tokens of the file beside it, `own.sets`."""
    folder = tmp_path_factory.mktemp("trained")
    words = "abcdefgh"
    pairs = [f"{x} {y}" for i, x in enumerate(words) for y in words[i + 1 :]]
    triples = [f"{words[i]} {words[i + 1]} {words[i + 2]}" for i in range(6)]
    (folder / "own.sets").write_text("\n".join([*pairs, *triples, "a b c d"]) + "\n")
    train = ("train", "--sets", folder / "own.sets", "-k", "2..3", "-d", 6, "--steps", 2)
    assert run([str(each) for each in (*train, "--out", folder / "net", "-q")]) == 0
    return folder


def test_all_lines_of_a_file_are_scored_with_their_copies(
    bare: Path, lines: Path, relubloom: Command
) -> None:
    done = relubloom("examine", bare, "--sets", lines, "-k", 2, "--json", "-q").json
    # {0, 1} covers 2: p is 1/3 on three tokens, mse 2 (1/2 - 1/3)^2 + (1/3)^2 = 1/6; once of four.
    assert done["mse"] == pytest.approx(1 / 24, rel=1e-6)
    assert (done["sets"], done["method"], done["source"]) == (2, "listed", "file")
    assert (done["file"]["lines"], done["file"]["left_out"]) == (4, 1)
    assert not done["file"]["held_out"]
    behaviour = json.loads((bare / "behaviour.json").read_text())
    assert behaviour["file"]["sha256"] == done["file"]["sha256"]
    text = relubloom("examine", bare, "-q").out  # remembered
    assert f"all 4 lines of 2 tokens in {lines} (2 distinct sets)" in text
    relubloom("report", bare)
    said = "Of all 4 lines of 2 tokens in ids.sets (2 distinct sets), the network"
    assert said in (bare / "report.html").read_text().replace("\xa0", " ")


def test_a_set_size_is_remembered_by_every_command(
    bare: Path, relubloom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert relubloom("examine", bare, "-k", 2, "-q", "--json").json["sets"] == 6
    config = json.loads((bare / "config.json").read_text())
    assert config == {"examined": {"source": "uniform", "vocab_size": 4, "set_size": 2}}
    assert relubloom("certify", bare, "--json", "-q").json["sets"] == 6
    assert relubloom("examine", bare, "-q", "--json").json["source"] == "uniform"
    assert relubloom("compare", bare, bare, "--json", "-q").json["agreement"]["sets"] == 6
    monkeypatch.setenv("FORCE_COLOR", "1")  # what a terminal is
    plain = relubloom("compare", bare, bare, "-q").out
    assert "entries near threshold" in plain and "x1b" not in plain
    assert relubloom("query", bare, 0, 1).status == 0
    assert relubloom("report", bare).status == 0
    page = (bare / "report.html").read_text()
    assert "Hashes of t0" in page or "Hashes of t1" in page  # the worked example
    assert "kiwi" not in page


def test_certify_alone_remembers_the_size_too(bare: Path, relubloom: Command) -> None:
    assert relubloom("certify", bare, "-k", 3, "--json", "-q").json["sets"] == 4
    assert relubloom("examine", bare, "--json", "-q").json["sets"] == 4


def test_tokens_are_remembered(bare: Path, tmp_path: Path, relubloom: Command) -> None:
    names, some = tmp_path / "names", tmp_path / "some"
    names.write_text(NAMES)
    some.write_text("ant bee\n")
    for command in ("examine", "report", "certify"):
        (bare / "tokens.txt").unlink(missing_ok=True)
        sizes = () if command == "report" else ("-k", 2)
        assert relubloom(command, bare, *sizes, "--tokens", names).status == 0
        assert (bare / "tokens.txt").read_text() == NAMES
    assert relubloom("query", bare, "ant", "bee", "--json").json["members"] == ["ant", "bee"]
    assert relubloom("examine", bare, "--sets", some, "-q", "--json").json["sets"] == 1


def test_a_file_needs_the_networks_tokens(
    bare: Path, lines: Path, tmp_path: Path, relubloom: Command
) -> None:
    words, names = tmp_path / "words.sets", tmp_path / "names"
    words.write_text("dog bee\nemu ant\n")
    names.write_text(NAMES)
    done = relubloom("examine", bare, "--sets", words)
    assert done.status == 1
    assert f"line 1: token 'dog' is not in the ids 0 to 3 of {bare} (--tokens FILE" in done.error
    done = relubloom("examine", bare, "--sets", words, "--tokens", names)
    assert (done.status, f"line 2: token 'emu' is not in {names}; mend" in done.error) == (1, True)
    assert not (bare / "tokens.txt").exists()
    both = ("--sets", words, "--tokens", names, "--skip-bad", "--json", "-q")
    assert relubloom("examine", bare, *both).json["file"]["bad_lines"] == 1
    done = relubloom("examine", bare, "--sets", lines)
    assert f"token '0' is not in {bare / 'tokens.txt'} (--tokens FILE" in done.error


def test_its_own_file_is_held_out_and_another_is_not(trained: Path, relubloom: Command) -> None:
    net, own = trained / "net", trained / "own.sets"
    found = relubloom("examine", net, "--json", "-q").json
    assert (found["method"], found["file"]["lines"]) == ("held-out", 7)  # a fifth of 34
    moved = trained / "moved.sets"
    moved.write_bytes(own.read_bytes())
    again = relubloom("examine", net, "--sets", moved, "--json", "-q").json
    assert (again["method"], again["mse"]) == ("held-out", found["mse"])
    fewer = relubloom("examine", net, "-k", 2, "--json", "-q").json
    assert fewer["method"] == "held-out"
    assert 0 < fewer["file"]["lines"] < 7
    other = trained / "other.sets"
    other.write_text("a b\nc d\na b\n")
    found = relubloom("examine", net, "--sets", other, "--json", "-q").json
    assert (found["method"], found["sets"], found["file"]["lines"]) == ("listed", 2, 3)
    pair = relubloom("compare", net, net, "--sets", other, "--json", "-q").json["agreement"]
    assert (pair["method"], pair["task_of"]) == ("listed", [])
    done = relubloom("examine", net, "-k", "2..4")
    assert done.status == 2
    assert "set_size is 2..4" in done.error
    assert "only of those a part was held out" in done.error


def test_a_report_refuses_other_figures(bare: Path, lines: Path, relubloom: Command) -> None:
    done = relubloom("report", bare, "-k", 2)
    assert done.status == 1
    assert (
        f"was not examined, and a page shows figures; run `relubloom examine {bare}" in done.error
    )
    assert relubloom("examine", bare, "--sets", lines, "-q").status == 0
    assert relubloom("report", bare, "--sets", lines).status == 0
    assert relubloom("report", bare, "-k", "2..3").status == 0
    for option in (("-k", 2), ("--sets", bare / "config.json")):
        done = relubloom("report", bare, *option)
        assert done.status == 1
        assert "was examined on all 5 lines of 2 to 3 tokens in" in done.error


def test_a_certificate_over_a_files_lines(bare: Path, lines: Path, relubloom: Command) -> None:
    over = ("certify", bare, "--sets", lines)
    assert "set_size is 2..3: a certificate is over the sets of one size" in relubloom(*over).error
    done = relubloom(*over, "-k", 2, "--json", "-q").json
    assert (done["sets"], done["exact_sets"], done["method"]) == (4, 3, "enumeration")
    assert done["mse"]["lower"] == pytest.approx(1 / 24, rel=1e-6)  # 1/6 on one line of four
    assert (done["false_positives"]["total"], done["file"]["lines"]) == (1, 4)
    text = relubloom(*over, "-k", 2, "-q").out
    assert f"all 4 lines of 2 tokens in {lines}" in text
    assert "leave the method out" in relubloom(*over, "-k", 2, "--method", "bounds").error
    assert relubloom("report", bare).status == 0
    assert "Proof over the lines of a file" in (bare / "report.html").read_text()
    assert relubloom("examine", bare, "-k", 2, "-q").status == 0  # a proof over all sets
    assert json.loads((bare / "certificate.json").read_text())["file"] is None


REFUSED = {
    "idle skip": (("examine", "net", "--skip-bad"), "--skip-bad is given without --sets"),
    "idle skip in training": (("train", "--out", "x", "--skip-bad"), "without --sets"),
    "few tokens": (("examine", "net", "-k", 2, "--tokens", "two"), "lists 2 tokens and the net"),
    "report few": (("report", "net", "--tokens", "two"), "lists 2 tokens and the network"),
    "certify few": (("certify", "net", "-k", 2, "--tokens", "two"), "lists 2 tokens and the"),
    "compare few": (("compare", "net", "net", "-k", 2, "--tokens", "two"), "lists 2 tokens"),
    "certify a range": (("certify", "net", "-k", "1..2"), "over the sets of one size; give one"),
}


@pytest.mark.parametrize(("arguments", "text"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_honoured_is_an_error(
    bare: Path,
    relubloom: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    text: str,
) -> None:
    monkeypatch.chdir(bare.parent)
    Path("two").write_text("ant\nbee\n")
    done = relubloom(*arguments)
    assert done.status == 2
    assert text in done.error
    assert {path.name for path in bare.iterdir()} == {"config.json", "model.safetensors"}


def test_quick_takes_all_sets_where_they_are_few(tmp_path: Path, relubloom: Command) -> None:
    sizes = ("-N", 8, "-d", 4, "-k", 2, "--steps", 2)
    assert relubloom("study", "--quick", *sizes, "--out", tmp_path / "s", "-q").status == 0
    found = json.loads((tmp_path / "s" / "seed-0" / "behaviour.json").read_text())
    assert (found["method"], found["sets"]) == ("all", 28)
