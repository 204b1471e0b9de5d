"""Covered tokens found by bit-slices and by table, against testing each token."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from relubloom.code import Code, random_constant_weight
from relubloom.code.bit_slices import BitSlices, pack_bits
from relubloom.code.bits import SLICED_VOCAB
from relubloom.code.cover_table import CoverTable
from relubloom.task import KSparseTask

VOCABS = (1, 2, 63, 64, 65, 129)
Case = tuple[Code, NDArray[np.bool_]]


@st.composite
def codes_and_unions(draw: st.DrawFn) -> Case:
    """Codes with empty, full and repeated hashes and idle units; unions of sets and any others."""
    vocab = draw(st.one_of(st.integers(1, 12), st.sampled_from(VOCABS)))
    width = draw(st.one_of(st.integers(1, 9), st.sampled_from((63, 64, 65, 130))))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = random.random((vocab, width)) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    bits[random.integers(vocab)] = draw(st.booleans())
    bits[random.integers(vocab)] = bits[random.integers(vocab)]
    bits[:, random.integers(width)] = draw(st.booleans())
    code = Code(bits)
    size = draw(st.integers(0, vocab))
    sets = np.array([random.permutation(vocab)[:size] for _ in range(3)], dtype=np.int64)
    others = draw(hnp.arrays(np.bool_, (draw(st.integers(0, 2)), width)))
    return code, np.concatenate([code.union(sets), others])


def by_each_token(code: Code, unions: NDArray[np.bool_]) -> list[list[int]]:
    return [
        [t for t, bits in enumerate(code.bits) if not (bits & ~union).any()] for union in unions
    ]


def listed(code: Code, unions: NDArray[np.bool_]) -> list[list[int]]:
    rows, tokens = CoverTable(code).listed(unions)
    assert (np.lexsort((tokens, rows)) == np.arange(len(rows))).all()
    return [tokens[rows == row].tolist() for row in range(len(unions))]


@given(codes_and_unions(), st.sampled_from([1, 64, 1 << 16]), st.sampled_from([0.0, 0.7, 99.0]))
def test_slices_and_table_find_exactly_the_covered_tokens(
    case: Case, block: int, enough: float
) -> None:
    code, unions = case
    expected = by_each_token(code, unions)
    # Blocks of few tokens, sieves of one row and of all.
    slices = BitSlices(code.bits, code.packed, block, enough)
    assert [tokens.tolist() for tokens in slices.each(unions)] == expected
    assert listed(code, unions) == expected


@given(codes_and_unions(), st.data())
def test_a_larger_union_covers_no_less_and_members_are_never_lost(
    case: Case, data: st.DataObject
) -> None:
    code, unions = case
    more = data.draw(hnp.arrays(np.bool_, unions.shape))
    for small, large in zip(code.slices.each(unions), code.slices.each(unions | more), strict=True):
        assert set(small) <= set(large)
    everyone = np.arange(code.vocab_size)
    assert (code.slices.covered(code.union(everyone[None])[0]) == everyone).all()  # k = N
    for token in everyone[:5]:
        assert token in code.slices.covered(code.bits[token])


@given(codes_and_unions())
@settings(max_examples=15)
def test_a_code_decodes_the_same_by_slices_and_word_by_word(case: Case) -> None:
    code, unions = case
    copies = -(-SLICED_VOCAB // code.vocab_size)
    large = Code(np.tile(code.bits, (copies, 1)))  # of so many tokens slices are used
    assert (large.decode_unions(unions) == np.tile(code.decode_unions(unions), copies)).all()
    sets = np.arange(code.vocab_size)[None].repeat(2, 0)[:, :3]
    size = sets.shape[1]
    expected = copies * (code.false_positives(sets) + size) - size
    assert (large.false_positives(sets) == expected).all()


def test_slices_by_hand() -> None:
    # Hashes 110, 011, 101, 000. Union 110 covers tokens 0 and 3; union 000 covers token 3 alone.
    code = Code([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]])
    assert code.slices.covered(np.array([True, True, False])).tolist() == [0, 3]
    assert code.slices.covered(np.zeros(3, dtype=bool)).tolist() == [3]


def test_a_vocabulary_of_several_blocks() -> None:
    code = random_constant_weight(70_000, 128, 12)  # a sieve, then the packed hashes
    sets = np.random.default_rng(0).integers(0, 70_000, (4, 8))
    unions = code.union(sets)
    for tokens, union in zip(code.slices.each(unions), unions, strict=True):
        assert tokens.tolist() == np.flatnonzero(~(code.bits & ~union).any(1)).tolist()
    assert (code.decode(sets).sum(1) - 8 == code.false_positives(sets)).all()


@given(
    vocab=st.integers(1, 150),
    width=st.integers(1, 70),
    weight=st.integers(0, 9),
    seed=st.integers(0, 2**63),
)
def test_the_table_counts_and_decodes(vocab: int, width: int, weight: int, seed: int) -> None:
    code = random_constant_weight(vocab, width, min(weight, width), seed)
    sets = KSparseTask(vocab, (1, min(vocab, 4))).evaluation_sets(draw=10).chunk(0, 10).numpy()
    table, decoded = CoverTable(code), code.decode(sets)
    assert table.covered(sets).tolist() == decoded.sum(1).tolist()
    assert table.false_positives(sets).tolist() == code.false_positives(sets).tolist()
    assert (table.decoded(code.union(sets)) == pack_bits(decoded)).all()


@pytest.mark.parametrize("width", [63, 64, 65, 129, 200])
def test_the_table_counts_by_every_word_of_a_union(width: int) -> None:
    # Token t has bit t alone, and token N - 1 none: a set covers its members and that one.
    bits = np.vstack([np.eye(width, dtype=bool), np.zeros((1, width), dtype=bool)])
    table = CoverTable(Code(bits))
    sets = np.array([[0, width - 1], [width - 2, width - 1], [width, width // 2]])
    assert table.covered(sets).tolist() == [3, 3, 2]
    assert table.false_positives(sets).tolist() == [1, 1, 0]
    assert table.decoded(Code(bits).union(sets)).shape == (3, -(-(width + 1) // 64))
