"""A rung of the explanation ladder: a program that answers sets, with its length in bits.

Description length: 32 bits a real number, no entropy coding for anyone, program text not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Kind

REAL = 32  # bits of one free real number

Program = Code | GradedCode | ReluNet
"""A code runs as a (graded) Bloom filter: 1/(k + F) on members and false positives."""


@dataclass(frozen=True)
class Rung:
    """A program, or several draws of one (their medians are shown), and what it costs to write.

    `name` is kebab-case; `title` is for people; `meaning` says in one sentence what the numbers
    of the program are. `kind`: an *explanation* has a hash and O(vocab + width) further numbers,
    each with a meaning; a *quantisation* stores matrices in fewer bits and explains nothing.
    """

    name: str
    title: str
    meaning: str
    kind: Kind
    bits: int
    programs: tuple[Program, ...]

    @property
    def network(self) -> ReluNet:
        """The program of a rung that is one network."""
        (program,) = self.programs
        if not isinstance(program, ReluNet):
            raise TypeError(f"the rung {self.name} is a code, not a network")
        return program


Written = tuple[str, int, Program | tuple[Program, ...]]
"""What a rung's numbers mean, its length in bits, and its program or the draws of it."""

Given = ParamSpec("Given")


def rung(
    name: str, title: str, kind: Kind = "explanation"
) -> Callable[[Callable[Given, Written]], Callable[Given, Rung]]:
    """Decorates what writes a rung of this name: the function then makes the rung."""

    def named(write: Callable[Given, Written]) -> Callable[Given, Rung]:
        @wraps(write)
        def make(*given: Given.args, **named: Given.kwargs) -> Rung:
            meaning, bits, programs = write(*given, **named)
            draws = programs if isinstance(programs, tuple) else (programs,)
            return Rung(name, title, meaning, kind, bits, draws)

        return make

    return named


def as_network(
    W_in: NDArray[np.floating],
    b_in: NDArray[np.floating],
    W_out_by_token: NDArray[np.floating],
    b_out: NDArray[np.floating],
) -> ReluNet:
    """Stored in float32, as its length in bits says; `W_out_by_token` is [vocab, width]."""
    return ReluNet(
        *(
            torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))
            for value in (W_in, b_in, W_out_by_token.T, b_out)
        )
    )


def hash_bits(code: Code | GradedCode) -> int:
    """Bits that write a code down: the lesser of its matrix and its hashes' numbers.

    min(N d, sum over tokens of ceil(log2 C(d, h_t)) + N ceil(log2(d + 1))): the matrix as it is,
    or for each token its weight h_t and which of the C(d, h_t) hashes of that weight it has.

    Of L strengths: min(ceil(N d log2(L + 1)), sum over tokens of ceil(log2 of d! over the product
    of h! for each of the L + 1 strengths, 0 among them) + N L ceil(log2(d + 1))), h the token's
    number of entries of a strength.
    """
    vocab, width = code.vocab_size, code.width
    graded = as_graded(code)
    steps = range(1, graded.levels + 1)
    weights, tokens = np.unique(
        np.stack([graded.of_strength(step) for step in steps], axis=1), axis=0, return_counts=True
    )
    numbers = sum(
        count * _ceil_log2(_assignments(width, each))
        for each, count in zip(weights.tolist(), tokens.tolist(), strict=True)
    )
    matrix = math.ceil(vocab * width * math.log2(graded.levels + 1))
    return min(matrix, numbers + vocab * graded.levels * _ceil_log2(width + 1))


def network_bits(net: ReluNet) -> int:
    """32 bits for each weight and bias."""
    return REAL * sum(value.numel() for value in net.parameters())


def _assignments(width: int, weights: list[int]) -> int:
    """Ways to give `width` units so many bits of each strength."""
    ways, left = 1, width
    for weight in weights:
        ways *= math.comb(left, weight)
        left -= weight
    return ways


def _ceil_log2(count: int) -> int:
    """ceil(log2(count)) of a positive integer, without rounding."""
    return (count - 1).bit_length()
