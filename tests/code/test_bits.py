"""Codes: packed words against plain boolean algebra, the laws of a Bloom filter, and files."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from relubloom.code import Code, random_constant_weight
from relubloom.code.bit_slices import pack_bits, unpack_bits
from relubloom.code.bits import CHUNK_BYTES
from relubloom.errors import FileError, UsageError

WIDTHS = (1, 63, 64, 65, 130)


@st.composite
def codes(draw: st.DrawFn) -> Code:
    """Any code: sparse ones (where false positives happen) and the odd zero or full row."""
    vocab_size = draw(st.integers(1, 12))
    width = draw(st.one_of(st.integers(1, 9), st.sampled_from(WIDTHS)))
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return Code(random.random((vocab_size, width)) < density)


@st.composite
def codes_and_sets(draw: st.DrawFn) -> tuple[Code, NDArray[np.int64]]:
    """A code, and a batch of sets with repeats and padding."""
    code = draw(codes())
    shape = draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
    ids = hnp.arrays(np.int64, shape, elements=st.integers(0, code.vocab_size))
    return code, draw(ids)


def members_of(code: Code, row: NDArray[np.int64]) -> set[int]:
    return {int(token) for token in row if token < code.vocab_size}


@pytest.mark.parametrize("width", WIDTHS)
def test_packing_goes_both_ways_and_puts_bit_i_into_word_i_over_64(width: int) -> None:
    bits = np.random.default_rng(0).random((7, width)) < 0.5
    packed = pack_bits(bits)
    assert packed.dtype == np.uint64
    assert packed.shape == (7, -(-width // 64))
    assert (unpack_bits(packed, width) == bits).all()
    for i in range(width):
        assert (packed[:, i // 64] >> np.uint64(i % 64) & np.uint64(1) == bits[:, i]).all()


@given(codes_and_sets())
def test_the_union_is_or(given_: tuple[Code, NDArray[np.int64]]) -> None:
    code, sets = given_
    unions = code.union(sets)
    assert unions.shape == (len(sets), code.width)
    for union, row in zip(unions, sets, strict=True):
        expected = np.zeros(code.width, dtype=bool)
        for token in members_of(code, row):
            expected |= code.bits[token]
        assert (union == expected).all()


@given(codes_and_sets())
def test_decoding_counts_and_missing_bits_agree_with_brute_force(
    given_: tuple[Code, NDArray[np.int64]],
) -> None:
    code, sets = given_
    unions, decoded = code.union(sets), code.decode(sets)
    missing, false_positives = code.missing_bits(sets), code.false_positives(sets)
    for i, row in enumerate(sets):
        members = members_of(code, row)
        covered = set()
        for token in range(code.vocab_size):
            outside = int((code.bits[token] & ~unions[i]).sum())
            assert missing[i, token] == outside
            if outside == 0:
                covered.add(token)
        assert set(np.flatnonzero(decoded[i]).tolist()) == covered
        assert members <= covered  # no false negatives
        assert false_positives[i] == len(covered - members)


@given(codes_and_sets(), st.data())
def test_a_larger_set_covers_no_less(
    given_: tuple[Code, NDArray[np.int64]], data: st.DataObject
) -> None:
    code, sets = given_
    extra = data.draw(
        hnp.arrays(np.int64, (len(sets), 1), elements=st.integers(0, code.vocab_size))
    )
    larger = np.concatenate([sets, extra], axis=1)
    assert (code.union(larger) >= code.union(sets)).all()
    assert (code.decode(larger) >= code.decode(sets)).all()


@given(codes_and_sets(), st.randoms(use_true_random=False))
def test_the_order_of_tokens_units_and_vocabulary_does_not_matter(
    given_: tuple[Code, NDArray[np.int64]], random: object
) -> None:
    code, sets = given_
    counts = code.false_positives(sets)
    assert (code.false_positives(sets[:, ::-1]) == counts).all()
    units = random.sample(range(code.width), code.width)
    assert (Code(code.bits[:, units]).false_positives(sets) == counts).all()
    tokens = np.array(random.sample(range(code.vocab_size), code.vocab_size), dtype=np.int64)
    moved = np.append(np.argsort(tokens), code.vocab_size)[sets]  # old id -> new id
    assert (Code(code.bits[tokens]).false_positives(moved) == counts).all()


def test_a_filter_by_hand() -> None:
    # Hashes 110, 011, 101, 100. The union of {0, 1} is 111: tokens 2 and 3 are false positives.
    # The union of {3, 3} is 100: nobody else. The union of {1} is 011: 0 misses bit 0, 2 and 3 too.
    code = Code(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=bool))
    sets = [[0, 1], [3, 3], [1, 4]]
    assert code.false_positives(sets).tolist() == [2, 0, 0]
    assert code.missing_bits(sets).tolist() == [[0, 0, 0, 0], [1, 2, 1, 0], [1, 0, 1, 1]]
    assert code.weights.tolist() == [2, 2, 2, 1]
    assert (code.vocab_size, code.width) == (4, 3)


def test_false_positives_in_chunks_agree_with_one_chunk() -> None:
    code = random_constant_weight(5000, 40, 6)
    sets = np.random.default_rng(0).integers(0, 5001, (CHUNK_BYTES // (8 * 5000) * 2 + 7, 4))
    expected = [code.false_positives(one[None])[0] for one in sets]
    assert any(expected)
    assert code.false_positives(sets).tolist() == expected


@given(codes())
def test_equality_is_by_bits(code: Code) -> None:
    twin = Code(code.bits.copy())
    assert twin == code
    assert hash(twin) == hash(code)
    other = code.bits.copy()
    other[0, 0] ^= True
    assert Code(other) != code
    assert code != "code"


def test_a_code_does_not_change() -> None:
    bits = np.eye(3, dtype=bool)
    code = Code(bits)
    bits[0, 1] = True
    assert not code.bits[0, 1]
    with pytest.raises(ValueError, match="read-only"):
        code.bits[0, 1] = True


def test_zeros_and_ones_make_a_code_and_other_things_do_not() -> None:
    assert Code([[0, 1], [1, 1]]) == Code(np.array([[False, True], [True, True]]))
    with pytest.raises(UsageError, match="code holds values other than 0 and 1"):
        Code(np.array([[0, 2]]))
    for shape in ((0, 3), (3, 0), (3,), (1, 1, 1)):
        with pytest.raises(UsageError, match="it needs at least one token"):
            Code(np.zeros(shape, dtype=bool))


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        ([[[0]]], r"sets are int64 of shape \(1, 1, 1\): they must be int64 \[batch, set_size\]"),
        ([[0, 4]], r"sets hold ids from 0 to 4: ids are 0 to 2 \(3 is padding\)"),
        ([[-1, 2]], "sets hold ids from -1 to 2"),
    ],
)
def test_sets_that_are_no_sets_are_refused(sets: list, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Code(np.eye(3, dtype=bool)).union(sets)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_gives_the_code_back(tmp_path: Path, width: int) -> None:
    code = random_constant_weight(5, width, width // 2)
    code.save(tmp_path / "code.npz")
    assert Code.load(tmp_path / "code.npz") == code


def archive(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


NO_CODES = {
    "objects": archive(packed_bits=np.array([{"a": 1}], dtype=object), width=np.int64(3)),
    "other names": archive(bits=np.zeros((2, 2))),
    "other types": archive(packed_bits=np.zeros((2, 2)), width=np.int64(3)),
    "no width": archive(packed_bits=np.zeros((2, 1), np.uint8), width=np.zeros(3)),
    "one array": npy(),
    "text": b"hello",
    "empty": b"",
    "truncated": archive(packed_bits=np.zeros((2, 1), np.uint8), width=np.int64(3))[:100],
    "no rows": archive(packed_bits=np.zeros((0, 1), np.uint8), width=np.int64(3)),
}


@pytest.mark.parametrize("content", NO_CODES.values(), ids=NO_CODES)
def test_a_file_that_is_no_code_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "code.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"is not a code .*; remake it with `examine`"):
        Code.load(path)


def test_a_code_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is not there; `relubloom examine` writes it"):
        Code.load(tmp_path / "code.npz")


@given(st.integers(1, 40), st.integers(1, 70), st.data())
def test_a_constant_weight_code_has_constant_weight(
    vocab_size: int, width: int, data: st.DataObject
) -> None:
    weight = data.draw(st.integers(0, width))
    seed = data.draw(st.integers(0, 99))
    code = random_constant_weight(vocab_size, width, weight, seed)
    assert (code.weights == weight).all()
    assert random_constant_weight(vocab_size, width, weight, seed) == code


def test_every_hash_of_a_weight_is_equally_likely() -> None:
    # C(5, 2) = 10 hashes, 20,000 tokens: 2,000 each, standard deviation 42.
    code = random_constant_weight(20_000, 5, 2, seed=1)
    hashes, counts = np.unique(code.bits, axis=0, return_counts=True)
    assert len(hashes) == 10
    assert np.abs(counts - 2000).max() < 5 * 42.5


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((5, 4, 5), "weight is 5: a hash has between 0 and width = 4 bits"),
        ((5, 4, -1), "weight is -1"),
        ((5, 0, 0), "width is 0"),
        ((0, 4, 1), "vocab_size is 0"),
    ],
)
def test_sizes_without_a_code_are_refused(arguments: tuple[int, int, int], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        random_constant_weight(*arguments)
