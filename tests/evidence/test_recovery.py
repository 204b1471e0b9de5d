"""The scorer: 1 on the truth in any order, sign and scale; less for less; chance for chance."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from build.networks import reversed_filter
from relubloom.code import Code, GradedCode, random_constant_weight, random_graded
from relubloom.errors import UsageError
from relubloom.evidence.recovery import Truth, controls_of, score_against
from relubloom.evidence.recovery.atoms import read_strengths
from relubloom.network.construct import construct

SHARES = ("mcc", "uniqueness", "bit_precision", "bit_recall", "bit_f1", "exact_hashes")


def truth_of(code: Code | GradedCode, sets: NDArray[np.int64] | None = None) -> Truth:
    ids = None if sets is None else torch.from_numpy(sets)
    return Truth(construct(code), code, ids)


def drawn(vocab: int, count: int) -> NDArray[np.int64]:
    draw = np.random.default_rng(5)
    return np.array([draw.choice(vocab, 3, replace=False) for _ in range(count)])


def bit_f1(truth: Truth, bits: NDArray[np.bool_]) -> float:
    found = score_against(truth, bits).bit_f1
    assert found is not None
    return found


@st.composite
def codes(draw: st.DrawFn) -> Code:
    """Any bits at all: equal hashes, tokens without a bit, units that all or none have."""
    vocab, width = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    row = st.lists(st.booleans(), min_size=width, max_size=width)
    return Code(draw(st.lists(row, min_size=vocab, max_size=vocab).filter(lambda x: np.any(x))))


def moved(rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The rows in another order, each times a number of either sign from 1e-30 to 1e30."""
    draw = np.random.default_rng(seed)
    scale = draw.choice([-1.0, 1.0], len(rows)) * 10.0 ** draw.uniform(-30, 30, len(rows))
    return (rows * scale[:, None])[draw.permutation(len(rows))]


@settings(max_examples=30)
@given(codes(), st.integers(0, 99))
def test_the_truth_scores_one(code: Code, seed: int) -> None:
    sets = np.arange(code.vocab_size)[:, None]
    for rows in (code.bits.astype(np.float64), construct(code).W_in.detach().double().numpy()):
        score = score_against(truth_of(code, sets), moved(rows, seed))
        assert [score.figures[name] for name in SHARES] == pytest.approx([1.0] * len(SHARES))
        assert score.failing_sets_f1 in (1.0, None)
        assert score.false_positives == score.false_positives_of_code


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_strengths_score_one_and_directions_do_not_show_them(seed: int) -> None:
    code = random_graded(24, 16, 3, 3, seed=seed)
    truth = truth_of(code, drawn(24, 50))
    score = score_against(truth, moved(code.strengths.astype(np.float64), seed))
    names = (*SHARES, "strength_precision", "strength_recall", "strength_f1")
    assert [score.figures[name] for name in names] == pytest.approx([1.0] * len(names))
    assert score.failing_sets_f1 == 1.0
    written = score_against(truth, truth.net.W_in)
    assert (written.bit_f1, written.mcc) == (1.0, pytest.approx(1.0))
    assert written.strength_f1 == 0.5  # three full bits of six, or three half bits: either scale


def test_a_reversed_unit_has_its_bits_on_the_other_side() -> None:
    code = random_constant_weight(24, 16, 4, seed=1)
    net = reversed_filter(code.bits, np.arange(16) % 2 == 0)
    for found in (net.W_in, -2 * net.W_in, code, -code.bits.astype(float)):
        score = score_against(Truth(net, code, None), found)
        assert (score.bit_f1, score.mcc) == (1.0, pytest.approx(1.0))


CODE = random_constant_weight(12, 16, 5, seed=3)


def test_each_wrong_bit_costs() -> None:
    truth = truth_of(CODE)
    for token, unit in itertools.product(range(12), range(16)):
        wrong = CODE.bits.copy()
        wrong[token, unit] ^= True
        # 60 bits; one missing: 2 x 59 / (59 + 60); one too many: 2 x 60 / (61 + 60)
        assert bit_f1(truth, wrong) == pytest.approx(
            118 / 119 if CODE.bits[token, unit] else 120 / 121
        )


@settings(max_examples=10)
@given(st.permutations(range(12 * 16)), st.sampled_from(["taken", "added"]))
def test_a_worse_code_never_ranks_higher(order: list[int], what: str) -> None:
    # Bits only taken leave precision at 1, bits only added leave recall at 1: each costs strictly.
    bits, last = CODE.bits.copy(), 1.0
    truth = truth_of(CODE)
    wrong = [place for place in order if CODE.bits.flat[place] == (what == "taken")]
    for place in wrong[:59:4]:
        bits.flat[place] ^= True
        found = bit_f1(truth, bits)
        assert found < last
        last = found


@settings(max_examples=10)
@given(st.permutations(range(12 * 16)))
def test_the_first_wrong_bits_each_cost(order: list[int]) -> None:
    # Two hashes of CODE share at most 4 of 5 bits: with one wrong bit a token, none is nearer to
    # another token's hash than to its own, so the best matching stays.
    truth, bits, last, tokens = truth_of(CODE), CODE.bits.copy(), 1.0, set[int]()
    for place in order:
        if place // 16 not in tokens:
            tokens.add(place // 16)
            bits.flat[place] ^= True
            found = bit_f1(truth, bits)
            assert found < last
            last = found


def test_figures_of_a_case_worked_by_hand() -> None:
    # Tokens 0 and 1 of hashes 1100 and 0011, and token 2 of 1010. Found: -2 x 1100, 5 x 0011 twice,
    # and zeros. Token 2 gets the second 0011, which has one of its two bits.
    code = Code([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]])
    found = [[-2, -2, 0, 0], [0, 0, 5, 5], [0, 0, 5, 5], [0, 0, 0, 0]]
    score = score_against(truth_of(code, np.array([[0, 1], [0, 3], [1, 2]])), np.array(found))
    assert (score.atoms, score.dead, score.duplicates) == (4, 1, 1)
    assert score.mcc == pytest.approx((1 + 1 + 0.5) / 3)
    assert score.uniqueness == pytest.approx(2 / 3)
    assert (score.bit_precision, score.bit_recall) == (pytest.approx(5 / 6), pytest.approx(5 / 6))
    assert score.exact_hashes == pytest.approx(2 / 3)
    # The code fails on {0, 1} alone: token 2 is covered. So does the filter of what was found, in
    # which tokens 1 and 2 both have 0011: it also takes 2 for a member of {0, 1}, and no more.
    assert (score.false_positives_of_code, score.false_positives) == (1 / 3, 1 / 3)
    assert score.failing_sets_f1 == 1.0


def test_fewer_and_more_atoms_than_tokens() -> None:
    truth = truth_of(CODE, drawn(12, 20))
    half = score_against(truth, CODE.bits[:6])
    assert (half.mcc, half.bit_precision, half.bit_recall) == (pytest.approx(0.5), 1.0, 0.5)
    assert half.failing_sets == 1.0  # a token without an atom has no bits: every set lets it out
    twice = score_against(truth, np.concatenate([CODE.bits, CODE.bits]))
    assert (twice.duplicates, twice.uniqueness, twice.bit_precision) == (12, 0.5, 0.5)
    assert (twice.mcc, twice.bit_recall, twice.exact_hashes) == (pytest.approx(1.0), 1.0, 1.0)
    large = score_against(truth, np.concatenate([CODE.bits] * 100))
    assert (large.duplicates, large.bit_recall, large.bit_precision) == (1188, 1.0, 0.01)
    none = score_against(truth, np.zeros((2, 16)))
    assert (none.dead, none.mcc, none.uniqueness, none.bit_f1) == (2, 0.0, None, 0.0)


def test_explained_variance_of_codes_and_of_the_span() -> None:
    sets = drawn(12, 200)
    truth = truth_of(CODE, sets)
    members = np.eye(12)[sets].sum(1)
    exact = score_against(truth, truth.net.W_in, members, "hook_pre")
    assert exact.explained_variance == pytest.approx(1.0)
    after = score_against(truth, truth.net.W_in, members).explained_variance
    assert after is not None
    assert after < 0.9  # a union is no sum
    alone = score_against(truth, CODE.bits[:1]).explained_variance
    assert alone is not None
    assert 0 < alone < 0.5
    unused = members.copy()
    unused[:, 3] = 0
    assert score_against(truth, truth.net.W_in, unused).dead == 1


def test_a_network_without_a_code_has_directions_alone() -> None:
    score = score_against(Truth(construct(CODE), None, None), construct(CODE).W_in)
    known = {name for name, value in score.figures.items() if value is not None}
    assert known == {"atoms", "dead", "duplicates", "mcc", "uniqueness"}
    assert repr(score) == "Score(12 atoms: mcc 1.000, uniqueness 1.000)"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.bool_])
def test_any_precision_will_do(dtype: type) -> None:
    assert score_against(truth_of(CODE), CODE.bits.astype(dtype)).bit_f1 == 1.0
    if dtype is np.float16:
        found = torch.from_numpy(CODE.bits.copy()).to(torch.bfloat16).requires_grad_()
        assert score_against(truth_of(CODE), found).bit_f1 == 1.0


NAN = np.where(np.arange(32).reshape(2, 16) == 21, np.nan, 1.0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            np.zeros((0, 16)),
            r"found is float64 of shape \(0, 16\): .* at least one row and one col",
        ),
        (np.zeros(16), r"found is float64 of shape \(16,\): it must be a matrix of real numbers"),
        (
            np.zeros((16, 12)),
            r"found has shape \(16, 12\): it must be \[atoms, 16\].*; transpose it",
        ),
        (np.zeros((4, 3)), r"found has shape \(4, 3\): .*; give directions of this network"),
        (NAN, "found holds nan in row 1, column 5: all numbers must be finite; mend that row"),
        (-np.inf * np.ones((1, 16)), "found holds -inf in row 0, column 0"),
        (np.zeros((2, 16), dtype=np.complex64), r"found is complex64 of shape \(2, 16\)"),
        ([[1.0], [1.0, 2.0]], r"found is \[\[1.0\], \[1.0, 2.0\]\] \(list\)"),
        (torch.full((1, 16), torch.inf), "found holds inf in row 0"),
    ],
)
def test_what_is_refused(found: object, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        score_against(truth_of(CODE), found)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_codes_that_do_not_fit_are_refused() -> None:
    truth = truth_of(CODE, drawn(12, 5))
    with pytest.raises(UsageError, match="codes have 4 rows for 5 sets: a row is a set; give"):
        score_against(truth, CODE, np.zeros((4, 12)))
    with pytest.raises(UsageError, match=r"codes have shape \(5, 3\): beside 12 atoms they must"):
        score_against(truth, CODE, np.zeros((5, 3)))
    with pytest.raises(UsageError, match="codes are given without sets: give the sets"):
        score_against(truth_of(CODE), CODE, np.zeros((5, 12)))
    with pytest.raises(UsageError, match="hook is 'hook_out': choose one of hook_pre, hook_post"):
        score_against(truth, CODE, hook="hook_out")


def test_the_reading_of_bits() -> None:
    atoms = np.array([[-3.0, -2.8, 0.4, -0.1], [1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    expected = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]  # heavy side; no side; nothing
    assert read_strengths(atoms, 1).tolist() == [expected]
    graded = read_strengths(np.array([[4.0, 2.0, 0.0, 0.3]]), 2)
    assert graded.tolist() == [[[1, 1, 0, 0]], [[2, 1, 0, 0]]]  # 4 is a half bit, or a full one


def test_controls_are_chance_and_new_draws_lie_in_their_intervals() -> None:
    code = random_constant_weight(40, 24, 6, seed=0)
    truth = truth_of(code, drawn(40, 300))
    controls = controls_of(truth, draws=12)
    assert list(controls) == ["directions", "code", "random", "duplicates", "other seed"]
    for name in ("directions", "code"):
        assert controls[name].interval("bit_f1") == (1.0, 1.0)
    draw = np.random.default_rng(77)
    new = {
        "random": draw.standard_normal((40, 24)),
        "duplicates": code.bits[[7] * 40],
        "other seed": random_constant_weight(40, 24, 6, seed=1).bits,
    }
    for name, found in new.items():
        figures = score_against(truth, found).figures
        for figure in ("mcc", "uniqueness", "bit_f1", "false_positives", "duplicates"):
            interval, value = controls[name].interval(figure), figures[figure]
            assert interval is not None and value is not None
            assert interval[0] - 1e-9 <= value <= interval[1] + 1e-9, (name, figure)
            assert figure != "bit_f1" or interval[1] < 0.75
    assert controls["random"].interval("strength_f1") is None
    assert "1 draws" in repr(controls["code"])
    with pytest.raises(UsageError, match="draws is 0: it must be at least 1; raise it"):
        controls_of(truth, draws=0)
