"""Every way in which sets are drawn against its exact law by chi-square, at a fixed seed.

Each comes with faults at its edges (the first token, the last line, the largest size): planted,
they must be seen. So the chi-square itself is shown to be able to fail.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import pytest
import torch
from scipy.stats import chi2
from torch import Tensor

from build.faults import plant
from relubloom.errors import UsageError
from relubloom.task import KSparseTask, SetsFile, sampling
from relubloom.task.sampling import draw_sets, seeded_generator, zipf_masses
from relubloom.task.set_collections import DrawnSets

DRAWS = 20_000
USUAL, FAULTY = 1e-3, 1e-9  # chances of a deviation as large

Sets = Counter[tuple[int, ...]]
Law = dict[tuple[int, ...], Fraction]
Fault = tuple[Callable[..., object], str, str]
"""A function, and what is put in place of what in it."""


@dataclass(frozen=True)
class Source:
    """Sets as drawn, their law, and faults of either generator."""

    name: str
    draw: Callable[[str], Iterable[tuple[int, ...]]]
    law: Callable[[], Law]
    torch: tuple[Fault, ...] = ()
    philox: tuple[Fault, ...] = ()


def chance(found: Sets, law: Law) -> float:
    """That of a deviation this large when `law` is the truth; 0 for a set that it excludes."""
    assert sum(law.values()) == 1
    if found.keys() - law.keys():
        return 0.0
    total = found.total()
    statistic = sum((found[s] - total * p) ** 2 / (total * p) for s, p in law.items())
    return float(chi2.sf(float(statistic), len(law) - 1))


def tokens_of(sets: Tensor, vocab_size: int) -> Iterable[tuple[int, ...]]:
    """Tokens in the order in which they were drawn, without padding."""
    return (tuple(t for t in row if t < vocab_size) for row in sets.tolist())


def one_by_one(masses: list[int], low: int, high: int) -> Law:
    """Tokens drawn in proportion to what masses are left; the size is uniform."""
    law: Law = {}
    for size in range(low, high + 1):
        for tokens in itertools.permutations(range(len(masses)), size):
            share, left = Fraction(1, high - low + 1), sum(masses)
            for token in tokens:
                share *= Fraction(masses[token], left)
                left -= masses[token]
            law[tokens] = share
    return law


def uniform(names: Iterable[tuple[int, ...]]) -> Law:
    listed = Counter(names)
    return {name: Fraction(count, listed.total()) for name, count in listed.items()}


def trained_on(task: KSparseTask, generator: str, steps: int = 1) -> Iterable[tuple[int, ...]]:
    """The sets of a training step, or of the first rows of many steps."""
    task = replace(task, generator=generator)
    addresses = [(0, step) for step in range(steps)]
    sets = task.training_batches(addresses, DRAWS // steps).flatten(0, 1)
    return tokens_of(sets, task.vocab_size)


def weighted(masses: list[int], _generator: str) -> Iterable[tuple[int, ...]]:
    cumulative = torch.tensor(masses).cumsum(0)
    generator = seeded_generator(0, "weighted", 0)
    return tokens_of(draw_sets(generator, DRAWS, len(masses), (3, 3), cumulative), len(masses))


def evaluated_on(task: KSparseTask, generator: str) -> Iterable[tuple[int, ...]]:
    """Sets number 1000 and on: so a block begins in mid-air."""
    sets = replace(task, generator=generator).evaluation_sets(draw=DRAWS + 1000)
    return tokens_of(sets.chunk(1000, DRAWS + 1000), task.vocab_size)


COPIES = {(0, 1): 3, (1, 2): 1, (0, 2, 3): 5, (3,): 1, (2, 3): 2}
FILE = SetsFile("x", "0" * 64, tuple("abcd"), COPIES, 12, 0, 0, 0)
LINES = KSparseTask(4, (1, 3), "file", file=FILE)
FEW = replace(FILE, counts={(0,): 1, (1, 2): 1, (3,): 1})  # so that the ends of masses are drawn
SWAPPED_SHARE = Fraction(7, 8)
SWAPPED = KSparseTask(4, (1, 2), "file", file=FEW, swaps=float(SWAPPED_SHARE))
POOL = KSparseTask(9, 4, training_pool=7)
_split = KSparseTask.__dict__["_split"].func


def lines_trained_on() -> Law:
    held_out = {tuple(row) for row in held_out_of(0)}
    return uniform(s for s, n in COPIES.items() for _ in range(n) if s not in held_out)


def held_out_of(seed: int) -> Iterable[tuple[int, ...]]:
    sets = replace(LINES, split_seed=seed).evaluation_sets()
    return tokens_of(sets.chunk(0, len(sets)), 4)


def pool(task: KSparseTask, generator: str) -> Iterable[tuple[int, ...]]:
    pool = replace(task, generator=generator)._pool(0)  # pyright: ignore[reportPrivateUsage]
    return tokens_of(pool, task.vocab_size)


def sets_of_pool(generator: str) -> Law:
    return uniform(pool(POOL, generator))


def swapped_lines() -> Law:
    """Seven eighths of the lines with a member exchanged for a token of mass 2 x its lines + 1."""
    lines = list(tokens_of(SWAPPED.training_lines().sets, 4))
    masses = [1 + 2 * sum(t in tokens for tokens in lines) for t in range(4)]
    law = Counter(dict.fromkeys(lines, (1 - SWAPPED_SHARE) / len(lines)))
    for tokens in lines:
        for place, token in itertools.product(range(len(tokens)), range(4)):
            found = tokens if token in tokens else (*tokens[:place], token, *tokens[place + 1 :])
            law[found] += SWAPPED_SHARE * masses[token] / sum(masses) / len(tokens) / len(lines)
    return dict(law)


SOURCES = [
    Source(
        "uniform",
        partial(trained_on, KSparseTask(5, 3)),
        lambda: one_by_one([1] * 5, 3, 3),
        (
            (sampling._draw_uniform_tokens, "torch.le(", "torch.lt("),
            (sampling._draw_uniform_tokens, "vocab_size - draw", "vocab_size - 1 - draw"),
        ),
        ((sampling._draw_uniform_tokens, "torch.add(raised, 1", "torch.add(raised, 0"),),
    ),
    Source(
        "uniform, over steps",
        partial(trained_on, KSparseTask(5, 3), steps=2000),
        lambda: one_by_one([1] * 5, 3, 3),
        ((sampling.seeded_generator, "(seed, stream, step)", "(seed, stream, step // 40)"),),
        ((KSparseTask._drawn, "[(seed, stream, step) for", "[(seed, stream, step // 40) for"),),
    ),
    Source(
        "Zipf",
        partial(trained_on, KSparseTask(4, (1, 3), "zipf")),
        lambda: one_by_one([12, 6, 4, 3], 1, 3),
        (
            (sampling.zipf_masses, "arange(1, vocab_size + 1", "arange(2, vocab_size + 2"),
            (sampling._draw_weighted_tokens, "= start - skipped", "= start"),
            (sampling.draw_sets_of_each, "random_(low, high + 1,", "random_(low, high,"),
        ),
        ((sampling.addressed_sets, "high - low + 1", "high - low"),),
    ),
    Source(
        "masses of a few units",  # so that the ends of intervals are drawn
        partial(weighted, [1, 2, 3, 1]),
        lambda: one_by_one([1, 2, 3, 1], 3, 3),
        (
            (sampling._draw_weighted_tokens, "right=True", "right=False"),
            (sampling._draw_weighted_tokens, "cuts[:draw] <= point", "cuts[:draw] < point"),
        ),
    ),
    Source(
        "lines of a file",
        partial(trained_on, LINES),
        lines_trained_on,
        (
            (KSparseTask.training_batches, "right=True", "right=False"),
            (KSparseTask._chosen, "torch.randint(among,", "torch.randint(among - 1,"),
        ),
        (
            (KSparseTask.training_batches, "right=True", "right=False"),
            (KSparseTask._chosen, "below(0, among)", "below(0, among - 1)"),
        ),
    ),
    Source(
        "lines with swapped tokens",
        partial(trained_on, SWAPPED, steps=4),
        swapped_lines,
        swap_faults := (
            (sampling.swap_tokens_, "int(cumulative[-1])", "int(cumulative[-1]) - 1"),
            (sampling.swap_tokens_, "(sets < len(cumulative)).sum(-1)", "sets.shape[-1]"),
            (sampling.swap_tokens_, "right=True", "right=False"),
            (sampling.swap_tokens_, "& ~(sets == token[..., None]).any(-1)", ""),
        ),
        swap_faults,
    ),
    Source(
        "a pool's sets",
        partial(trained_on, POOL),
        lambda: sets_of_pool("torch"),
        ((KSparseTask._chosen, "torch.randint(among,", "torch.randint(among - 1,"),),
    ),
    Source(
        "pools",
        partial(pool, KSparseTask(5, 3, training_pool=DRAWS)),
        lambda: one_by_one([1] * 5, 3, 3),
        ((sampling._draw_uniform_tokens, "vocab_size - draw", "vocab_size - 1 - draw"),),
        ((sampling._draw_uniform_tokens, "vocab_size - draw", "vocab_size - 1 - draw"),),
    ),
    Source(
        "sets to evaluate on",
        partial(evaluated_on, KSparseTask(5, (2, 3))),
        lambda: one_by_one([1] * 5, 2, 3),
        (
            (DrawnSets.chunk, "self.stream, block)", "self.stream, 0)"),
            (sampling.draw_sets_of_each, "random_(low, high + 1,", "random_(low, high,"),
        ),
        ((sampling.addressed_sets, "high - low + 1", "high - low"),),
    ),
    Source(
        "held-out sets",  # of 5 distinct ones one is held out
        lambda _: itertools.chain.from_iterable(map(held_out_of, range(1000))),
        lambda: uniform(list(COPIES)),
        ((_split, "torch.randperm(distinct,", "torch.randperm(distinct - 1,"),),
    ),
]


def cases(faulty: bool) -> list[object]:
    return [
        pytest.param(source, generator, fault, id=f"{source.name}-{generator}-{number}")
        for source, generator in itertools.product(SOURCES, ("torch", "philox"))
        if (faults := getattr(source, generator))
        for number, fault in enumerate(faults if faulty else [None])
    ]


@pytest.mark.parametrize(("source", "generator", "fault"), cases(faulty=False))
def test_sets_follow_their_law(source: Source, generator: str, fault: None) -> None:
    assert USUAL < chance(Counter(source.draw(generator)), source.law()) < 1 - USUAL


@pytest.mark.parametrize(("source", "generator", "fault"), cases(faulty=True))
def test_a_fault_at_an_edge_is_seen(
    monkeypatch: pytest.MonkeyPatch, source: Source, generator: str, fault: Fault
) -> None:
    law = source.law()
    plant(monkeypatch, *fault)
    assert chance(Counter(source.draw(generator)), law) < FAULTY


@pytest.mark.parametrize("generator", ["torch", "philox"])
def test_a_pool_of_one_set_is_that_set(generator: str) -> None:
    task = KSparseTask(30, (2, 4), training_pool=1, generator=generator)
    for seed in range(5):
        (own,) = task._pool(seed).tolist()
        found = torch.cat([task.training_sets(seed, step, 100) for step in range(2)])
        assert found.tolist() == [own] * 200
    assert len({tuple(task.training_sets(seed, 0, 1)[0].tolist()) for seed in range(20)}) > 15
    with pytest.raises(UsageError, match="training_pool is 0: it is the number of drawn sets"):
        replace(task, training_pool=0)


def test_zipf_masses_keep_the_law_and_leave_no_token_out() -> None:
    cumulative = zipf_masses(50_257)
    masses = cumulative.diff(prepend=torch.zeros(1, dtype=torch.int64))
    assert int(masses.min()) >= 1
    assert int(cumulative[-1]) < 2**52
    assert float(masses[0] / masses[999]) == pytest.approx(1000, rel=1e-9)
