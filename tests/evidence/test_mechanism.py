"""White box: each metric worked by hand, and networks that are a Bloom filter, or not yet."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from build.mechanism import layer_of, mechanism_of, network, readout_of
from relubloom.code import Code, random_constant_weight
from relubloom.evidence.gather import look_at
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.mechanism.hidden_layer import LEVELS, summarise_units
from relubloom.evidence.mechanism.readout import (
    LOGITS,
    compare_output_bias,
    compare_output_weights,
    relative_to_members,
)
from relubloom.evidence.mechanism.units import measure_units
from relubloom.measure.one_pass import method_of_choice, one_of_each_part
from relubloom.network.construct import construct
from relubloom.network.extract import extract_with_modes
from relubloom.network.modes import fit_two_modes
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, ListedSets
from relubloom.training import Recipe, initialise

PAD = 3


def by_hand() -> tuple[ReluNet, Code, ListedSets]:
    """Three tokens, two units, four sets with 1, 2, 1 and 4 copies.

    hashes: 10, 01, 11. b_in = 1, and by W_in
    {0}    pre (1 - 1, 1 - 1) = (0, 0);             union 10
    {2}    pre (1 - 1/2, 1 - 1) = (1/2, 0);         union 11
    {0, 1} pre (1 - 1 + 1/2, 1 - 1 - 1) = (1/2, -1); union 11
    {1}    pre (1 + 1/2, 1 - 1) = (3/2, 0);         union 01
    """
    net = network([[-1, -1], [0.5, -1], [-0.5, -1]], [1, 1], [[-4, 1, -2], [3, 1, -3]], [0, 0, 0])
    code = Code(np.array([[1, 0], [0, 1], [1, 1]]))
    sets = torch.tensor([[0, PAD], [2, PAD], [0, 1], [1, PAD]])
    return net, code, ListedSets(sets, torch.tensor([1, 2, 1, 4]), torch.zeros(4, dtype=torch.bool))


def test_units_of_the_network_by_hand() -> None:
    net, code, sets = by_hand()
    modes = fit_two_modes(net.W_in.detach().numpy())
    first, second = measure_units(net.W_in.detach().numpy(), code, modes, layer_of(net, code, sets))
    # Unit 0: covered on {0} (1 copy, 0), {2} (2, 1/2), {0, 1} (1, 1/2); not on {1} (4, 3/2).
    assert first.sets_covered == 4 / 8
    assert first.covered_off == 1 / 4
    assert first.uncovered_on == 1
    assert first.on == 7 / 8
    assert first.agreement == (1 + 4) / 8
    assert first.level_uncovered is not None
    assert (first.level_uncovered.mean, first.level_uncovered.sd) == (1.5, 0)
    assert first.level_covered is not None
    assert first.level_covered.mean == pytest.approx(3 * 0.5 / 4)
    # At most 5 % of the copies lie above the largest level; no set reaches more than 1 + 1/2.
    assert first.level_covered.p95 == pytest.approx(0.5, abs=1.5 / LEVELS)
    # Off on a quarter of the covered sets only; and off on a third of those without an upper
    # entry ({0}, {2} twice): neither polarity.
    assert first.polarity is None
    # Unit 1: always 0; covered on all but {0}.
    assert (second.kind, second.polarity) == ("dead", None)
    assert second.sets_covered == 7 / 8
    assert second.covered_off == 1
    assert second.uncovered_on == 0
    assert second.level_uncovered is not None
    assert (second.level_uncovered.mean, second.level_uncovered.sd) == (0, 0)
    assert second.level_covered is not None
    assert (second.level_covered.mean, second.level_covered.p95) == (0, 0)


def test_units_against_the_union_by_hand() -> None:
    net, code, sets = by_hand()
    found = summarise_units(layer_of(net, code, sets), sets.method, len(sets))
    # 8 sets x 2 units. Unit 1 is covered and off on 7 copies, and off without the bit on 1.
    assert found.covered_off == (1 + 7) / 16
    assert found.covered_on == 3 / 16
    assert found.uncovered_on == 4 / 16
    assert found.uncovered_off == 1 / 16
    # Uncovered levels: 3/2 four times and 0 once. Mean 6/5, mean square 9/5, variance .36.
    assert found.level_uncovered is not None
    assert found.level_uncovered.mean == pytest.approx(1.2)
    assert found.level_uncovered.sd == pytest.approx(0.6)
    assert found.weakly_on.share == pytest.approx(3 / 11)
    assert found.weakly_on.relative_level == pytest.approx(0.5 / 1.2)
    assert (found.method, found.sets) == ("held-out", 4)


def test_the_readout_by_hand() -> None:
    """Logits are unit 0 times (-4, 1, -2); each minus the members' mean:

    {0}    0 0 0;                              missing bits 0 1 1  (1 copy)
    {2}    -2 1/2 -1, minus -1: -1 3/2 0;      missing bits 0 0 0  (2)
    {0, 1} -2 1/2 -1, minus -3/4: -5/4 5/4 -1/4;  none missing     (1)
    {1}    -6 3/2 -3, minus 3/2: -15/2 0 -9/2; missing bits 1 0 1  (4)
    """
    net, code, sets = by_hand()
    found = readout_of(net, code, sets, LOGITS)
    none, one = found.by_missing_bits
    # One missing: 1 + 1 pairs at 0, 4 at -7.5, 4 at -4.5: mean -4.8, mean square 30.6.
    assert (one.missing, one.share) == (1, 10 / 24)
    assert one.mean == pytest.approx(-4.8)
    assert one.sd == pytest.approx(np.sqrt(30.6 - 4.8**2))
    # None missing: the sum is 2 (1/2) - 1/4 = 3/4, of squares 2 (13/4) + 51/16.
    assert (none.missing, none.share) == (0, 14 / 24)
    assert none.mean == pytest.approx(0.75 / 14)
    assert none.sd == pytest.approx(np.sqrt(9.6875 / 14 - (0.75 / 14) ** 2))
    # With two groups the line goes through both means.
    assert found.slope == pytest.approx(-4.8 - 0.75 / 14)
    assert found.intercept == pytest.approx(0.75 / 14)
    total = 9.6875 + 306 - 47.25**2 / 24
    assert found.r2 == pytest.approx(10 * 14 / 24 * (4.8 + 0.75 / 14) ** 2 / total)
    # Levels of the missing bits: 3/2 for tokens 0 and 2 on {1} (8 pairs of mean -6); 0 elsewhere,
    # also for the missing bit 1 on {0}, whose unit is off (16 pairs of sum 3/4).
    assert found.r2_levels == pytest.approx(8 * 16 / 24 * (6 + 0.75 / 16) ** 2 / total)
    assert (found.method, found.sets) == ("held-out", 4)


def test_output_weights_by_hand() -> None:
    net, code, _ = by_hand()
    found = compare_output_weights(net.W_out.detach().numpy(), code)
    # Bits: -4 -2 (unit 0), 1 -3 (unit 1): mean -2, variance 14/4. Others: 1 and 3. Midpoint 0,
    # and of six only the bit of 1 is on the wrong side.
    assert (found.bit_mean, found.other_mean) == (-2, 2)
    assert found.bit_sd == pytest.approx(np.sqrt(3.5))
    assert found.other_sd == pytest.approx(1)
    assert found.agreement == pytest.approx(5 / 6)
    # Between the groups 4 * 2 / 6 * 4^2 = 64/3 of a sum of squares 40 - 8/3 = 112/3.
    assert found.correlation == pytest.approx(np.sqrt(4 / 7))
    # b_out 0 1 2 on weights 1 1 2: sums of squares 2/3 and 2, of products 1.
    bias = compare_output_bias(np.array([0.0, 1.0, 2.0]), code)
    assert bias.slope == pytest.approx(1.5)
    assert bias.correlation == pytest.approx(np.sqrt(3) / 2)


@pytest.mark.parametrize("set_size", [1, 2, 3])
def test_a_constructed_network_is_perfect(set_size: int) -> None:
    hashes = random_constant_weight(20, 12, 3, seed=1).bits.copy()
    hashes[7] = hashes[4]
    found = mechanism_of(construct(Code(hashes), 20.0), AllSets(20, set_size))
    for unit in found.units:
        assert (unit.kind, unit.polarity) == ("bit", "complement")
        assert (unit.covered_off, unit.uncovered_on, unit.agreement) == (1, 1, 1)
        assert unit.level_uncovered is not None
        assert (unit.level_uncovered.mean, unit.level_uncovered.sd) == (1, 0)
        assert unit.level_covered is not None
        assert (unit.level_covered.mean, unit.level_covered.p95) == (0, 0)
    union = found.unit_and_union
    assert union.covered_off + union.uncovered_on == pytest.approx(1, abs=1e-15)
    assert (union.covered_on, union.uncovered_off) == (0, 0)
    assert (union.weakly_on.share, union.weakly_on.relative_level) == (0, None)
    assert (union.method, union.sets) == ("all", len(AllSets(20, set_size)))
    read = found.readout
    assert read.r2 == pytest.approx(1, abs=1e-12)
    assert read.r2_levels == pytest.approx(1, abs=1e-12)
    assert read.slope == pytest.approx(-20)
    assert read.intercept == pytest.approx(0, abs=1e-9)
    assert [(row.mean, row.sd) for row in read.by_missing_bits] == [
        (-20 * row.missing, 0) for row in read.by_missing_bits
    ]
    assert sum(row.share for row in read.by_missing_bits) == pytest.approx(1)
    assert read.W_out.correlation == pytest.approx(1)
    assert read.W_out.agreement == 1
    assert (read.W_out.bit_mean, read.W_out.bit_sd) == (-20, 0)
    assert (read.W_out.other_mean, read.W_out.other_sd) == (0, 0)
    assert (read.b_out_on_weight.correlation, read.b_out_on_weight.slope) == (None, None)
    assert found.hash_weight.counts == [0] * 3 + [20] + [0] * 9
    assert found.hash_weight.variance_ratio == 0
    assert [4, 7] in found.duplicate_hashes
    assert found.constant_units == 0


@pytest.mark.parametrize("seed", range(4))
def test_an_untrained_network_comes_out_as_nothing(seed: int) -> None:
    found = mechanism_of(initialise(60, 16, Recipe(), (seed,))[0], AllSets(60, 3))
    assert {unit.polarity for unit in found.units} == {None}
    assert "bit" not in {unit.kind for unit in found.units}
    # Half of each column are "bits", and the sum of three entries is below 0 half of the time.
    assert found.unit_and_union.weakly_on.share == pytest.approx(0.43, abs=0.05)
    read = found.readout
    assert read.r2 is not None
    assert read.r2 < 0.1
    assert abs(read.W_out.correlation or 0) < 0.2
    assert read.W_out.agreement == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("vocab_size", "width", "set_size"), [(1, 1, 1), (2, 1, 1), (3, 1, 3), (4, 70, 4), (1, 3, 1)]
)
def test_small_and_awkward_shapes(vocab_size: int, width: int, set_size: int) -> None:
    shapes = ((vocab_size, width), (width,), (width, vocab_size), (vocab_size,))
    random = np.random.default_rng(0)
    sets = AllSets(vocab_size, set_size)
    for parameters in ([np.zeros(s) for s in shapes], [random.normal(0, 1, s) for s in shapes]):
        found = mechanism_of(network(*parameters), sets)
        assert (found.overlaps is None) == (vocab_size == 1)
        if set_size == vocab_size:  # no token is missing a bit
            assert [row.missing for row in found.readout.by_missing_bits] == [0]
            assert (found.readout.r2, found.readout.slope) == (None, None)


def test_a_network_without_weights_reads_nothing() -> None:
    net = network(np.zeros((5, 3)), np.zeros(3), np.zeros((3, 5)), np.full(5, 0.1))
    found = mechanism_of(net, AllSets(5, 3))
    assert {unit.kind for unit in found.units} == {"dead"}
    assert found.readout.r2 is None
    assert [(row.mean, row.sd) for row in found.readout.by_missing_bits] == [(0, 0)]
    assert (found.readout.W_out.correlation, found.readout.W_out.agreement) == (None, None)
    assert found.unit_and_union.level_uncovered is None


def random_sets() -> tuple[ReluNet, Code, ListedSets]:
    """A random network on sets of 1 to 3 of 9 tokens, with 1 to 4 copies."""
    random = np.random.default_rng(3)
    net = network(*(random.normal(0, 1, shape) for shape in ((9, 5), (5,), (5, 9), (9,))))
    ids = np.sort(np.stack([random.permutation(9)[:3] for _ in range(300)]))
    ids[np.arange(3) >= random.integers(1, 4, 300)[:, None]] = 9
    copies = torch.from_numpy(random.integers(1, 5, 300))
    sets = ListedSets(torch.from_numpy(ids), copies, torch.zeros(300, dtype=torch.bool))
    return net, Code(random.random((9, 5)) < 0.4), sets


def test_figures_per_unit_are_their_definitions() -> None:
    net, code, sets = random_sets()
    layer = layer_of(net, code, sets)
    repeated = sets.sets.repeat_interleave(sets.copies, 0)
    post = net.run_with_cache(repeated)[1]["hook_post"].numpy()
    covered = code.union(repeated.numpy())
    every = (code.bits[repeated.clamp(max=8)] | (repeated == 9)[:, :, None].numpy()).all(1)
    assert layer.total == len(repeated)
    assert layer.full == pytest.approx(every.sum(0))
    assert layer.full_on == pytest.approx((every & (post > 0)).sum(0))
    for unit in range(5):
        inside, outside = post[covered[:, unit], unit], post[~covered[:, unit], unit]
        assert layer.covered_on[unit] == (inside > 0).sum()
        assert layer.uncovered_on[unit] == (outside > 0).sum()
        assert layer.covered_sum[unit] == pytest.approx(inside.sum())
        assert layer.uncovered_sum[unit] == pytest.approx(outside.sum())
        assert layer.uncovered_squares[unit] == pytest.approx((outside**2).sum())
        reach = (net.b_in[unit] + net.W_in[:, unit].topk(3).values.clamp(min=0).sum()).item()
        percentile = np.quantile(inside, 0.95, method="inverted_cdf")
        assert layer.covered_p95[unit] == pytest.approx(percentile, abs=reach / LEVELS)


def test_agreement_is_that_of_the_scores() -> None:
    net, _, sets = random_sets()
    code, modes = extract_with_modes(net)
    seen = look_at(net, code, sets)
    scores = seen.scores
    found = measure_mechanism(net, code, modes, scores, seen.layer, seen.readout)
    assert [unit.agreement for unit in found.units] == pytest.approx(scores.unit_agreement)
    assert [unit.on for unit in found.units] == pytest.approx(scores.unit_on)
    union = found.unit_and_union
    assert union.covered_off + union.uncovered_on == pytest.approx(found.unit_agreement)


def test_copies_and_padding_count_as_sets_that_stand_there_so_often() -> None:
    net, _, sets = random_sets()
    ids = torch.cat([sets.sets, torch.full((300, 2), 9)], 1).repeat_interleave(sets.copies, 0)
    ones = torch.ones(len(ids), dtype=torch.int64)
    flat = ListedSets(ids, ones, torch.zeros(len(ids), dtype=torch.bool))
    once, often = asdict(mechanism_of(net, sets)), asdict(mechanism_of(net, flat))
    for found in (once, often):
        del found["unit_and_union"]["sets"], found["readout"]["sets"]
        for unit in found["units"]:  # its histogram reaches higher for larger sets
            del unit["level_covered"]["p95"]
    assert flattened(often) == pytest.approx(flattened(once), rel=1e-9, abs=1e-9)


def flattened(found: object) -> list[float]:
    """All numbers of nested dicts and lists, in order."""
    if isinstance(found, dict):
        return flattened(list(found.values()))
    if isinstance(found, list):
        return [number for each in found for number in flattened(each)]
    return [float(found)] if isinstance(found, int | float) else []


def test_chunks_and_workers_change_nothing() -> None:
    net, _, sets = random_sets()
    whole = asdict(mechanism_of(net, sets))
    parts = mechanism_of(net, sets, chunk=7)
    assert flattened(asdict(parts)) == pytest.approx(flattened(whole), rel=1e-9, abs=1e-12)
    assert mechanism_of(net, sets, workers=3, chunk=7) == parts


def test_the_choice_of_sets_takes_one_from_each_equal_part() -> None:
    sets = AllSets(40, 3)  # 9,880
    ranks = one_of_each_part(len(sets), 100)
    assert method_of_choice(sets, 100) == "drawn"
    assert all(i * 9880 // 100 <= r < (i + 1) * 9880 // 100 for i, r in enumerate(ranks))
    assert len({r - i * 9880 // 100 for i, r in enumerate(ranks)}) > 50  # not the first of each
    assert one_of_each_part(len(sets), 100).tolist() == ranks.tolist()
    assert one_of_each_part(9880, 9880).tolist() == list(range(9880))
    assert method_of_choice(sets, 9880) == "all"


def test_a_readout_of_chosen_sets_says_how_many() -> None:
    net = construct(random_constant_weight(20, 12, 3), 20.0)
    code, _ = extract_with_modes(net)
    found = readout_of(net, code, AllSets(20, 3), 20 * 77)
    assert (found.sets, found.method) == (77, "drawn")
    assert found.slope == pytest.approx(-20)


def test_a_constant_added_to_a_set_is_not_a_logit() -> None:
    logits = torch.tensor([[0.1, 0.1, 0.1], [1.0, 2.0, 5.0]], dtype=torch.float64)
    sets = torch.tensor([[0, 1, 2], [0, 1, PAD]])
    expected = [[0, 0, 0], [-0.5, 0.5, 3.5]]
    assert relative_to_members(logits.clone(), sets).tolist() == expected
    assert relative_to_members(logits + 64.0, sets).tolist()[1] == expected[1]
