"""Evidence: what a network does, how it does it, and whether it is a Bloom filter."""

from relubloom.evidence.gather import Evidence, gather_evidence

__all__ = ["Evidence", "gather_evidence"]
