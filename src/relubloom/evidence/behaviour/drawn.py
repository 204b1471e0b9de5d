"""Sets for questions of their own: drawn uniformly, or a sample of the sets that were scored."""

from __future__ import annotations

from jaxtyping import Float64, Int64
from torch import Tensor

from relubloom.task import AllSets, DrawnSets, SetCollection


def uniform_sets(vocab_size: int, set_size: int, stream: str, count: int) -> DrawnSets:
    """`count` sets of distinct tokens, each equally likely; a function of the stream's name."""
    sizes = (set_size, set_size)
    return DrawnSets(vocab_size, sizes, None, stream, count, method="drawn uniformly")


def sample(
    sets: SetCollection, stream: str, count: int
) -> tuple[Int64[Tensor, "sets set_size"], Float64[Tensor, " sets"]]:
    """At most `count` of the sets, and how often each counts.

    Of all sets, `count` uniformly drawn ones; of others, evenly spaced ones.
    """
    if isinstance(sets, AllSets) and len(sets) > count:
        drawn = uniform_sets(sets.vocab_size, sets.set_size, stream, count)
        return drawn.chunk(0, count), drawn.weights(0, count)
    step = -(-len(sets) // count)
    return sets.chunk(0, len(sets))[::step], sets.weights(0, len(sets))[::step]
