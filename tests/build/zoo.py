"""Small networks as the zoo makes them."""

from dataclasses import replace
from pathlib import Path

from relubloom.training import Recipe
from relubloom.zoo.catalogue import CatalogueEntry
from relubloom.zoo.known import KnownNetwork, load_entry

QUICK = Recipe(steps=30, batch_size=64)
QUICK_LINEAR = Recipe(steps=30, batch_size=64, activation="none")
SMALL = (
    CatalogueEntry("constructed-binary", 20, 12),
    CatalogueEntry("constructed-graded", 20, 12),
    CatalogueEntry("trained-binary", 20, 12, recipe=QUICK),
    CatalogueEntry("trained-graded", 20, 12, recipe=QUICK),
    CatalogueEntry("nearly-linear", 20, 12, recipe=QUICK_LINEAR),
    CatalogueEntry("planted-majority", 20, 12),
    CatalogueEntry("planted-parity", 20, 12),
)
ZIPF = CatalogueEntry("constructed-binary", 20, 12, "zipf")
CORRELATED = CatalogueEntry("constructed-binary", 32, 12, "correlated")


def prepared(cache: Path) -> Path:
    """A cache with the networks without a ReLU, trained for a moment only."""
    for entry in (SMALL[0], ZIPF, CORRELATED):
        load_entry(replace(entry.linear, recipe=QUICK_LINEAR), 0, cache)
    return cache


def small(kind: str, cache: Path, seed: int = 0) -> KnownNetwork:
    """The small network of that kind."""
    (entry,) = (entry for entry in SMALL if entry.kind == kind)
    return load_entry(entry, seed, cache)
