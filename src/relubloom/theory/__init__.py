"""Exact laws of random codes, bounds, and the planner that solves them for a width."""

from relubloom.theory.bernoulli import bernoulli, best_bernoulli
from relubloom.theory.bounds import (
    counting_bound,
    counting_width,
    disjunct_bound,
    log2_sets,
    random_readout_capacity,
    readout_capacity,
    width_rule,
)
from relubloom.theory.constant_weight import (
    best_constant_weight,
    best_with_replacement,
    classic,
    constant_weight,
    with_replacement,
)
from relubloom.theory.cover import Expectations, SetErrors
from relubloom.theory.graded import (
    GradedExpectations,
    best_graded_density,
    best_graded_weights,
    graded_bernoulli,
    graded_constant_weight,
    graded_exponent,
    precision_bits,
)
from relubloom.theory.kautz_singleton import KautzSingleton, is_prime_power, kautz_singleton
from relubloom.theory.partitioned import best_blocks, partitioned, partitioned_bounds
from relubloom.theory.plan_families import FamilyRow
from relubloom.theory.planner import (
    CLASS_SET_SIZE,
    CLASS_TOKENS,
    FAMILY_COLUMNS,
    Plan,
    bounds_table,
    class_width,
    family_notes,
    family_table,
    narrow_below,
    plan,
    width_to_try,
)
from relubloom.theory.sharpness import kl_bound, leak, leaking_mse, sharpness_for
from relubloom.theory.superposition import linear_superposition, superposition_noise

__all__ = [
    "CLASS_SET_SIZE",
    "CLASS_TOKENS",
    "FAMILY_COLUMNS",
    "Expectations",
    "FamilyRow",
    "GradedExpectations",
    "KautzSingleton",
    "Plan",
    "SetErrors",
    "bernoulli",
    "best_bernoulli",
    "best_blocks",
    "best_constant_weight",
    "best_graded_density",
    "best_graded_weights",
    "best_with_replacement",
    "bounds_table",
    "class_width",
    "classic",
    "constant_weight",
    "counting_bound",
    "counting_width",
    "disjunct_bound",
    "family_notes",
    "family_table",
    "graded_bernoulli",
    "graded_constant_weight",
    "graded_exponent",
    "is_prime_power",
    "kautz_singleton",
    "kl_bound",
    "leak",
    "leaking_mse",
    "linear_superposition",
    "log2_sets",
    "narrow_below",
    "partitioned",
    "partitioned_bounds",
    "plan",
    "precision_bits",
    "random_readout_capacity",
    "readout_capacity",
    "sharpness_for",
    "superposition_noise",
    "width_rule",
    "width_to_try",
    "with_replacement",
]
