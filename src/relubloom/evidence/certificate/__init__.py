"""Certificates: what holds for a network over all C(vocab, k) sets, proven where it can be."""

from relubloom.evidence.certificate.by_method import certify as certify
from relubloom.evidence.certificate.by_method import certify_lines as certify_lines
