"""Constructed networks are exactly Bloom filters, in float32, for every code and every set."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from relubloom.code import Code, random_constant_weight
from relubloom.errors import UsageError
from relubloom.network.construct import construct, sharpness_for
from relubloom.network.extract import extract_code
from relubloom.task import AllSets


@st.composite
def arbitrary_codes(draw: st.DrawFn) -> Code:
    """Codes with zero rows, full rows, duplicate hashes, constant columns and width 1."""
    vocab_size = draw(st.integers(1, 10))
    width = draw(st.one_of(st.just(1), st.integers(1, 12), st.sampled_from([63, 64, 65, 130])))
    density = draw(st.sampled_from([0.0, 0.15, 0.5, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = random.random((vocab_size, width)) < density
    for row in range(vocab_size):
        kind = draw(st.sampled_from(["as drawn"] * 5 + ["zero", "one", "copy"]))
        if kind != "as drawn":
            bits[row] = {"zero": False, "one": True, "copy": bits[0]}[kind]
    column = draw(st.integers(0, width - 1))
    if (value := draw(st.sampled_from([None, None, False, True]))) is not None:
        bits[:, column] = value
    return Code(bits)


SHARPNESS = st.one_of(st.sampled_from([1.0, 20.0, 1e-3, 1e6]), st.floats(0.01, 100))


@given(arbitrary_codes(), SHARPNESS, st.data())
def test_the_top_set_is_exactly_the_covered_tokens(
    code: Code, sharpness: float, data: st.DataObject
) -> None:
    net = construct(code, sharpness)
    assert net.W_in.dtype == torch.float32
    k = data.draw(st.integers(1, code.vocab_size))
    drawn = st.lists(st.integers(0, code.vocab_size - 1), min_size=k, max_size=k, unique=True)
    tokens = data.draw(drawn)
    padding = [code.vocab_size] * data.draw(st.integers(0, 2))
    sets = torch.tensor([tokens + padding])
    logits, cache = net.run_with_cache(sets)

    union = code.union(sets.numpy())[0]
    covered = {t for t in range(code.vocab_size) if not (code.bits[t] & ~union).any()}
    top = set((logits[0] == logits[0].max()).nonzero().flatten().tolist())
    assert top == covered
    assert (logits[0, tokens] == 0).all()  # members' logits are exactly equal
    assert cache["hook_post"][0].tolist() == (~union).astype(float).tolist()


@given(arbitrary_codes(), SHARPNESS)
@example(Code(np.zeros((3, 2), dtype=bool)), 1.0)
@example(Code(np.ones((3, 2), dtype=bool)), 1.0)
@example(Code(np.ones((1, 1), dtype=bool)), 1.0)
@example(Code(np.array([[False, True], [False, True]])), 1.0)
def test_extraction_gives_the_code_back(code: Code, sharpness: float) -> None:
    assert extract_code(construct(code, sharpness)) == code


@pytest.mark.parametrize("set_size", [1, 2, 3])
def test_over_all_sets_the_network_is_the_filter(set_size: int) -> None:
    code = random_constant_weight(12, 9, 3, seed=4)
    sets = AllSets(12, set_size).chunk(0, math.comb(12, set_size))
    logits = construct(code, 16.0)(sets)
    # 16 is a power of two: every partial sum of the logit is exact.
    assert torch.equal(logits, -16.0 * torch.from_numpy(code.missing_bits(sets.numpy())).float())
    top = (logits == logits.amax(1, keepdim=True)).numpy()
    assert (top == code.decode(sets.numpy())).all()


def test_two_tokens_by_hand() -> None:
    # Hashes 10 and 11. {0}: pre = 1 - (1, 0) = (0, 1), the second unit is on, token 1 misses it.
    net = construct(Code(np.array([[True, False], [True, True]])), 5.0)
    assert net.W_in.tolist() == [[-1.0, 0.0], [-1.0, -1.0]]
    assert net.b_in.tolist() == [1.0, 1.0]
    assert net.W_out.tolist() == [[-5.0, -5.0], [0.0, -5.0]]
    assert net.b_out.tolist() == [0.0, 0.0]
    assert net(torch.tensor([[0], [1]])).tolist() == [[0.0, -5.0], [0.0, 0.0]]


def test_bits_will_do_for_a_code() -> None:
    bits = torch.tensor([[True, False], [False, True]])
    expected = construct(Code(bits.numpy()), 3.0)
    for given_bits in (bits, bits.numpy()):
        assert torch.equal(construct(given_bits, 3.0).W_out, expected.W_out)


@pytest.mark.parametrize("sharpness", [0.0, -1.0, math.nan, math.inf, 1e39, 1e-46])
def test_a_sharpness_that_float32_cannot_hold_is_refused(sharpness: float) -> None:
    with pytest.raises(UsageError, match=r"sharpness is .*: it must be .*; try 20"):
        construct(Code(np.eye(3, dtype=bool)), sharpness)


@given(
    vocab_size=st.integers(2, 1000), set_size=st.integers(1, 9), tolerance=st.floats(1e-12, 1e-3)
)
def test_the_sharpness_keeps_its_promise(vocab_size: int, set_size: int, tolerance: float) -> None:
    # The worst case: every non-member misses one bit, so all N - k have e^-c of a member's mass.
    set_size = min(set_size, vocab_size - 1)
    others = (vocab_size - set_size) * math.exp(-sharpness_for(vocab_size, set_size, tolerance))
    assert others / (set_size + others) <= tolerance * (1 + 1e-9)


def test_the_default_sharpness_is_that_of_one_token() -> None:
    code = Code(np.eye(3, dtype=bool))
    assert construct(code).W_out[0, 0].item() == pytest.approx(-math.log(2e9))
