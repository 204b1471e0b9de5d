"""`mechanism.json`: how a network does it, and what its hash says as a Bloom filter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from relubloom.records.verdict import ReadingBeside, Verdict
from relubloom.shown import Shown

UnitClass = Literal["bit", "graded", "dead", "always on", "unclear"]
Polarity = Literal["complement", "direct"]


@dataclass(frozen=True)
class Spread:
    """Mean and (population) standard deviation.

    Keys:
        mean, sd: of the values.
    """

    mean: float
    sd: float


@dataclass(frozen=True)
class InputModes:
    """The two-component normal mixture over all entries of W_in.

    Keys:
        mode_gap: the modes' distance in standard deviations; null for exactly two values or one.
        two_valued: whether there are exactly two values.
        two_modes: whether two normals describe the entries better than one (BIC).
        mode_means, mode_sds, mode_shares: the mixture, the lower mode (the bits) first. Entries of
            reversed units are taken negated: so their bits are in the lower mode, too.
        near_threshold: share of entries closer to the midpoint than 0.15 of the modes' distance.
    """

    mode_gap: float | None
    two_valued: bool
    two_modes: bool
    mode_means: tuple[float, float]
    mode_sds: tuple[float, float]
    mode_shares: tuple[float, float]
    near_threshold: float

    @property
    def midpoint(self) -> float:
        """Halfway between the two modes."""
        return sum(self.mode_means) / 2


@dataclass(frozen=True)
class ExtractedFilter:
    """The extracted hash run as a textbook Bloom filter on the same sets as the network.

    Keys:
        mse, kl, p_exact: as of the network.
        loss_failure_f1: how well its false positives predict the network's loss failures; null
            when neither side has any.
    """

    mse: float
    kl: float
    p_exact: float
    loss_failure_f1: float | None


@dataclass(frozen=True)
class HashAsFilter:
    """The extracted filter beside the network.

    Keys:
        extracted: the extracted hash run as a textbook Bloom filter.
        code_failure_share: share of the sets on which that has a false positive.
        failures_explained, failures_explained_by_loss: of the network's ranking failures, and of
            its loss failures, the share inside those sets; null when there are none.
        union_skill: 1 - disagreements of the union with the units over those of the better
            constant answer, or 0: what `unit_agreement` is worth.
        failures_told_apart: of the sets that fail by loss the share on which the hash fails, minus
            that share of the others: what `loss_failure_f1` is worth. Null where no set or every
            set fails by loss, and in files of earlier versions.
    """

    extracted: ExtractedFilter
    code_failure_share: float
    failures_explained: float | None
    failures_explained_by_loss: float | None
    union_skill: float
    failures_told_apart: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, kw_only=True)
class ReadingFigures:
    """What the reading beside the verdict may rest on, and the hash against the best random code.

    Null in files of earlier versions.

    Keys:
        units_off: share of (set, unit) pairs in which the unit is 0.
        dead_unit_share: share of units that are 0 on every set.
        dead_token_share: of the tokens in some set, the share missed on more than half of the sets
            that hold them.
        hash_false_positives: per set, of the extracted hash: covered tokens that are no members.
        random_code_false_positives, random_code_mse: what the best random code of as many units is
            expected to have on sets of these sizes, in closed form; one of its units is one bit,
            one of the network's a real number. Null where the closed form does not go.
    """

    units_off: float | None = None
    dead_unit_share: float | None = None
    dead_token_share: float | None = None
    hash_false_positives: float | None = None
    random_code_false_positives: float | None = None
    random_code_mse: float | None = None


@dataclass(frozen=True)
class CoveredLevel:
    """A unit's activation on the sets that cover it, zeros included.

    Keys:
        mean, p95: over these sets; the percentile is read off a histogram whose step is a
            thousandth of the largest level the unit can reach.
    """

    mean: float
    p95: float


@dataclass(frozen=True)
class Unit:
    """One hidden unit.

    Keys:
        unit: its number.
        kind: `bit`: two modes at least 4 apart, on without the bit and off with it (off without
            and on with it where the unit is reversed), and in agreement with the union on 95 % of
            the sets. Where bits have several strengths: two modes (BIC), and in agreement with its
            states. `dead`: 0 on every set. `always on`: 0 on none. `graded`: no two modes (BIC).
            `unclear`: the rest.
        polarity: what it does on the sets. `complement`: on when no token has the lower entry,
            off when one has. `direct`: on when some token has the *upper* entry, so that the unit
            is itself a union. null: neither,
            that is, one of these shares is under 0.8: of the sets it should be on for, those it
            is; of the others, those it is off for; of the sets it is on for, and of those it is
            off for, the ones it should be. On sets of one token both are the same, called
            `complement`, or `direct` where the unit is reversed.
        gap, threshold, near_threshold: the modes of its own column: distance in standard
            deviations, midpoint, share of entries near it.
        bits: how many tokens have its bit.
        agreement, on: shares of sets on which it agrees with the union (0 just where it is covered;
            a reversed unit above 0 just there), and is above 0.
        sets_covered: share of sets that cover it.
        covered_off, uncovered_on: of those, the share on which it is 0; of the others, the share
            on which it is above 0; null where there are none.
        level_uncovered, level_covered: its activation where it is not covered and where it is,
            zeros included.
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

    Keys:
        counts: `counts[w]`: tokens with w bits, w = 0..width.
        mean, variance: of the weights.
        binomial_variance: that of as many independent bits, width q (1 - q) with q = mean / width.
        variance_ratio: variance / binomial_variance: 0 for a constant weight, 1 for thrown coins;
            null where every token has no bit, or every bit.
    """

    counts: list[int]
    mean: float
    variance: float
    binomial_variance: float
    variance_ratio: float | None


@dataclass(frozen=True)
class Overlaps:
    """Bits shared by two distinct tokens.

    Keys:
        mean, sd, largest: over the pairs.
        counts: `counts[o]`: pairs that share o bits, o = 0..largest.
        random: an overlap of a code whose tokens have the same weights, each hash drawn uniformly
            among those of its weight.
        sd_ratio: sd over that sd; null where that is 0.
        method, pairs: `all` pairs, or above 10,000 tokens 2^20 `drawn` ones.
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
    """Units above 0 where they should be off: covered, or where a reversed unit is not covered.

    Keys:
        share: of the (set, unit) pairs where they should be off.
        relative_level: their mean level over that of units where they should be on.
    """

    share: float | None
    relative_level: float | None


@dataclass(frozen=True)
class UnitAndUnion:
    """Shares of (set, unit) pairs, which sum to 1: *covered* means that some token of the set has
    the unit's bit, *off* that the unit is 0. A reversed unit counts with on and off exchanged.

    Keys:
        covered_off, uncovered_on: a Bloom filter has only these.
        covered_on, uncovered_off: where the unit departs from the union.
        level_uncovered: the units' activations where they are not covered (those of reversed units
            where they are), zeros included; null where there are no such pairs.
        weakly_on: units above 0 where they should be off.
        method, sets: which sets.
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
    """Entries of W_out where the token has the unit's bit, and elsewhere.

    Null where there are no such entries, or no two different means.

    Keys:
        correlation: Pearson's with minus the hash, 1 where W_out is a line in it.
        bit_mean, bit_sd, other_mean, other_sd: of the entries on bits, and of the others.
        agreement: share of entries on the right side of the two means' midpoint, bits below it.
            Entries of reversed units are taken negated.
    """

    correlation: float | None
    bit_mean: float | None
    bit_sd: float | None
    other_mean: float | None
    other_sd: float | None
    agreement: float | None


@dataclass(frozen=True)
class BiasOnWeight:
    """A token's bias in its number of bits; null where either is constant.

    Keys:
        correlation, slope: Pearson's, and of the least-squares line.
    """

    correlation: float | None
    slope: float | None


@dataclass(frozen=True)
class BitsOfStrength:
    """The bits of one strength, and what they do.

    Keys:
        strength: 1 is the weakest; of two, 1 is a half bit and 2 a full one.
        per_token: how many a token has, on average.
        taken: share of its unit's untouched level that such a bit alone takes away: 1/2 to 1 for a
            half bit, 1 and more for a full one; null where no unit has such a level.
        cost: logits that its token loses where the unit is untouched.
        W_in, W_out: the entries.
    """

    strength: int
    per_token: float
    taken: Spread | None
    cost: Spread | None
    W_in: Spread | None
    W_out: Spread | None


@dataclass(frozen=True)
class StateLevels:
    """A unit's activation by its state, zeros included.

    Keys:
        untouched, leaking, covered: over the sets on which it is in that state; null where there
            are none.
        as_said: share of the sets on which it does what its state says, see `state_agreement`;
            null in files of earlier versions.
    """

    untouched: Spread | None
    leaking: Spread | None
    covered: Spread | None
    as_said: float | None = None


@dataclass(frozen=True)
class GradedFalsePositives:
    """The graded hash's covered non-members beside the network's called ones.

    Keys:
        mean: per set.
        correlation: Pearson with the network's over the sets; null where one is constant.
        by_count: shares of the sets with 0, 1, 2 and 3 of them, and with 4 or more.
        by_token: for each token, share of the sets without it on which it is covered; null for one
            that is in every set, and for a list of more than 10,000 tokens.
        token_correlation: over the tokens, with the rates of the network.
    """

    mean: float
    correlation: float | None
    by_count: list[float]
    by_token: list[float | None] | None
    token_correlation: float | None


@dataclass(frozen=True)
class Strengths:
    """The strengths of the bits, and the graded hash run as a graded Bloom filter on the same sets.

    A unit is *untouched* where no token of the set has its bit, *leaking* where one half bit alone
    covers it, *covered* where a full bit or two bits do. A token comes out when every unit is in a
    state of at least its strength there.

    Keys:
        levels: how many strengths there are.
        half_share: of the bits, those below the largest strength.
        bits: a row for each strength, the weakest first.
        bit_margin, full_margin: of the shares of a unit's level that tokens take away alone, the
            distance of the nearest from 1/2, where bits begin, and from 1, where full bits do.
        near_bit: share of the entries that take away 0.35 to 0.65.
        matrices_agree: share of the bits for which W_out says what W_in does: their log cost lies
            on their side of the midpoint of the means of half and full ones. Null without both.
        near_cost: share of the bits closer to that midpoint than 0.15 of the means' distance.
        state_agreement: share of (set, unit) pairs in which the unit does what its state says: it
            is 0 where it is covered, weakly on where it leaks, fully on where it is untouched.
            Weakly on is nearer, by ratio, to the mean leak of the weakest bits than to the
            untouched level. A reversed unit is above 0 just where it is covered.
        state_skill: 1 - errors of the states over those of the best constant answer, or 0.
        leaking: share of (set, unit) pairs in which the unit leaks.
        leaking_on: of those, the share above 0; null where there are none.
        leak_level: mean level there, over the untouched level; null where there are none.
        extracted: the graded hash run as a filter, as `extracted` is the bare hash.
        f1_gain: its F1 by loss minus that of the bare hash, null F1s taken for 1; null where both
            are.
        ranking_failure_f1: how well its false positives predict the ranking failures.
        called_precision, called_recall: of its false positives, those that the network calls; of
            the non-members that the network calls, those that it lets out. Null without either.
        code_failure_share: share of the sets on which it has a false positive.
        unit_levels: a row for each unit; empty in files of earlier versions.
        false_positives: how many it has; null in files of earlier versions.
    """

    levels: int
    half_share: float
    bits: list[BitsOfStrength]
    bit_margin: float
    full_margin: float
    near_bit: float
    matrices_agree: float | None
    near_cost: float | None
    state_agreement: float
    state_skill: float
    leaking: float
    leaking_on: float | None
    leak_level: float | None
    extracted: ExtractedFilter
    f1_gain: float | None
    ranking_failure_f1: float | None
    called_precision: float | None
    called_recall: float | None
    code_failure_share: float
    unit_levels: list[StateLevels] = field(default_factory=list[StateLevels])
    false_positives: GradedFalsePositives | None = None

    @property
    def judged(self) -> dict[str, float | None]:
        """The figures that the verdict rests on, by their names in its rule."""
        return {
            "matrices_agree": self.matrices_agree,
            "state_agreement": self.state_agreement,
            "state_skill": self.state_skill,
            "loss_failure_f1": self.extracted.loss_failure_f1,
            "f1_gain": self.f1_gain,
        }


@dataclass(frozen=True)
class MissingBits:
    """The tokens with so many bits outside the union.

    Keys:
        missing: how many.
        share: of the (set, token) pairs.
        mean, sd: of their logits.
    """

    missing: int
    share: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Readout:
    """How the logits come from the union.

    A logit counts only against the other logits of its set, so each is taken minus the mean logit
    of the set's members. Lines are of least squares, over all (set, token) pairs, members too;
    null where a side does not vary.

    Keys:
        r2, slope, intercept: of the line in the number of missing bits. An exact filter: 1, minus
            the sharpness, 0.
        by_missing_bits: a row for each number of missing bits.
        r2_levels: of the line in the summed levels of the missing bits' units, instead of their
            number; a reversed unit counts by what it falls short of the level that one token with
            its bit gives it.
        W_out: its entries on the bits and elsewhere.
        b_out_on_weight: a token's bias in its number of bits.
        method, sets: which sets: `all`, `drawn`, or `held-out`.
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


@dataclass(frozen=True, repr=False)
class Mechanism(Shown, HashAsFilter, InputModes, ReadingFigures, ReadingBeside):
    """How a network does it: its weights, its units against the union, its readout, its hash.

    Keys:
        verdict: `bloom`, `graded-bloom`, `partly` or `not-bloom`, as the README has it.
        bits_per_token: of the hashes' weights.
        unit_agreement: share of (set, unit) pairs where "unit is 0" equals "covered", or "unit is
            above 0" does where the unit is reversed.
        units: a row for each unit.
        hash_weight: how many bits the tokens have.
        overlaps: bits shared by two tokens; null for one token.
        unit_and_union: what the units do where they are covered, and where not.
        readout: the logits against the union.
        duplicate_hashes: groups of token ids with equal hashes.
        constant_units: units whose entries of W_in are all equal, and so no bit that tells tokens
            apart.
        reversed_units: the units that a bit turns on instead of off, as the weights say: their bits
            are the upper entries of their columns.
        strengths: where half bits are a kind of their own, what bits of each strength do, and the
            graded hash; null where all bits are full, and in files of earlier versions.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        *("verdict", "unit_agreement", "near_threshold", "extracted.loss_failure_f1"),
        *("mode_gap", "bits_per_token.mean", "reading"),
    )

    verdict: Verdict
    bits_per_token: Spread
    unit_agreement: float
    units: list[Unit]
    hash_weight: HashWeight
    overlaps: Overlaps | None
    unit_and_union: UnitAndUnion
    readout: Readout
    duplicate_hashes: list[list[int]]
    constant_units: int
    reversed_units: list[int] = field(default_factory=list[int])
    strengths: Strengths | None = None
