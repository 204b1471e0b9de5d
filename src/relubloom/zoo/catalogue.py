"""Which networks there are: their names, sizes, sources and recipes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from relubloom.errors import UsageError, described
from relubloom.study.settings import PRESETS
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
KINDS = get_args(Kind)
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
SIZES = ((96, 48), (256, 48), (1024, 64))  # about 2, 5 and 16 tokens a unit
RECIPES = {  # those of the presets, where there is one
    (96, 48): Recipe(learning_rate=6e-2),
    (256, 48): PRESETS["article"].recipe,
    (1024, 64): PRESETS["wide"].recipe,
}
TO_THE_END = Recipe(steps=20_000, learning_rate=1e-2)
OTHER_SOURCES: dict[Source, Recipe] = {  # `article` ends in `partly` there, for some seeds
    "zipf": Recipe(objective="kl"),
    "correlated": Recipe(learning_rate=3e-2),
}


def _entries() -> Iterator[Entry]:
    for vocab, width in SIZES:
        yield Entry("constructed-binary", vocab, width)
        yield Entry("constructed-graded", vocab, width)
        yield Entry("trained-binary", vocab, width, recipe=RECIPES[vocab, width])
        yield Entry("nearly-linear", vocab, width, recipe=LINEAR)
        yield Entry("planted-majority", vocab, width)
        yield Entry("planted-parity", vocab, width - width % SET_SIZE)
    yield Entry("trained-graded", 100, 32, recipe=TO_THE_END)
    yield Entry("trained-graded", 256, 48, recipe=PRESETS["article-full"].recipe)
    yield Entry("nearly-linear", 100, 32, recipe=LINEAR)
    for source, recipe in OTHER_SOURCES.items():
        yield Entry("constructed-binary", 256, 48, source)
        yield Entry("trained-binary", 256, 48, source, recipe)
        yield Entry("nearly-linear", 256, 48, source, LINEAR)


ENTRIES = tuple(sorted(_entries(), key=lambda entry: KINDS.index(entry.kind)))


def names() -> tuple[str, ...]:
    """The networks that `load` knows."""
    return tuple(entry.name for entry in ENTRIES)


def entry_of(name: object) -> Entry:
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
