"""Graded networks call exactly the tokens that the code lets out, in float32 and float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from build.graded import all_sets, graded_codes
from relubloom.code import Code, GradedCode, random_graded
from relubloom.errors import UsageError
from relubloom.network.construct import construct, default_leak, largest_leak


def called(logits: torch.Tensor) -> np.ndarray:
    """p_t >= p_max / 2."""
    return (logits >= logits.amax(1, keepdim=True) - math.log(2)).numpy()


@given(graded_codes(most_levels=3), st.data())
@example(GradedCode(np.zeros((3, 2), dtype=int), 2), None)
@example(GradedCode(np.ones((3, 2), dtype=int), 2), None)
@example(GradedCode(np.full((3, 2), 2), 2), None)
@settings(max_examples=150, deadline=None)
def test_the_called_tokens_are_those_that_the_code_lets_out(
    code: GradedCode, data: st.DataObject | None
) -> None:
    sharpness = data.draw(st.sampled_from([1.5, 16.0, 22.0])) if data else 16.0
    limit = largest_leak(code, sharpness)
    leak = data.draw(st.sampled_from([None, 0.9 * limit, 2**-12])) if data else None
    assume(leak is None or leak <= 0.9 * limit)
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64])) if data else torch.float32
    k = data.draw(st.integers(1, code.vocab_size)) if data else 2
    net = construct(code, sharpness, None if code.levels == 1 else leak, dtype)
    assert net.W_in.dtype == dtype
    sets = all_sets(code.vocab_size, k)
    expected = code.decode(sets)
    logits = net(torch.from_numpy(sets)).detach()
    exact = net.double()(torch.from_numpy(sets)).detach()
    bound = sharpness * (leak or default_leak(code, sharpness, 24)) * code.width
    for found in (logits.double(), exact):
        covered = torch.from_numpy(expected)
        assert (found[covered] >= -bound * (1 + 1e-5)).all()  # what a covered token may lose
        assert (found[~covered] <= -sharpness * (1 - 1e-5)).all()
        lowest = torch.where(covered, found, torch.inf).amin(1)
        highest = torch.where(covered, -torch.inf, found).amax(1)
        assert (lowest > highest).all()
        if sharpness > 2 * math.log(2):
            assert (called(found) == expected).all()


def test_weights_by_hand() -> None:
    # One half and one full bit, leak 1/4, sharpness 2: levels 1, 1/4, 0.
    net = construct(GradedCode([[1, 2]]), 2.0, 0.25)
    assert net.W_in.tolist() == [[-0.75, -1.0]]
    assert net.W_out.tolist() == [[-2.0], [-8.0]]
    assert net(torch.tensor([[0], [1]])).tolist() == [[-0.5], [-10.0]]


def test_one_strength_is_the_network_of_the_code() -> None:
    code = GradedCode(np.eye(4, dtype=int))
    expected = construct(Code(code.bits), 9.0)
    for name, value in construct(code, 9.0).named_parameters():
        assert torch.equal(value, dict(expected.named_parameters())[name])
    with pytest.raises(UsageError, match=r"leak is 0\.1: a code whose bits are all full"):
        construct(code, 9.0, 0.1)


def test_five_strengths_in_float64() -> None:
    random = np.random.default_rng(0)
    code = GradedCode(random.integers(1, 6, (8, 9)) * (random.random((8, 9)) < 0.4), 5)
    with pytest.raises(UsageError, match=r"levels is 5|the largest sharpness that works is"):
        construct(code, 16.0)
    sets = all_sets(8, 3)
    net = construct(code, 16.0, dtype=torch.float64)
    assert (called(net(torch.from_numpy(sets)).detach()) == code.decode(sets)).all()


@pytest.mark.parametrize(
    ("sharpness", "leak", "text"),
    [
        (20.0, 0.4, r"leak is 0.4: .* the largest that works is 0.0086556"),
        (20.0, math.nan, "leak is nan: .* the largest that works is"),
        (20.0, 1e-9, r"leak is 1e-09: float32 does not tell .* the smallest that works is 5.96"),
        (20.0, -0.1, "leak is -0.1: float32 does not tell"),
        (1e9, None, "sharpness is 1e.09: .* the largest sharpness that works is 2.9043"),
        (1e40, None, "sharpness is 1e.40: it must be from 1e-30 to 1e30"),
        (math.nan, None, "sharpness is nan: it must be"),
    ],
)
def test_what_float32_cannot_hold_is_refused(sharpness: float, leak: float, text: str) -> None:
    code = random_graded(5, 9, 4, 2)
    with pytest.raises(UsageError, match=text) as error:
        construct(code, sharpness, leak)
    assert "\n" not in str(error.value)


def test_the_largest_that_works_works() -> None:
    code = random_graded(6, 9, 4, 2)
    sets = all_sets(6, 2)
    for sharpness, leak in ((20.0, largest_leak(code, 20.0)), (20.0, 2.0**-24), (2.9e6, None)):
        net = construct(code, sharpness, leak)
        assert (called(net(torch.from_numpy(sets)).detach()) == code.decode(sets)).all()
