# type: ignore - Triton's language is no Python that a type checker knows
"""The passes over the logits in two Triton kernels: bias, softmax, loss, gradient and its sum.

What `softmax_loss.softmax_loss_` and the passes beside it compute, in fewer of them: one reads the
logits, and one reads them and writes the gradient over them. The plain passes are six reads or
writes for kl and fourteen for mse. Triton is imported here, so import this where it is used.

With p = softmax(logits + bias), y the target and e = p - y, mse is the sum of e^2 and its gradient
2 p (e - c) with c = sum p e; kl is -sum y ln p - ln k, its gradient e. The first kernel goes along
a row with the members left out, and keeps the largest logit, the sum of exp(logit - largest) and
the sum of its squares: a later, larger logit rescales both (M. Milakov, N. Gimelshein, "Online
normalizer calculation for softmax", 2018). Members are added in the end, each by itself. So mse is
a sum of squares, and a small one is accurate.

All sums are in the logits' float32 or float64, in a fixed order: no atomic operation is used.
"""

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.training.recipe import Objective

BLOCK = 2048  # logits of a row at once in the first kernel
TILE_ROWS, TILE_COLUMNS = 16, 256  # of logits at once in the second
NO_LOGIT = tl.constexpr(-3.0e38)  # below any, and finite, so that its difference to itself is 0


@triton.jit
def _along_rows(
    logits,
    bias,
    sets,
    loss,
    top,
    inverse,
    centre,
    at_members,
    rows,
    vocab,
    columns,
    squared: tl.constexpr,
    size: tl.constexpr,
    padded_size: tl.constexpr,
    block: tl.constexpr,
):
    row, instance = tl.program_id(0), tl.program_id(1)
    place = (instance * rows + row).to(tl.int64)
    logits, bias, sets = logits + place * columns, bias + instance * vocab, sets + place * size
    kind = logits.dtype.element_ty

    number = tl.arange(0, padded_size)
    token = tl.load(sets + number, mask=number < size, other=vocab).to(tl.int32)
    highest = tl.full([block], NO_LOGIT, kind)
    mass, squares = tl.zeros([block], kind), tl.zeros([block], kind)
    for start in range(0, vocab, block):
        column = start + tl.arange(0, block)
        inside = column < vocab
        logit = tl.load(logits + column, mask=inside, other=float("-inf"))
        logit += tl.load(bias + column, mask=inside, other=0.0)
        if tl.sum(((token >= start) & (token < start + block)).to(tl.int32), 0) > 0:
            for member in range(size):
                is_member = column == tl.load(sets + member).to(tl.int32)
                logit = tl.where(is_member, float("-inf"), logit)
        higher = tl.maximum(highest, logit)
        shrunk, term = tl.exp(highest - higher), tl.exp(logit - higher)
        mass = mass * shrunk + term
        if squared:
            squares = squares * shrunk * shrunk + term * term
        highest = higher

    real = token < vocab
    member = tl.load(logits + token, mask=real, other=0.0)
    member += tl.load(bias + token, mask=real, other=0.0)
    highest_of_all = tl.maximum(tl.max(highest, 0), tl.max(tl.where(real, member, NO_LOGIT), 0))
    shrunk = tl.exp(highest - highest_of_all)
    term = tl.where(real, tl.exp(member - highest_of_all), 0.0)
    total = tl.sum(mass * shrunk, 0) + tl.sum(term, 0)
    share = 1.0 / tl.sum(real.to(kind), 0)
    p = term / total
    e = tl.where(real, p - share, 0.0)
    if squared:
        others = tl.sum(squares * shrunk * shrunk, 0) / (total * total)
        middle = others + tl.sum(p * e, 0)
        tl.store(loss + place, others + tl.sum(e * e, 0))
        tl.store(centre + place, middle)
        e = p * (e - middle)
    else:
        log_p = member - highest_of_all - tl.log(total)
        tl.store(loss + place, tl.sum(tl.where(real, share * (tl.log(share) - log_p), 0.0), 0))
    tl.store(top + place, highest_of_all)
    tl.store(inverse + place, 1.0 / total)
    tl.store(at_members + place * size + number, e, mask=number < size)


@triton.jit
def _over_tiles(
    logits,
    bias,
    sets,
    top,
    inverse,
    centre,
    at_members,
    sums,
    rows,
    vocab,
    columns,
    squared: tl.constexpr,
    size: tl.constexpr,
    padded_size: tl.constexpr,
    tile_rows: tl.constexpr,
    tile_columns: tl.constexpr,
):
    band, instance = tl.program_id(1), tl.program_id(2)
    first = tl.program_id(0) * tile_columns
    column = first + tl.arange(0, tile_columns)
    row = band * tile_rows + tl.arange(0, tile_rows)
    there, known = row < rows, column < vocab
    place = (instance * rows + row).to(tl.int64)
    inside = there[:, None] & known[None, :]
    entry = logits + place[:, None] * columns + column[None, :]
    logit = tl.load(entry, mask=inside, other=float("-inf"))
    logit += tl.load(bias + instance * vocab + column, mask=known, other=0.0)[None, :]
    of_largest = tl.exp(logit - tl.load(top + place, mask=there, other=0.0)[:, None])
    gradient = of_largest * tl.load(inverse + place, mask=there, other=0.0)[:, None]
    if squared:
        gradient *= gradient - tl.load(centre + place, mask=there, other=0.0)[:, None]
    number = tl.arange(0, padded_size)
    known_number = there[:, None] & (number < size)[None, :]
    ids = sets + place[:, None] * size + number[None, :]
    token = tl.load(ids, mask=known_number, other=vocab).to(tl.int32)
    in_tile = (token >= first) & (token < first + tile_columns)
    if tl.sum(tl.sum(in_tile.to(tl.int32), 1), 0) > 0:
        for member in range(size):
            its = tl.load(sets + place * size + member, mask=there, other=vocab).to(tl.int32)
            own = tl.load(at_members + place * size + member, mask=there, other=0.0)
            gradient = tl.where(column[None, :] == its[:, None], own[:, None], gradient)
    tl.store(entry, gradient, mask=inside)
    of_band = (instance * tl.num_programs(1) + band).to(tl.int64) * vocab
    tl.store(sums + of_band + column, tl.sum(tl.where(inside, gradient, 0.0), 0), mask=known)


def fused_loss_(
    logits: Float[Tensor, "instances rows columns"],
    bias: Float[Tensor, "instances vocab"],
    sets: Int64[Tensor, "instances rows set_size"],
    objective: Objective,
    room: Float[Tensor, "instances rows columns"],
) -> tuple[Float[Tensor, " instances"], Float[Tensor, "instances vocab"]]:
    """The sum of the sets' losses, and the gradient's sum over the rows.

    The gradient in logits + bias, over `GRADIENT_FACTOR[objective]`, is written over the logits.
    Sets are padded with vocab. Columns of logits beyond that stay as they are. All tensors are
    contiguous; `room` is written over.

    Cost: the logits read twice and written once. Only where a block or a tile holds a member are
    its logits compared with the members, set_size times each.
    """
    instances, rows, columns = logits.shape
    vocab = bias.shape[1]
    size, bands = sets.shape[2], triton.cdiv(rows, TILE_ROWS)
    loss, top, inverse, centre = logits.new_empty(4, instances, rows).unbind(0)
    at_members = logits.new_empty(sets.shape)
    sums = room.view(-1)[: instances * bands * vocab].view(instances, bands, vocab)
    padded, block = triton.next_power_of_2(size), min(BLOCK, triton.next_power_of_2(vocab))
    squared = objective == "mse"
    with torch.cuda.device_of(logits):  # Triton launches on the current device
        _along_rows[rows, instances](
            *(logits, bias, sets, loss, top, inverse, centre, at_members, rows, vocab, columns),
            squared=squared,
            size=size,
            padded_size=padded,
            block=block,
            num_warps=8 if block == BLOCK else 4,
        )
        _over_tiles[triton.cdiv(vocab, TILE_COLUMNS), bands, instances](
            *(logits, bias, sets, top, inverse, centre, at_members, sums, rows, vocab, columns),
            squared=squared,
            size=size,
            padded_size=padded,
            tile_rows=TILE_ROWS,
            tile_columns=TILE_COLUMNS,
        )
    return loss.sum(1), sums.sum(1)
