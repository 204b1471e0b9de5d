"""Reading strengths off weights: full where a bit alone turns its unit off, half where two do."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.graded import noisy_filter, unused_left_out
from build.networks import net_of, random_net, reversed_filter
from build.planted import counting, graded_majority, majority, sign_superposition, untrained
from relubloom.code import Code, GradedCode, random_constant_weight
from relubloom.errors import UsageError
from relubloom.network.construct import construct, largest_leak
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import (
    extract_graded_code,
    extract_with_drops,
    measure_drops,
    written_in_sets_of,
)

SIZES = st.integers(1, 5)


@given(data=st.data(), levels=st.integers(1, 3), set_size=SIZES, wide=st.booleans())
def test_a_constructed_code_comes_back(
    data: st.DataObject, levels: int, set_size: int, wide: bool
) -> None:
    """Columns of one strength, without non-bits, or with one bit: all are in here."""
    vocab, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 6))
    kinds = st.sets(st.integers(0, levels), min_size=1)
    columns = [
        data.draw(
            st.lists(st.sampled_from(sorted(data.draw(kinds))), min_size=vocab, max_size=vocab)
        )
        for _ in range(width)
    ]
    code = GradedCode(np.array(columns).T, levels)
    net = construct(code, dtype=torch.float64 if wide else torch.float32)
    assert extract_graded_code(net, set_size) == unused_left_out(code)


@given(seed=st.integers(0, 99), sharpness=st.floats(0.01, 50), share=st.floats(0.01, 1), size=SIZES)
def test_it_comes_back_at_any_leak(seed: int, sharpness: float, share: float, size: int) -> None:
    code = GradedCode(np.random.default_rng(seed).integers(0, 3, (20, 5)), 2)
    net = construct(code, sharpness, leak=share * largest_leak(code, sharpness))
    assert extract_graded_code(net, size) == unused_left_out(code)


@pytest.mark.parametrize("seed", range(3))
def test_a_code_of_full_bits_is_that_of_the_midpoint(seed: int) -> None:
    code = random_constant_weight(60, 20, 4, seed)
    assert extract_graded_code(construct(code), 3) == GradedCode(code.bits)


def test_the_share_is_of_the_level_that_k_tokens_without_the_bit_leave() -> None:
    # Non-bits at 0.5 (mean 0.5), b_in = -0.5: for k = 3 the untouched level is 1. Token 0 takes
    # 0.5 - (-0.45) = 0.95 of it, token 1 takes 1.25; they cost 2 and 20 logits there.
    W_in = [[-0.45], [-0.75], [0.4], [0.6]]
    net = net_of(W_in, [-0.5], [[-2.0, -20.0, 0.1, -0.1]], [0.0] * 4)
    drops = measure_drops(net, extract_code(net), 3)
    assert drops.untouched == pytest.approx([1.0])
    assert drops.share[:, 0] == pytest.approx([0.95, 1.25, 0.1, -0.1], abs=1e-6)
    assert drops.cost[:, 0] == pytest.approx([2.0, 20.0, -0.1, 0.1], abs=1e-6)


def test_what_bits_write_in_sets_of_another_size_by_hand() -> None:
    # Non-bits at 0.2, b_in = 0.4: untouched 0.8 in sets of 2, 1 of 3, 1.2 of 4. Token 0 takes 1.1,
    # 1 takes 1.3 and 2 takes 0.95; token 3 takes 0.55.
    W_in = [[-0.9], [-1.1], [-0.75], [-0.35], [0.2], [0.2]]
    net = net_of(W_in, [0.4], [[-9.0, -9.0, -1.0, -1.0, 0.0, 0.0]], [0.0] * 6)
    code = GradedCode([[2], [2], [1], [1], [0], [0]])
    for size, strengths in ((2, [2, 2, 2, 1]), (3, [2, 2, 1, 1]), (4, [1, 2, 1, 0])):
        written = written_in_sets_of(net, code, size)
        assert written.strengths[:, 0].tolist() == [*strengths, 0, 0]
        assert written.levels == 2
    plain = GradedCode(code.bits)
    assert written_in_sets_of(net, plain, 4) == plain


@given(seed=st.integers(0, 99), levels=st.integers(1, 3), size=SIZES)
def test_a_constructed_network_writes_the_same_at_any_size(
    seed: int, levels: int, size: int
) -> None:
    code = GradedCode(np.random.default_rng(seed).integers(0, levels + 1, (20, 5)), levels)
    assert written_in_sets_of(construct(code), code, size) == code


@pytest.mark.parametrize(("levels", "leak"), [(2, 0.05), (3, 0.2)])
@pytest.mark.parametrize("seed", range(3))
def test_the_kinds_are_found_through_noise(levels: int, leak: float, seed: int) -> None:
    code = GradedCode(
        np.random.default_rng(seed).choice(
            levels + 1, (200, 24), p=[0.8, *[0.2 / levels] * levels]
        ),
        levels,
    )
    assert extract_graded_code(noisy_filter(code, seed, leak), 3) == code


def test_half_bits_that_are_no_kind_of_their_own_are_full_ones() -> None:
    code = GradedCode(np.random.default_rng(0).choice(3, (200, 24), p=[0.8, 0.05, 0.15]))
    net = noisy_filter(code, 0)
    W_in, b_in, W_out, b_out = (value.detach() for value in net.parameters())
    assert extract_graded_code(net, 3) == code

    def levels(W_in: torch.Tensor, W_out: torch.Tensor) -> int:
        changed = ReluNet(W_in, b_in, W_out, b_out)
        found = extract_graded_code(changed, 3)
        assert found.levels > 1 or found == GradedCode(extract_code(changed).bits)
        return found.levels

    half = torch.from_numpy(code.strengths == 1)
    order = torch.from_numpy(np.random.default_rng(1).permutation(200))
    assert levels(W_in, W_out[:, order]) == 1, "W_out says otherwise"
    shares = torch.linspace(0.5, 0.99, int(half.sum()))
    spread = W_in.masked_scatter(half, 0.2 - shares)
    assert levels(spread, W_out) == 1, "they lie all over 1/2..1"
    few = W_in.masked_fill(half & (torch.arange(200) > 30)[:, None], -1.2)
    assert levels(few, W_out) == 1, "they are few"
    assert levels(W_in, 11 * W_out) == 1, "their leak, 0.05 of 15 logits, costs them a call"
    assert levels(W_in, 9 * W_out) == 2, "0.05 of 13 logits does not"


@pytest.mark.parametrize(
    "net",
    [
        majority(random_constant_weight(40, 12, 3, 0).bits),
        graded_majority(random_constant_weight(40, 12, 3, 0).bits),
        counting(random_constant_weight(40, 12, 3, 0).bits, 3),
        sign_superposition(60, 16, 0),
        untrained(100, 24, 0),
        random_net(100, 24, 0),
    ],
    ids=["majority", "graded majority", "counting", "signs", "untrained", "random"],
)
def test_what_is_no_graded_filter_keeps_its_binary_code(net: ReluNet) -> None:
    assert extract_graded_code(net, 3) == GradedCode(extract_code(net).bits)


def test_the_bits_of_reversed_units_are_full() -> None:
    code = random_constant_weight(100, 20, 4, 0)
    net = reversed_filter(code.bits, np.arange(20) < 10)
    graded, drops = extract_with_drops(net, extract_code(net), 3)
    assert graded == GradedCode(code.bits)
    assert np.isnan(drops.share).all(0).tolist() == [True] * 10 + [False] * 10


def test_a_unit_that_is_never_on_keeps_its_bits_as_they_are() -> None:
    net = net_of([[-1.0], [0.0], [0.0]], [-0.5], np.zeros((1, 3)), np.zeros(3))
    graded, drops = extract_with_drops(net, extract_code(net), 3)
    assert graded == GradedCode(Code([[True], [False], [False]]).bits)
    assert np.isnan(drops.share).all()


def test_the_sets_have_tokens() -> None:
    with pytest.raises(UsageError, match="set_size is 0: sets have at least one token; give 1"):
        extract_graded_code(untrained(10, 3, 0), 0)


@pytest.mark.parametrize("name", ["W_in", "b_in", "W_out", "b_out"])
def test_weights_that_are_no_numbers_have_no_strengths(name: str) -> None:
    net = random_net(6, 4, seed=0)
    net.state_dict()[name].view(-1)[0] = torch.nan
    with pytest.raises(UsageError, match=f"^{name} holds NaN or infinity; train again"):
        extract_graded_code(net, 2)
