"""`dynamics.json`: how W_in came about, snapshot by snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from relubloom.shown import Shown


@dataclass(frozen=True)
class Splitting:
    """The two modes of all entries of W_in, by snapshot.

    BIC alone is a weak rule: among thousands of entries a lopsided single mode is better described
    by two normals. Hence `split_step`.

    Keys:
        gap: the modes' distance in standard deviations, as in `mechanism.json` and within 1 % of
            it; null for at most two values.
        two_modes: whether two normals describe the entries better than one (BIC).
        near_threshold: share of entries closer to the midpoint than 0.15 of the modes' distance.
        low, high: the two means.
        two_modes_step: from there on BIC always prefers two normals; null where it does not in
            the end.
        split_step: from there on it does and the gap is at least 4 (as far apart as the entries of
            a unit that counts as a bit), or there are exactly two values; null likewise.
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
    """When entries of W_in reach, for good, the side of their unit's final threshold they end on,
    their *final side*.

    Keys:
        settled_bits: by snapshot, the share of entries on their final side for good.
        final_side: by snapshot, the share on it then, some of which will leave it again.
        settled_tokens: by snapshot, the share of tokens with all entries on it for good.
        all_but_one: by snapshot, the share for good with at most one entry off it at a time.
        token_steps, token_steps_all_but_one: by token id, the step at which it settles so; null
            above 10,000 tokens. A token that settles with the last snapshot does so because
            training ends.
        half_settled_step, half_all_but_one_step: the first snapshot by which half of the tokens
            have.
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

    Null where no unit has both kinds of entries.

    Keys:
        auc: by snapshot, the chance that a bit's entry is lower than a non-bit entry of its unit,
            ties one half; 0.5 by chance. It needs no threshold.
        initial_hits: mark in each unit as many of its lowest initial entries as it has bits in the
            end; the share of those marked that become bits.
        chance_hits: the same of marks at random.
    """

    auc: list[float | None]
    initial_hits: float | None
    chance_hits: float | None


@dataclass(frozen=True)
class Order:
    """Spearman's correlation over the tokens of the step at which a token settles with a figure;
    null where a side is constant.

    Keys:
        norm, mean: of its initial row of W_in.
        nearest: the initial row's largest cosine with another.
        wrong_bits: how many entries were not on their final side initially.
        weight: of its hash in the end.
        weakest: final distance from the threshold of the entry nearest to it.
        overlap: the most bits that its hash shares with another.
    """

    norm: float | None
    mean: float | None
    nearest: float | None
    wrong_bits: float | None
    weight: float | None
    weakest: float | None
    overlap: float | None


@dataclass(frozen=True, repr=False)
class Dynamics(Shown):
    """How W_in came about, from the film of it; lists by snapshot are as long as `steps`.

    Keys:
        steps: the training steps of the snapshots.
        tokens: how many tokens the film holds; of a large vocabulary the first.
        constant_units: units with one value in the end, whose bits count as settled from the start.
        splitting: how the entries part into two modes.
        settling: when they are where they end.
        foretelling: how early they can be told.
        order: which tokens settle first.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("tokens", "constant_units")

    steps: list[int]
    tokens: int
    constant_units: int
    splitting: Splitting
    settling: Settling
    foretelling: Foretelling
    order: Order
