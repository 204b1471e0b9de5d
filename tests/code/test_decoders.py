"""COMP, DD and SCOMP: their guarantees, hand-worked cases, and what DD and SCOMP gain."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relubloom.code import Code, comp, dd, random_constant_weight, scomp
from relubloom.errors import UsageError


def members_of(code, sets):
    members = np.zeros((len(sets), code.vocab_size), dtype=bool)
    np.put_along_axis(members, sets, True, axis=1)
    return members


@given(arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 9))).map(Code), st.data())
@settings(max_examples=100, deadline=None)
def test_guarantees(code, data):
    """COMP misses nobody, DD invents nobody, SCOMP lies between and explains every unit."""
    set_size = data.draw(st.integers(1, code.vocab_size))
    sets = np.array(list(itertools.combinations(range(code.vocab_size), set_size)))
    members = members_of(code, sets)
    unions = code.union(sets)
    by_comp, by_dd, by_scomp = (decoder(code, unions) for decoder in (comp, dd, scomp))
    assert (by_comp >= members).all()
    assert (by_comp == code.decode(sets)).all()
    assert (by_dd <= members).all()
    assert (by_dd <= by_scomp).all()
    assert (by_scomp <= by_comp).all()
    assert ((by_scomp[:, :, None] & code.bits).any(1) == unions).all()


def test_by_hand():
    """Hashes 1100, 0110, 0011, 1001; the set {0, 1} covers 1110, and no other token fits in it.

    Candidates 0 and 1: unit 0 is explained by token 0 alone, unit 2 by token 1 alone. The set
    {0, 2} covers 1111: all four are candidates, each unit has two of them, so DD declares nobody;
    SCOMP takes token 0 (every gain is 2, the lowest wins), then token 2, which explains the rest.
    """
    code = Code(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]]))
    unions = code.union([[0, 1], [0, 2]])
    assert comp(code, unions).tolist() == [[True, True, False, False], [True] * 4]
    assert dd(code, unions).tolist() == [[True, True, False, False], [False] * 4]
    assert scomp(code, unions).tolist() == [[True, True, False, False], [True, False, True, False]]


def test_an_empty_hash_is_a_candidate_but_never_definite():
    code = Code(np.array([[1, 0], [0, 0]]))
    unions = code.union([[0]])
    assert comp(code, unions).tolist() == [[True, True]]
    assert dd(code, unions).tolist() == scomp(code, unions).tolist() == [[True, False]]


def test_a_union_that_no_set_has_ends():
    """Unit 1 belongs to no token: SCOMP leaves it unexplained."""
    code = Code(np.array([[1, 0], [1, 0]]))
    assert scomp(code, [[True, True]]).tolist() == [[True, False]]


def test_scomp_recovers_more_sets_than_comp():
    """At N = 200, d = 40, k = 4 COMP is right on few sets, SCOMP on many more."""
    code = random_constant_weight(200, 40, 6, seed=0)
    generator = np.random.default_rng(0)
    sets = np.stack([generator.choice(200, 4, replace=False) for _ in range(300)])
    members, unions = members_of(code, sets), code.union(sets)
    right = [(decoder(code, unions) == members).all(1).mean() for decoder in (comp, scomp)]
    assert right[1] > right[0] + 0.2


@pytest.mark.parametrize("decoder", [comp, dd, scomp])
@pytest.mark.parametrize("shape", [(2, 3), (4,)])
def test_wrong_shapes(decoder, shape):
    with pytest.raises(UsageError, match=r"must be bool \[batch, 4\]"):
        decoder(Code(np.eye(4, dtype=bool)), np.zeros(shape, dtype=bool))
