"""Drawing sets: exact, seeded, without rejection loops.

A set is a pure function of (seed, stream, step, row), so nothing has to be remembered to resume a
run. There are two generators of the numbers. torch's has other numbers on an accelerator than on a
CPU, so it draws on the CPU, a batch as a whole. Philox (`task.philox`) has the same on every
device, and each row by itself.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom.task.philox import Address, AddressedNumbers, address_hash

GeneratorName = Literal["torch", "philox"]
Below = Callable[[int, int | Tensor], Tensor]
"""Uniform numbers below a mass, int64 [instances, batch], for the draw of this number."""

SHARES = 1 << 40  # a chance is a multiple of 1 / SHARES
RANDOM_BITS = 62  # the remainder by a mass of at most 2^41 is biased by less than 2^-21 of itself


def seeded_generator(seed: int, stream: str, step: int) -> torch.Generator:
    """A CPU's generator whose state is a hash of its address: streams do not overlap."""
    return torch.Generator().manual_seed(address_hash(seed, stream, step) >> 1)


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

    Cost: O(count set_size^2), in O(set_size^2) vector operations.
    """
    return draw_sets_of_each([generator], count, vocab_size, sizes, cumulative)[0]


def draw_sets_of_each(
    generators: list[torch.Generator],
    count: int,
    vocab_size: int,
    sizes: tuple[int, int],
    cumulative: Int64[Tensor, " vocab"] | None = None,
) -> Int64[Tensor, "instances batch set_size"]:
    """`draw_sets` of several generators of one device, in as many vector operations as of one."""
    low, high = sizes
    device, instances = generators[0].device, len(generators)
    random = torch.empty(instances, high, count, dtype=torch.int64, device=device)
    for numbers, generator in zip(random, generators, strict=True):
        numbers.random_(0, 1 << RANDOM_BITS, generator=generator)
    tokens = random.new_empty(high, instances, count)
    sets = _tokens(lambda draw, mass: random[:, draw] % mass, tokens, vocab_size, cumulative)
    if low < high:
        size = random.new_empty(instances, count)
        for numbers, generator in zip(size, generators, strict=True):
            numbers.random_(low, high + 1, generator=generator)
        _shorten_(sets, size, vocab_size)
    return sets


def addressed_sets(
    addresses: Sequence[Address],
    rows: range,
    vocab_size: int,
    sizes: tuple[int, int],
    cumulative: Int64[Tensor, " vocab"] | None = None,
    device: torch.device | str = "cpu",
) -> Int64[Tensor, "instances batch set_size"]:
    """Some rows of the sets at each address, by Philox: the same integers on every device.

    The law is that of `draw_sets`; each chance is within 2^-22 of itself, and for equal masses
    within vocab_size / 2^64.
    """
    low, high = sizes
    random = AddressedNumbers(addresses, rows, high + 1, device)
    tokens = torch.empty(high, len(addresses), len(rows), dtype=torch.int64, device=device)
    sets = _tokens(random.below, tokens, vocab_size, cumulative)
    if low < high:
        _shorten_(sets, low + random.below(high, high - low + 1), vocab_size)
    return sets


def swap_tokens_(
    sets: Int64[Tensor, "instances batch set_size"],
    below: Below,
    share: float,
    cumulative: Int64[Tensor, " vocab"],
) -> None:
    """Exchange one member of some sets for another token, in place.

    With chance `share` a set is chosen, by draw 0, and one of its members, each alike, by draw 1.
    A token is drawn in proportion to its mass, cumulative[t] - cumulative[t-1], by draw 2. It takes
    the member's place, unless the set holds it: then the set stays as it is.

    Cost: O(batch (set_size + log vocab)).
    """
    chosen = below(0, SHARES) < round(share * SHARES)
    place = below(1, (sets < len(cumulative)).sum(-1))
    token = torch.searchsorted(cumulative, below(2, int(cumulative[-1])), right=True)
    swapped = chosen & ~(sets == token[..., None]).any(-1)
    sets[(*swapped.nonzero(as_tuple=True), place[swapped])] = token[swapped]


def _shorten_(
    sets: Int64[Tensor, "instances batch set_size"],
    size: Int64[Tensor, "instances batch"],
    padding: int,
) -> None:
    places = torch.arange(sets.shape[-1], device=sets.device)
    sets.masked_fill_(places >= size[..., None], padding)


# A number below the mass that is left becomes a token by skipping the chosen tokens' intervals.
# With those before it cut out, a chosen interval is but a point, its cut, among what is left: the
# numbers from the cut on skip it. A new interval moves the cuts behind it down by its mass. So the
# cuts need no order, and all of them are compared at once.


def _tokens(
    below: Below,
    tokens: Int64[Tensor, "set_size instances batch"],
    vocab_size: int,
    cumulative: Int64[Tensor, " vocab"] | None,
) -> Int64[Tensor, "instances batch set_size"]:
    """Fill `tokens`, and lay them out by set."""
    if cumulative is None:
        _draw_uniform_tokens(below, tokens, vocab_size)
    else:
        _draw_weighted_tokens(below, tokens, cumulative.to(tokens.device))
    return tokens.permute(1, 2, 0).contiguous()


def _draw_uniform_tokens(
    below: Below, tokens: Int64[Tensor, "set_size instances batch"], vocab_size: int
) -> None:
    """All masses 1. Cuts are kept raised by the number of tokens chosen, so that each draw adds 1
    to those before it instead of taking 1 from those behind."""
    cuts, skipped = torch.empty_like(tokens), torch.empty_like(tokens)
    for draw in range(len(tokens)):
        point = below(draw, vocab_size - draw)
        raised = point + draw
        skips = torch.le(cuts[:draw], raised, out=skipped[:draw])
        torch.add(point, skips.sum(0), out=tokens[draw])
        cuts[:draw] += skips
        torch.add(raised, 1, out=cuts[draw])


def _draw_weighted_tokens(
    below: Below,
    tokens: Int64[Tensor, "set_size instances batch"],
    cumulative: Int64[Tensor, " vocab"],
) -> None:
    """Token t has mass cumulative[t] - cumulative[t-1]."""
    starts = torch.cat([cumulative.new_zeros(1), cumulative[:-1]])
    cuts, masses = torch.empty_like(tokens), torch.empty_like(tokens)
    left = cumulative[-1].expand(tokens.shape[1:]).clone()
    for draw in range(len(tokens)):
        point = below(draw, left)
        before = cuts[:draw] <= point
        skipped = (masses[:draw] * before).sum(0)
        token = torch.searchsorted(cumulative, point + skipped, right=True)
        start = starts[token]
        tokens[draw], masses[draw] = token, cumulative[token] - start
        cuts[:draw] -= masses[draw] * ~before
        cuts[draw] = start - skipped
        left -= masses[draw]


def zipf_masses(vocab_size: int) -> Int64[Tensor, " vocab"]:
    """Cumulative integer masses of Zipf's law, token t in proportion to 1 / (t + 1).

    Masses are rounded to integers that sum to about 2^40, at least 1 each.
    """
    rank = torch.arange(1, vocab_size + 1, dtype=torch.float64)
    share = rank.pow(-1.0)
    masses = (share / share.sum() * 2.0**40).round().clamp(min=1)
    return masses.to(torch.int64).cumsum(0)
