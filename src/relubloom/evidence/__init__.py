"""Evidence: what a network does, how it does it, and whether it is a Bloom filter."""

from relubloom.evidence.gather import Evidence as Evidence
from relubloom.evidence.gather import gather_evidence as gather_evidence
