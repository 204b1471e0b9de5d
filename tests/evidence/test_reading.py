"""The reading of planted networks: what each is instead of a Bloom filter."""

import numpy as np
import pytest
import torch

from build.mechanism import mechanism_of, network
from relubloom.code import random_constant_weight
from relubloom.evidence.random_code import expected_random_code
from relubloom.network.construct import construct
from relubloom.task import AllSets
from relubloom.theory import constant_weight, narrow_below, width_to_try
from relubloom.training import Recipe, initialise


def test_a_unit_that_never_clips_makes_a_nearly_linear_network() -> None:
    net = initialise(40, 30, Recipe(), (0,))[0]
    net = network(net.W_in.detach(), np.full(30, 1e3), net.W_out.detach(), net.b_out.detach())
    found = mechanism_of(net, AllSets(40, 3))
    assert (found.verdict, found.reading) == ("not-bloom", "nearly-linear")
    assert (found.quantity, found.value, found.threshold) == ("units_off", 0.0, 0.1)


def test_units_that_are_never_on_make_a_mostly_dead_network() -> None:
    net = initialise(40, 30, Recipe(), (0,))[0]
    bias = np.where(np.arange(30) < 20, -1e3, 0.0)
    net = network(net.W_in.detach(), bias, net.W_out.detach(), net.b_out.detach())
    found = mechanism_of(net, AllSets(40, 3))
    assert (found.reading, found.quantity) == ("mostly-dead", "dead_unit_share")
    assert found.value == pytest.approx(2 / 3)


def test_pairs_told_apart_by_their_summed_directions_are_a_superposition() -> None:
    # One direction a token, and no unit ever off: exact on every pair.
    net = network(np.eye(12), np.ones(12), 30 * np.eye(12), np.zeros(12))
    found = mechanism_of(net, AllSets(12, 2))
    assert (found.reading, found.quantity, found.value) == ("superposition", "set_size", 2)
    found = mechanism_of(net, AllSets(12, 3))
    assert found.reading != "superposition"


def test_a_narrow_network_is_told_the_width_to_try() -> None:
    from relubloom import KSparseTask, train

    task = KSparseTask(32, 3)
    torch.manual_seed(0)
    net, _ = train(task, width=16, recipe=Recipe(steps=600, batch_size=128), seed=0)
    found = mechanism_of(net, task.evaluation_sets())
    assert (found.verdict, found.reading, found.quantity) == ("not-bloom", "too-narrow", "width")
    assert (found.value, found.threshold) == (16, narrow_below(32, 3))
    assert found.try_width == width_to_try(32, 3)


def test_a_constructed_filter_has_none_and_its_false_positives_beside_the_laws() -> None:
    code = random_constant_weight(20, 12, 3)
    found = mechanism_of(construct(code, 20.0), AllSets(20, 2))
    assert found.reading is None
    assert found.hash_false_positives == pytest.approx(
        code.false_positives(AllSets(20, 2).chunk(0, 190).numpy()).mean()
    )


def test_expectations_are_mixed_over_the_sizes() -> None:
    sizes = {2: 0.25, 3: 0.75}
    found = expected_random_code(60, 24, sizes)
    parts = {k: constant_weight(60, 24, found.weight, k) for k in sizes}
    assert found.false_positives == pytest.approx(
        sum(share * parts[k].false_positives for k, share in sizes.items())
    )
    many = expected_random_code(60, 24, dict.fromkeys(range(1, 20), 1.0))
    assert many.false_positives > found.false_positives
