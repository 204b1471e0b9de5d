"""Are the logits a straight line in the number of missing bits? And what W_out alone says."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.measure.forward import in_float64
from relubloom.measure.one_pass import Chunk, method_of_choice, one_of_each_part
from relubloom.measure.pool import MOST_ENTRIES, affordable
from relubloom.measure.statistics import Groups, Pairs
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import BiasOnWeight, MissingBits, OutputWeights, Readout
from relubloom.task import SetCollection

SETS = 100_000  # that the lines are fitted to, at most
LOGITS = 1 << 27  # and of (set, token) pairs, at most
MANY = 1 << 13  # tokens; above, the pairs of a set are so many that fewer sets will do
FEWEST = 1_000


class ReadoutLines:
    """Fits the lines on the sets of a pass whose float64 logits are there: a consumer.

    `numbers` are those of the sets to ask for: a seeded choice of at most 100,000 sets and 2^27
    logits, above 8,192 tokens of fewer, but 1,000 sets (or `pool.affordable`); one from each of as
    many equal parts of the collection. Cost: 4 sets width vocab FLOPs
    and about 20 passes over the logits of these.
    """

    def __init__(
        self, net: ReluNet, code: Code, sets: SetCollection, most_logits: int = LOGITS
    ) -> None:
        vocab = net.vocab_size
        count = max(1, min(SETS, most_logits // vocab))
        if vocab > MANY:
            count = max(count * MANY // vocab, affordable(FEWEST, vocab))
        self.numbers: NDArray[np.int64] = one_of_each_part(len(sets), count)
        self._method = method_of_choice(sets, len(self.numbers))
        self._net, self._code = in_float64(net), code
        hashes = torch.from_numpy(code.bits.T.copy())
        self._counting, self._weighing = hashes.float(), hashes.double()
        self._reversed = reversed_units(net, code)
        W_in, b_in = self._net.W_in.detach(), self._net.b_in.detach()
        bit, self._other = (
            (W_in * each).sum(0) / each.sum(0).clamp(min=1)
            for each in (self._weighing.T, 1 - self._weighing.T)
        )
        self._one_bit = b_in + bit - self._other  # and the others' entries for each token
        self._found: list[tuple[Groups, Pairs]] = []

    def work(self, chunk: Chunk) -> tuple[Groups, Pairs] | None:
        """Relative logits grouped by missing bits, and against the missing units' levels."""
        rows, logits = chunk.exact, chunk.exact_logits
        if logits is None or not len(rows):
            return None
        relative = relative_to_members(logits.clone(), chunk.sets[rows])
        outside = torch.from_numpy(~chunk.union[rows.numpy()])
        number = (outside.float() @ self._counting).long()  # exact: counts below 2^24
        sizes = chunk.batch.size[rows]
        levels = self._lowering(chunk.post[rows], outside, sizes) @ self._weighing
        copies = chunk.copies[rows].numpy()
        of_each = None if (copies == 1).all() else np.repeat(copies, relative.shape[1])
        groups = Groups.of(
            number.numpy().ravel(), relative.numpy().ravel(), of_each, self._code.width + 1
        )
        return groups, Pairs.of(levels.numpy(), relative.numpy(), copies)

    def _lowering(
        self,
        post: Float64[Tensor, "batch width"],
        outside: Bool[Tensor, "batch width"],
        size: Float64[Tensor, " batch"],
    ) -> Float64[Tensor, "batch width"]:
        """By how much a unit should lower tokens with its bit, in its own levels.

        Its level where it is outside the union; of a reversed unit what its level inside, or 0
        outside, falls short of the level that one token with the bit gives it.
        """
        lowering = post * outside
        turned = torch.from_numpy(np.flatnonzero(self._reversed))
        if len(turned):
            usual = (self._one_bit + size[:, None] * self._other)[:, turned].clamp(min=0)
            lowering[:, turned] = usual - post[:, turned] * ~outside[:, turned]
        return lowering

    def take(self, found: tuple[Groups, Pairs] | None) -> None:
        """Keep a chunk's sums."""
        if found is not None:
            self._found.append(found)

    def readout(self) -> Readout:
        """The lines, when the pass is over."""
        groups, pairs = zip(*self._found, strict=True)
        missing, levels = reduce(add, groups), reduce(add, pairs)
        line, W_out = missing.against_number(), self._net.W_out.detach().numpy()
        lowering = np.where(self._reversed[:, None], -W_out, W_out)
        return Readout(
            r2=line.r2,
            slope=line.slope,
            intercept=line.intercept,
            by_missing_bits=[
                MissingBits(
                    missing=int(bits),
                    share=float(missing.weight[bits] / missing.weight.sum()),
                    mean=float(missing.mean[bits]),
                    sd=float(np.sqrt(missing.squares[bits] / missing.weight[bits])),
                )
                for bits in np.flatnonzero(missing.weight)
            ],
            r2_levels=levels.r2,
            W_out=compare_output_weights(lowering, self._code),
            b_out_on_weight=compare_output_bias(self._net.b_out.detach().numpy(), self._code),
            method=self._method,
            sets=len(self.numbers),
        )


def relative_to_members(
    logits: Float64[Tensor, "batch vocab"], sets: Int64[Tensor, "batch set_size"]
) -> Float64[Tensor, "batch vocab"]:
    """Logits minus the mean logit of the set's members; overwrites them.

    Where all members have one logit, theirs become exactly 0.
    """
    vocab = logits.shape[1]
    real = sets < vocab
    members = logits.gather(1, sets.clamp(max=vocab - 1))
    first = members[:, :1]
    apart = (members - first).masked_fill(~real, 0.0).sum(1, keepdim=True)
    return logits.sub_(first + apart / real.sum(1, keepdim=True))


def compare_output_weights(W_out: NDArray[np.float64], code: Code) -> OutputWeights:
    """Compare every entry of W_out [width, vocab] with the token's bit."""
    bits = code.bits.T
    bit_mean, bit_sd = _mean_and_sd(W_out[bits])
    other_mean, other_sd = _mean_and_sd(W_out[~bits])
    agreement = None
    if bit_mean is not None and other_mean is not None and bit_mean != other_mean:
        midpoint = (bit_mean + other_mean) / 2
        agreement = float(np.where(bits, midpoint > W_out, midpoint < W_out).mean())
    together = max(1, MOST_ENTRIES // W_out.shape[1])  # units
    parts = [slice(start, start + together) for start in range(0, len(W_out), together)]
    pairs = (Pairs.of(-bits[part].astype(np.float64), W_out[part]) for part in parts)
    return OutputWeights(
        correlation=reduce(add, pairs).correlation,
        bit_mean=bit_mean,
        bit_sd=bit_sd,
        other_mean=other_mean,
        other_sd=other_sd,
        agreement=agreement,
    )


def compare_output_bias(b_out: NDArray[np.float64], code: Code) -> BiasOnWeight:
    """Does a token with more bits get a larger bias?"""
    pairs = Pairs.of(code.weights.astype(np.float64), b_out)
    return BiasOnWeight(pairs.correlation, pairs.slope)


def _mean_and_sd(entries: NDArray[np.float64]) -> tuple[float | None, float | None]:
    return (float(entries.mean()), float(entries.std())) if entries.size else (None, None)
