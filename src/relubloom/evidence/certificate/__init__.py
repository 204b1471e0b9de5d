"""Certificates: what holds for a network over all C(vocab, k) sets, proven where it can be."""

from relubloom.evidence.certificate.by_method import certify, certify_lines

__all__ = ["certify", "certify_lines"]
