"""Graded codes: against the rule unit by unit, against `Code`, and files."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from build.code_csv import read_code_csv
from build.graded import all_sets, graded_codes, plain_states
from relubloom.code import (
    Code,
    GradedCode,
    export_csv,
    random_constant_weight,
    random_graded,
)
from relubloom.code.cover_table import CoverTable
from relubloom.errors import FileError, UsageError

FIXED = json.loads((Path(__file__).parents[1] / "data" / "graded.json").read_text())[
    "fixed_graded_codes"
]


@given(graded_codes(), st.data())
def test_states_and_answers_follow_the_rule(code: GradedCode, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(0, 5)))
    ids = st.integers(0, code.vocab_size)  # repeats, and padding
    sets = data.draw(hnp.arrays(np.int64, shape, elements=ids))
    states, decoded = code.states(sets), code.decode(sets)
    missing, false_positives = code.missing_bits(sets), code.false_positives(sets)
    for place, row in enumerate(sets.tolist()):
        members = set(row) - {code.vocab_size}
        expected = plain_states(code, members)
        assert (states[place] == expected).all()
        lower = (code.strengths > expected).sum(1)
        assert (missing[place] == lower).all()
        assert (decoded[place] == (lower == 0)).all()
        assert decoded[place, list(members)].all()  # no member is missed
        assert false_positives[place] == (lower == 0).sum() - len(members)
    rows, tokens = CoverTable(code.layers).listed(code.reached(sets))
    assert [rows.tolist(), tokens.tolist()] == [each.tolist() for each in np.nonzero(decoded)]


@given(graded_codes(most_levels=1), st.integers(1, 3))
def test_one_strength_is_a_bloom_filter(code: GradedCode, strength: int) -> None:
    binary = Code(code.bits)
    same = GradedCode(code.strengths * strength, 3)
    for set_size in range(1, min(3, code.vocab_size) + 1):
        sets = all_sets(code.vocab_size, set_size)
        expected = binary.decode(sets)
        assert (code.decode(sets) == expected).all()
        assert (same.decode(sets) == expected).all()  # one strength alone, whichever it is


@pytest.mark.parametrize("fixed", FIXED, ids=lambda f: f"{f['vocab_size']}-{f['set_size']}")
def test_false_positives_of_fixed_codes(fixed: dict) -> None:
    code = GradedCode(fixed["strengths"])
    k = fixed["set_size"]
    found = code.false_positives(all_sets(code.vocab_size, k))
    assert len(found) == fixed["sets"]
    assert int(found.sum()) == fixed["false_positives"]
    assert int((found == 0).sum()) == fixed["exact_sets"]
    above, below = fixed["mse_sum"]
    assert (found / (k * (k + found))).sum() == pytest.approx(above / below, rel=1e-12)


def test_half_and_full_by_hand() -> None:
    # One unit. Token 0 half, 1 full, 2 none. {0}: half covered, so 0 and 2 come out and 1 does
    # not. {1}: covered, all three. {2}: untouched, 2 alone. {0, 1}: covered. Twice 0 is once.
    code = GradedCode([[1], [2], [0]])
    sets = [[0, 3], [1, 3], [2, 3], [0, 1], [0, 0]]
    assert code.states(sets)[:, 0].tolist() == [1, 2, 0, 2, 1]
    assert code.false_positives(sets).tolist() == [1, 2, 0, 1, 1]
    assert code.levels == 2
    assert repr(code).endswith("bits_by_strength=0.33 of 1, 0.33 of 2)")


@pytest.mark.parametrize(
    ("strengths", "levels", "text"),
    [
        ([[0, 3]], 2, "a strength is 3: with 2 levels strengths are 0 to 2"),
        ([[0, -1]], None, "a strength is -1: with 1 levels"),
        ([[0.5]], None, "strengths are of type float64: they are whole numbers"),
        ([[256]], None, "the largest strength is 256: a code has 1 to 255"),
        ([[1]], 0, "levels is 0: a code has 1 to 255"),
        ([1, 2], None, r"strengths have shape \(2,\)"),
    ],
)
def test_what_is_no_graded_code_is_refused(strengths: list, levels: int, text: str) -> None:
    with pytest.raises(UsageError, match=text) as error:
        GradedCode(strengths, levels)
    assert "\n" not in str(error.value)


@given(graded_codes())
def test_equality_is_by_strengths_and_levels(code: GradedCode) -> None:
    assert GradedCode(code.strengths.copy(), code.levels) == code
    assert GradedCode(code.strengths, code.levels + 1) != code
    assert code != Code(code.bits)
    assert not code.strengths.flags.writeable


def test_files_give_the_code_back(tmp_path: Path) -> None:
    code = random_graded(7, 9, 3, 2)
    code.save(tmp_path / "code.npz")
    assert GradedCode.load(tmp_path / "code.npz") == code
    with pytest.raises(FileError, match=r"several strengths; read it with GradedCode\.load"):
        Code.load(tmp_path / "code.npz")
    binary = random_constant_weight(5, 9, 3)
    binary.save(tmp_path / "old.npz")
    assert GradedCode.load(tmp_path / "old.npz") == GradedCode(binary.bits)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(FileError, match="is not a code"):
        GradedCode.load(tmp_path / "text.npz")
    with pytest.raises(FileError, match="is not there"):
        GradedCode.load(tmp_path / "none.npz")


def test_csv_holds_strengths(tmp_path: Path) -> None:
    code = random_graded(4, 6, 2, 2)
    path = tmp_path / "code.csv"
    labels = ["a", "b", "c", "d"]
    export_csv(code, path, labels)
    assert read_code_csv(path) == (labels, code.strengths.tolist())
