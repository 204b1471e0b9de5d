"""Long work is predicted and said, or refused; nothing that was asked for is passed over."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from build.networks import random_net
from build.process import COMMAND, Outcome, process_environment
from build.sweep import record
from relubloom import Code, ReluNet, certify, construct
from relubloom.cli import asking, studying
from relubloom.code import count_false_positives, random_constant_weight
from relubloom.code.counting import predicted_seconds
from relubloom.code.families import greedy_low_overlap, make_code
from relubloom.errors import UsageError
from relubloom.evidence.certificate.by_method import Effort
from relubloom.records.sweep_row import Glance, SweepRow
from relubloom.shown import printable
from relubloom.study import query
from relubloom.sweep import cost
from relubloom.sweep.results import Results
from relubloom.sweep.workers import interrupts_held
from relubloom.theory import kautz_singleton, plan

Command = Callable[..., Outcome]
TASK = {"task": {"source": "uniform", "vocab_size": 30, "set_size": 2}, "seed": 0}


def test_finding_8_query_explains_a_thousand_false_positives_and_counts_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All logits are equal: every one of 28 non-members is called."""
    monkeypatch.setattr(query, "LISTED", 10)
    net = ReluNet(torch.zeros(30, 4), torch.zeros(4), torch.zeros(4, 30), torch.zeros(30))
    code = Code(torch.eye(30, 4).numpy())
    answer = query.ask(net, code, tuple(map(str, range(30))), ["3", "9"])
    assert answer.all_false_positives == 28
    assert [each.token for each in answer.false_positives] == [*"01245678", "10", "11"]
    assert [each.token for each in answer.top] == ["3", "9", *"01245678"]


def test_finding_8_query_of_many_tokens(unchecked: None) -> None:
    """A sort token by token took minutes at 10^6."""
    net = random_net(200_000, 4, 0)
    started = time.process_time()
    code = Code(net.W_in.detach().numpy() < -1)
    answer = query.ask(net, code, tuple(map(str, range(200_000))), ["7"])
    assert answer.top == sorted(answer.top, key=lambda each: -each.probability)
    assert time.process_time() - started < 5


def test_finding_8_query_says_that_reading_a_code_takes_long(
    tmp_path: Path, relubloom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LONG", 10)
    random_net(30, 4, 0).save_pretrained(tmp_path, TASK)
    done = relubloom("query", tmp_path, "0", "1")
    assert done.status == 0
    assert "holds no code: reading it off 120 weights takes about 0 s" in done.err
    assert relubloom("query", tmp_path, "0", "1", "--quiet").err == ""


@pytest.mark.parametrize("command", ["train", "study"])
@pytest.mark.usefixtures("no_page")
def test_a_long_training_says_its_time(
    command: str, tmp_path: Path, relubloom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 tokens, 3 steps: 1.6 ms on the machine of the constants, 3 h on one 6.9 million times as
    slow."""
    monkeypatch.setattr(cost, "machine_speed", lambda: 1.5e-7)
    small = (command, "-N", 12, "-d", 6, "--steps", 3, "--batch-size", 8, "--out", tmp_path / "out")
    assert "training takes" not in relubloom(*small).err
    monkeypatch.setattr(studying, "LONG_SECONDS", 1e-3)
    said = relubloom(*small, "--force").err
    assert "training takes about 3.0 h of one core of this machine: a GPU takes less" in said
    assert "training takes" not in relubloom(*small, "--force", "--quiet").err


def test_finding_8_certify_counts_where_that_is_predicted_to_be_quick() -> None:
    net = construct(random_constant_weight(60, 20, 4), 20.0)
    none = Effort(float64=0, float32=0, draws=50, counting=0.0)
    sampled = certify(net, 3, effort=none)
    assert sampled.method == "sampled"
    assert sampled.reasons.endswith(
        "; counting would prove it, in about 0.0 h of a core (method counting)"
    )
    assert certify(net, 3, effort=Effort(float64=0, float32=0)).method == "counting"


def test_finding_8_the_prediction_of_a_count() -> None:
    """Of a million tokens with 9 bits: 9e12 traces, 2.5 hours; within a factor of 8 here."""
    code = random_constant_weight(3000, 48, 9)
    started = time.process_time()
    count_false_positives(code, 3)
    spent = time.process_time() - started
    assert spent / 8 < predicted_seconds(code) < 8 * spent


def test_finding_8_a_number_of_sets_that_no_file_holds() -> None:
    net = random_net(20_000, 1, 0)
    with pytest.raises(UsageError, match=r"has over 4300 digits, more than is written"):
        certify(net, 10_000)
    with pytest.raises(UsageError, match=r"there are 10\^4\d\d sets: at most 1e\+13"):
        certify(random_net(3000, 1, 0), 300, method="enumeration")


def test_finding_8_plan_of_10_to_the_18() -> None:
    started = time.process_time()
    found = plan(10**18, 3, mse=0.01)
    assert found.families[4].width == 34 * 37  # Kautz-Singleton: 34 points of 37 values
    assert time.process_time() - started < 5
    assert kautz_singleton(10**18, 10**9).width == 10**18 + 3  # a prime
    with pytest.raises(UsageError, match="vocab_size has 400 digits: the exact laws hold up to"):
        plan(10**399, 3, mse=0.01)


def test_finding_8_greedy_codes_give_up_where_draws_are_too_few(relubloom: Command) -> None:
    started = time.process_time()
    with pytest.raises(UsageError, match=r"max_overlap is 3: 4096 draws .* of 100000 hashes"):
        greedy_low_overlap(100_000, 48, 10, 3, attempts=200_000)
    assert time.process_time() - started < 5


def test_finding_8_a_greedy_code_says_its_time(
    relubloom: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.code.families.greedy_seconds", lambda *_: 40.0)
    for family in ("greedy", "bernoulli"):
        out = tmp_path / family
        done = relubloom(
            "construct", "--family", family, *("-N", 9, "-d", 6, "-k", 2), "--out", out
        )
        assert (done.status, "takes about 40 s" in done.err) == (0, family == "greedy")


@pytest.mark.parametrize("seconds", ["inf", "nan", "-1"])
@pytest.mark.parametrize("family", ["search", "graded-search"])
def test_finding_8_a_search_ends(
    family: str, seconds: str, tmp_path: Path, relubloom: Command
) -> None:
    sizes = ("-N", 12, "-d", 8, "-k", 2)
    line = ("--family", family, "--seconds", seconds, "--out", tmp_path / "out")
    done = relubloom("construct", *sizes, *line)
    assert done.status == 2
    assert f"seconds is {float(seconds)}: a search ends; give a number of 0 or more" in done.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line",
    [
        ("construct", "-N", 8, "-d", 6, "-k", 2, "--seed", -3, "--out", "out"),
        (
            "construct",
            "-N",
            8,
            "-d",
            6,
            "-k",
            2,
            "--seed",
            -3,
            "--out",
            "out",
            "--family",
            "graded",
        ),
        ("train", "-N", 8, "-d", 6, "-k", 2, "--seed", -3, "--out", "out"),
        ("study", "-N", 8, "-d", 6, "-k", 2, "--seed", -3, "--out", "out"),
    ],
)
def test_a_negative_seed_has_one_answer(line: tuple[Any, ...], relubloom: Command) -> None:
    done = relubloom(*line)
    assert done.status == 2
    assert done.error == "seed is -3: seeds are 0 or more; raise it"
    with pytest.raises(UsageError, match="seed is -3: seeds are 0 or more; raise it"):
        make_code("greedy", 8, 6, 2, seed=-3)


def test_sizes_of_hundreds_of_digits(relubloom: Command, tmp_path: Path) -> None:
    done = relubloom("train", "-N", 6, "-d", "9" * 400, "-k", 2, "--out", tmp_path / "out")
    assert done.status == 2
    assert "vocab_size 6 and width a number of 400 digits need a number of 394 digits" in done.error


def test_a_name_that_no_file_can_have(relubloom: Command) -> None:
    done = relubloom("query", "9" * 400, "0")
    assert done.status == 1
    assert done.error == f"cannot use {'9' * 60}: File name too long; give another path"


def shell(line: str) -> Outcome:
    command = f"{sys.executable} -c '{COMMAND}' {line}"
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=process_environment(),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("redirected", "said"),
    [
        (">&-", "standard output is closed: the answer is written there; open it"),
        (">/dev/full", "cannot write to standard output: No space left on device"),
    ],
)
def test_an_answer_that_is_lost_is_an_error(redirected: str, said: str) -> None:
    done = shell(f"plan -N 50 -k 2 -d 12 {redirected}")
    assert done.status == 1
    assert said in done.error


def test_a_closed_standard_error_changes_nothing(tmp_path: Path) -> None:
    done = shell(f"construct -N 8 -d 6 -k 2 --json --out {tmp_path / 'out'} 2>&-")
    assert done.status == 0
    assert done.json["family"] == "constant-weight"


def test_processes_that_start_are_out_of_reach_of_ctrl_c() -> None:
    source = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with interrupts_held():
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "True\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        SweepRow(str(n) * 16, "done", {"width": n, "seed": 0}, Glance.of(record()), None, 1.0, 2.0)
        for n in range(3)
    ]
    Results(tmp_path / "sweep", create=True).record(rows)
    return tmp_path / "sweep"


def test_columns_and_limit_hold_for_json_too(table: Path, relubloom: Command) -> None:
    found = relubloom("results", table, "--json", "--columns", "width,mse", "--limit", 2).json
    assert found == {"runs": [{"width": 0, "mse": 0.004}, {"width": 1, "mse": 0.004}]}
    assert len(relubloom("results", table, "--json").json["runs"]) == 3


@pytest.mark.parametrize("option", [("--export", "runs.csv"), ("--keep-networks",)])
def test_a_dry_run_writes_nothing(
    option: tuple[str, ...], tmp_path: Path, relubloom: Command
) -> None:
    (tmp_path / "spec.toml").write_text("[[grid]]\nvocab_size = 8\nset_size = 2\nwidth = 3\n")
    done = relubloom("sweep", tmp_path / "spec.toml", "--out", tmp_path, "--dry-run", *option)
    assert done.status == 2
    assert done.error == f"{option[0]} is given beside --dry-run: it makes no runs; leave one out"


def test_what_is_shown_steers_no_terminal() -> None:
    assert printable("a\x1b[2J\n\x9b\t\udcff") == "a\\x1b[2J\n\\x9b\\x09\\udcff"
