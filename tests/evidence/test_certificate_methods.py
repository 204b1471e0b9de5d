"""Each method against enumeration, and what certificates refuse."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch

import relubloom as rb
from relubloom.code import count_near_misses
from relubloom.errors import UsageError
from relubloom.evidence.certificate.by_method import Effort
from relubloom.evidence.certificate.counted import as_exact_filter
from relubloom.evidence.certificate.evaluated import (
    clopper_pearson,
    enumerate_sets,
    sample_sets,
)
from relubloom.evidence.certificate.interval import unit_levels
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import as_json
from relubloom.task import AllSets

CONTRACT = {
    "sets",
    "method",
    "exact_sets",
    "exact_sets_bounds",
    "p_exact",
    "mse",
    "false_positives",
}
EXTRA = {"imported", "file", "undecided_sets", "set_size", "confidence", "reasons", "seconds"}


def random_net(vocab: int, width: int, seed: int = 0, noise: float = 0.0) -> ReluNet:
    code = rb.random_constant_weight(vocab, width, max(1, width // 4), seed)
    net = rb.construct(code, 20.0)
    g = torch.Generator().manual_seed(seed)
    return ReluNet(
        *(p.detach() + noise * torch.randn(p.shape, generator=g) for p in net.parameters())
    )


@pytest.mark.parametrize(("vocab", "width", "k"), [(12, 8, 3), (20, 16, 2), (9, 4, 4), (7, 5, 7)])
@pytest.mark.parametrize("seed", range(3))
def test_a_constructed_network_does_what_its_code_does(vocab, width, k, seed):
    code = rb.random_constant_weight(vocab, width, width // 4 + 1, seed)
    net, task = rb.construct(code, 20.0), rb.KSparseTask(vocab, k)
    F = code.false_positives(AllSets(vocab, k).chunk(0, math.comb(vocab, k)).numpy())
    listed = rb.certify(net, task, method="enumeration")
    counted = rb.certify(net, task, method="counting")
    assert listed.exact_sets == (F == 0).sum()
    assert listed.false_positives.total == counted.false_positives.total == F.sum()
    assert counted.exact_sets_bounds[0] <= listed.exact_sets <= counted.exact_sets_bounds[1]
    truth = (F / (k * (k + F))).mean()  # others keep less than 1e-7
    assert counted.mse.lower - 1e-12 <= truth <= counted.mse.upper + 1e-12
    assert listed.mse.lower - 1e-7 <= truth <= listed.mse.upper + 1e-7


def test_a_disjunct_code_is_proven_perfect_at_any_size():
    net = rb.construct(rb.Code(np.eye(800, dtype=bool)), 20.0)
    found = rb.certify(net, rb.KSparseTask(800, 4))
    assert found.method == "counting"
    assert found.exact_sets == found.sets == math.comb(800, 4)
    assert (found.p_exact.lower, found.p_exact.upper) == (1.0, 1.0)
    assert found.false_positives.total == 0
    assert found.mse.upper < 1e-5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("W_in", 0.25), "an entry of W_in is positive"),
        (("W_out", 0.25), "does not have the bit|not negative"),
        (("b_out", 0.25), "not the same for all tokens"),
    ],
)
def test_what_is_no_exact_filter_says_why(change, reason):
    net = random_net(6, 5)
    with torch.no_grad():
        getattr(net, change[0]).view(-1)[0] = change[1]
    said = as_exact_filter(net)
    assert isinstance(said, str)
    with pytest.raises(UsageError, match=reason):
        rb.certify(net, rb.KSparseTask(6, 2), method="counting")


def test_units_that_are_always_off_do_not_matter():
    net = random_net(6, 5)
    with torch.no_grad():
        net.b_in[0] = 0.0
        net.W_out[0] = 7.0
    found = as_exact_filter(net)
    assert not isinstance(found, str)
    assert not found.code.bits[:, 0].any()


@pytest.mark.parametrize("seed", range(8))
def test_unit_levels_hold_on_every_set(seed):
    g = np.random.default_rng(seed)
    vocab, width, k = 7, 5, int(g.integers(1, 8))
    net = random_net(vocab, width, seed, noise=0.3).double()
    code = rb.Code(g.random((vocab, width)) < 0.5)
    levels = unit_levels(net, code, k)
    sets = AllSets(vocab, k).chunk(0, math.comb(vocab, k))
    post = net.run_with_cache(sets)[1]["hook_post"].numpy()
    covered = code.union(sets.numpy())
    tight = 1e-12
    assert (np.where(covered, 0, post) <= levels.high + tight).all()
    assert (np.where(covered, np.inf, post) >= levels.low - tight).all()
    assert (np.where(covered, post, 0) <= levels.leak + tight).all()


@pytest.mark.parametrize("weight", [0, 1, 2, 4])
def test_near_misses_are_counted_exactly(weight):
    code = rb.random_constant_weight(9, 6, weight, 3)
    for token, fewer in itertools.product(range(9), range(6)):
        missing = [
            (code.bits[token] & ~code.bits[list(members)].any(0)).sum()
            for members in itertools.combinations(range(9), 3)
            if token not in members
        ]
        assert count_near_misses(code, token, 3, fewer) == (np.array(missing) < fewer).sum()


def test_bounds_certify_a_network_near_a_construction():
    net, task = random_net(30, 40, noise=1e-3), rb.KSparseTask(30, 2)
    found, truth = (rb.certify(net, task, method=m) for m in ("bounds", "enumeration"))
    assert 0.5 < found.p_exact.lower <= truth.p_exact.lower
    assert found.false_positives.mean.upper >= truth.false_positives.mean.upper
    assert as_exact_filter(net) != found


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_covers_the_truth_and_is_no_proof(seed):
    net, task = random_net(24, 16, seed, noise=0.05), rb.KSparseTask(24, 3)
    truth = rb.certify(net, task)
    found = sample_sets(net, 3, draws=4000, seed=seed)
    assert found.method == "sampled"
    assert "no proof" in found.reasons
    assert found.confidence == 0.99
    assert found.exact_sets is None
    assert found.exact_sets_bounds == (0, 2024)
    for name in ("p_exact", "mse"):
        inner, outer = getattr(truth, name), getattr(found, name)
        assert outer.lower <= inner.lower <= inner.upper <= outer.upper
        assert outer.upper - outer.lower < 0.1
    mean = found.false_positives.mean
    assert mean.lower <= truth.false_positives.mean.lower <= mean.upper


def test_clopper_pearson_by_hand():
    # no success in n draws: upper solves (1 - p)^n = 0.005; and the mirror image
    none, all_of_them = clopper_pearson(0, 100), clopper_pearson(100, 100)
    assert none.lower == 0
    assert none.upper == pytest.approx(1 - 0.005 ** (1 / 100), rel=1e-9)
    assert (all_of_them.lower, all_of_them.upper) == (pytest.approx(1 - none.upper), 1.0)


def test_float32_first_gives_the_same_counts():
    net, task = random_net(24, 16, noise=0.05), rb.KSparseTask(24, 3)
    plain, mixed = (enumerate_sets(net, 3, float32=wanted) for wanted in (False, True))
    assert "float32" in mixed.reasons
    assert plain.exact_sets == mixed.exact_sets is not None
    assert plain.false_positives == mixed.false_positives
    assert mixed.mse.lower <= plain.mse.lower <= plain.mse.upper <= mixed.mse.upper
    assert as_json(rb.certify(net, task, workers=3)) | {"seconds": 0} == as_json(plain) | {
        "seconds": 0
    }


def test_the_method_follows_the_cost():
    task = rb.KSparseTask(24, 3)
    exact, noisy = random_net(24, 16), random_net(24, 16, noise=0.3)
    assert rb.certify(exact, task).method == "enumeration"
    little, less = Effort(float64=0), Effort(float64=0, float32=0, draws=500)
    assert rb.certify(exact, task, effort=little).method == "counting"
    assert "float32" in rb.certify(noisy, task, effort=little).reasons
    assert rb.certify(noisy, task, effort=less).method == "sampled"
    assert rb.certify(random_net(24, 60, noise=1e-4), task, effort=less).method == "bounds"


@pytest.mark.parametrize(
    ("vocab", "width", "k"), [(1, 1, 1), (5, 1, 2), (6, 3, 6), (6, 3, 1), (70, 8, 69)]
)
@pytest.mark.parametrize("method", ["enumeration", "counting", "bounds", "sampled"])
def test_awkward_sizes(vocab, width, k, method):
    task = rb.KSparseTask(vocab, k)
    found = rb.certify(random_net(vocab, width), task, method=method, effort=Effort(draws=500))
    assert found.sets == math.comb(vocab, k)
    if vocab == k:
        assert found.p_exact.upper == 1.0
        assert method == "sampled" or found.exact_sets == 1
    assert found.mse.lower <= found.mse.upper <= 1 + 1 / k + 1e-9


def test_progress_ends_at_the_total():
    seen: list[tuple[int, int]] = []
    rb.certify(random_net(24, 16), rb.KSparseTask(24, 3), on_sets=lambda *args: seen.append(args))
    assert seen == sorted(seen)
    assert seen[-1] == (2024, 2024)


def test_json_has_the_keys_of_the_contract():
    found = json.loads(
        json.dumps(as_json(rb.certify(random_net(8, 6), rb.KSparseTask(8, 2))), allow_nan=False)
    )
    assert set(found) == CONTRACT | EXTRA
    assert set(found["p_exact"]) == set(found["mse"]) == {"lower", "upper"}
    assert set(found["false_positives"]) == {"total", "mean"}
    assert set(found["false_positives"]["mean"]) == {"lower", "upper"}
    assert len(found["exact_sets_bounds"]) == 2


@pytest.mark.parametrize(
    ("task", "method", "text"),
    [
        (rb.KSparseTask(8, (2, 4)), None, "set_size is 2..4: .* one size; give one"),
        (rb.KSparseTask(9, 2), None, "task has 9 tokens and the network 8"),
        (rb.KSparseTask(8, 2), "guess", "method is 'guess': choose one of enumeration"),
    ],
)
def test_what_cannot_be_certified_is_refused(task, method, text):
    with pytest.raises(UsageError, match=text):
        rb.certify(random_net(8, 6), task, method=method)


def test_endless_enumeration_and_nan_are_refused():
    with pytest.raises(UsageError, match="use counting, bounds or sampled"):
        rb.certify(random_net(200, 6), rb.KSparseTask(200, 9), method="enumeration")
    net = random_net(8, 6)
    with torch.no_grad():
        net.W_in[0, 0] = math.nan
    with pytest.raises(UsageError, match="W_in holds NaN"):
        rb.certify(net, rb.KSparseTask(8, 2))


@pytest.mark.parametrize(("levels", "leak"), [(2, 2.0**-12), (2, 0.004), (3, None)])
def test_graded_networks_are_counted_as_they_are_enumerated(levels, leak):
    random = np.random.default_rng(levels)
    strengths = random.integers(1, levels + 1, (14, 8)) * (random.random((14, 8)) < 0.5)
    strengths[3] = strengths[2]  # a hash that two tokens share
    code = rb.GradedCode(strengths, levels)
    net = rb.construct(code, 20.0, leak)
    task = rb.KSparseTask(14, 3)
    counted = rb.certify(net, task, method="counting")
    listed = rb.certify(net, task, method="enumeration")
    total = int(code.false_positives(AllSets(14, 3).chunk(0, 364).numpy()).sum())
    assert counted.false_positives.total == listed.false_positives.total == total > 0
    assert listed.exact_sets is not None
    low, high = counted.exact_sets_bounds
    assert low <= listed.exact_sets <= high
    assert counted.mse.lower <= listed.mse.upper
    assert counted.mse.upper >= listed.mse.lower
    assert "exactly a graded Bloom filter" in counted.reasons


def test_a_graded_network_without_false_positives_is_proven():
    # Half bits of two tokens and the full bit of the third, each on units of its own.
    code = rb.GradedCode([[1, 0, 0], [0, 1, 0], [0, 0, 2]])
    found = rb.certify(rb.construct(code, 20.0), rb.KSparseTask(3, 2), method="counting")
    assert (found.exact_sets, found.false_positives.total) == (3, 0)
    assert found.mse.upper < 1e-4


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("W_in", 0, 0), -1e-4, "do not bring their unit to 0"),
        (("W_out", 0, 0), -1e5, "let as much through as a missing bit costs"),
    ],
)
def test_a_filter_that_leaks_too_much_is_no_exact_one(place, value, reason):
    net = rb.construct(rb.GradedCode([[1, 2], [1, 0], [2, 1]]), 20.0)
    name, row, column = place
    with torch.no_grad():
        getattr(net, name)[row, column] = value
    with pytest.raises(UsageError, match=reason):
        rb.certify(net, rb.KSparseTask(3, 2), method="counting")


@pytest.mark.parametrize(("minute", "method"), [(60.0, "counting"), (1e-9, "sampled")])
def test_evidence_counts_an_exact_filter_where_that_is_predicted_to_be_quick(
    minute: float, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relubloom.evidence.gather.COUNTING_SECONDS", minute)
    net = rb.construct(rb.Code(torch.eye(6, dtype=torch.bool)), 20.0)
    found = rb.gather_evidence(net, rb.KSparseTask(6, 2).drawn_sets("held-out", 10))
    assert found.certificate is not None
    assert found.certificate.method == method
