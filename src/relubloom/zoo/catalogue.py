"""Which networks there are: their names, sizes, sources and recipes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import Literal

from relubloom.errors import UsageError, described
from relubloom.training import Recipe

Kind = Literal[
    "constructed-binary",
    "constructed-graded",
    "trained-binary",
    "trained-graded",
    "nearly-linear",
    "planted-majority",
    "planted-parity",
]
Source = Literal["uniform", "zipf", "correlated"]
SET_SIZE = 3
WHAT: dict[Kind, str] = {
    "constructed-binary": "weights set by hand: exactly the Bloom filter of a random code",
    "constructed-graded": "weights set by hand: exactly the graded Bloom filter of a random code",
    "trained-binary": "trained: it learned a Bloom filter, whose code is read off its weights",
    "trained-graded": "trained to the end: it learned a graded Bloom filter, read off its weights",
    "nearly-linear": "control, trained without its ReLU: no unit is ever off, so there is no code",
    "planted-majority": "control, weights set by hand: units compute majorities, and no union",
    "planted-parity": "control, weights set by hand: units compute parities, and no union",
}


@dataclass(frozen=True)
class Entry:
    """A network of the zoo, before a seed is chosen.

    `version` goes up whenever the same seed would give another network.
    """

    kind: Kind
    vocab_size: int
    width: int
    source: Source = "uniform"
    recipe: Recipe = field(default_factory=Recipe)
    version: int = 1

    @property
    def name(self) -> str:
        """What `load` takes: kind, sizes, and the source where it is not uniform."""
        name = f"{self.kind}-{self.vocab_size}x{self.width}-k{SET_SIZE}"
        return name if self.source == "uniform" else f"{name}-{self.source}"

    @property
    def tokens_per_unit(self) -> float:
        """How hard it is: N / d."""
        return self.vocab_size / self.width

    @property
    def trained(self) -> bool:
        """Whether its weights are learned, and not set."""
        return self.kind.startswith(("trained", "nearly"))

    @property
    def linear(self) -> Entry:
        """The network without a ReLU of its sizes and source, which it is held against."""
        return replace(self, kind="nearly-linear", recipe=LINEAR, version=1)


LINEAR = Recipe(steps=2000, batch_size=256, activation="none")
SIZES = ((96, 48), (256, 48), (1024, 64))  # 2, 5 and 16 tokens a unit
TRAINED: tuple[Entry, ...] = ()
OTHER_SOURCES: tuple[Source, ...] = ("zipf", "correlated")
ENTRIES: tuple[Entry, ...] = tuple(
    Entry(kind, *sizes)
    for kind in ("constructed-binary", "constructed-graded", "planted-majority", "nearly-linear")
    for sizes in SIZES
)


def names() -> tuple[str, ...]:
    """The networks that `load` knows."""
    return tuple(entry.name for entry in ENTRIES)


def entry_of(name: str) -> Entry:
    """The entry of that name.

    Raises:
        UsageError: there is none; the message gives the nearest.
    """
    if not isinstance(name, str):
        raise UsageError(f"name is {described(name)}: give one, such as {ENTRIES[0].name!r}")
    known = {entry.name: entry for entry in ENTRIES}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0) 
        raise UsageError(
            f"there is no network {name!r}: the nearest are {', '.join(near)}; "
            "`relubloom zoo list` names all"
        )
    return known[name]
