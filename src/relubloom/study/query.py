"""One question to a network: these tokens in, which come out, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.errors import UsageError
from relubloom.measure.forward import in_float64
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import extract_graded_code
from relubloom.records.folder_task import said_sizes
from relubloom.records.run_folder import read_graded_code

SHOWN = 10
LISTED = 1000  # false positives that are explained one by one
CALLED = 0.5  # of the largest probability: what a token needs to be called

State = Literal["untouched", "leaking", "covered"]


@dataclass(frozen=True)
class Scored:
    """A token with its probability and logit; `missing_bits` are its bits outside the union.

    Of these `missing_half_bits` are half bits; a full bit is missing where its unit leaks, too.
    """

    token: str
    probability: float
    logit: float
    member: bool
    missing_bits: int
    missing_half_bits: int = 0


@dataclass(frozen=True)
class FalsePositive:
    """A token that was not put in and comes out.

    `called`: the network gives it at least half of the largest probability. `covered`: the
    code covers all its bits. `covered_by`: for each of its bits the members that have it.
    `half_bits`: those that are half; `states`: for each of its bits what the members make of the
    unit, *covered* by a full bit or by two, *leaking* under one half bit alone, or *untouched*;
    both are empty where all bits of the code are full.
    """

    token: str
    called: bool
    covered: bool
    covered_by: dict[int, list[str]]
    half_bits: list[int] = field(default_factory=list[int])
    states: dict[int, State] = field(default_factory=dict[int, State])


@dataclass(frozen=True)
class Answer:
    """What the network answers to a set, and what its hash says of it.

    `union`: units with a bit of a member; `leaking`: those of them that one half bit alone covers;
    `units_off`: units at 0; `misses`: members that are not called; `top`: the tokens of highest
    probability, members first among equals; `false_positives`: the first 1,000 of
    `all_false_positives`, those of highest probability.
    """

    members: list[str]
    union: list[int]
    units_off: list[int]
    top: list[Scored]
    misses: list[str]
    false_positives: list[FalsePositive]
    leaking: list[int] = field(default_factory=list[int])
    all_false_positives: int = 0


def code_of(folder: Path, net: ReluNet, asked: int) -> GradedCode:
    """The code of a run folder; that of its network where it was not examined.

    That takes the folder's set size, the larger of a range, or `asked` where it says none.

    Raises:
        FileError: `code.npz` is damaged.
    """
    found = read_graded_code(folder)
    if found is not None and found.strengths.shape == net.W_in.shape:
        return found
    try:
        sizes = said_sizes(folder)
    except UsageError:
        sizes = asked
    return extract_graded_code(net, sizes if isinstance(sizes, int) else max(sizes))


def ask(
    net: ReluNet, code: Code | GradedCode, labels: tuple[str, ...], tokens: list[str]
) -> Answer:
    """Put the tokens in and explain what comes out (float64).

    Cost: O(vocab width), 4 s for a million tokens and 48 units.

    Raises:
        UsageError: a token is not in the vocabulary, or stands twice.
    """
    ids = [token_id(token, labels) for token in tokens]
    repeated = [labels[i] for i in ids if ids.count(i) > 1]
    if repeated:
        raise UsageError(f"token {repeated[0]!r} is given twice; a set holds a token once")
    with torch.no_grad():
        logits, cache = in_float64(net).run_with_cache(torch.tensor([ids]), "hook_post")
    p = logits[0].softmax(-1)
    called = p >= CALLED * p.max()
    graded = as_graded(code)
    states = graded.states([ids])[0]
    member = torch.zeros(net.vocab_size, dtype=torch.bool)
    member[ids] = True
    order = np.lexsort((~member.numpy(), -p.numpy()))
    out = called.numpy() | (states >= graded.strengths).all(1)
    wrong = order[(out & ~member.numpy())[order]]
    return Answer(
        members=[labels[i] for i in ids],
        union=states.nonzero()[0].tolist(),
        leaking=((states > 0) & (states < graded.levels)).nonzero()[0].tolist(),
        units_off=(cache["hook_post"][0] == 0).nonzero().flatten().tolist(),
        top=[
            Scored(
                labels[t],
                float(p[t]),
                float(logits[0, t]),
                bool(member[t]),
                int((states < graded.strengths[t]).sum()),
                int(((states < graded.strengths[t]) & (graded.strengths[t] < graded.levels)).sum()),
            )
            for t in order[: max(SHOWN, len(ids))].tolist()
        ],
        misses=[labels[i] for i in ids if not called[i]],
        false_positives=[
            _false_positive(graded, t, ids, labels, bool(called[t]), states)
            for t in wrong[:LISTED].tolist()
        ],
        all_false_positives=len(wrong),
    )


def _false_positive(
    code: GradedCode,
    token: int,
    members: list[int],
    labels: tuple[str, ...],
    called: bool,
    states: NDArray[np.uint8],
) -> FalsePositive:
    strengths = code.strengths[token]
    bits: list[int] = strengths.nonzero()[0].tolist()
    return FalsePositive(
        labels[token],
        called=called,
        covered=bool((states >= strengths).all()),
        covered_by={bit: [labels[m] for m in members if code.bits[m, bit]] for bit in bits},
        half_bits=[bit for bit in bits if strengths[bit] < code.levels],
        states={}
        if code.levels == 1
        else {bit: _state(int(states[bit]), code.levels) for bit in bits},
    )


def _state(state: int, levels: int) -> State:
    if state == levels:
        return "covered"
    return "leaking" if state else "untouched"


def token_id(token: str, labels: tuple[str, ...]) -> int:
    """The id of a label; a number that is no label is taken as an id.

    Raises:
        UsageError: it is neither.
    """
    if token in labels:
        return labels.index(token)
    if token.isdecimal() and int(token) < len(labels):
        return int(token)
    alike = [label for label in labels if label.casefold() == token.casefold()]
    meant = f"{alike[0]!r}, another" if alike else "a"
    raise UsageError(
        f"token {token!r} is not in the vocabulary of {len(labels)} tokens "
        f"({labels[0]} ... {labels[-1]}); give {meant} label or an id from 0 to {len(labels) - 1}"
    )
