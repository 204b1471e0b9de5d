"""Loss and gradient from the few tokens that have a probability, once hashes have formed.

A token that misses bits of a set has next to no probability there, so next to no gradient: its
logit is looked at, and nothing else is computed for it. Skipped is a token whose logit is more than
-ln(skip_below) below the largest of the set's members, which implies p < skip_below. With m the
probability of all tokens that a set skips, the gradient in its logits errs by at most 2 m for kl
and 16 m for mse (sums of absolute values), because what is kept is normalised among itself:
`docs/theory.md`. m is known only to be below vocab skip_below; docs/performance.md measures.

Cost model, for L logits of which K are kept: one comparison and one search of L bytes (.35 ns a
logit), where the dense softmax and loss take 2.2 ns; and 4 K width FLOPs in sparse products, where
the dense ones take 4 L width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from relubloom.training.recipe import Objective

MOST_KEPT = 1 / 32  # of the logits, besides members'; above, the dense products are as quick

Reals = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class KeptLogits:
    """The logits of some sets that are not skipped.

    Attributes:
        members, of_members: the sets' tokens and their logits [sets, set_size].
        rows, others, of_others: the further tokens as pairs, by row: set, token and logit.
    """

    members: Ids
    of_members: Reals
    rows: Ids
    others: Ids
    of_others: Reals


def kept_logits(
    logits: Float[Tensor, "rows vocab"],
    members: Int64[Tensor, "rows set_size"],
    skip_below: float,
    flags: Bool[Tensor, "rows vocab"],
) -> KeptLogits | None:
    """What is kept, or None where it is not few. `flags` are written over."""
    of_members = logits.gather(1, members)
    least = of_members.amax(1, keepdim=True).add_(math.log(skip_below))
    table = logits.numpy()
    np.greater(table, least.numpy(), out=flags.numpy())
    flags.scatter_(1, members, False)
    places = _places(flags.numpy().reshape(-1), int(MOST_KEPT * table.size))
    if places is None:
        return None
    rows, others = np.divmod(places, table.shape[1])
    return KeptLogits(
        members.numpy(), of_members.numpy(), rows, others, table.reshape(-1).take(places)
    )


def _places(flags: NDArray[np.bool_], most: int) -> Ids | None:
    """Where flags are set, if they are no more than `most`; eight are looked at together."""
    whole = flags.size - flags.size % 8
    eights = np.flatnonzero(flags[:whole].view(np.uint64) != 0)
    if len(eights) > most:
        return None
    within = np.flatnonzero(flags[:whole].reshape(-1, 8)[eights])
    rest = np.flatnonzero(flags[whole:]) + whole
    places = np.concatenate([8 * eights[within >> 3] + (within & 7), rest])
    return places if len(places) <= most else None


def joined(parts: list[KeptLogits]) -> KeptLogits:
    """The sets of several parts, one part's after the other's."""
    starts = np.cumsum([0, *(len(part.members) for part in parts[:-1])])
    return KeptLogits(
        np.concatenate([part.members for part in parts]),
        np.concatenate([part.of_members for part in parts]),
        np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.others for part in parts]),
        np.concatenate([part.of_others for part in parts]),
    )


def few_tokens_loss(
    kept: KeptLogits, objective: Objective, scale: float
) -> tuple[float, Int64[Tensor, " tokens"], csr_array]:
    """Sum of the sets' losses; the tokens of which anything is kept; the gradient in their logits.

    The gradient [sets, tokens] is over `GRADIENT_FACTOR[objective]`, times `scale`.
    """
    share = 1 / kept.members.shape[1]
    rows, count = kept.rows, len(kept.members)
    top = kept.of_members.max(1)
    p, p_others = np.exp(kept.of_members - top[:, None]), np.exp(kept.of_others - top[rows])
    total = p.sum(1) + _by_row(rows, p_others, count)
    p /= total[:, None]
    p_others /= total[rows]
    e = p - share
    if objective == "kl":
        loss = -share * float(np.log(p.clip(min=np.finfo(p.dtype).tiny) / share).sum())
        return loss, *_matrix(kept, e * scale, p_others * scale)
    loss = float(np.square(e).sum() + np.square(p_others).sum())
    inner = (p * e).sum(1) + _by_row(rows, p_others**2, count)
    d_members, d_others = p * (e - inner[:, None]), p_others * (p_others - inner[rows])
    return loss, *_matrix(kept, d_members * scale, d_others * scale)


def _by_row(rows: Ids, values: Reals, count: int) -> Reals:
    return np.bincount(rows, values, minlength=count).astype(values.dtype)


def _matrix(
    kept: KeptLogits, d_members: Reals, d_others: Reals
) -> tuple[Int64[Tensor, " tokens"], csr_array]:
    """Gradients as a sparse matrix of the tokens that have any; in a row, members come first."""
    sets, size = kept.members.shape
    ends = np.zeros(sets + 1, dtype=np.int32)
    np.cumsum(np.bincount(kept.rows, minlength=sets) + size, out=ends[1:])
    at_members = ends[:-1, None] + np.arange(size)
    at_others = np.arange(len(kept.rows)) + size * (kept.rows + 1)
    tokens = np.empty(ends[-1], dtype=np.int64)
    values = np.empty(ends[-1], dtype=d_members.dtype)
    tokens[at_members], tokens[at_others] = kept.members, kept.others
    values[at_members], values[at_others] = d_members, d_others
    present = np.zeros(tokens.max() + 1, dtype=np.int32)
    present[tokens] = 1
    found = np.flatnonzero(present)
    place = np.cumsum(present, dtype=np.int32) - 1
    matrix = csr_array((values, place[tokens], ends), shape=(sets, len(found)))
    return torch.from_numpy(found), matrix
