"""`mechanism.json`: how a network does it, and what its hash says as a Bloom filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Spread:
    """Mean and (population) standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True)
class InputModes:
    """The two-component mixture over all entries of W_in.

    `mode_gap` is null for exactly two values (`two_valued`) or fewer. `two_modes`: two normals
    describe the entries better than one, by BIC. `mode_means`, `mode_sds`, `mode_shares`: lower
    component (the bits) first. `near_threshold`: share of the entries near the midpoint.
    """

    mode_gap: float | None
    two_valued: bool
    two_modes: bool
    mode_means: list[float]
    mode_sds: list[float]
    mode_shares: list[float]
    near_threshold: float


UnitClass = Literal["bit", "graded", "dead", "always on", "unclear"]


Polarity = Literal["complement", "direct"]


@dataclass(frozen=True)
class CoveredLevel:
    """A unit's activation on the sets that cover it, zeros included."""

    mean: float
    p95: float


@dataclass(frozen=True)
class Unit:
    """One hidden unit: `threshold` between its two means, `near_threshold` the share of its
    entries near it, `bits` the number of tokens with the bit, `agreement` the share of sets on
    which "unit is 0" equals "some token has the bit", `on` the share on which it is above 0.

    `polarity`: see `polarities`. `kind`: *dead* is 0 on every set, *always on* is 0 on none; *bit*
    has two modes at least 4 apart, is on without the bit and off with it (polarity
    "complement"), and agrees on 95 % of the sets; *graded* has no two modes by BIC; the rest is
    *unclear*. `sets_covered` is the share of sets of which some token has the bit, `covered_off`
    the share of those on which the unit is 0 (null when there are none), `uncovered_on` the
    share of the others on which it is above 0 (null likewise); the levels are its activation
    there.
    """

    unit: int
    kind: UnitClass
    polarity: Polarity | None
    gap: float | None
    threshold: float
    near_threshold: float
    bits: int
    agreement: float
    on: float
    sets_covered: float
    covered_off: float | None
    uncovered_on: float | None
    level_uncovered: Spread | None
    level_covered: CoveredLevel | None


@dataclass(frozen=True)
class HashWeight:
    """The tokens' weights, between two extremes: all equal, and every bit on its own.

    `counts[w]` is the number of tokens with weight w, w = 0..width. `binomial_variance` is that of
    width independent bits with the same mean, width q (1 - q) with q = mean / width.
    `variance_ratio` is variance / binomial_variance, 0 for a constant weight and 1 for a
    binomial one; null where every token has no bit, or every bit.
    """

    counts: list[int]
    mean: float
    variance: float
    binomial_variance: float
    variance_ratio: float | None


@dataclass(frozen=True)
class Overlaps:
    """Bits shared by the pairs of distinct tokens: `counts[o]` pairs share o, o = 0..largest.

    `random`: an overlap of a code whose tokens have the same weights, each hash drawn uniformly
    among those of its weight. `sd_ratio` is sd / random.sd, null where random.sd is 0. `method`
    is "all" (every pair, up to 10,000 tokens) or "drawn"; `pairs` says how many.
    """

    mean: float
    sd: float
    largest: int
    counts: list[int]
    random: Spread
    sd_ratio: float | None
    method: Literal["all", "drawn"]
    pairs: int


@dataclass(frozen=True)
class WeaklyOn:
    """Covered units that stay above 0: their `share` of the covered (set, unit) pairs, and
    `relative_level`, their mean level over that of uncovered units; null where there are none."""

    share: float | None
    relative_level: float | None


@dataclass(frozen=True)
class UnitAndUnion:
    """Shares of the (set, unit) pairs, which sum to 1: covered means that some token of the set
    has the unit's bit, off that the unit is 0. An exact Bloom filter has only `covered_off` and
    `uncovered_on`. `level_uncovered` is of the units' activations where they are not covered,
    zeros included; null where every pair is covered.
    """

    covered_off: float
    covered_on: float
    uncovered_on: float
    uncovered_off: float
    level_uncovered: Spread | None
    weakly_on: WeaklyOn
    method: str
    sets: int


@dataclass(frozen=True)
class OutputWeights:
    """W_out[i, t] where token t has bit i ("bit"), and where it has not ("other").

    `correlation` is Pearson's with minus the hash, 1 where W_out is a line in it. `agreement` is
    the share of entries on the right side of the midpoint of the two means, bits below it and
    others above. Null where there are no such entries, or no two different means.
    """

    correlation: float | None
    bit_mean: float | None
    bit_sd: float | None
    other_mean: float | None
    other_sd: float | None
    agreement: float | None


@dataclass(frozen=True)
class BiasOnWeight:
    """b_out[t] on token t's number of bits: Pearson's correlation, and the least-squares slope.

    Null where all weights are equal, the correlation also where b_out is constant.
    """

    correlation: float | None
    slope: float | None


@dataclass(frozen=True)
class MissingBits:
    """The tokens with `missing` bits outside the union: their `share` of the (set, token) pairs,
    and mean and sd of their logits, each minus the mean logit of its set's members."""

    missing: int
    share: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Readout:
    """How the logits come from the union, over all (set, token) pairs of `sets` sets.

    A logit counts only against the other logits of its set, so the set's mean member logit is
    subtracted from each. `r2`, `slope` and `intercept` are of the least-squares line of that on
    the token's number of missing bits (0 for members); an exact Bloom filter has r2 = 1, slope
    minus its sharpness, intercept 0. `r2_levels` is of the line on the sum of the levels of the
    units that the missing bits belong to, instead of their number. Null where a side does not
    vary. `method` and `sets` name the sets that the lines were fitted to.
    """

    r2: float | None
    slope: float | None
    intercept: float | None
    by_missing_bits: list[MissingBits]
    r2_levels: float | None
    W_out: OutputWeights
    b_out_on_weight: BiasOnWeight
    method: str
    sets: int


@dataclass(frozen=True)
class BitsPerToken:
    """Mean and (population) standard deviation of the hashes' weights."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Mechanism(InputModes):
    """The weights' modes, the hash, the units' agreement with the union, and the readout.

    The modes are those of `InputModes`. `overlaps` is null for one token. `duplicate_hashes` are
    the groups of tokens with one hash, `constant_units` the number of units whose column of W_in
    holds a single value, and so no bit that tells tokens apart.
    """

    bits_per_token: BitsPerToken
    unit_agreement: float
    units: list[Unit]
    hash_weight: HashWeight
    overlaps: Overlaps | None
    unit_and_union: UnitAndUnion
    readout: Readout
    duplicate_hashes: list[list[int]]
    constant_units: int


@dataclass(frozen=True)
class ExtractedFilter:
    """The extracted code as a textbook Bloom filter on the same sets as the network.

    `loss_failure_f1`: how well its false positives predict the network's loss failures; null
    when neither side has any.
    """

    mse: float
    kl: float
    p_exact: float
    loss_failure_f1: float | None


@dataclass(frozen=True)
class Reading:
    """The extracted filter beside the network.

    `code_failure_share`: sets on which the code has a false positive. `failures_explained`: of
    the network's ranking failures (`failures_explained_by_loss`: loss failures) the share inside
    those; null when there are none. `union_skill`: what the union's agreement with the units is
    worth, see `union_skill`.
    """

    extracted: ExtractedFilter
    code_failure_share: float
    failures_explained: float | None
    failures_explained_by_loss: float | None
    union_skill: float
