"""Exact laws of random codes, bounds, and the planner that solves them for a width."""

from relubloom.theory.constant_weight import best_constant_weight, constant_weight
from relubloom.theory.expectations import Expectations, SetErrors

__all__ = ["Expectations", "SetErrors", "best_constant_weight", "constant_weight"]
