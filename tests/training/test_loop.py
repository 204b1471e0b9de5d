"""A training run: stopped and resumed it is the same run, and wrong numbers end it."""

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from build.process import DATA, Outcome
from relubloom.errors import DivergedError, FileError, StoppedError, UsageError
from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training import Recipe, TrainedNetwork, TrainingProgress, train, train_stack
from relubloom.training.loop import check_network, deferred_interrupt
from relubloom.training.recipe import Objective
from relubloom.training.step import Step, StepResult, dense_step

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
    with pytest.raises(
        FileError, match=r"is no readable checkpoint .*; start anew with force=True"
    ):
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


def test_a_film_that_takes_too_much_shows_the_first_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    # 5 units in 3 frames of float32 are 60 bytes a token: 7 tokens fit into 479.
    monkeypatch.setattr("relubloom.training.run.FILM_BYTES", 8 * 60 - 1)
    (trained,) = train_stack(KSparseTask(20, 2), 5, Recipe(steps=2, batch_size=4), (0,))
    assert trained.film.shape == (3, 7, 5)
    assert torch.equal(trained.film[-1], trained.net.W_in[:7])


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(UsageError, match="width is 0: a network has at least 1 hidden unit"):
        train(TASK, 0)
    check_network(1, (0,))
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


HUGE = replace(RECIPE, steps=3, learning_rate=1e38)
BAD_FROM = 41


def poisoned(stack: NetStack, sets: Tensor, objective: Objective) -> StepResult:
    """A step that gives the second network NaN from its 41st call on."""
    global calls
    calls += 1
    found = dense_step(stack, sets, objective)
    if calls >= BAD_FROM:
        found.gradients["b_out"][1] = math.nan
        found.loss[1] = math.nan
    return found


@pytest.fixture
def poison() -> Step:
    global calls
    calls = 0
    return poisoned


def test_a_loss_that_is_no_number_ends_training_at_that_step() -> None:
    # The first step moves weights by 1e38, and the second loss is NaN.
    seen: list[int] = []
    with pytest.raises(
        DivergedError,
        match=r"^step 2 of 3 of seed 4, at learning rate 1e\+38, gave NaN or infinity: training "
        "needs finite numbers; lower learning_rate and start anew with force=True$",
    ) as raised:
        train_stack(TASK, 8, HUGE, (4,), on_progress=lambda each: seen.append(each.step))
    assert seen == [1]
    assert (raised.value.exit_status, raised.value.seeds) == (1, (4,))


def test_weights_that_are_no_numbers_after_the_last_step_are_not_given_out() -> None:
    with pytest.raises(DivergedError, match="step 1 of 1 of seed 0, at learning rate 1e"):
        train(TASK, 8, replace(HUGE, steps=1))


def test_a_moment_that_overflows_is_seen_though_weights_stay_finite() -> None:
    # 1e25 squared is over float32, so Adam would divide by infinity and learn no more.
    def step(stack: NetStack, sets: Tensor, objective: Objective) -> StepResult:
        found = dense_step(stack, sets, objective)
        found.gradients["b_in"][0, 0] = 1e25
        return found

    with pytest.raises(DivergedError, match="step 100 of 100 of seed 0"):
        train_stack(TASK, 8, RECIPE, (0,), step=step)


@pytest.mark.parametrize(("watched", "step"), [(True, 41), (False, 45)])
def test_of_a_stack_the_seed_is_named(poison: Step, watched: bool, step: int) -> None:
    recipe = replace(RECIPE, steps=1000)  # a record each 5 steps; without one nothing is read
    on_progress = (lambda _: None) if watched else None
    with pytest.raises(DivergedError, match=f"^step {step} of 1000 of seed 7, ") as raised:
        train_stack(TASK, 8, recipe, (3, 7, 9), step=poison, on_progress=on_progress)
    assert raised.value.seeds == (7,)


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_last_good_state_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: Step, interrupted: bool
) -> None:
    monkeypatch.setattr("relubloom.training.loop.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("relubloom.training.loop.CHECKPOINT_SHARE", 1e9)
    at = tmp_path / "checkpoint.safetensors"
    with pytest.raises(DivergedError, match="of seed 1, "):
        on_progress = press_at(41) if interrupted else None
        train_stack(TASK, 8, RECIPE, (0, 1), checkpoint=at, step=poison, on_progress=on_progress)
    monkeypatch.undo()
    done: list[int] = []
    resumed = train_stack(
        *(TASK, 8, RECIPE, (0, 1)),
        checkpoint=at,
        resume=True,
        on_progress=lambda progress: done.append(progress.step),
    )
    assert done[0] == BAD_FROM
    assert_same(train_stack(TASK, 8, RECIPE, (0, 1)), resumed)


def test_the_command_ends_with_one_line_and_saves_no_network(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    sizes = ("-N", 10, "-d", 4, "-k", 2, "--steps", 3, "--learning-rate", "1e38")
    found = relubloom("train", *sizes, "--out", tmp_path / "run", "--quiet")
    assert (found.status, found.error) == (
        1,
        "step 2 of 3 of seed 0, at learning rate 1e+38, gave NaN or infinity: training needs "
        "finite numbers; lower --learning-rate and start anew with --force",
    )
    assert not list(tmp_path.rglob("model.safetensors"))
