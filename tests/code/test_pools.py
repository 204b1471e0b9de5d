"""Pooling designs: limits kept, errors proved absent, results decoded by name."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from relubloom.code import Code, count_false_positives, decode_pools, design_pools
from relubloom.code.csv_files import numbered, read_pools, read_results, write_pools
from relubloom.code.packing import PackingSearch, Turn
from relubloom.code.pool_decoding import certified_positives
from relubloom.errors import FileError, UsageError


def test_a_turn_moves_rings_together_and_leaves_the_rest():
    """Units 0 1 2 | 3 4 5 turn, unit 6 stays: {0, 5, 6} becomes {1, 3, 6}, then {2, 4, 6}."""
    hash_ = np.array([1, 0, 0, 0, 0, 1, 1], dtype=np.float32)
    orbit = Turn(7, 2, 3).orbit(hash_)
    assert [np.flatnonzero(row).tolist() for row in orbit] == [[0, 5, 6], [1, 3, 6], [2, 4, 6]]


@pytest.mark.parametrize(("tokens", "width", "set_size"), [(20, 15, 2), (12, 20, 3), (13, 13, 1)])
def test_packings_have_no_false_positive(tokens: int, width: int, set_size: int):
    search = PackingSearch(tokens, width, set_size, width, np.random.default_rng(0))
    found = [each for each in itertools.islice(search, 40) if each is not None]
    assert found
    for hashes in found[:5]:
        assert len(hashes) >= tokens
        assert count_false_positives(Code(hashes), set_size) == 0


def test_no_packing_where_counting_pairs_forbids_it():
    """Hashes of 3 that share at most 1 of 6 units: no more than 15 pairs / 3 = 5."""
    assert list(PackingSearch(6, 6, 2, 3, np.random.default_rng(0))) == []


def test_a_design_is_proved_and_keeps_its_limits():
    design = design_pools(40, 2, seconds=1.5, max_pool_size=8, max_pools_per_sample=3)
    bits = design.code.bits
    assert design.false_positives == 0 == count_false_positives(design.code, 1)
    assert design.patterns == 1 + 40 + math.comb(40, 2)
    assert bits.sum(0).max() <= 8 and bits.sum(1).max() <= 3
    assert design.code.width <= 20  # 40 samples in 3 tests each, 8 to a test, need 15


def test_ninety_six_samples_of_a_plate():
    design = design_pools(96, 2, tests=22, seconds=10)
    assert (design.code.width, design.false_positives) == (22, 0)
    for pair in [(0, 95), (17, 18), (3,), ()]:
        found = decode_pools(design.code, design.code.union([[*pair, 96]])[0])
        assert found.decided and found.positives == pair and found.most_positives == 2


def test_too_few_tests_are_counted_not_hidden():
    seen: list[tuple[str, int, int, str]] = []
    design = design_pools(30, 2, tests=9, seconds=0.3, watch=lambda *each: seen.append(each))
    assert {(each[1], each[2]) for each in seen} <= {(0, 1)}  # no second is over
    assert design.false_positives == count_false_positives(design.code, 2) > 0
    with pytest.raises(UsageError, match=r"tests is 9: no design within the limits.*30 tests"):
        design_pools(30, 2, tests=9, seconds=0.1, max_pool_size=20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 0}, "samples is 0: it must be at least 1"),
        ({"positives": 9}, "positives is 9 and samples is 9: some sample must be negative"),
        ({"tests": 10}, "tests is 10 and samples is 9: a test for each sample is enough"),
        ({"seconds": 0}, "seconds is 0: the search needs some time"),
        ({"max_pool_size": 0}, "max_pool_size is 0"),
    ],
)
def test_bad_designs(arguments: dict[str, int], message: str):
    with pytest.raises(UsageError, match=message):
        design_pools(**({"samples": 9, "positives": 2} | arguments))  # pyright: ignore[reportArgumentType]


# Three samples in pairs of three tests: A in 0 and 1, B in 0 and 2, C in 1 and 2.
TRIANGLE = Code(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]]))


def results(*tests: int) -> np.ndarray:
    return np.isin(np.arange(3), tests)


def test_decoding_worked_by_hand():
    assert certified_positives(TRIANGLE) == 1
    assert decode_pools(TRIANGLE, results(0, 1)).positives == (0,)
    assert decode_pools(TRIANGLE, results()).positives == ()
    over = decode_pools(TRIANGLE, results(0, 1, 2))  # any two of the three, or all
    assert (over.decided, over.candidates, over.explanations) == (False, (0, 1, 2), ())
    two = decode_pools(TRIANGLE, results(0, 1, 2), 2)
    assert [each.positives for each in two.explanations] == [(0, 1), (0, 2), (1, 2)]
    assert (two.positives, two.candidates) == ((), (0, 1, 2))


def test_wrong_tests_are_named():
    """Only test 0 is positive: A or B with its other test missed, or no sample and test 0 wrong."""
    missed = decode_pools(TRIANGLE, results(0), false_negatives=1)
    assert [(each.positives, each.false_negatives) for each in missed.explanations] == [
        ((0,), (1,)),
        ((1,), (2,)),
    ]
    added = decode_pools(TRIANGLE, results(0), false_positives=1)
    assert added.decided and added.positives == ()
    assert added.explanations[0].false_positives == (0,)


def test_decoding_agrees_with_trying_every_pattern():
    generator = np.random.default_rng(3)
    for _ in range(40):
        code = Code(generator.random((7, 6)) < 0.4)
        positive = generator.random(6) < 0.5
        fn, fp = generator.integers(0, 2, 2).tolist()
        found = decode_pools(code, positive, 3, false_negatives=fn, false_positives=fp)
        truth = {
            chosen
            for size in range(4)
            for chosen in itertools.combinations(range(7), size)
            if (code.bits[list(chosen)].any(0) & ~positive).sum() <= fn
            and (positive & ~code.bits[list(chosen)].any(0)).sum() <= fp
        }
        assert {each.positives for each in found.explanations} == truth
        errors = [each.errors for each in found.explanations]
        assert errors == sorted(errors)


def test_designs_come_back_from_both_files(tmp_path: Path):
    code = Code(np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]]))
    write_pools(code, tmp_path, names := ["ann", "bob, jr", "cy", "Dü"])
    assert (tmp_path / "samples.csv").read_text().splitlines()[:2] == [
        "sample,test 1,test 2,test 3",
        "ann,T1,T3,",
    ]
    for file in ("tests.csv", "samples.csv"):
        read, samples, tests = read_pools(tmp_path / file)
        rows, columns = (
            [samples.index(each) for each in names],
            [tests.index(f"T{i}") for i in (1, 2, 3)],
        )
        assert (read.bits[rows][:, columns] == code.bits).all()
    assert Code.load(tmp_path / "code.npz") == code
    assert numbered("S", 10)[0] == "S01"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("well,a\n", "the header begins with 'well'"),
        ("test,sample\n", "a header only"),
        ("test,sample\nT1,a\nT1,b\n", r"row 3 \('T1'\) must name one test"),
        ("sample,test\na,T1,T1\n", r"row 2 \('a'\) must name one sample"),
        ("sample,test\na,,\n", r"row 2 \('a'\)"),
        ("", "is empty"),
    ],
)
def test_bad_design_files(tmp_path: Path, text: str, message: str):
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(FileError, match=message):
        read_pools(tmp_path / "d.csv")


def test_results_in_the_words_of_a_laboratory(tmp_path: Path):
    file = tmp_path / "r.csv"
    file.write_text("Test,Result\nT2,Positive\nT1,-\n")
    assert read_results(file, ["T1", "T2"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("T1,1\n", "1 of the 2 tests have no result, such as T2"),
        ("T1,1\nT2,maybe\n", "row 2 says 'maybe' of test T2"),
        ("T1,1\nT1,0\nT2,0\n", "test T1 has two results"),
        ("T1,1\nT2,0\nT9,0\n", "row 3 names 'T9': the design has no such test"),
    ],
)
def test_bad_results(tmp_path: Path, text: str, message: str):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(FileError, match=message):
        read_results(tmp_path / "r.csv", ["T1", "T2"])
