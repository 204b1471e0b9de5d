"""A network evaluated in exact rationals, one set at a time: slow, plain, and shares no code."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from relubloom.network.relu_net import ReluNet

DIGITS = 60
LN2 = Fraction(
    Decimal("0.693147180559945309417232121458176568075500134360255254120680009493393621969695")
)
NEGLIGIBLE = Fraction(3000)  # e^-3000 does not show in 60 digits beside 1


@dataclass(frozen=True)
class Truth:
    exact_sets: int
    called: int
    mse: Fraction  # mean; correct to about 50 digits
    sets: int


def rational_logits(net: ReluNet, members: tuple[int, ...]) -> list[Fraction]:
    W_in, b_in, W_out, b_out = (_fractions(value.double().tolist()) for value in net.parameters())
    post = [
        max(Fraction(0), bias + sum((W_in[t][i] for t in members), Fraction(0)))
        for i, bias in enumerate(b_in)
    ]
    return [
        bias + sum((level * row[t] for level, row in zip(post, W_out, strict=True)), Fraction(0))
        for t, bias in enumerate(b_out)
    ]


def rational_truth(net: ReluNet, set_size: int) -> Truth:
    exact = called = sets = 0
    total = Fraction(0)
    for members in itertools.combinations(range(net.vocab_size), set_size):
        logits = rational_logits(net, members)
        others = [logit for t, logit in enumerate(logits) if t not in members]
        inside = [logits[t] for t in members]
        exact += all(min(inside) > other for other in others)
        called += sum(max(logits) - other <= LN2 for other in others)
        total += _mse(logits, members)
        sets += 1
    return Truth(exact, called, total / sets, sets)


def _mse(logits: list[Fraction], members: tuple[int, ...]) -> Fraction:
    top = max(logits)
    with localcontext() as context:
        context.prec = DIGITS
        masses = [_exp(logit - top) for logit in logits]
        total = sum(masses, Decimal(0))
        target = Decimal(1) / len(members)
        error = sum(
            (mass / total - (target if t in members else 0)) ** 2 for t, mass in enumerate(masses)
        )
    return Fraction(error)


def _exp(value: Fraction) -> Decimal:
    if value < -NEGLIGIBLE:
        return Decimal(0)
    return (Decimal(value.numerator) / Decimal(value.denominator)).exp()


def _fractions(values: list) -> list:
    return [Fraction(v) if isinstance(v, float) else _fractions(v) for v in values]
