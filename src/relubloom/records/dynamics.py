"""`dynamics.json`: how W_in came about, snapshot by snapshot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Splitting:
    """The two modes of all entries of W_in, snapshot by snapshot.

    `gap` is their distance in standard deviations, as in `mechanism.json` (null for at most two
    values); `two_modes` whether two normals describe the entries better than one, by BIC;
    `near_threshold` the share of entries closer to the midpoint than .15 of the modes' distance.
    `low` and `high` are the means.

    `two_modes_step` is the first snapshot's step from which on BIC always prefers two,
    `split_step` the first from which on it does and the gap is at least 4, or there are exactly two
    values: as far apart as the entries of a unit that counts as a bit. Null where the last snapshot
    is not so. BIC alone is a weak rule: among thousands of entries a lopsided single mode is better
    described by two normals.
    """

    gap: list[float | None]
    two_modes: list[bool]
    near_threshold: list[float]
    low: list[float]
    high: list[float]
    two_modes_step: int | None
    split_step: int | None


@dataclass(frozen=True)
class Settling:
    """When entries of W_in reach, for good, the side of their unit's final threshold they end on.

    By snapshot: `settled_bits`, the share of (token, unit) pairs that have; `final_side`, the share
    that are on that side then, some of which will leave it again; `settled_tokens`, the share of
    tokens whose hash from then on is the final one; `all_but_one`, the share whose hash from then
    on never differs from it in more than one bit.

    `token_steps` and `token_steps_all_but_one`: the training step at which each token has settled
    so; null above 10,000 tokens. A token that settles with the last snapshot has that step: its
    hash is final because training ends. `half_settled_step`, `half_all_but_one_step`: the first
    snapshot's step by which half of the tokens have.
    """

    settled_bits: list[float]
    final_side: list[float]
    settled_tokens: list[float]
    all_but_one: list[float]
    token_steps: list[int] | None
    token_steps_all_but_one: list[int] | None
    half_settled_step: int
    half_all_but_one_step: int


@dataclass(frozen=True)
class Foretelling:
    """Within each unit, is an entry that ends as a bit already lower than one that does not?

    `auc` by snapshot: of the pairs of a bit and an entry of its unit that is none, the share in
    which the bit is lower, ties one half; .5 is chance. It needs no threshold. `initial_hits`:
    mark in each unit as many of its lowest initial entries as it has bits in the end; of those
    marked, the share that end as bits. `chance_hits` is what marks at random have. Null where no
    unit has both kinds of entries.
    """

    auc: list[float | None]
    initial_hits: float | None
    chance_hits: float | None


@dataclass(frozen=True)
class Order:
    """Spearman's correlation over the tokens of the step at which a token settles with a figure.

    Of the initialisation: `norm` of its row of W_in, `mean` of the row, and `nearest`, the largest
    cosine with another row. Of the initialisation held against the end: `wrong_bits`, the number of
    entries that were not on their final side. Of the end: `weight` of the hash, `weakest`, the
    distance from its threshold of the entry nearest to it, and `overlap`, the most bits that the
    hash shares with another. Null where a side is constant.
    """

    norm: float | None
    mean: float | None
    nearest: float | None
    wrong_bits: float | None
    weight: float | None
    weakest: float | None
    overlap: float | None


@dataclass(frozen=True)
class Dynamics:
    """How W_in came about, by snapshot: `steps` are the training steps of the snapshots.

    `tokens` of the vocabulary are in the film. `constant_units` have one value in all their
    entries in the end, and so no threshold: their bits count as settled from the start.
    """

    steps: list[int]
    tokens: int
    constant_units: int
    splitting: Splitting
    settling: Settling
    foretelling: Foretelling
    order: Order
