"""The rival to beat: the best random constant-weight code for a task."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from relubloom.code import random_constant_weight, worth_on
from relubloom.records.study import RandomCodeFigures
from relubloom.task import KSparseTask, SetCollection
from relubloom.theory import best_constant_weight, constant_weight

CODES = 16
WITHIN = 1.5  # weights are tried whose expected mse is at most this times the least
TRAINING_SETS = 20_000
SIZES = 8  # set sizes, at most, that an expectation is mixed over; more are drawn together
TESTS_PER_CODE = 4_000_000  # (set, token) pairs that a weight's choice may cost per code


def best_random_code(
    task: KSparseTask, width: int, draw: int | None = None
) -> tuple[RandomCodeFigures, int | None]:
    """The weight that minimises mse, and what such codes reach on the task's sets.

    For uniform sets mse, kl and p_exact are exact expectations over all codes of the weight; else
    the median of 16 codes on the held-out sets, with the weight chosen on the training sets, and
    besides the seed of the median code.

    Cost: closed form under a second; else 16 codes for each likely weight.

    `draw` as in `KSparseTask.evaluation_sets`: the sets that the networks are examined on.
    The expectation over random codes of a set's errors depends on its size alone, whatever its
    tokens: so the closed form, mixed over the set sizes, is exact for every source and narrows
    down the weights to try.
    """
    ranked = _expected_by_weight(task.vocab_size, width, size_counts(task))
    if task.source == "uniform":
        best = ranked[0]
        return RandomCodeFigures(best.weight, best.mse, best.kl, best.p_exact), None
    likely = [each.weight for each in ranked if each.mse <= WITHIN * ranked[0].mse]
    training = _training_sample(task)
    weight = min(likely, key=lambda each: _median(task, width, each, training)[0].mse)
    return _median(task, width, weight, task.evaluation_sets(draw))


@dataclass(frozen=True)
class ExpectedRandomCode:
    """Expectations over all codes of a constant weight; false positives per set, kl in nats."""

    weight: int
    false_positives: float
    mse: float
    kl: float
    p_exact: float


def expected_random_code(
    vocab_size: int, width: int, sizes: dict[int, float]
) -> ExpectedRandomCode:
    """What the best random code does on sets of any source, by their sizes and those' shares.

    Of one size, exact: the weight of least mse. Of several, the best of the weights that are best
    at one of them. More than 8 sizes are drawn together into 8 groups of equal share, each at its
    mean size. Cost: under a second.

    Raises:
        UsageError: the width is too large for the exact law.
    """
    grouped = _grouped(sizes)
    weights = {best_constant_weight(vocab_size, width, size).weight for size in grouped}
    return min(
        (_at_weight(vocab_size, width, weight, grouped) for weight in sorted(weights)),
        key=lambda each: each.mse,
    )


def _grouped(sizes: dict[int, float]) -> dict[int, float]:
    """At most `SIZES` sizes with their shares."""
    if len(sizes) <= SIZES:
        return sizes
    total, reached = sum(sizes.values()), 0.0
    groups: list[list[tuple[int, float]]] = [[] for _ in range(SIZES)]
    for size, share in sorted(sizes.items()):
        groups[min(SIZES - 1, int(SIZES * (reached + share / 2) / total))].append((size, share))
        reached += share
    found: defaultdict[int, float] = defaultdict(float)
    for group in filter(None, groups):
        weight = sum(share for _, share in group)
        found[round(sum(size * share for size, share in group) / weight)] += weight
    return dict(found)


def _expected_by_weight(
    vocab_size: int, width: int, sizes: dict[int, float]
) -> list[ExpectedRandomCode]:
    """Expected errors of every weight that may be best, least mse first."""
    best = [
        best_constant_weight(vocab_size, width, size).weight for size in (min(sizes), max(sizes))
    ]
    weights = range(max(0, min(best) - 2), min(width, max(best) + 2) + 1)
    expected = [_at_weight(vocab_size, width, weight, sizes) for weight in weights]
    return sorted(expected, key=lambda each: each.mse)


def _at_weight(
    vocab_size: int, width: int, weight: int, sizes: dict[int, float]
) -> ExpectedRandomCode:
    parts = [(share, constant_weight(vocab_size, width, weight, k)) for k, share in sizes.items()]
    total = sum(sizes.values())
    return ExpectedRandomCode(
        weight,
        false_positives=sum(share * part.false_positives for share, part in parts) / total,
        mse=sum(share * part.mse for share, part in parts) / total,
        kl=sum(share * part.kl for share, part in parts) / total,
        p_exact=sum(share * part.p_exact for share, part in parts) / total,
    )


def size_counts(task: KSparseTask) -> dict[int, float]:
    """How often each size is among the sets: lines of a file's training side, else all alike."""
    if task.file is None:
        return dict.fromkeys(range(task.sizes[0], task.sizes[1] + 1), 1.0)
    lines = task.training_lines()
    sizes = (lines.sets < task.vocab_size).sum(1).numpy()
    counts = np.bincount(sizes, weights=lines.copies.numpy())
    return {size: float(count) for size, count in enumerate(counts) if count}


def _training_sample(task: KSparseTask) -> SetCollection:
    if task.source == "file":
        return task.training_lines()
    return task.drawn_sets("random-code", min(TRAINING_SETS, TESTS_PER_CODE // task.vocab_size + 1))


def _median(
    task: KSparseTask, width: int, weight: int, sets: SetCollection
) -> tuple[RandomCodeFigures, int]:
    """Medians over 16 codes, and the seed of a code of median mse."""
    ids = sets.chunk(0, len(sets)).numpy()
    copies = sets.weights(0, len(sets)).numpy()
    codes = (random_constant_weight(task.vocab_size, width, weight, seed) for seed in range(CODES))
    found = [(worth_on(code, ids, copies), seed) for seed, code in enumerate(codes)]
    found.sort(key=lambda each: each[0].mse)
    figures = RandomCodeFigures(
        weight=weight,
        mse=float(np.median([each.mse for each, _ in found])),
        kl=float(np.median([each.kl for each, _ in found])),
        p_exact=float(np.median([each.p_exact for each, _ in found])),
    )
    return figures, found[CODES // 2][1]
