"""Stopping and going on: nothing is lost, and nothing tells afterwards that there was a stop."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from build.process import DATA, Outcome, process_environment
from relubloom.errors import FileError, StoppedError, UsageError
from relubloom.task import KSparseTask
from relubloom.training import Recipe, TrainedNetwork, TrainingProgress, train, train_stack
from relubloom.training.loop import deferred_interrupt
from relubloom.training.step import dense_step

RECIPE = Recipe(steps=100, batch_size=32)
TASK = KSparseTask(20, 3)


def press_at(step: int) -> Callable[[TrainingProgress], None]:
    """Ctrl-C while that step runs."""

    def on_progress(progress: TrainingProgress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return on_progress


def assert_same(one: list[TrainedNetwork], other: list[TrainedNetwork]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.seed == b.seed
        assert a.history == b.history
        assert a.film_steps == b.film_steps
        assert torch.equal(a.film, b.film)
        for p, q in zip(a.net.parameters(), b.net.parameters(), strict=True):
            assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("task", "recipe"),
    [
        (TASK, RECIPE),
        (KSparseTask(20, (1, 4), "zipf"), replace(RECIPE, objective="kl")),
        (TASK, replace(RECIPE, objective="kl-then-mse", polish_share=0.6)),
        (KSparseTask.from_file(DATA / "debtags.sets", (3, 8)), RECIPE),
    ],
    ids=["mse", "zipf-kl-padded", "kl-then-mse", "file"],
)
def test_a_hundred_steps_equal_fifty_and_fifty(
    tmp_path: Path, task: KSparseTask, recipe: Recipe
) -> None:
    straight = train_stack(task, 8, recipe, (0, 5))
    at = tmp_path / "checkpoint.safetensors"
    with pytest.raises(StoppedError, match="stopped at step 50 of 100"):
        train_stack(task, 8, recipe, (0, 5), checkpoint=at, on_progress=press_at(50))
    resumed = train_stack(task, 8, recipe, (0, 5), checkpoint=at, resume=True)
    assert_same(straight, resumed)


def test_stopping_often_changes_nothing(tmp_path: Path) -> None:
    straight = train_stack(TASK, 8, RECIPE, (2,))
    at = tmp_path / "checkpoint.safetensors"
    for step in (1, 2, 37, 99):
        with pytest.raises(StoppedError):
            train_stack(
                TASK, 8, RECIPE, (2,), checkpoint=at, resume=True, on_progress=press_at(step)
            )
    assert_same(straight, train_stack(TASK, 8, RECIPE, (2,), checkpoint=at, resume=True))


def test_a_finished_training_resumes_without_a_step(tmp_path: Path) -> None:
    at = tmp_path / "checkpoint.safetensors"
    straight = train_stack(TASK, 8, RECIPE, (2,), checkpoint=at)

    def no_step(*_: object) -> None:
        raise AssertionError("there is nothing left to do")

    again = train_stack(TASK, 8, RECIPE, (2,), checkpoint=at, resume=True, step=no_step)
    assert_same(straight, again)


def test_without_resume_a_checkpoint_is_not_read(tmp_path: Path) -> None:
    at = tmp_path / "checkpoint.safetensors"
    at.write_bytes(b"nothing")
    assert_same(
        train_stack(TASK, 8, RECIPE, (2,)), train_stack(TASK, 8, RECIPE, (2,), checkpoint=at)
    )


def test_a_stop_without_a_checkpoint_says_where(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="stopped at step 3 of 100"):
        train_stack(TASK, 8, RECIPE, (0,), on_progress=press_at(3))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("task", "width", "recipe", "seeds"),
    [
        (KSparseTask(20, 2), 8, RECIPE, (2,)),
        (KSparseTask(20, 3, "zipf"), 8, RECIPE, (2,)),
        (TASK, 9, RECIPE, (2,)),
        (TASK, 8, replace(RECIPE, learning_rate=0.5), (2,)),
        (TASK, 8, replace(RECIPE, steps=101), (2,)),
        (TASK, 8, RECIPE, (3,)),
        (TASK, 8, RECIPE, (2, 3)),
    ],
    ids=["set-size", "source", "width", "rate", "steps", "seed", "seeds"],
)
def test_a_checkpoint_of_other_settings_is_refused(
    tmp_path: Path, task: KSparseTask, width: int, recipe: Recipe, seeds: tuple[int, ...]
) -> None:
    at = tmp_path / "checkpoint.safetensors"
    with pytest.raises(StoppedError):
        train_stack(TASK, 8, RECIPE, (2,), checkpoint=at, on_progress=press_at(1))
    before = at.read_bytes()
    with pytest.raises(FileError, match="is of another task, recipe or seeds; resume with the"):
        train_stack(task, width, recipe, seeds, checkpoint=at, resume=True)
    assert at.read_bytes() == before


def test_a_sets_file_may_move_but_not_change(tmp_path: Path) -> None:
    lines = (DATA / "nextwords.sets").read_text()
    first, moved, changed = (tmp_path / name for name in ("first", "moved", "changed"))
    first.write_text(lines)
    moved.write_text(lines)
    changed.write_text(lines + "lord son children king land\n")
    at = tmp_path / "checkpoint.safetensors"
    with pytest.raises(StoppedError):
        task = KSparseTask.from_file(first)
        train_stack(task, 8, RECIPE, (2,), checkpoint=at, on_progress=press_at(5))
    with pytest.raises(FileError, match="is of another task"):
        train_stack(KSparseTask.from_file(changed), 8, RECIPE, (2,), checkpoint=at, resume=True)
    resumed = train_stack(KSparseTask.from_file(moved), 8, RECIPE, (2,), checkpoint=at, resume=True)
    assert_same(train_stack(KSparseTask.from_file(first), 8, RECIPE, (2,)), resumed)


@pytest.mark.parametrize("kept", [0, 20, -1])
def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path, kept: int) -> None:
    at = tmp_path / "checkpoint.safetensors"
    train_stack(TASK, 8, replace(RECIPE, steps=1), (2,), checkpoint=at)
    at.write_bytes(at.read_bytes()[:kept])
    with pytest.raises(FileError, match=r"is no readable checkpoint .*; start anew with --force"):
        train_stack(TASK, 8, replace(RECIPE, steps=1), (2,), checkpoint=at, resume=True)


def test_a_seed_in_a_stack_has_the_start_and_the_sets_it_has_alone() -> None:
    def watched(seeds: tuple[int, ...]) -> tuple[list[TrainedNetwork], Tensor]:
        seen: list[Tensor] = []

        def step(stack: object, sets: Tensor, objective: object) -> object:
            seen.append(sets)
            return dense_step(stack, sets, objective)

        trained = train_stack(TASK, 8, replace(RECIPE, steps=5), seeds, step=step)
        return trained, torch.stack(seen)

    stacked, sets = watched((3, 4, 5))
    alone, own = watched((4,))
    assert torch.equal(sets[:, 1], own[:, 0])
    assert not torch.equal(sets[:, 0], sets[:, 1])
    assert torch.equal(stacked[1].film[0], alone[0].film[0])
    for p, q in zip(stacked[1].net.parameters(), alone[0].net.parameters(), strict=True):
        assert torch.equal(p, q)


def test_training_learns() -> None:
    # From random weights, 300 steps at N = 20, d = 16, k = 2 leave well under half of the loss.
    _, history = train(KSparseTask(20, 2), 16, Recipe(steps=300, batch_size=128))
    assert history[-1]["step"] == 300
    assert set(history[0]) == {"step", "objective", "learning_rate", "loss"}
    assert history[-1]["loss"] < 0.3 * history[0]["loss"]


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(UsageError, match="width is 0: a network has at least 1 hidden unit"):
        train(TASK, 0)
    with pytest.raises(UsageError, match="no seeds given"):
        train_stack(TASK, 8, RECIPE, ())


def test_a_second_ctrl_c_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), deferred_interrupt() as pressed:
        assert not pressed()
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert signal.getsignal(signal.SIGINT) == before


# Whole commands in processes of their own. The signal is real; it is sent from inside so that it
# arrives at a known moment.

PRESS_WHILE_TRAINING = """
import os, signal
from relubloom.training import loop
advance = loop.TrainingRun.advance
def advance_and_press(self):
    advance(self)
    if self.done == 25:
        os.kill(os.getpid(), signal.SIGINT)
loop.TrainingRun.advance = advance_and_press
from relubloom.cli import main
main()
"""
PRESS_WHILE_EXAMINING = """
import os, signal
from relubloom.study import steps
gather = steps.gather_evidence
calls = []
def gather_and_press(*arguments, **keywords):
    calls.append(arguments)
    if len(calls) == 3:  # the constructed network, seed 0, and now seed 1
        os.kill(os.getpid(), signal.SIGINT)
    return gather(*arguments, **keywords)
steps.gather_evidence = gather_and_press
from relubloom.cli import main
main()
"""
SAVE_AT_EVERY_STEP = """
import time
from relubloom.training import loop
loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_SHARE = 0.0, 1e9  # after every step
advance = loop.TrainingRun.advance
def advance_slowly(self):
    advance(self)
    time.sleep(0.01)
loop.TrainingRun.advance = advance_slowly
from relubloom.cli import main
main()
"""
SIZES = ("-N", 20, "-d", 8, "-k", 2, "--steps", 60, "--batch-size", 32, "--quiet", "--threads", 1)


DIGITS = re.compile(rb"-?\d+\.\d+(e[-+]?\d+)?")


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder, without what names the command and what was timed.

    Figures of evidence to 12 digits: the last ones depend on where arrays lie in memory.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name == "report.html":
            continue
        content = path.read_bytes()
        if path.name in ("study.json", "certificate.json"):
            content = json.dumps(json.loads(content) | {"command": "", "seconds": 0}).encode()
        if path.suffix == ".json":
            content = DIGITS.sub(lambda found: b"%.12g" % float(found[0]), content)
        files[str(path.relative_to(folder))] = content
    return files


def test_ctrl_c_and_resume_of_train(
    relubloom: Callable[..., Outcome], python: Callable[..., Outcome], tmp_path: Path
) -> None:
    stopped = python(PRESS_WHILE_TRAINING, "train", *SIZES, "--out", "run")
    assert stopped.status == 1
    assert stopped.error == "stopped at step 25 of 60; go on with the same command and --resume"
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert relubloom("train", *SIZES, "--out", tmp_path / "run", "--resume").status == 0
    assert relubloom("train", *SIZES, "--out", tmp_path / "straight").status == 0
    assert tree(tmp_path / "run") == tree(tmp_path / "straight")


@pytest.mark.parametrize("source", [PRESS_WHILE_TRAINING, PRESS_WHILE_EXAMINING])
def test_ctrl_c_and_resume_of_study(
    relubloom: Callable[..., Outcome],
    python: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    command = ("study", *SIZES, "--seeds", 2, "--out", "s")
    for name in ("stopped", "straight"):
        (tmp_path / name).mkdir()
    stopped = python(source, *command, cwd=tmp_path / "stopped")
    assert stopped.status == 1
    assert stopped.error.endswith("go on with the same command and --resume")
    monkeypatch.chdir(tmp_path / "stopped")
    assert not Path("s/study.json").exists()
    assert relubloom(*command).status == 2  # not empty, and nobody said --resume
    assert relubloom(*command, "--resume").status == 0
    monkeypatch.chdir(tmp_path / "straight")
    assert relubloom(*command).status == 0
    assert tree(tmp_path / "stopped") == tree(tmp_path / "straight")


def test_a_killed_run_can_be_resumed(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    arguments = [str(each) for each in ("train", *SIZES, "--out", tmp_path / "run")]
    child = subprocess.Popen(
        [sys.executable, "-c", SAVE_AT_EVERY_STEP, *arguments], env=process_environment()
    )
    try:
        while not (tmp_path / "run" / "checkpoint.safetensors").exists():
            assert child.poll() is None, "the child ended before its first checkpoint"
            time.sleep(0.005)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    assert relubloom(*arguments, "--resume").status == 0
    assert relubloom("train", *SIZES, "--out", tmp_path / "straight").status == 0
    kept = {name for name in tree(tmp_path / "run") if not name.startswith(".")}
    assert kept == tree(tmp_path / "straight").keys()
    for name in kept:
        assert tree(tmp_path / "run")[name] == tree(tmp_path / "straight")[name], name
