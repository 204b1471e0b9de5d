"""A code of a named family for a vocabulary, a width and a set size, with sensible defaults."""

from typing import Literal, get_args

from relubloom import theory
from relubloom.code.bits import Code
from relubloom.code.families import bernoulli, partitioned, random_constant_weight
from relubloom.code.greedy import greedy_low_overlap
from relubloom.code.kautz_singleton import disjunct_code
from relubloom.code.search import improve
from relubloom.errors import UsageError

Family = Literal[
    "constant-weight", "bernoulli", "partitioned", "kautz-singleton", "greedy", "search"
]
LIGHTER = 0.87  # designed codes want fewer bits than random ones: docs/results/codes.md
GREEDY_ATTEMPTS = 200_000
SEARCH_SECONDS = 60.0


def make_code(
    family: Family,
    vocab_size: int,
    width: int,
    set_size: int,
    *,
    weight: int | None = None,
    seed: int = 0,
    seconds: float = SEARCH_SECONDS,
) -> Code:
    """Make a code of the family.

    Args:
        family: *constant-weight*: `weight` random bits per token (default: the weight of least
            mse). *bernoulli*: each bit with chance weight / width (default 1 / (set_size + 1)).
            *partitioned*: one random bit in each of `weight` blocks. *kautz-singleton*: no
            false positive on any set, where the width allows one. *greedy*: random hashes of
            `weight` bits kept while overlaps stay as low as can be. *search*: the exact number
            of false positives lowered for `seconds`, from a random code of `weight`.
        vocab_size, width, set_size: sizes.
        weight: bits per token; None takes the family's default.
        seed: seed of the draws.
        seconds: what *search* may take.

    Raises:
        UsageError: a value breaks its rule, or the width is too small for the family.
    """
    if family not in get_args(Family):
        raise UsageError(f"family is {family!r}: choose one of {', '.join(get_args(Family))}")
    if family == "kautz-singleton":
        if weight is not None:
            raise UsageError(
                f"weight is {weight}: a kautz-singleton code has the weight that its design asks "
                "for; leave weight out"
            )
        return disjunct_code(vocab_size, width, set_size)
    if family == "bernoulli":
        density = 1 / (set_size + 1) if weight is None else weight / width
        return bernoulli(vocab_size, width, density, seed)
    if family == "partitioned":
        blocks = theory.best_blocks(width, set_size) if weight is None else weight
        return partitioned(vocab_size, width, blocks, seed)
    best = theory.best_constant_weight(vocab_size, width, set_size).weight
    if family == "constant-weight":
        return random_constant_weight(vocab_size, width, best if weight is None else weight, seed)
    bits = max(1, round(LIGHTER * best)) if weight is None else weight
    if family == "greedy":
        return _greedy(vocab_size, width, bits, seed)
    start = random_constant_weight(vocab_size, width, bits, seed)
    return improve(start, set_size, seconds=seconds, seed=seed).code


def _greedy(vocab_size: int, width: int, weight: int, seed: int) -> Code:
    """The least overlap at which the draws find enough hashes."""
    for overlap in range(weight):
        try:
            return greedy_low_overlap(
                vocab_size, width, weight, overlap, seed, attempts=GREEDY_ATTEMPTS
            )
        except UsageError:
            continue
    return greedy_low_overlap(vocab_size, width, weight, weight, seed)
