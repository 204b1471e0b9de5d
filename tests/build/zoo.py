"""Small networks as the zoo makes them."""

from dataclasses import replace
from pathlib import Path

from relubloom.training import Recipe
from relubloom.zoo.catalogue import Entry
from relubloom.zoo.known import KnownNetwork, load_entry

QUICK = Recipe(steps=30, batch_size=64)
QUICK_LINEAR = Recipe(steps=30, batch_size=64, activation="none")
SMALL = (
    Entry("constructed-binary", 20, 12),
    Entry("constructed-graded", 20, 12),
    Entry("trained-binary", 20, 12, recipe=QUICK),
    Entry("trained-graded", 20, 12, recipe=QUICK),
    Entry("nearly-linear", 20, 12, recipe=QUICK_LINEAR),
    Entry("planted-majority", 20, 12),
    Entry("planted-parity", 20, 12),
)
ZIPF = Entry("constructed-binary", 20, 12, "zipf")
CORRELATED = Entry("constructed-binary", 32, 12, "correlated")


def prepared(cache: Path) -> Path:
    """A cache with the networks without a ReLU, trained for a moment only."""
    for entry in (SMALL[0], ZIPF, CORRELATED):
        load_entry(replace(entry.linear, recipe=QUICK_LINEAR), 0, cache)
    return cache


def small(kind: str, cache: Path, seed: int = 0) -> KnownNetwork:
    """The small network of that kind."""
    (entry,) = (entry for entry in SMALL if entry.kind == kind)
    return load_entry(entry, seed, cache)
