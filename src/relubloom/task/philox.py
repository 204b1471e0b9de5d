"""Random numbers that are a function of their address: Philox 4x32-10, the same on every device.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3"
(2011). Ten rounds turn a counter of four 32-bit words into four random ones, under a key of two;
there is no state. Here the key is a hash of (seed, stream, step); the counter holds the row in two
words and, in a third, a pair of draws: the four words are two numbers of 64 bits. So a set depends
on neither the batch nor the chunk that it is drawn in.

All of it is exact arithmetic on whole numbers. On a CPU numpy's uint64 holds a product of 32 bits
by 32; elsewhere int64, which all devices have, holds it in two parts that cannot overflow. On CUDA
a kernel of Triton's does it (`task.philox_kernel`).

Cost: three times that of torch's generator: 65 µs for 512 sets of 3 on one core and not 22, about
3 % of a training step at vocab_size 256 and width 48.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # the golden ratio and the square root of 3, of 32 bits
WORD = 0xFFFFFFFF
LANES = 1 << 14  # counters at once on a CPU: a dozen arrays of them stay in a core's second cache
PART, REST = 21, 11  # bits of half a mass, and what is left of a word: no product reaches 2^63

Address = tuple[int, str, int]
"""Seed, stream and step."""

Words = Any
"""Numbers below 2^32: a uint64 array, or an int64 tensor."""


def address_hash(seed: int, stream: str, step: int) -> int:
    """64 bits that stand for an address, so that streams do not overlap."""
    address = f"{seed}/{stream}/{step}".encode()
    return int.from_bytes(hashlib.blake2b(address, digest_size=8).digest(), "little")


class AddressedNumbers:
    """Uniform numbers of 64 bits at each of some addresses, rows and draws.

    Args:
        addresses: seed, stream and step of each instance.
        rows: which rows, 0 up to 2^63.
        draws: numbers a row.
        device: where they are wanted.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        rows: range,
        draws: int,
        device: torch.device | str = "cpu",
    ) -> None:
        keys, pairs = [address_hash(*address) for address in addresses], -(-draws // 2)
        self._words = way_of(torch.device(device).type)(keys, rows, pairs, device)

    def below(
        self, draw: int, mass: int | Int64[Tensor, "instances batch"]
    ) -> Int64[Tensor, "instances batch"]:
        """Whole numbers from 0 to below `mass`, at most 2^42: the high word of number x mass.

        Each has a chance within 2^-64 of 1 / mass: a bias of less than mass / 2^64 of itself.
        """
        high, low = self._words[2 * (draw % 2) : 2 * (draw % 2) + 2, :, draw // 2]
        upper, lower = mass >> PART, mass & ((1 << PART) - 1)
        carried = ((low * lower >> PART) + low * upper) >> REST
        return (high * upper + ((high * lower + carried) >> PART)) >> REST


def way_of(device_type: str) -> Callable[..., Int64[Tensor, "four instances pairs batch"]]:
    """What makes the words on a kind of device: on CUDA a kernel, where Triton is installed."""
    if device_type == "cpu":
        return words_on_cpu
    if device_type == "cuda":
        with suppress(ImportError):
            from relubloom.task.philox_kernel import words_by_triton

            return words_by_triton
    return words_anywhere


def words_on_cpu(
    keys: list[int], rows: range, pairs: int, _device: torch.device | str = "cpu"
) -> Int64[Tensor, "four instances pairs batch"]:
    """The four words of each key, pair of draws and row."""
    shape = len(keys), pairs, len(rows)
    found = np.empty((4, *shape), dtype=np.uint64)
    step = max(1, LANES // (len(keys) * pairs))
    halves = np.array(keys, dtype=np.uint64)[:, None, None]
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        row = np.arange(part.start, part.stop, dtype=np.uint64)
        pair = np.arange(pairs, dtype=np.uint64)[:, None]
        zero = np.zeros((len(keys), pairs, len(part)), dtype=np.uint64)
        counter = (zero + (row & WORD), zero + (row >> 32), zero + pair, zero)
        words = philox(counter, (halves & WORD, halves >> 32), whole_product)
        found[..., start : start + len(part)] = words
    return torch.from_numpy(found.view(np.int64))


def words_anywhere(
    keys: list[int], rows: range, pairs: int, device: torch.device | str
) -> Int64[Tensor, "four instances pairs batch"]:
    """The same by what every device can do."""
    left, right = (
        torch.tensor(half, device=device)[:, None, None]
        for half in ([key & WORD for key in keys], [key >> 32 for key in keys])
    )
    row = torch.arange(rows.start, rows.stop, device=device)
    pair = torch.arange(pairs, device=device)[:, None]
    zero = row.new_zeros((len(keys), pairs, len(row)))
    counter = (zero + (row & WORD), zero + (row >> 32), zero + pair, zero)
    return torch.stack(philox(counter, (left, right), product_in_parts))


def philox(
    counter: tuple[Words, Words, Words, Words],
    key: tuple[Words, Words],
    product: Callable[[Words, int], tuple[Words, Words]],
) -> tuple[Words, Words, Words, Words]:
    """Philox 4x32-10 on words below 2^32, of any shapes that broadcast.

    `product` multiplies words by a number of 32 bits and returns high and low word.
    """
    first, second, third, fourth = counter
    left, right = key
    for _ in range(ROUNDS):
        high, low = product(first, MULTIPLIERS[0])
        higher, lower = product(third, MULTIPLIERS[1])
        first, second, third, fourth = higher ^ second ^ left, lower, high ^ fourth ^ right, low
        left, right = (left + KEY_STEPS[0]) & WORD, (right + KEY_STEPS[1]) & WORD
    return first, second, third, fourth


def whole_product(words: Words, by: int) -> tuple[Words, Words]:
    """High and low word of words x `by`, in the 64 bits of unsigned numbers."""
    product = words * np.uint64(by)
    return product >> 32, product & WORD


def product_in_parts(words: Words, by: int) -> tuple[Words, Words]:
    """The same in signed numbers: by the two halves of `by`, so that no part reaches 2^49."""
    low = words * (by & 0xFFFF)
    middle = words * (by >> 16) + (low >> 16)
    return middle >> 16, (middle & 0xFFFF) << 16 | low & 0xFFFF
