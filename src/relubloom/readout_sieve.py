"""The tokens that a network calls, without most of its readout: bits rule out, float64 decides.

Let c_i be the level of unit i's entries of W_out that are no bits, and call (t, i) a *strong bit*
where W_out[i, t] <= c_i - g_i. With e_t the vector of max(0, W_out[i, t] - c_i) over the units of
which t has no strong bit, and post >= 0,

    logit_t <= sum_i post_i c_i + b_out[t] + |e_t| |post| - sum over t's strong bits of post_i g_i

(Cauchy and Schwarz for the third term). So a token with r strong bits among units of
post_i g_i > s / r is more than s below the largest value of the first three terms, and need not be
scored. Weak bits are no strong bits, so they do not widen the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.code.bit_slices import BitSlices
from relubloom.code.packing import pack_bits
from relubloom.errors import UsageError
from relubloom.network import ReluNet

Ids = NDArray[np.int64]
Reals = NDArray[np.float64]

CALLED_WITHIN = math.log(2)  # a token is called when its p is at least half of the largest
APART = 16  # tokens of the largest biases, and of the largest |e_t|, that are always scored
MOST_MISSING = 8  # strong bits that a token may be asked to have before it is ruled out
WORTH_SCORING = 1 / 16  # of the vocabulary; for more candidates the whole product is as quick


@dataclass(frozen=True)
class SievedTokens:
    """Tokens of each set of a batch, and what they cost.

    Attributes:
        rows, tokens: the answer as pairs, int64, by row and then token.
        scored: how many tokens' logits were computed for each set, int64 [batch].
        dense: where the bound or the rounding left the answer open, so that the whole readout was
            computed, bool [batch].
    """

    rows: Ids
    tokens: Ids
    scored: Ids
    dense: NDArray[np.bool_]


@dataclass(frozen=True)
class _Question:
    """Which tokens have a logit within `within` of the `count`-th largest."""

    count: int
    within: float

    def cutoff(self, logits: Reals) -> float:
        """The least logit of the answer; -inf where there are too few logits to say."""
        if self.count > len(logits):
            return -math.inf
        return float(np.partition(logits, -self.count)[-self.count]) - self.within

    def settled(self, logits: Reals, error: float) -> bool:
        """Whether logits that err by `error` leave the answer as it is."""
        cutoff = self.cutoff(logits)
        surely = max(self.count, int(np.count_nonzero(logits >= cutoff + error)))
        return surely == int(np.count_nonzero(logits >= cutoff - error))


class ReadoutSieve:
    """Answers which tokens a network calls by scoring only those that its bits do not rule out.

    The answer is that of the float64 forward pass. Where two float64 evaluations of the same
    weights could differ in it (a logit at the cutoff to within their rounding), or where the
    bound rules out too few tokens, the whole readout is computed and the result says so.

    Args:
        net: the network.
        code: its bits, for example `extract_code(net)`. A wrong code costs time, not truth: the
            bound holds for every code, and rules out less.

    Memory: a transposed copy of W_out, and 3 vocab width / 4 bytes of bits. Cost of making it:
    O(vocab width).

    Raises:
        UsageError: the code is not one of the network's shape.
    """

    def __init__(self, net: ReluNet, code: Code) -> None:
        if code.bits.shape != (net.vocab_size, net.width):
            raise UsageError(
                f"code is {code.bits.shape[0]} x {code.bits.shape[1]} and the network "
                f"{net.vocab_size} x {net.width}: they must agree; give extract_code(net)"
            )
        self._net = net
        self._W_in, self._b_in, W_out, self._b_out = (
            value.detach().cpu().numpy() for value in net.parameters()
        )
        self._readout = np.ascontiguousarray(W_out.T)
        self._level, self._depth = _levels(W_out, code)
        strong = np.zeros(code.bits.shape, dtype=np.bool_)
        for unit in np.flatnonzero(self._depth):
            strong[:, unit] = W_out[unit] <= self._level[unit] - self._depth[unit]
        self._slices = BitSlices(strong, pack_bits(strong))
        spread = _spread(W_out, self._level, strong)
        count = min(APART, net.vocab_size // 16)
        self._apart = np.union1d(_largest(self._b_out, count), _largest(spread, count))
        self._rest = _undominated(
            np.delete(self._b_out, self._apart), np.delete(spread, self._apart)
        )
        self._reach = np.abs(W_out).max(1).astype(np.float64)
        self._largest = float(np.abs(self._b_out).max()), float(spread.max())

    def called(self, sets: Int64[Tensor, "batch set_size"]) -> SievedTokens:
        """The tokens that the network calls: p_t at least half of the largest p.

        Cost for a set: at most 3 vocab width / 64 word operations, and 2 width FLOPs for each
        token that they leave.

        Raises:
            UsageError: `sets` is no matrix of ids from 0 to vocab_size (padding).
        """
        return self._answer(sets, _Question(1, CALLED_WITHIN))

    def top(self, sets: Int64[Tensor, "batch set_size"], count: int) -> SievedTokens:
        """The tokens of the `count` largest logits, and all that tie with the last of them.

        Needs the whole readout for sets of fewer tokens than `count`, and for ties. Cost and
        errors as `called`.

        Raises:
            UsageError: `count` is not from 1 to vocab_size.
        """
        if not 1 <= count <= self._net.vocab_size:
            raise UsageError(
                f"count is {count}: it must be from 1 to the {self._net.vocab_size} tokens; "
                "give the size of the sets"
            )
        return self._answer(sets, _Question(count, 0.0))

    def _answer(self, sets: Tensor, question: _Question) -> SievedTokens:
        ids = self._net.checked(sets).numpy()
        found: list[Ids | None] = []
        scored = np.full(len(ids), self._net.vocab_size)
        for row, members in enumerate(ids):
            tokens, scored[row] = self._sieved(members[members < self._net.vocab_size], question)
            found.append(tokens)
        dense = np.array([tokens is None for tokens in found], dtype=np.bool_)
        for row in np.flatnonzero(dense):
            logits = self._logits(sets[row : row + 1])
            found[row] = np.flatnonzero(logits >= question.cutoff(logits))
        answers = [tokens for tokens in found if tokens is not None]
        rows = np.repeat(np.arange(len(ids)), [len(tokens) for tokens in answers])
        return SievedTokens(rows, np.concatenate([np.zeros(0, np.int64), *answers]), scored, dense)

    def _sieved(self, members: Ids, question: _Question) -> tuple[Ids | None, int]:
        """The answer of one set and how many tokens it took, or None for want of a bound."""
        entries = self._W_in[members].astype(np.float64)
        post = np.maximum(0.0, entries.sum(0) + self._b_in)
        error = self._rounding(np.abs(entries).sum(0) + np.abs(self._b_in), len(members))
        known = np.union1d(members, self._apart)
        biases, spreads = self._rest
        ceiling = post @ self._level + (biases + spreads * np.linalg.norm(post)).max()
        slack = ceiling - question.cutoff(self._scores(known, post)) + 8 * error
        unruled = self._unruled(post * self._depth, slack)
        if unruled is None:
            return None, self._net.vocab_size
        tokens = np.union1d(unruled, known)
        logits = self._scores(tokens, post)
        if not question.settled(logits, 4 * error):
            return None, self._net.vocab_size
        return tokens[logits >= question.cutoff(logits)], len(tokens)

    def _unruled(self, drops: Reals, slack: float) -> Ids | None:
        """Tokens whose strong bits lower the bound by no more than `slack`, and few others.

        None where they would be too many.
        """
        for count in range(1, MOST_MISSING + 1):
            among = drops * count > slack
            if self._slices.expected_share(count, among) <= WORTH_SCORING:
                tokens = self._slices.having_fewer(count, among)
                return tokens if len(tokens) <= 2 * WORTH_SCORING * self._net.vocab_size else None
        return None

    def _scores(self, tokens: Ids, post: Reals) -> Reals:
        return self._readout[tokens].astype(np.float64) @ post + self._b_out[tokens]

    def _rounding(self, sizes: Reals, set_size: int) -> float:
        """By how much a logit, or its bound, evaluated in float64 can err.

        gamma_n <= 2 n u for the sums over the set and over the units, on the sum of the sizes of
        all terms that either contains; see `evidence.certificate.error_bound`.
        """
        bias, spread = self._largest
        terms = sizes @ self._reach + spread * np.linalg.norm(sizes) + bias
        return float(2 * (self._net.width + set_size + 32) * 2.0**-53 * terms + 1e-290)

    @cached_property
    def _exact(self) -> ReluNet:
        return ReluNet(
            *(value.detach().to("cpu", torch.float64) for value in self._net.parameters())
        )

    @torch.no_grad()
    def _logits(self, sets: Tensor) -> Reals:
        return self._exact(sets)[0].numpy()


def _levels(W_out: NDArray[np.floating], code: Code) -> tuple[Reals, Reals]:
    """For each unit the median of what is no bit, and half its distance to that of the bits.

    The distance is 0, so that no bit is strong, where a unit lacks one kind or the bits are not
    the lower.
    """
    level, depth = np.zeros(code.width), np.zeros(code.width)
    for unit, (entries, bits) in enumerate(zip(W_out, code.bits.T, strict=True)):
        level[unit] = np.median(entries[~bits] if not bits.all() else entries)
        if bits.any() and not bits.all():
            depth[unit] = max(0.0, (level[unit] - np.median(entries[bits])) / 2)
    return level, depth


def _spread(W_out: NDArray[np.floating], level: Reals, strong: NDArray[np.bool_]) -> Reals:
    """|e_t| of each token, [vocab]."""
    squares = np.zeros(len(strong))
    for entries, middle, bits in zip(W_out, level, strong.T, strict=True):
        squares += np.where(bits, 0.0, np.maximum(0.0, entries - middle)) ** 2
    return np.sqrt(squares)


def _largest(values: NDArray[np.floating], count: int) -> Ids:
    return np.argsort(-values, kind="stable")[:count]


def _undominated(biases: NDArray[np.floating], spreads: Reals) -> tuple[Reals, Reals]:
    """The pairs that some other pair does not exceed in both: the maximum of biases + x spreads
    over them, for any x >= 0, is that over all."""
    order = np.lexsort((-spreads, -biases))
    best = np.maximum.accumulate(spreads[order])
    kept = order[np.concatenate([[True], best[1:] > best[:-1]])]
    return biases[kept].astype(np.float64), spreads[kept]
