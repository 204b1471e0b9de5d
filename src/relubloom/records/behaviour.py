"""`behaviour.json`: what a network answers, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from relubloom.shown import Shown


@dataclass(frozen=True)
class CountShare:
    """Shares of the sets with that many false positives.

    Keys:
        count: how many; 4 stands for 4 or more.
        network, code: the shares.
    """

    count: int
    network: float
    code: float


@dataclass(frozen=True)
class FalsePositives:
    """Called non-members per set beside the code's covered non-members.

    Keys:
        network_mean, code_mean: means over the sets.
        theory_mean: the expectation over random constant-weight codes of the weight with the
            least mse; null for sets of several sizes.
        correlation: Pearson of network and code over the sets; null where one is constant.
        by_count: shares of the sets by their number of false positives.
    """

    network_mean: float
    code_mean: float
    theory_mean: float | None
    correlation: float | None
    by_count: list[CountShare]


@dataclass(frozen=True)
class Calls:
    """Shares of the sets with errors of either kind.

    Keys:
        sets_with_misses, sets_with_false_positives, sets_with_both: the shares.
    """

    sets_with_misses: float
    sets_with_false_positives: float
    sets_with_both: float


@dataclass(frozen=True)
class FilterFigures:
    """The extracted code as an infinitely sharp Bloom filter on the same sets.

    Keys:
        mse, kl, p_exact, false_positives: as of the network.
    """

    mse: float
    kl: float
    p_exact: float
    false_positives: float


@dataclass(frozen=True)
class TheoryFigures:
    """Expectations over random codes of the weight that is best at the network's own size.

    Keys:
        mse, p_exact, false_positives: as of the network.
    """

    mse: float
    p_exact: float
    false_positives: float


@dataclass(frozen=True)
class SaidByStrengths:
    """What the graded hash says of sets of another size.

    Bits write what they write in sets of that size (`network.strengths.written_in_sets_of`), and
    tokens ask for their strengths as ever. Tokens that come out share the mass equally.

    Keys:
        mse, false_positives, misses: as of the network.
    """

    mse: float
    false_positives: float
    misses: float


@dataclass(frozen=True)
class SizeFigures:
    """Means over sets of one size.

    Keys:
        set_size, sets: the size, and how many sets.
        method: `drawn uniformly` where each set of that size is equally likely, whatever the
            task's source; else as above.
        mse, kl, p_exact: of the network.
        false_positives, misses: counts per set.
        code: the same of the extracted code.
        theory: expectations over random codes of the weight that is best at the network's own
            size; null for sets of several sizes.
        said: by the graded hash, at sizes other than the network's own; null where bits have one
            strength, and in files of earlier versions.
    """

    set_size: int
    sets: int
    method: str
    mse: float
    kl: float
    p_exact: float
    false_positives: float
    misses: float
    code: FilterFigures
    theory: TheoryFigures | None
    said: SaidByStrengths | None = None


@dataclass(frozen=True)
class LogitChange:
    """Of the largest absolute change of log p among the tokens called before, in nats.

    Keys:
        median, p95: over the sets.
    """

    median: float
    p95: float


@dataclass(frozen=True)
class RepeatedToken:
    """The answer to a set, and to the same set with one member, drawn at random, given twice.

    Keys:
        sets: how many were compared.
        same_calls: share with the same tokens called.
        lost_members: share where a called member no longer is.
        logit_change: how far the answers lie apart.
    """

    sets: int
    same_calls: float
    lost_members: float
    logit_change: LogitChange


@dataclass(frozen=True)
class GrownSets:
    """The first `set_size` tokens of the sequences.

    Keys:
        set_size: how many tokens were given.
        members_called: share of the members that are called.
        false_positives, code_false_positives: per set, of the network and of the code.
    """

    set_size: int
    members_called: float
    false_positives: float
    code_false_positives: float


@dataclass(frozen=True)
class Growth:
    """Sequences of distinct tokens, drawn uniformly, given token after token.

    Keys:
        sequences, steps: how many, and of how many tokens each.
        kept_members: share of the additions, the first token's among them, after which every
            member is called.
        kept_false_positives: of the called non-members other than the next token, the share still
            called after it; null where there were none.
        by_size: a row for each number of tokens given.
    """

    sequences: int
    steps: int
    kept_members: float
    kept_false_positives: float | None
    by_size: list[GrownSets]


@dataclass(frozen=True)
class Uniformity:
    """k times the least member's p, divided by the members' sum; 1 when all are equal.

    Keys:
        mean, p01, least: over the sets.
    """

    mean: float
    p01: float
    least: float


@dataclass(frozen=True)
class MemberMass:
    """The sum of p over the members.

    Keys:
        mean, least, p01, p50: over the sets; the latter are percentiles.
        uniformity: how evenly the members share it.
    """

    mean: float
    least: float
    p01: float
    p50: float
    uniformity: Uniformity


@dataclass(frozen=True)
class ConfusedPair:
    """One token called, or covered, beside another.

    Keys:
        token, with: the one called, and the one in the set.
        sets: how many hold `with` and not `token`.
        called: the share of them on which the network calls `token`.
        code: the share of them on which the code covers it.
    """

    token: int
    with_: int
    sets: int
    called: float
    code: float


@dataclass(frozen=True)
class Confusion:
    """How well the code predicts, for each ordered pair of tokens, how often the one is called
    beside the other.

    Keys:
        pairs: the 20 with the largest share `called`.
        correlation: Pearson of `called` with `code` over all ordered pairs that enough sets speak
            of: at least 30 of a sample, one of all sets.
        method, sets: as above.
    """

    pairs: list[ConfusedPair]
    correlation: float | None
    method: str
    sets: int


@dataclass(frozen=True)
class TokenFigures:
    """One token.

    Keys:
        token: its id.
        sets, mse: how many sets hold it, and their mean mse.
        miss_rate: share of the sets with it on which it is not called.
        false_positive_rate, code_false_positive_rate: shares of the sets without it on which it
            is called, and covered.
    """

    token: int
    sets: int
    mse: float
    miss_rate: float
    false_positive_rate: float | None
    code_false_positive_rate: float | None


@dataclass(frozen=True)
class Tokens:
    """Rates by token id; null for a token that no set holds, and whole lists null above 10,000
    tokens.

    Keys:
        false_positive_rate, code_false_positive_rate: of the sets without the token.
        miss_rate, mse: of the sets with the token.
        correlation: Pearson over the tokens, the network's false positive rates against the code's.
        worst: the 20 tokens whose sets have the largest mean mse.
    """

    false_positive_rate: list[float | None] | None
    miss_rate: list[float | None] | None
    code_false_positive_rate: list[float | None] | None
    mse: list[float | None] | None
    correlation: float | None
    worst: list[TokenFigures]

    def __post_init__(self) -> None:
        lists = self.false_positive_rate, self.miss_rate, self.code_false_positive_rate, self.mse
        lengths = sorted({len(each) for each in lists if each is not None})
        if len(lengths) > 1:
            raise ValueError(f"lists by token have {lengths[0]} and {lengths[-1]} entries")


@dataclass(frozen=True)
class SubsetFigures:
    """Some of the sets that the figures are over.

    Keys:
        sets: how many, copies not counted.
        mse, p_exact: means over them, copies counted.
    """

    sets: int
    mse: float
    p_exact: float


@dataclass(frozen=True)
class SizeSubset(SubsetFigures):
    """The sets of one size.

    Keys:
        set_size: the size.
    """

    set_size: int


@dataclass(frozen=True)
class LinesOfFile:
    """Which lines of a file of sets were evaluated.

    Keys:
        path, sha256: the file, and what its content is known by.
        lines: how many lines the figures count, copies of a set included.
        left_out, bad_lines: lines of other sizes, and lines that were skipped on request.
        held_out: whether the lines are the fifth that the network was not trained on; otherwise all
            lines count.
    """

    path: str
    sha256: str
    lines: int
    left_out: int
    bad_lines: int
    held_out: bool


@dataclass(frozen=True, repr=False)
class Behaviour(Shown):
    """What a network answers: means over the sets, copies counted, in float64 arithmetic.

    Keys:
        sets, method: how many sets, and how they came about: `all` (none left out), `drawn` (a
            seeded sample), `held-out` (lines of a file that were not trained on), `listed`
            (all lines of a file, or all sets of a list).
        mse, kl: summed over tokens, mean over sets; kl in nats, 0 is perfect.
        p_exact: share of the sets whose members are all strictly above all others.
        ranking_failures, loss_failures: shares of the sets: not exact; mse above 1/(2k(k+1)).
        miss_share, false_positive_share: shares of the sets with a miss, with a false positive.
        one_sided: whether there are false positives and no misses.
        by_set_size: a row for each size among the sets.
        unseen_tokens: the sets with a token that no training set holds; null where there are none.
        false_positives: of the network and of its code, per set.
        calls: how often the network misses or adds.
        set_sizes: a row for each size from 1 to twice the largest; of more than 32, some.
        repeated_token: what a token given twice changes.
        growth: what is kept as tokens are added.
        member_mass: how much of p the members have, and how evenly.
        confusion: pairs of tokens; null above 2,048 tokens.
        tokens: token by token.
        source: of which sets these are: `uniform` (all equally likely), `zipf`, `file`, or `given`
            (a list, in Python); null in the files of earlier versions.
        file: the file whose lines they are; null where they are none, or not known.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("sets", "method", "mse", "kl", "p_exact", "loss_failures")

    sets: int
    method: str
    mse: float
    kl: float
    p_exact: float
    ranking_failures: float
    loss_failures: float
    miss_share: float
    false_positive_share: float
    one_sided: bool
    by_set_size: list[SizeSubset]
    unseen_tokens: SubsetFigures | None
    false_positives: FalsePositives
    calls: Calls
    set_sizes: list[SizeFigures]
    repeated_token: RepeatedToken
    growth: Growth
    member_mass: MemberMass
    confusion: Confusion | None
    tokens: Tokens
    source: str | None = None
    file: LinesOfFile | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """The smallest and the largest of the sets."""
        found = [row.set_size for row in self.by_set_size]
        return min(found), max(found)


def figures_over(behaviour: Behaviour, file: str | None = None) -> str:
    """Which sets the figures are over, in words: "all 2,763,520 sets of 3 tokens".

    `file` is what to call the file whose lines they are, its path if left out.
    """
    low, high = behaviour.sizes
    sizes = f"{low} to {high} tokens" if low < high else _several(low, "token")
    if (lines := behaviour.file) is not None:
        which = "the held-out" if lines.held_out else "all" if lines.lines > 1 else "the"
        distinct = _several(behaviour.sets, "distinct set")
        copies = "" if lines.lines == behaviour.sets else f" ({distinct})"
        return f"{which} {_several(lines.lines, 'line')} of {sizes} in {file or lines.path}{copies}"
    before, kind = {
        "all": ("all " if behaviour.sets > 1 else "the ", "set"),
        "drawn": ("", "drawn set"),
        "listed": ("", "given set"),
    }.get(behaviour.method, ("", "held-out set"))
    return f"{before}{_several(behaviour.sets, kind)} of {sizes}"


def _several(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
