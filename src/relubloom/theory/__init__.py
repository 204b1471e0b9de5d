"""Exact laws of random codes, bounds, and the planner that solves them for a width."""

from relubloom.theory.bernoulli import BernoulliExpectations, bernoulli, best_bernoulli
from relubloom.theory.constant_weight import best_constant_weight, constant_weight
from relubloom.theory.expectations import Expectations, SetErrors
from relubloom.theory.partitioned import (
    PartitionedBounds,
    best_blocks,
    partitioned,
    partitioned_bounds,
)
from relubloom.theory.sharpness import kl_bound, leak, sharpness_for
from relubloom.theory.with_replacement import best_with_replacement, classic, with_replacement

__all__ = [
    "BernoulliExpectations",
    "Expectations",
    "PartitionedBounds",
    "SetErrors",
    "bernoulli",
    "best_bernoulli",
    "best_blocks",
    "best_constant_weight",
    "best_with_replacement",
    "classic",
    "constant_weight",
    "kl_bound",
    "leak",
    "partitioned",
    "partitioned_bounds",
    "sharpness_for",
    "with_replacement",
]
