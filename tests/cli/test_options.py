"""Every option that the parser lists changes what is seen, or is refused: one line for each.

What is seen of a command is its exit status, what it prints, the files it leaves, and what it asks
of the slow steps, which are canned here.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.main import get_command

import relubloom as rb
from build.process import DATA, Outcome
from relubloom.cli.app import EXAMPLES, app
from relubloom.code import pools
from relubloom.code.csv_files import numbered, write_pools
from relubloom.records.files import read_record
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.records.study import StudyRecord
from relubloom.report import page
from relubloom.study import compare, steps
from relubloom.study import study as study_module
from relubloom.sweep import sweep as sweep_module

OWN = ("--help", "--version", "--install-completion", "--show-completion")  # the parser's, or above
CHANGES = "changes what is seen"
TRAIN = "train --out OUT -N 6 -d 4 -k 2 --steps 2 --batch-size 4"
STUDY = "study --out OUT -N 6 -d 4 -k 2 --steps 2"
CONSTRUCT = "construct --out OUT -N 12 -d 8 -k 2"
IMPORT = "import plain.pt --out OUT --activation relu"
EXAMINE = "examine run"
CERTIFY = "certify run"
COMPARE = "compare run other"
REPORT = "report run"
PLAN = "plan -N 64 -k 2 --width 16"
SWEEP = "sweep spec.toml --out sw --resume"
RESULTS = "results sw"
GET = "zoo get constructed-binary-96x48-k3 --out OUT"
SCORE = "zoo score known found.npy"
POOL = "pool --samples 8 --positives 1 --seconds 0.05 --out OUT"
DECODE = "pool decode plate/tests.csv results.csv"


@dataclass(frozen=True)
class Acts:
    """How an option is seen to act: added to a command line it changes what is seen of that, or it
    is refused with a text."""

    added: str
    how: str = CHANGES
    beside: str = ""  # another command line to be added to than the command's own


def asked(line: str) -> dict[str, Acts]:
    """Of a study's and a training's options, those of what is to be trained."""
    return {
        "--preset": Acts("--preset wide"),
        "--vocab-size": Acts("--vocab-size 7"),
        "--width": Acts("--width 5"),
        "--set-size": Acts("--set-size 1"),
        "--source": Acts("--source zipf"),
        "--sets": Acts("--sets a.sets", beside=line.replace(" -N 6", "")),
        "--tokens": Acts("--tokens six.txt"),
        "--skip-bad": Acts("--skip-bad", "--skip-bad is given without --sets"),
        "--objective": Acts("--objective kl"),
        "--steps": Acts("--steps 3"),
        "--batch-size": Acts("--batch-size 5"),
        "--learning-rate": Acts("--learning-rate 0.3"),
        "--activation": Acts("--activation none"),
        "--swaps": Acts("--swaps 0.5", "--swaps is 0.5 without --sets"),
        "--init-from": Acts("--init-from small"),
        "--seed": Acts("--seed 3"),
        "--out": Acts("--out elsewhere"),
        "--resume": Acts("--resume", "replace it with --force", f"{line} --out run"),
        "--force": Acts("--force", beside=f"{line} --out run"),
        "--device": Acts("--device abacus", "device is 'abacus'"),
        "--threads": Acts("--threads 3"),
        "--quiet": Acts("--quiet"),
    }


FOREIGN = {
    "--names": Acts("--names W_in=2.weight,W_out=0.weight"),
    "--layout": Acts("--layout matmul", "plain.pt"),
    "--activation": Acts("--activation none", "set_size"),
    "--input-scale": Acts("--input-scale 0.5"),
    "--check": Acts("--check found.npy", "found.npy"),
}
SETS = {
    "--set-size": Acts("--set-size 3"),
    "--sets": Acts("--sets a.sets"),
    "--tokens": Acts("--tokens twelve.txt"),
    "--skip-bad": Acts("--skip-bad", beside="{} --sets bad.sets"),
}
ACTS: dict[str, dict[str, Acts]] = {
    STUDY: asked(STUDY)
    | {
        "--seeds": Acts("--seeds 2"),
        "--quick": Acts("--quick"),
        "--resume": Acts("--resume"),
        "--force": Acts("--force"),
    },
    TRAIN: asked(TRAIN),
    CONSTRUCT: {
        "--out": Acts("--out elsewhere"),
        "--family": Acts("--family bernoulli"),
        "--vocab-size": Acts("--vocab-size 13"),
        "--width": Acts("--width 9"),
        "--set-size": Acts("--set-size 4"),
        "--sets": Acts("--sets a.sets", beside=CONSTRUCT.replace(" -N 12", "")),
        "--skip-bad": Acts("--skip-bad", "--skip-bad is given without --sets"),
        "--weight": Acts("--weight 5"),
        "--half": Acts("--half 2 --full 1", "full bits only"),
        "--full": Acts("--full 2", beside=f"{CONSTRUCT} --family graded --half 2 --full 1"),
        "--seconds": Acts("--seconds 1", "only a search takes its time"),
        "--sharpness": Acts("--sharpness 5"),
        "--leak": Acts("--leak 0.1", "full bits only"),
        "--tokens": Acts("--tokens twelve.txt"),
        "--seed": Acts("--seed 1"),
        "--force": Acts("--force", beside=f"{CONSTRUCT} --out run"),
        "--quiet": Acts("--quiet", beside="construct --out OUT -d 8 --sets a.sets"),
    },
    IMPORT: FOREIGN
    | {
        "--out": Acts("--out elsewhere"),
        "--set-size": Acts("--set-size 2"),
        "--tokens": Acts("--tokens twelve.txt"),
        "--force": Acts("--force", beside=f"{IMPORT} --out run"),
        "--layout": Acts("--layout embedding", "plain.pt"),
    },
    EXAMINE: SETS
    | {
        name: Acts(acts.added, f"{name} is for a file; leave it out")
        for name, acts in FOREIGN.items()
    }
    | {
        "--device": Acts("--device abacus", "device is 'abacus'"),
        "--out": Acts("--out OUT", "--out is for a file; leave it out"),
        "--force": Acts("--force", "--force is for a file; leave it out"),
        "--quiet": Acts("--quiet"),
        "--threads": Acts("--threads 3"),
    },
    CERTIFY: SETS
    | {
        "--device": Acts("--device abacus", "device is 'abacus'"),
        "--method": Acts("--method sampled"),
        "--quiet": Acts("--quiet"),
        "--threads": Acts("--threads 3"),
    },
    REPORT: {
        "--results": Acts("--results sw"),
        "--set-size": Acts("--set-size 3", "was not examined"),
        "--sets": Acts("--sets a.sets", "was not examined"),
        "--tokens": Acts("--tokens twelve.txt"),
        "--lesson": Acts("--lesson", "was not examined"),
        "--open": Acts("--open"),
    },
    COMPARE: SETS | {"--quiet": Acts("--quiet"), "--threads": Acts("--threads 3")},
    "query run 1 2": {},
    PLAN: {
        "--vocab-size": Acts("--vocab-size 65"),
        "--set-size": Acts("--set-size 3"),
        "--width": Acts("--width 17"),
        "--mse": Acts("--mse 0.01", "exactly one of width, mse"),
        "--p-exact": Acts("--p-exact 0.9", "exactly one of width, mse"),
    },
    SWEEP: {
        "--out": Acts("--out elsewhere"),
        "--workers": Acts("--workers 3", beside=f"{SWEEP} --dry-run"),
        "--cluster": Acts("--cluster tcp://localhost:9 --workers 2", "here or there"),
        "--device": Acts("--device abacus", "device is 'abacus'"),
        "--resume": Acts("--resume", beside="sweep spec.toml --out sw"),
        "--dry-run": Acts("--dry-run"),
        "--keep-networks": Acts("--keep-networks"),
        "--track": Acts("--track abacus", "choose one of trackio, wandb"),
        "--export": Acts("--export runs.csv"),
        "--example": Acts("--example"),
        "--quiet": Acts("--quiet"),
    },
    RESULTS: {
        "--where": Acts("--where width=4"),
        "--columns": Acts("--columns run,kl"),
        "--sort": Acts("--sort mse"),
        "--limit": Acts("--limit 1"),
        "--plot": Acts("--plot a.svg"),
        "--x": Acts("--x seed", beside=f"{RESULTS} --plot a.svg"),
        "--y": Acts("--y kl", beside=f"{RESULTS} --plot a.svg"),
        "--by": Acts("--by seed", beside=f"{RESULTS} --plot a.svg"),
        "--export": Acts("--export runs.csv"),
    },
    "zoo list": {},
    GET: {
        "--out": Acts("--out elsewhere"),
        "--seed": Acts("--seed 1"),
        "--format": Acts("--format saelens"),
        "--force": Acts("--force", beside=f"{GET} --out run"),
    },
    SCORE: {
        "--seed": Acts("--seed 1", "known is a run folder: a name has seeds"),
        "--controls": Acts("--controls"),
    },
    POOL: {
        "--samples": Acts("--samples 9"),
        "--positives": Acts("--positives 2"),
        "--tests": Acts("--tests 7"),
        "--max-pool-size": Acts("--max-pool-size 3"),
        "--max-pools-per-sample": Acts("--max-pools-per-sample 1"),
        "--seconds": Acts("--seconds -1", "seconds is -1"),
        "--tokens": Acts("--tokens six.txt", "lists 6 samples"),
        "--seed": Acts("--seed 1", beside=POOL.replace("--samples 8", "--samples 30")),
        "--out": Acts("--out elsewhere"),
        "--force": Acts("--force", beside=f"{POOL} --out plate"),
        "--quiet": Acts("--quiet"),
    },
    DECODE: {
        "--positives": Acts("--positives 0", "positives is 0"),
        "--false-negatives": Acts(
            "--false-negatives 1", beside="pool decode plate/tests.csv missing.csv"
        ),
        "--false-positives": Acts(
            "--false-positives 1", beside="pool decode plate/tests.csv added.csv"
        ),
    },
}
CASES = [
    pytest.param(line, option, acts, id=f"{line.split(' --')[0]} {option}")
    for line, options in ACTS.items()
    for option, acts in options.items()
]


def command_of(line: str) -> str:
    """The command of a command line: a group's with its own."""
    words = line.split()
    inner = words[0] in ("zoo", "pool") and words[1] in ("list", "get", "score", "decode")
    return " ".join(words[: 1 + inner])


def listed(command: Any = None, path: str = "") -> set[tuple[str, str]]:
    """Every (command, option) that the parser lists."""
    command = get_command(app) if command is None else command
    found = {
        (path, max(each.opts, key=len))
        for each in command.params
        if each.param_type_name == "option" and not each.hidden
    }
    for name, inner in getattr(command, "commands", {}).items():
        found |= listed(inner, f"{path} {name}".strip())
    return {(of, option) for of, option in found if option not in OWN}


def test_every_option_has_its_line() -> None:
    everywhere = ("--json", "--debug")  # tried for all commands below
    told = {(command_of(line), option) for line, options in ACTS.items() for option in options}
    told |= {(command_of(line), option) for line in ACTS for option in everywhere}
    assert told == listed()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the command lines name."""
    made = tmp_path_factory.mktemp("world")
    task = rb.KSparseTask(12, 2)
    for name, seed in (("run", 0), ("other", 1), ("known", 2)):
        code = rb.random_constant_weight(12, 8, 3, seed=seed)
        net = rb.construct(code, 6.0)
        origin = Origin(task, seed, construction={"family": "constant-weight"})
        write_network(made / name, net, origin, default_labels(12))
        code.save(made / name / "code.npz")
    rb.construct(rb.Code(np.eye(6, 4)), 6.0).save_pretrained(made / "small")
    torch.save(net.to_module().state_dict(), made / "plain.pt")
    np.save(made / "found.npy", code.bits.astype(np.float32))
    words = default_labels(12)
    (made / "six.txt").write_text("".join(f"w{index}\n" for index in range(6)))
    (made / "twelve.txt").write_text("".join(f"{word}\n" for word in words[::-1]))
    lines = [f"{words[index]} {words[(index + 1) % 12]}\n" for index in range(12)]
    (made / "a.sets").write_text("".join(lines))
    (made / "bad.sets").write_text("".join(lines) + "\x01\n")
    (made / "sw").mkdir()
    shutil.copy(DATA / "schema-1" / "results.sqlite", made / "sw")
    (made / "spec.toml").write_text(
        "[[grid]]\nvocab_size = 12\nwidth = [4, 6, 8]\nset_size = 2\nsteps = 2\n"
    )
    (made / "plate").mkdir()
    design = rb.design_pools(8, 1, seconds=0.05)
    write_pools(design.code, made / "plate", numbered("S", 8))
    bits = design.code.bits[0]
    flips = {"results": -1, "missing": bits.argmax(), "added": bits.argmin()}
    for name, place in flips.items():
        ones = bits ^ (np.arange(len(bits)) == place)
        rows = [f"T{index + 1},{int(one)}\n" for index, one in enumerate(ones)]
        (made / f"{name}.csv").write_text("".join(rows))
    return made


@dataclass
class Seen:
    """Runs command lines in a copy of the world, each in its own."""

    world: Path
    room: Path
    relubloom: Callable[..., Outcome]
    monkeypatch: pytest.MonkeyPatch
    asked: list[str] = field(default_factory=list)
    done: Outcome | None = None

    def __call__(self, line: str) -> tuple[int, str, str, dict[str, str], list[str]]:
        here = self.room / str(len(list(self.room.iterdir())))
        shutil.copytree(self.world, here)
        self.monkeypatch.chdir(here)
        self.asked.clear()
        done = self.done = self.relubloom(*line.split())
        files = {
            str(path.relative_to(here)): "" if path.suffix == ".sqlite" else _content(path)
            for path in sorted(here.rglob("*"))
            if path.is_file()
        }
        return done.status, _plain(done.out), _plain(done.err), files, [*self.asked]

    def spy(self, module: Any, name: str, answer: Callable[..., Any]) -> None:
        """Write down what a step is asked for, and answer as given."""

        def step(*given: Any, **named: Any) -> Any:
            display = named.pop("watch", getattr(named.pop("on_progress", None), "__self__", None))
            quiet = getattr(display, "_quiet", None)
            said = {place: _told(value) for place, value in [*enumerate(given), *named.items()]}
            self.asked.append(f"{name} {said} {quiet}")
            return answer(*given, **named)

        self.monkeypatch.setattr(module, name, step)


def _told(value: Any) -> Any:
    """A value that a step was given, without what differs from run to run."""
    if isinstance(value, rb.Study):
        return value.describe(), value.labels
    plain = isinstance(value, str | int | float | tuple | list | Path | None)
    return str(value) if plain else type(value).__name__


def _content(path: Path) -> str:
    return path.read_bytes().hex() if path.suffix in (".safetensors", ".npz") else _text(path)


def _text(path: Path) -> str:
    return _plain(path.read_text(encoding="utf-8", errors="replace"))


def _plain(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r'("seconds": |, |in )[\d.]+( s)?(?=[,}\n])', r"\1", text)


@pytest.fixture
def seen(
    world: Path,
    tmp_path: Path,
    relubloom: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Seen]:
    made = Seen(world, tmp_path, relubloom, monkeypatch)
    sample = DATA / "schema-1" / "study"

    def examined(folder: Path, **_: Any) -> Any:
        for path in (sample / "seed-0").glob("*.json"):
            if path.name != "config.json":
                shutil.copy(path, folder)
        return steps.row_of(folder, 0)

    made.spy(study_module, "run_study", lambda *_, **__: read_record(sample, StudyRecord))
    made.spy(steps, "examine_run", examined)
    made.spy(steps, "train_run", steps.train_run)
    made.spy(steps, "certify_run", steps.certify_run)
    made.spy(compare, "compare_runs", compare.compare_runs)
    made.spy(page, "write_report", lambda folder, rows=(): folder / f"{len(rows)}.html")
    made.spy(pools, "design_pools", pools.design_pools)
    made.spy(sweep_module, "run_sweep", lambda *_, **__: SUMMARY)
    monkeypatch.setattr(typer, "launch", lambda address: made.asked.append(address))
    yield made


SUMMARY: dict[str, Any] = {"done": 3, "runs": 3, "made_now": 3, "seconds": 1}
SUMMARY |= {"without_figures": [], "results": ""}


@pytest.mark.parametrize(("line", "option", "acts"), CASES)
def test_an_option_acts(seen: Seen, line: str, option: str, acts: Acts) -> None:
    assert option in acts.added.split()
    line = acts.beside.format(line) or line
    found = seen(f"{line} {acts.added}")
    if acts.how == CHANGES:
        assert found[0] == 0, found[2]
        assert found != seen(line)
    else:
        assert found[0] in (1, 2)
        assert acts.how in found[2]


@pytest.mark.parametrize("line", ACTS, ids=command_of)
def test_every_command_answers_in_json_and_the_same_twice(seen: Seen, line: str) -> None:
    once = seen(line)
    assert once[0] == 0, once[2]
    assert once == seen(line)
    assert seen(f"{line} --debug")[0] == seen(f"{line} --json")[0] == 0
    assert seen.done is not None and seen.done.json is not None


def test_debug_shows_where_an_error_comes_from(seen: Seen) -> None:
    assert "Traceback" in seen("certify nowhere --debug")[2]
    assert "Traceback" not in seen("certify nowhere")[2]


def test_options_before_a_sub_command_are_refused(seen: Seen) -> None:
    status, _, error, *_ = seen("pool --samples 8 decode plate/tests.csv results.csv")
    assert status == 2
    assert error == (
        "relubloom: --samples stands before decode, which does not see it: what decode takes "
        "stands after it; leave the rest out\n"
    )


def test_examples_are_for_every_command_and_parse() -> None:
    def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from commands(inner, f"{path} {name}".strip())

    known = dict(commands(get_command(app)))
    assert EXAMPLES.keys() == known.keys() - {"zoo"}
    for name, lines in EXAMPLES.items():
        for line in lines:
            assert line.startswith(name)
            words = line.removeprefix(name).split()
            if "--help" not in words:
                known[name].make_context(name, words, resilient_parsing=False)


def test_help_fits_the_screen_and_breaks_no_word(
    relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in EXAMPLES:
        shown = relubloom(*name.split(), "-h").out
        assert shown == relubloom(*name.split(), "--help").out
        assert max(map(len, shown.splitlines())) <= 80
        assert "Examples:" in shown
        for choices in re.findall(r"<[\w-]*\|[^\s]*", shown):
            assert choices.endswith(">"), f"{name}: {choices} goes on in the next line"
