"""Black box: what the network answers, seen from its inputs and outputs alone."""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.behaviour.confusion import measure_confusion
from relubloom.evidence.behaviour.false_positives import measure_calls, measure_false_positives
from relubloom.evidence.behaviour.growth import measure_growth
from relubloom.evidence.behaviour.member_mass import measure_member_mass
from relubloom.evidence.behaviour.random_codes import random_codes_for
from relubloom.evidence.behaviour.repeated_token import measure_repeated_token
from relubloom.evidence.behaviour.set_sizes import measure_set_sizes
from relubloom.evidence.behaviour.tokens import measure_tokens
from relubloom.evidence.scores import OnSets, SetScores
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import Behaviour, SizeSubset, SubsetFigures
from relubloom.task import SetCollection


def measure_behaviour(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    scores: SetScores,
    *,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Behaviour:
    """Sum up the scores of a network, and put further sets to it.

    `scores` are those of net and code on `sets`. `on_sets(done, total)` counts the sets of other
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
        set_sizes=measure_set_sizes(net, code, scores, random, workers, on_sets),
        repeated_token=measure_repeated_token(net, sets, workers),
        growth=measure_growth(net, code, largest, workers),
        member_mass=measure_member_mass(scores),
        confusion=measure_confusion(scores, sets),
        tokens=measure_tokens(scores),
    )


def _subset(scores: SetScores, chosen: NDArray[np.bool_]) -> SubsetFigures:
    copies = scores.copies[chosen]
    return SubsetFigures(
        sets=int(chosen.sum()),
        mse=float(np.average(scores.mse[chosen], weights=copies)),
        p_exact=float(np.average(~scores.ranking_failure[chosen], weights=copies)),
    )
