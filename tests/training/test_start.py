"""Training that starts from a network that is there."""

from pathlib import Path
from typing import Any

import pytest
import torch

import relubloom as rb
from relubloom.errors import FileError, UsageError
from relubloom.training.run import TrainingRun

TASK, RECIPE = rb.KSparseTask(12, 2), rb.Recipe(steps=20, batch_size=16, learning_rate=1e-3)
START = rb.construct(rb.random_constant_weight(12, 6, 2), sharpness=5.0)


def test_the_first_step_is_taken_from_its_weights() -> None:
    run = TrainingRun(TASK, 6, RECIPE, (0, 3), "cpu", None, START)
    for seed in range(2):
        for own, given in zip(run.stack[seed].parameters(), START.parameters(), strict=True):
            assert torch.equal(own, given)
    run.advance()
    moved = (run.stack.W_in - START.W_in.detach()).abs()
    assert 0 < float(moved.max()) <= 1e-3 * 1.001  # Adam's first step is the rate, rising to 1e-3
    assert torch.equal(START.W_in, rb.construct(rb.extract_code(START), sharpness=5.0).W_in)


def test_seeds_share_the_start_and_have_sets_of_their_own() -> None:
    both = rb.train_stack(TASK, 6, RECIPE, (0, 3), init_from=START)
    alone, history = rb.train(TASK, 6, RECIPE, 3, init_from=START)
    assert torch.equal(both[1].net.W_out, alone.W_out) and both[1].history == history
    assert not torch.equal(both[0].net.W_out, alone.W_out)
    assert torch.equal(both[0].film[0], START.W_in)


def test_float64_weights_are_rounded() -> None:
    wide = rb.construct(rb.random_constant_weight(12, 6, 2), sharpness=5.1, dtype=torch.float64)
    run = TrainingRun(TASK, 6, RECIPE, (0,), "cpu", None, wide)
    assert torch.equal(run.stack.W_out[0], wide.W_out.float())


@pytest.mark.parametrize("stopped_after", [1, 8, 19])
def test_resuming_gives_the_same_bits(tmp_path: Path, stopped_after: int) -> None:
    wanted = rb.train_stack(TASK, 6, RECIPE, (0,), init_from=START)[0]
    run, at = TrainingRun(TASK, 6, RECIPE, (0,), "cpu", None, START), tmp_path / "checkpoint"
    for _ in range(stopped_after):
        run.advance()
    run.save(at)
    found = rb.train_stack(TASK, 6, RECIPE, (0,), init_from=START, checkpoint=at, resume=True)[0]
    for own, other in zip(found.net.parameters(), wanted.net.parameters(), strict=True):
        assert torch.equal(own, other)
    assert found.history == wanted.history
    for start in (None, rb.construct(rb.random_constant_weight(12, 6, 2), sharpness=6.0)):
        run.save(at)
        with pytest.raises(FileError, match="is of another task, recipe or seeds"):
            rb.train_stack(TASK, 6, RECIPE, (0,), init_from=start, checkpoint=at, resume=True)


def infinite() -> rb.ReluNet:
    weights = [value.detach().double() for value in START.parameters()]
    return rb.ReluNet(weights[0] * 1e300, *weights[1:])


@pytest.mark.parametrize(
    ("start", "settings", "message"),
    [
        (rb.construct(rb.random_constant_weight(12, 5, 2)), {}, "12 tokens and 5 units, and 12 to"),
        (rb.construct(rb.random_constant_weight(11, 6, 2)), {}, "init_from has 11 tokens and 6 un"),
        (START, {"activation": "none"}, "activation is 'none' and init_from is given: its network"),
        (START, {"initialisation": "pytorch"}, "initialisation is 'pytorch' and init_from is giv"),
        (START, {"init_scale_out": 2.0}, "init_scale_out is 2.0 and init_from is given: no weigh"),
        (infinite(), {}, "init_from has weights that float32 cannot hold"),
    ],
)
def test_what_is_refused(start: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        rb.train(TASK, 6, rb.Recipe(steps=2, **settings), init_from=start)
