"""Rungs scored on sets, and the losses of their fits as autograd can follow them."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from relubloom.code import Code
from relubloom.evidence.ladder import climb, sets_for_ladder
from relubloom.evidence.ladder.ladder_sets import LadderSets
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.scoring import score_rungs
from relubloom.measure.one_pass import one_pass
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Ladder, ScoredRung
from relubloom.task import SetCollection

FEW_STEPS = 3  # of a fit, where its end does not matter
HAIR, FAR = 0.1, 10.0  # logits


def shown(
    net: ReluNet,
    sets: SetCollection,
    most: int | None = None,
    *,
    fit: bool = True,
    drawn: int = 500_000,
    workers: int = 1,
) -> LadderSets:
    """What a ladder keeps of a pass over the sets."""
    seen = LadderSets(sets, net.vocab_size, most, fit=fit, drawn=drawn)
    one_pass(net, sets, [seen], workers=workers)
    return seen


def climb_ladder(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    *,
    workers: int = 1,
    most_sets: int | None = None,
    fit: bool = True,
    **how: Any,
) -> Ladder:
    """Score the rungs on the sets, in a pass of their own; `how` are arguments of `climb`."""
    seen = sets_for_ladder(net, code, sets, most_sets, fit=fit)
    one_pass(net, sets, [seen], workers=workers)
    return climb(net, code, seen, workers=workers, **how)


def scored_rows(net: ReluNet, rungs: Iterable[Rung], sets: SetCollection) -> list[ScoredRung]:
    """The rungs' figures on all of the sets."""
    return score_rungs(net, rungs, shown(net, sets, fit=False).scored)


def deeper(code: Code) -> ReluNet:
    """The exact network of the code, but that no two bits have the same entry, all far enough."""
    exact = construct(code, 20.0)
    depth = torch.rand(exact.W_in.shape, generator=torch.Generator().manual_seed(0))
    return ReluNet(exact.W_in.detach() * (1 + depth), exact.b_in, exact.W_out, exact.b_out)


def task_loss(logits: Tensor, sets: Tensor, objective: str) -> Tensor:
    """Mean of the objective over the sets, without its constant."""
    vocab = logits.shape[1]
    real = sets < vocab
    ids, size = sets.clamp(max=vocab - 1), real.sum(1)
    if objective == "kl":
        members = logits.log_softmax(1).gather(1, ids)
        return -((members * real).sum(1) / size).mean()
    p = logits.softmax(1)
    return (p.square().sum(1) - 2 * (p.gather(1, ids) * real).sum(1) / size).mean()


def divergence(of: Tensor, true: Tensor) -> Tensor:
    """Mean over sets of KL(true || of), both given as logits."""
    wanted = true.log_softmax(1)
    return (wanted.exp() * (wanted - of.log_softmax(1))).sum(1).mean()


def ranking_divergence(of: Tensor, true: Tensor, sets: Tensor) -> Tensor:
    """Mean over sets of the KL between the two's chances that the set is ranked right."""
    wanted = margins(true, sets) / HAIR
    cross = nn.functional.binary_cross_entropy_with_logits
    return cross(margins(of, sets) / HAIR, wanted.sigmoid()) - cross(wanted, wanted.sigmoid())


def margins(logits: Tensor, sets: Tensor) -> Tensor:
    """The least member's logit minus the greatest other's, within +-FAR; padding is no member."""
    vocab = logits.shape[1]
    padded = nn.functional.pad(logits, (0, 1), value=torch.inf)
    others = padded.scatter(1, sets, -torch.inf)[:, :vocab]
    return (padded.gather(1, sets).amin(1) - others.amax(1)).clamp(-FAR, FAR)
