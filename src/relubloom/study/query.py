"""One question to a network: these tokens in, which come out, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.network.relu_net import ReluNet

SHOWN = 10
HALF = 0.5


@dataclass(frozen=True)
class Scored:
    """A token with its probability and logit; `missing_bits` are its bits outside the union."""

    token: str
    probability: float
    logit: float
    member: bool
    missing_bits: int


@dataclass(frozen=True)
class FalsePositive:
    """A token that was not put in and comes out.

    `called`: the network gives it at least half of the largest probability. `covered`: the
    code covers all its bits. `covered_by`: for each of its bits the members that have it.
    """

    token: str
    called: bool
    covered: bool
    covered_by: dict[int, list[str]]


@dataclass(frozen=True)
class Answer:
    """What the network answers to a set, and what its hash says of it.

    `union`: units with a bit of a member; `units_off`: units at 0; `misses`: members that are
    not called; `top`: the tokens of highest probability, members first among equals.
    """

    members: list[str]
    union: list[int]
    units_off: list[int]
    top: list[Scored]
    misses: list[str]
    false_positives: list[FalsePositive]


def ask(net: ReluNet, code: Code, labels: tuple[str, ...], tokens: list[str]) -> Answer:
    """Put the tokens in and explain what comes out (float64).

    Raises:
        UsageError: a token is not in the vocabulary, or stands twice.
    """
    ids = [token_id(token, labels) for token in tokens]
    repeated = [labels[i] for i in ids if ids.count(i) > 1]
    if repeated:
        raise UsageError(f"token {repeated[0]!r} is given twice; a set holds a token once")
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    with torch.no_grad():
        logits, cache = exact.run_with_cache(torch.tensor([ids]), "hook_post")
    p = logits[0].softmax(-1)
    called = p >= HALF * p.max()
    missing = code.missing_bits([ids])[0]
    member = torch.zeros(net.vocab_size, dtype=torch.bool)
    member[ids] = True
    order = sorted(range(net.vocab_size), key=lambda t: (-float(p[t]), not bool(member[t])))
    wrong = [t for t in order if not member[t] and (called[t] or missing[t] == 0)]
    return Answer(
        members=[labels[i] for i in ids],
        union=code.union([ids])[0].nonzero()[0].tolist(),
        units_off=(cache["hook_post"][0] == 0).nonzero().flatten().tolist(),
        top=[
            Scored(labels[t], float(p[t]), float(logits[0, t]), bool(member[t]), int(missing[t]))
            for t in order[: max(SHOWN, len(ids))]
        ],
        misses=[labels[i] for i in ids if not called[i]],
        false_positives=[
            FalsePositive(
                labels[t],
                called=bool(called[t]),
                covered=bool(missing[t] == 0),
                covered_by=_covered_by(code, t, ids, labels),
            )
            for t in wrong
        ],
    )


def token_id(token: str, labels: tuple[str, ...]) -> int:
    """The id of a label; a number that is no label is taken as an id.

    Raises:
        UsageError: it is neither.
    """
    if token in labels:
        return labels.index(token)
    if token.isdecimal() and int(token) < len(labels):
        return int(token)
    raise UsageError(
        f"token {token!r} is not in the vocabulary of {len(labels)} tokens "
        f"({labels[0]} ... {labels[-1]}); give a label or an id from 0 to {len(labels) - 1}"
    )


def _covered_by(
    code: Code, token: int, members: list[int], labels: tuple[str, ...]
) -> dict[int, list[str]]:
    bits = code.bits[token].nonzero()[0].tolist()
    return {bit: [labels[m] for m in members if code.bits[m, bit]] for bit in bits}
