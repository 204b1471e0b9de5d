"""`--device cuda`, which a CPU plays: the answers are those of the CPU, and CUDA gave them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from build.elsewhere import play_cuda
from build.process import Outcome
from relubloom.evidence import gather
from relubloom.study import steps

STUDY = "study --quick -N 10 -d 6 -k 2 --steps 30 --batch-size 16 --out {} --force"
COMMANDS = [STUDY, "examine {}/seed-0", "certify {}/seed-0 --method enumeration"]


def test_commands_give_the_answers_of_the_cpu(
    tmp_path: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(*stack: Any, device: str, **options: Any) -> Any:
        return train_stack(*stack, **options)

    train_stack = steps.train_stack
    monkeypatch.setattr(steps, "train_stack", here)
    few = partial(gather.intervene, cases=20)  # for time; 20,000 are no other
    monkeypatch.setattr(gather, "intervene", few)
    there = play_cuda(monkeypatch)

    def answer(command: str, *options: object) -> dict[str, Any]:
        done = relubloom(*command.format(tmp_path / "run").split(), "--json", *options)
        assert done.status == 0, done.err
        return done.json | {"seconds": None}

    for command in COMMANDS:
        own = answer(command)
        before = there.on
        assert answer(command, "--device", "cuda") == own
        assert there.on > before
