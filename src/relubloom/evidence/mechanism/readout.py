"""Are the logits a straight line in the number of missing bits?"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.mechanism.chunks import choose_sets, chunk_size, map_chunks
from relubloom.evidence.mechanism.moments import Groups, Pairs
from relubloom.evidence.mechanism.output_weights import compare_output_bias, compare_output_weights
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import MissingBits, Readout
from relubloom.task import SetCollection

SETS = 100_000  # that the lines are fitted to, at most
LOGITS = 1 << 27  # and of (set, token) pairs, at most


def measure_readout(net: ReluNet, code: Code, sets: SetCollection, workers: int = 1) -> Readout:
    """Fit the lines on at most 100,000 sets and 2^27 logits, of a network in float64.

    The sets are a seeded choice, one from each of as many equal parts of the collection; all of
    them where there are no more. Cost: 6 sets width vocab FLOPs and about 20 passes over the
    logits, in chunks of about 2 MB (at least 64 sets) on `workers` threads.
    """
    chosen = choose_sets(sets, max(1, min(SETS, LOGITS // net.vocab_size)))
    missing, levels = _moments(net, code, chosen, workers)
    line = missing.against_number()
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
        W_out=compare_output_weights(net.W_out.detach().numpy(), code),
        b_out_on_weight=compare_output_bias(net.b_out.detach().numpy(), code),
        method=chosen.method,
        sets=len(chosen),
    )


def _moments(net: ReluNet, code: Code, sets: SetCollection, workers: int) -> tuple[Groups, Pairs]:
    """Relative logits grouped by missing bits, and against the missing units' levels."""
    hashes = torch.from_numpy(code.bits.T.copy())
    counting, weighing = hashes.float(), hashes.double()

    @torch.no_grad()
    def chunk(start: int, stop: int) -> tuple[Groups, Pairs]:
        ids = sets.chunk(start, stop)
        logits, cache = net.run_with_cache(ids, "hook_post")
        relative = relative_to_members(logits, ids)
        outside = ~torch.from_numpy(code.union(ids.numpy()))
        number = (outside.float() @ counting).long()  # exact: counts below 2^24
        levels = (cache["hook_post"] * outside) @ weighing
        copies = sets.weights(start, stop)[:, None].expand_as(relative).numpy()
        groups = Groups.of(
            number.numpy().ravel(), relative.numpy().ravel(), copies.ravel(), code.width + 1
        )
        return groups, Pairs.of(levels.numpy(), relative.numpy(), copies)

    size = chunk_size(net.vocab_size)
    groups, pairs = zip(*map_chunks(chunk, len(sets), size, workers), strict=True)
    return reduce(add, groups), reduce(add, pairs)


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
