"""Black box: what the network answers, seen from its inputs and outputs alone."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.evidence.behaviour.added_tokens import measure_growth, measure_repeated_token
from relubloom.evidence.behaviour.set_sizes import (
    RandomCodes,
    measure_set_sizes,
    random_codes_for,
)
from relubloom.evidence.scores import SetScores
from relubloom.measure.one_pass import OnSets
from relubloom.measure.statistics import pearson, percentiles, rates, weighted_mean
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import (
    Behaviour,
    Calls,
    ConfusedPair,
    Confusion,
    CountShare,
    FalsePositives,
    LinesOfFile,
    MemberMass,
    SizeSubset,
    SubsetFigures,
    TokenFigures,
    Tokens,
    Uniformity,
)
from relubloom.task import ListedSets, SetCollection

MANY = 4  # the last count of false positives stands for itself and more
LISTED_UP_TO = 10_000  # tokens; above, only the worst are given
WORST = 20
TIE_DIGITS = 7  # equal to so many digits of the largest mse is a tie, which goes by token id
LEAST = 1e-30
ENOUGH = 30  # sets of a sample that a pair's share must rest on


def measure_behaviour(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    scores: SetScores,
    *,
    workers: int = 1,
    on_sets: OnSets | None = None,
    graded: GradedCode | None = None,
) -> Behaviour:
    """Sum up the scores of a network, and put further sets to it.

    `scores` are those of net and code on `sets`, and `graded` is the code with its strengths.
    `on_sets(done, total)` counts the sets of other
    sizes. Cost: that of about 200,000 sets at 256 tokens, of 160,000 at 1,000 and of 30,000 at
    50,000, with 3 to 8 tokens a set.
    """
    misses = scores.mean(scores.misses > 0)
    false_positives = scores.mean(scores.false_positives > 0)
    smallest, largest = int(scores.set_size.min()), int(scores.set_size.max())
    one_size = smallest == largest
    random = random_codes_for(net.vocab_size, net.width, largest) if one_size else None
    return Behaviour(
        sets=len(scores.mse),
        method=scores.method,
        mse=scores.mean(scores.mse),
        kl=scores.mean(scores.kl),
        p_exact=scores.mean(~scores.ranking_failure),
        ranking_failures=scores.mean(scores.ranking_failure),
        loss_failures=scores.mean(scores.loss_failure),
        miss_share=misses,
        false_positive_share=false_positives,
        one_sided=misses == 0 and false_positives > 0,
        by_set_size=[
            SizeSubset(**vars(_subset(scores, scores.set_size == size)), set_size=int(size))
            for size in np.unique(scores.set_size)
        ],
        unseen_tokens=_subset(scores, scores.unseen) if scores.unseen.any() else None,
        false_positives=measure_false_positives(scores, random),
        calls=measure_calls(scores),
        set_sizes=measure_set_sizes(net, code, scores, random, workers, on_sets, graded),
        repeated_token=measure_repeated_token(net, sets, workers),
        growth=measure_growth(net, code, largest, workers),
        member_mass=measure_member_mass(scores),
        confusion=measure_confusion(scores),
        tokens=measure_tokens(scores),
        source=sets.source,
        file=lines_of_file(sets),
    )


def lines_of_file(sets: SetCollection) -> LinesOfFile | None:
    """Which lines of which file they are; None where they are none."""
    if not isinstance(sets, ListedSets) or sets.file is None:
        return None
    file = sets.file
    return LinesOfFile(
        path=file.path,
        sha256=file.sha256,
        lines=int(sets.copies.sum()),
        left_out=file.left_out,
        bad_lines=file.bad_lines,
        held_out=sets.method == "held-out",
    )


def measure_false_positives(scores: SetScores, random: RandomCodes | None) -> FalsePositives:
    """Compare counts set by set. `random`: the best random codes for the sets' one size."""
    network, code = scores.false_positives, scores.code_false_positives
    expected = random and random.at(int(scores.set_size[0]))
    return FalsePositives(
        network_mean=scores.mean(network),
        code_mean=scores.mean(code),
        theory_mean=expected and expected.false_positives,
        correlation=pearson(network.astype(float), code.astype(float), scores.copies),
        by_count=[
            CountShare(count, share, code_share)
            for count, (share, code_share) in enumerate(
                zip(count_shares(scores, network), count_shares(scores, code), strict=True)
            )
        ],
    )


def measure_calls(scores: SetScores) -> Calls:
    """Misses against false positives, by the calling rule."""
    missing, false = scores.misses > 0, scores.false_positives > 0
    return Calls(scores.mean(missing), scores.mean(false), scores.mean(missing & false))


def measure_member_mass(scores: SetScores) -> MemberMass:
    """Sum up. A percentile is the least value that this share of the sets does not exceed."""
    p01, p50 = percentiles(scores.member_mass, scores.copies, (0.01, 0.5))
    (even,) = percentiles(scores.uniformity, scores.copies, (0.01,))
    return MemberMass(
        mean=scores.mean(scores.member_mass),
        least=float(scores.member_mass.min()),
        p01=p01,
        p50=p50,
        uniformity=Uniformity(
            mean=scores.mean(scores.uniformity), p01=even, least=float(scores.uniformity.min())
        ),
    )


def measure_tokens(scores: SetScores, listed_up_to: int = LISTED_UP_TO) -> Tokens:
    """Turn the counts by token into rates; copies count."""
    counts = scores.tokens
    held, absent = counts.sets, scores.copies.sum() - counts.sets
    called = rates(counts.false_positives, absent)
    covered = rates(counts.code_false_positives, absent)
    missed, mse = rates(counts.misses, held), rates(counts.mse, held)
    known = absent > 0
    known_mse = np.where(held > 0, mse, 0.0)
    ranked = np.round(known_mse / max(known_mse.max(), LEAST), TIE_DIGITS)
    order = np.argsort(-np.where(held > 0, ranked, -np.inf), kind="stable")[:WORST].tolist()
    listed = len(held) <= listed_up_to
    return Tokens(
        false_positive_rate=nullable(called) if listed else None,
        miss_rate=nullable(missed) if listed else None,
        code_false_positive_rate=nullable(covered) if listed else None,
        mse=nullable(mse) if listed else None,
        correlation=pearson(called[known], covered[known]),
        worst=[
            TokenFigures(
                token=token,
                sets=round(float(held[token])),
                mse=float(mse[token]),
                miss_rate=float(missed[token]),
                false_positive_rate=nullable(called[[token]])[0],
                code_false_positive_rate=nullable(covered[[token]])[0],
            )
            for token in order
            if held[token] > 0
        ],
    )


def measure_confusion(scores: SetScores, enough_sets: int = ENOUGH) -> Confusion | None:
    """Share by ordered pair. None above 2,048 tokens: a sample holds too few sets of each pair;
    and None where no pair has enough sets.

    Cost: O(vocab^2).
    """
    counts = scores.tokens
    called, covered = counts.false_positives_beside, counts.code_false_positives_beside
    if called is None or covered is None or counts.together is None:
        return None
    without = counts.sets - counts.together  # at [t, w]: the sets that hold w and not t
    enough = without >= (1 if scores.method == "all" else enough_sets)
    np.fill_diagonal(enough, False)
    if not enough.any():
        return None
    counted = without[enough]
    share, predicted = called[enough] / counted, covered[enough] / counted
    tokens, beside = np.nonzero(enough)
    order = np.lexsort((-counted, -share))[:WORST].tolist()
    return Confusion(
        pairs=[
            ConfusedPair(
                token=int(tokens[place]),
                with_=int(beside[place]),
                sets=round(float(counted[place])),
                called=float(share[place]),
                code=float(predicted[place]),
            )
            for place in order
            if share[place] > 0
        ],
        correlation=pearson(share, predicted),
        method=scores.method,
        sets=len(scores.mse),
    )


def _subset(scores: SetScores, chosen: NDArray[np.bool_]) -> SubsetFigures:
    copies = scores.copies * chosen
    return SubsetFigures(
        sets=int(chosen.sum()),
        mse=weighted_mean(scores.mse, copies),
        p_exact=weighted_mean(~scores.ranking_failure, copies),
    )


def count_shares(scores: SetScores, counts: NDArray[np.int32]) -> list[float]:
    """Shares of the sets with 0, 1, 2 and 3 false positives, and with 4 or more."""
    capped = np.minimum(counts, MANY)
    found = np.bincount(capped, weights=scores.copies, minlength=MANY + 1)
    return (found / found.sum()).tolist()


def nullable(values: NDArray[np.float64]) -> list[float | None]:
    """The values, None for NaN."""
    return [None if np.isnan(value) else value for value in values.tolist()]
