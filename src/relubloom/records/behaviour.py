"""`behaviour.json`: what a network answers, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CountShare:
    """Shares of the sets with `count` false positives; the count 4 stands for 4 or more."""

    count: int
    network: float
    code: float


@dataclass(frozen=True)
class FalsePositives:
    """Called non-members per set beside the code's covered non-members.

    `theory_mean`: the expectation over the best random constant-weight codes; null for sets of
    several sizes. `correlation`: Pearson over the sets; null where one side is constant.
    """

    network_mean: float
    code_mean: float
    theory_mean: float | None
    correlation: float | None
    by_count: list[CountShare]


@dataclass(frozen=True)
class Calls:
    """Shares of the sets with a miss, with a false positive, and with both."""

    sets_with_misses: float
    sets_with_false_positives: float
    sets_with_both: float


@dataclass(frozen=True)
class FilterFigures:
    """The extracted code as an infinitely sharp Bloom filter on the same sets."""

    mse: float
    kl: float
    p_exact: float
    false_positives: float


@dataclass(frozen=True)
class TheoryFigures:
    """Expectations over random codes of the weight that is best at the network's own size."""

    mse: float
    p_exact: float
    false_positives: float


@dataclass(frozen=True)
class SizeFigures:
    """Means over `sets` sets of one size; `false_positives` and `misses` are counts per set."""

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


@dataclass(frozen=True)
class LogitChange:
    """Over the sets: percentiles of the largest absolute change of a called token's log p."""

    median: float
    p95: float


@dataclass(frozen=True)
class RepeatedToken:
    """One member of each set, drawn at random, is given twice; shares are of the sets.

    `same_calls`: the same tokens are called as before. `lost_members`: a member that was called no
    longer is. `logit_change` is over the tokens called before, in nats.
    """

    sets: int
    same_calls: float
    lost_members: float
    logit_change: LogitChange


@dataclass(frozen=True)
class GrownSets:
    """Over the sequences' first `set_size` tokens: share of members called, and false positives
    per set of the network and of the code."""

    set_size: int
    members_called: float
    false_positives: float
    code_false_positives: float


@dataclass(frozen=True)
class Growth:
    """Sequences of `steps` distinct tokens, drawn uniformly, given token after token.

    `kept_members`: share of the additions (the first token's among them) after which every
    member is called. `kept_false_positives`: of the called non-members that the next token is
    not one of, the share still called after it; null where there were none. A code keeps all.
    """

    sequences: int
    steps: int
    kept_members: float
    kept_false_positives: float | None
    by_size: list[GrownSets]


@dataclass(frozen=True)
class Uniformity:
    """Over the sets: k times the least member's p, divided by the members' sum; 1 when equal."""

    mean: float
    p01: float
    least: float


@dataclass(frozen=True)
class MemberMass:
    """Over the sets: the sum of p over the members, its mean, least, 1st and 50th percentile."""

    mean: float
    least: float
    p01: float
    p50: float
    uniformity: Uniformity


@dataclass(frozen=True)
class Confusion:
    """The pairs with the largest shares, and how well the code predicts the share of each pair.

    Of each of `pairs`: `called` is the share of the `sets` that hold the token `with`, and not
    `token`, on which `token` is called; `code` is the share of them on which the code covers it.
    `correlation`: Pearson over all ordered pairs that enough sets speak of (at least 30; of all
    sets, one).
    """

    pairs: list[dict[str, Any]]
    correlation: float | None
    method: str
    sets: int


@dataclass(frozen=True)
class TokenFigures:
    """One token: shares of the sets without it on which it is called (and covered), share of the
    sets with it on which it is missed, and the mean mse of these sets, `sets` of them."""

    token: int
    sets: int
    mse: float
    miss_rate: float
    false_positive_rate: float | None
    code_false_positive_rate: float | None


@dataclass(frozen=True)
class Tokens:
    """Rates by token id, null above 10,000 tokens and, inside, for a token that no set holds.

    `worst`: the tokens whose sets have the largest mean mse. `correlation`: Pearson over the
    tokens, the network's false positive rates against the code's.
    """

    false_positive_rate: list[float | None] | None
    miss_rate: list[float | None] | None
    code_false_positive_rate: list[float | None] | None
    mse: list[float | None] | None
    correlation: float | None
    worst: list[TokenFigures]


@dataclass(frozen=True)
class Behaviour:
    """Means over the sets, copies counted; shares are of sets.

    `p_exact`: all members strictly above all others. `ranking_failures`, `loss_failures`: shares
    by the two definitions of failing. `miss_share`, `false_positive_share`: sets with a member
    not called, and with a called non-member (`one_sided` when there are false positives and no
    misses).
    `unseen_tokens`: the figures over sets with a token never trained on, null where there are none.
    The blocks from `false_positives` on explain themselves.
    `sets` counts what was evaluated; `method` says how they came about ("all" leaves none out).
    """

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
    by_set_size: list[dict[str, Any]]
    unseen_tokens: dict[str, Any] | None
    false_positives: FalsePositives
    calls: Calls
    set_sizes: list[SizeFigures]
    repeated_token: RepeatedToken
    growth: Growth
    member_mass: MemberMass
    confusion: Confusion | None
    tokens: Tokens
