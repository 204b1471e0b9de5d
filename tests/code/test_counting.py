"""Exact counts against published totals, hand-worked cases, brute force and the laws of sets."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from build.codes import false_positives_by_token
from relubloom.code import (
    Code,
    count_false_positives,
    mean_false_positives,
    random_constant_weight,
)
from relubloom.code.bit_slices import pack_bits, unpack_bits
from relubloom.code.counting import CountingLimits, TokenCounter
from relubloom.code.traces import covering_sets, subset_sums
from relubloom.errors import UsageError

FIXED = json.loads((Path(__file__).parents[1] / "data" / "theory.json").read_text())["fixed_codes"]


def all_sets(vocab_size, set_size):
    return np.array(list(itertools.combinations(range(vocab_size), set_size)))


def from_rows(rows, width):
    bits = np.zeros((len(rows), width), dtype=bool)
    for token, units in enumerate(rows):
        bits[token, units] = True
    return Code(bits)


small_codes = st.tuples(st.integers(1, 8), st.sampled_from([1, 2, 3, 5, 9, 65])).flatmap(
    lambda shape: arrays(np.bool_, shape).map(Code)
)
coded_sizes = small_codes.flatmap(
    lambda code: st.tuples(st.just(code), st.integers(1, code.vocab_size))
)


@pytest.mark.parametrize("fixed", FIXED, ids=lambda f: f"{f['vocab_size']}-{f['set_size']}")
def test_published_totals(fixed):
    code = from_rows(fixed["rows"], fixed["width"])
    k = fixed["set_size"]
    assert count_false_positives(code, k) == fixed["false_positives_total"]
    counts = code.false_positives(all_sets(code.vocab_size, k))
    assert len(counts) == fixed["sets"]
    assert int(counts.sum()) == fixed["false_positives_total"]
    assert int((counts == 0).sum()) == fixed["exact_sets"]
    assert np.mean(counts / (k * (k + counts))) == pytest.approx(fixed["mse"], rel=1e-12)
    assert np.mean(np.log1p(counts / k)) == pytest.approx(fixed["kl"], rel=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_brute_force_on_awkward_codes(threads):
    """200 codes with hashes that are equal, empty or full, on widths 1 to 65, k from 1 to N."""
    generator = np.random.default_rng(7)
    nonzero = 0
    for _ in range(200):
        vocab_size = int(generator.integers(1, 9))
        width = int(generator.choice([1, 2, 5, 9, 33, 65]))
        bits = generator.random((vocab_size, width)) < generator.random()
        for fill in (0, 1, bits[0]):
            if generator.random() < 0.3:
                bits[generator.integers(vocab_size)] = fill
        code = Code(bits)
        set_size = int(generator.integers(1, vocab_size + 1))
        truth = int(code.false_positives(all_sets(vocab_size, set_size)).sum())
        assert count_false_positives(code, set_size, threads=threads) == truth
        assert sum(false_positives_by_token(code, set_size)) == truth
        nonzero += truth > 0
    assert nonzero > 50  # the comparison is not of zeros with zeros


def test_three_tokens_by_hand():
    """Tokens 110, 011, 101: the union of any two is 111, so each pair falsely covers the third.

    Pairs: 3, one false positive each: total 3, mean 1, one per token. Alone, no token covers
    another: total 0. All three: no outsider: total 0.
    """
    code = Code(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]))
    assert [count_false_positives(code, k) for k in (1, 2, 3)] == [0, 3, 0]
    assert mean_false_positives(code, 2) == 1.0
    assert false_positives_by_token(code, 2) == [1, 1, 1]


def test_empty_full_and_equal_hashes_by_hand():
    """Tokens 00, 11, 10, 10 with k = 1.

    {0} covers nobody else: 0. {1} covers 0, 2, 3: 3. {2} covers 0 and 3: 2. {3} covers 0 and 2: 2.
    Total 7: token 0 in 3 sets; token 1 in none; tokens 2 and 3 in 2 each.
    """
    code = Code(np.array([[0, 0], [1, 1], [1, 0], [1, 0]]))
    assert count_false_positives(code, 1) == 7
    assert false_positives_by_token(code, 1) == [3, 0, 2, 2]


def test_equal_hashes_never_overflow():
    """200 copies of one hash: on each of C(200, 100) sets the 100 others are false positives."""
    code = Code(np.ones((200, 3), dtype=bool))
    assert count_false_positives(code, 100) == 100 * math.comb(200, 100)  # about 2**202


def test_blocks_do_not_matter():
    code = random_constant_weight(60, 12, 5, seed=3)
    truth = int(code.false_positives(all_sets(60, 3)).sum())
    limits = CountingLimits(block_entries=8)  # tables larger than a block
    assert count_false_positives(code, 3, limits=limits) == truth


def test_a_vocabulary_that_needs_wide_counters():
    """70,000 tokens, more than 16 bits count, share the 16 hashes of 4 units."""
    held = np.random.default_rng(0).integers(0, 16, 70_000)
    copies = np.bincount(held, minlength=16).tolist()
    # n tokens of a hash h, by themselves or in pairs of hashes, cover the tokens inside the union.
    inside = [sum(n for h, n in enumerate(copies) if h & ~union == 0) for union in range(16)]
    alone = sum(n * (inside[h] - 1) for h, n in enumerate(copies))
    pairs = sum(
        n * (m if h < g else (n - 1) / 2) * (inside[h | g] - 2)
        for h, n in enumerate(copies)
        for g, m in enumerate(copies)
        if h <= g
    )
    code = Code((held[:, None] >> np.arange(4)) & 1)
    assert count_false_positives(code, 1) == alone
    assert count_false_positives(code, 2) == pairs


@pytest.mark.parametrize("limit", [0, 3, 24])
@pytest.mark.parametrize("small", [0, 12])
def test_branching_agrees_with_tables(limit, small):
    limits = CountingLimits(table_weight=limit, small_weight=small)
    generator = np.random.default_rng(1)
    code = Code(generator.random((30, 10)) < 0.5)
    for set_size in (1, 2, 3, 4):
        truth = int(code.false_positives(all_sets(30, set_size)).sum())
        assert truth > 0
        assert count_false_positives(code, set_size, limits=limits) == truth
        assert sum(false_positives_by_token(code, set_size, limits)) == truth


def test_a_heavy_token_is_counted():
    """One token of all 40 bits: only the four tokens that partition the bits cover it."""
    rows = [list(range(10 * i, 10 * i + 10)) for i in range(4)] + [list(range(40))]
    code = from_rows([*rows, [0, 10, 20, 30]], 40)
    # The one covering 4-set of token 4 is {0, 1, 2, 3}; it covers token 5 as well.
    # Sets with token 4 cover all others: C(5, 3) sets, each with the 2 tokens outside.
    # Sets without token 4: {0,1,2,3} (2 outsiders covered), and three blocks with token 5
    # (4 sets; each lacks a block of ten bits, of which token 5 gives one: no outsider covered).
    assert count_false_positives(code, 4) == math.comb(5, 3) * 2 + 2


def test_dense_codes_take_the_quicker_way():
    """Weights 13 to 22, by tables and by branching: both are used, and agree with brute force."""
    code = Code(np.random.default_rng(3).random((24, 30)) < 0.6)
    tokens = np.arange(24)
    branched = TokenCounter(code, 5).branched(tokens)
    assert 0 < branched.sum() < 24
    truth = int(code.false_positives(all_sets(24, 5)).sum())
    assert truth > 0
    assert count_false_positives(code, 5) == truth


def test_resisting_heavy_token_is_refused():
    limits = CountingLimits(small_weight=24, branching=1000)
    bits = np.random.default_rng(0).random((40, 30)) < 0.5
    bits[0] = True
    with pytest.raises(UsageError, match="token 0 has weight 30: tables hold weights up to 24"):
        count_false_positives(Code(bits), 5, limits=limits)


def test_covering_sets_by_hand():
    """Rows 10, 01, 11: pairs that cover both columns: all three pairs; single rows: the last."""
    rows = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    assert [covering_sets(rows, k) for k in (0, 1, 2, 3)] == [0, 1, 3, 1]
    assert covering_sets(np.zeros((4, 0), dtype=bool), 2) == 6  # nothing to cover: all pairs


def test_subset_sums_by_hand():
    """Counts 1, 2, 3, 4 of traces 00, 01, 10, 11: subsets of 01 are 00, 01, and so on."""
    for kind in (np.uint16, np.uint32):
        table = np.array([[1, 2, 3, 4]], dtype=kind)
        subset_sums(table)
        assert table.tolist() == [[1, 3, 4, 10]]


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_subset_sums_against_definition(kind):
    counts = np.random.default_rng(0).integers(0, 30, (3, 512)).astype(kind)
    entries = np.arange(512)
    inside = (entries[:, None] & ~entries) == 0  # [trace, M]
    expected = counts.astype(np.int64) @ inside
    subset_sums(counts)
    assert (counts == expected).all()


def test_progress_reaches_the_end():
    seen = []
    code = random_constant_weight(50, 12, 4)
    count_false_positives(code, 2, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("set_size", [0, -1, 5])
def test_set_size_out_of_range(set_size):
    code = Code(np.eye(4, dtype=bool))
    with pytest.raises(UsageError, match=f"set_size is {set_size}: .* vocab_size = 4"):
        count_false_positives(code, set_size)


@given(coded_sizes, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_permuting_tokens_or_units_changes_nothing(coded, random):
    code, set_size = coded
    tokens = list(range(code.vocab_size))
    units = list(range(code.width))
    random.shuffle(tokens)
    random.shuffle(units)
    before = false_positives_by_token(code, set_size)
    after = false_positives_by_token(Code(code.bits[tokens][:, units]), set_size)
    assert after == [before[token] for token in tokens]


@given(coded_sizes, st.data())
@settings(max_examples=60, deadline=None)
def test_adding_a_unit_never_raises_the_count(coded, data):
    code, set_size = coded
    column = data.draw(arrays(np.bool_, (code.vocab_size, 1)))
    wider = Code(np.concatenate([code.bits, column], axis=1))
    assert count_false_positives(wider, set_size) <= count_false_positives(code, set_size)


@given(coded_sizes)
@settings(max_examples=60, deadline=None)
def test_coverage_is_monotone_and_members_are_never_missed(coded):
    code, set_size = coded
    sets = all_sets(code.vocab_size, set_size)
    declared = code.decode(sets)
    assert np.take_along_axis(declared, sets, axis=1).all()
    assert (declared >= code.decode(sets[:, :1])).all()
    members = np.zeros((len(sets), code.vocab_size), dtype=bool)
    np.put_along_axis(members, sets, True, axis=1)
    assert (code.union(sets) == (members[:, :, None] & code.bits).any(1)).all()  # union is OR


@given(arrays(np.bool_, st.tuples(st.integers(1, 4), st.integers(1, 130))))
@settings(max_examples=60, deadline=None)
def test_packed_equals_unpacked(bits):
    assert (unpack_bits(pack_bits(bits), bits.shape[1]) == bits).all()
