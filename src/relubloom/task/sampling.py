"""Drawing sets: exact, seeded, without rejection loops.

A set is a pure function of (seed, stream, position), so nothing has to be remembered to resume a
run, and a batch does not depend on how large the batches are that it is read in.
"""

import hashlib

import torch
from jaxtyping import Int64
from torch import Tensor

RANDOM_BITS = 62  # the remainder by a mass of at most 2^41 is biased by less than 2^-21 of itself


def seeded_generator(
    seed: int, stream: str, position: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A generator whose state is a hash of its address: streams do not overlap."""
    address = f"{seed}/{stream}/{position}".encode()
    digest = hashlib.blake2b(address, digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)


def draw_sets(
    generator: torch.Generator,
    count: int,
    vocab_size: int,
    sizes: tuple[int, int],
    cumulative: Int64[Tensor, " vocab"] | None = None,
) -> Int64[Tensor, "batch set_size"]:
    """Draw `count` sets, token after token without replacement.

    Each draw is one random integer below the mass that is left; the chosen tokens' intervals are
    skipped in ascending order, so no draw is ever rejected. With `cumulative` None every token
    has mass 1 and each set of a size is equally likely; else token t has the integer mass
    cumulative[t] - cumulative[t-1].

    Args:
        generator: on the device where the sets are wanted.
        count: number of sets.
        vocab_size: N; also the padding id.
        sizes: smallest and largest set size; the size is uniform between them.
        cumulative: running sum of the tokens' masses, or None for equal masses.

    Returns:
        int64 [count, sizes[1]], padded with `vocab_size` behind a smaller set's tokens.

    Cost: O(count set_size^2) vector operations (and a binary search a draw with `cumulative`).
    """
    low, high = sizes
    device = generator.device
    random = torch.randint(
        1 << RANDOM_BITS, (high, count), generator=generator, device=device, dtype=torch.int64
    )
    sets = torch.empty(count, high, dtype=torch.int64, device=device)
    for column in range(high):
        chosen = sets[:, :column].sort(1).values
        sets[:, column] = _next_token(random[column], chosen, vocab_size, cumulative)
    if low < high:
        size = torch.randint(
            low, high + 1, (count, 1), generator=generator, device=device, dtype=torch.int64
        )
        sets[torch.arange(high, device=device) >= size] = vocab_size
    return sets


def _next_token(
    random: Int64[Tensor, " batch"],
    chosen: Int64[Tensor, "batch chosen"],
    vocab_size: int,
    cumulative: Int64[Tensor, " vocab"] | None,
) -> Int64[Tensor, " batch"]:
    if cumulative is None:
        point = random % (vocab_size - chosen.shape[1])
        for column in chosen.unbind(1):
            point = point + (point >= column)
        return point
    end = cumulative[chosen]
    start = torch.where(chosen > 0, cumulative[(chosen - 1).clamp(min=0)], 0)
    mass = end - start
    point = random % (cumulative[-1] - mass.sum(1))
    for column in range(chosen.shape[1]):
        point = point + mass[:, column] * (point >= start[:, column])
    return torch.searchsorted(cumulative, point, right=True)


def zipf_masses(vocab_size: int, exponent: float) -> Int64[Tensor, " vocab"]:
    """Cumulative integer masses of Zipf's law, token t in proportion to 1 / (t + 1)^exponent.

    Masses are rounded to integers that sum to about 2^40, at least 1 each.
    """
    rank = torch.arange(1, vocab_size + 1, dtype=torch.float64)
    share = rank.pow(-exponent)
    masses = (share / share.sum() * 2.0**40).round().clamp(min=1)
    return masses.to(torch.int64).cumsum(0)
