"""Networks whose mechanism is known: named, versioned, made on demand from a seed, cached."""

from relubloom.zoo.catalogue import names
from relubloom.zoo.known import KnownNetwork, load

__all__ = ["KnownNetwork", "load", "names"]
