"""Codes: packed bits, union, decode, false positives, and the families that make them."""

from relubloom.code.bits import Code
from relubloom.code.families import random_constant_weight

__all__ = ["Code", "random_constant_weight"]
