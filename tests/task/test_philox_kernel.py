"""The kernel's words are those of the CPU, by Triton's interpreter; and it compiles for a GPU."""

from collections.abc import Callable

import pytest
import torch

from build.kernels import compiled_sizes, interpreted
from build.process import Outcome
from relubloom.task import philox
from relubloom.task.philox import AddressedNumbers, words_on_cpu

NAME = "relubloom.task.philox_kernel"


@pytest.mark.parametrize(
    ("keys", "rows", "pairs"),
    [
        ([0], range(1), 1),
        ([7, 2**64 - 1, 2**63], range(2**32 - 300, 2**32 + 400), 3),  # past a word and a block
        ([2**63 - 1], range(2**62, 2**62 + 5), 2),
        ([1, 2], range(0), 1),
    ],
)
def test_the_words_are_those_of_the_cpu(keys: list[int], rows: range, pairs: int) -> None:
    found = interpreted(NAME).words_by_triton(keys, rows, pairs, "cpu")
    assert torch.equal(found, words_on_cpu(keys, rows, pairs))


def test_cuda_takes_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel is given out as the way of CUDA, and gives the numbers that the CPU has.
    kernel = interpreted(NAME).words_by_triton
    monkeypatch.setattr(philox, "way_of", lambda _: lambda *args: kernel(*args[:3], "cpu"))
    own = AddressedNumbers([(3, "training", 5)], range(70), 4, "cuda")
    monkeypatch.undo()
    for draw in range(4):
        cpu = AddressedNumbers([(3, "training", 5)], range(70), 4)
        assert torch.equal(own.below(draw, 1000), cpu.below(draw, 1000))


def test_it_compiles_for_a_gpu(python: Callable[..., Outcome]) -> None:
    types = {"keys": "*i64", "found": "*i64", "first": "i64", "rows": "i32", "pairs": "i32"}
    cases = [("_words", types | {"first": first}, {"block": 512}) for first in ("i32", "i64")]
    assert min(compiled_sizes(python, NAME, cases)) > 0
