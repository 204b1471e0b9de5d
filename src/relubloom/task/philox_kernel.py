# type: ignore - Triton's language is no Python that a type checker knows
"""The words of `task.philox` in one Triton kernel, where plain tensors take two hundred operations.

Triton is imported here, so import this where it is used.
"""

import torch
import triton
import triton.language as tl
from jaxtyping import Int64
from torch import Tensor

BLOCK = 512  # rows of a key and pair of draws at once


@triton.jit
def _words(keys, found, first, rows, pairs, block: tl.constexpr):
    instance, pair = tl.program_id(0), tl.program_id(2)
    row = tl.program_id(1) * block + tl.arange(0, block)
    at = first + row.to(tl.int64)
    low, high = at.to(tl.uint32), (at >> 32).to(tl.uint32)
    pairs_of = tl.zeros([block], tl.uint32) + pair.to(tl.uint32)
    words = tl.philox(tl.load(keys + instance), low, high, pairs_of, tl.zeros([block], tl.uint32))
    place = found + (instance.to(tl.int64) * pairs + pair) * rows + row
    apart = tl.num_programs(0).to(tl.int64) * pairs * rows  # from one of the four words to the next
    for number in tl.static_range(4):
        tl.store(place + number * apart, words[number].to(tl.int64), mask=row < rows)


def words_by_triton(
    keys: list[int], rows: range, pairs: int, device: torch.device | str
) -> Int64[Tensor, "four instances pairs batch"]:
    """The four words of each key, pair of draws and row, on a CUDA device."""
    signed = [key - (1 << 64) if key >> 63 else key for key in keys]  # the same 64 bits
    found = torch.empty(4, len(keys), pairs, len(rows), dtype=torch.int64, device=device)
    grid = len(keys), triton.cdiv(len(rows), BLOCK), pairs  # the first has no limit of 65,535
    with torch.cuda.device_of(found):  # Triton launches on the current device
        own = torch.tensor(signed, device=device), found
        _words[grid](*own, rows.start, len(rows), pairs, block=BLOCK)
    return found
