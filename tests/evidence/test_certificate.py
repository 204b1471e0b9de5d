"""lower <= truth <= upper against exact rationals, on networks made to be hard."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

import relubloom as rb
from build.hard_networks import KINDS, as_network, assert_holds, hard_network, proofs
from build.rational import rational_logits, rational_truth
from relubloom.evidence.certificate.evaluated import enumerate_sets
from relubloom.measure.error_bound import FLOAT32, FLOAT64, rounding_error
from relubloom.task import AllSets

SEEDS = 20


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_contains_the_rational_truth(kind):
    for seed in range(SEEDS):
        net, k = hard_network(kind, seed)
        truth = rational_truth(net, k)
        for _, found in proofs(net, k):
            assert_holds(found, truth)


@pytest.mark.parametrize("objective", ["mse", "kl"])
def test_trained_networks_contain_the_rational_truth(objective):
    task = rb.KSparseTask(9, 2)
    recipe = rb.Recipe(objective=objective, steps=120, batch_size=32)
    for seed in range(6):
        net, _ = rb.train(task, width=6, recipe=recipe, seed=seed)
        truth = rational_truth(net, 2)
        found = enumerate_sets(net, 2)
        assert found.exact_sets == truth.exact_sets  # nothing undecided where nothing is rigged
        assert found.mse.upper - found.mse.lower < 1e-9
        for _, each in proofs(net, 2):
            assert_holds(each, truth)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32], ids=["float64", "float32"])
def test_logits_are_within_the_error_bound(kind, arithmetic):
    for seed in range(SEEDS):
        net, k = hard_network(kind, seed)
        computing = net.to(arithmetic.dtype)
        bound = rounding_error(computing, k, arithmetic).logit
        sets = AllSets(net.vocab_size, k)
        if not np.isfinite(bound):
            continue
        for members in sets.chunk(0, len(sets)):
            with torch.no_grad():
                logits = computing(members[None])[0].double().tolist()
            truth = rational_logits(computing, tuple(members.tolist()))
            assert all(
                abs(Fraction(x) - y) <= Fraction(bound) for x, y in zip(logits, truth, strict=True)
            )


def test_dyadic_weights_decide_ties():
    """By hand: no units matter, all logits equal b_out = 0: each set ties, so none is exact."""
    net = as_network(np.zeros((4, 1)), np.zeros(1), np.zeros((1, 4)), np.zeros(4))
    found = enumerate_sets(net, 2)
    assert rounding_error(net, 2).logit == 0
    assert found.exact_sets == 0
    assert found.undecided_sets == 0
    assert found.false_positives.total == 6 * 2
    # p = 1/4 everywhere: 2 (1/4)^2 + 2 (1/4)^2 = 1/4
    assert found.mse.lower <= 0.25 <= found.mse.upper


def test_a_tie_inside_the_rounding_error_is_undecided():
    """0.1 + 0.2 against 0.3 in float64: further apart than nothing, closer than the bound."""
    W_out = np.array([[0.1, 0.3], [0.2, 0.0]])
    net = as_network(np.zeros((2, 2)), np.ones(2), W_out, np.zeros(2), dtype=torch.float64)
    found = enumerate_sets(net, 1)
    assert found.exact_sets is None
    assert found.exact_sets_bounds == (0, 2)
    assert found.undecided_sets == 2


def test_weights_too_large_for_float64_are_undecided():
    net = as_network(*(np.full(s, 1e200) for s in ((3, 2), 2, (2, 3), 3)), dtype=torch.float64)
    found = enumerate_sets(net, 2)
    assert found.exact_sets_bounds == (0, 3)
    assert (found.mse.lower, found.mse.upper) == (0.0, np.nextafter(1.5, 2))
    assert found.false_positives.total is None
    assert enumerate_sets(net, 3).exact_sets == 1  # no other token to lose to
