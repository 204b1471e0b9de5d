"""From the results of a pooling design back to the positive samples, with what is not certain."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relubloom.code.bits import Code, as_given, is_binary
from relubloom.code.decoders import comp
from relubloom.code.disjunct import is_disjunct
from relubloom.errors import UsageError, described, whole

MOST_PATTERNS = 5_000_000  # tried one by one
BATCH = 1 << 16
ROWS = 256  # samples whose overlaps are sorted together


@dataclass(frozen=True)
class Explanation:
    """Positive samples that explain the results, with the tests that would then be wrong."""

    positives: tuple[int, ...]
    false_negatives: tuple[int, ...]
    false_positives: tuple[int, ...]

    @property
    def errors(self) -> int:
        """Wrong tests."""
        return len(self.false_negatives) + len(self.false_positives)


@dataclass(frozen=True)
class DecodedPools:
    """What the results of a design say.

    Attributes:
        most_positives: patterns of up to so many positives were considered.
        positives: samples that are positive in every explanation.
        candidates: samples that are positive in some explanation only; where there is none, those
            that no result speaks against.
        explanations: every pattern of positives that explains the results, fewest errors first.
    """

    most_positives: int
    positives: tuple[int, ...]
    candidates: tuple[int, ...]
    explanations: tuple[Explanation, ...]

    @property
    def decided(self) -> bool:
        """Whether there is one explanation."""
        return len(self.explanations) == 1


def _results(code: object, positive: ArrayLike) -> NDArray[np.bool_]:
    """Which tests are positive, one each."""
    if not isinstance(code, Code):
        raise UsageError(f"code is {described(code)}: give a Code, such as design_pools(...).code")
    found = as_given(positive)
    if found.shape != (code.width,) or found.dtype.kind not in "bui" or not is_binary(found):
        raise UsageError(
            f"positive is {described(positive)}: give one true or false a test, {code.width} of "
            "them"
        )
    return found.astype(np.bool_)


def decode_pools(
    code: Code,
    positive: ArrayLike,
    most_positives: int | None = None,
    *,
    false_negatives: int = 0,
    false_positives: int = 0,
) -> DecodedPools:
    """All patterns of up to `most_positives` positives that explain the results.

    Args:
        code: row t is sample t, column i test i.
        positive: which tests are positive, bool (or 0/1) [tests].
        most_positives: None takes the most for which the code is proved free of false positives,
            at least 1.
        false_negatives: tests that may be negative though a positive sample is in them.
        false_positives: tests that may be positive though none is.

    Cost: O(patterns tests), patterns of the samples that no results speak against.

    Raises:
        UsageError: the results are not one a test, a number is no whole one or below its least, or
            there are more than 5 million patterns.
    """
    if most_positives is not None:
        most_positives = whole("most_positives", most_positives, 1)
    false_negatives = whole("false_negatives", false_negatives, 0)
    false_positives = whole("false_positives", false_positives, 0)
    given = _results(code, positive)
    most = certified_positives(code) if most_positives is None else most_positives
    spoken_against = code.bits @ (~given).astype(np.int64)
    possible = np.flatnonzero(spoken_against <= false_negatives)
    patterns = sum(math.comb(len(possible), size) for size in range(min(most, len(possible)) + 1))
    if patterns > MOST_PATTERNS:
        raise UsageError(
            f"{len(possible)} samples may be positive, {patterns:,} patterns of up to {most} of "
            f"them: at most {MOST_PATTERNS:,} are tried; lower the positives or the errors allowed"
        )
    found: list[Explanation] = []
    for sets in _patterns(possible.tolist(), most):
        union = np.zeros((len(sets), code.width), dtype=np.bool_)
        for column in sets.T:
            union |= code.bits[column]
        missed, added = union & ~given, given & ~union
        fits = (missed.sum(1) <= false_negatives) & (added.sum(1) <= false_positives)
        found += [
            Explanation(tuple(sets[row].tolist()), _true(missed[row]), _true(added[row]))
            for row in np.flatnonzero(fits).tolist()
        ]
    found.sort(key=lambda each: each.errors)
    if not found:
        return DecodedPools(most, (), _true(comp(code, given[None])[0]), ())
    always = set.intersection(*(set(each.positives) for each in found))
    sometimes = set[int]().union(*(each.positives for each in found)) - always
    return DecodedPools(most, tuple(sorted(always)), tuple(sorted(sometimes)), tuple(found))


def certified_positives(code: Code) -> int:
    """The most positives for which the code is proved free of false positives; at least 1.

    Overlaps say it first, then `is_disjunct` tries one more, as long as it can. Cost:
    O(vocab**2 width).
    """
    bits, most = code.bits.astype(np.float32), code.vocab_size - 1
    for start in range(0, code.vocab_size, ROWS):
        overlaps = bits[start : start + ROWS] @ bits.T
        tokens = np.arange(len(overlaps))
        overlaps[tokens, start + tokens] = 0
        covered = np.sort(overlaps, axis=1)[:, ::-1].cumsum(1)
        enough = (covered < code.weights[start : start + ROWS, None]).sum(1)
        most = min(most, int(enough.min()))
    while most < code.vocab_size - 1 and is_disjunct(code, most + 1):
        most += 1
    return max(1, most)


def _patterns(possible: list[int], most: int) -> Iterator[NDArray[np.int64]]:
    """Sets of up to `most` of the samples, in batches of one size: int64 [batch, size]."""
    for size in range(min(most, len(possible)) + 1):
        sets = combinations(possible, size)
        while batch := list(islice(sets, BATCH)):
            yield np.array(batch, dtype=np.int64).reshape(len(batch), size)


def _true(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())
