"""Networks whose mechanism is known: named, versioned, made on demand from a seed, cached."""

from relubloom.zoo.catalogue import names
from relubloom.zoo.known import KnownNetwork, load
from relubloom.zoo.meaning import UnitMeaning

__all__ = ["KnownNetwork", "UnitMeaning", "load", "names"]
