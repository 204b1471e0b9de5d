"""Force one unit of the hidden layer: covered, so it is off, or uncovered, so it is on."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from relubloom.code import Code
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.interventions.intervention import (
    Bits,
    Cases,
    Ids,
    even_cases,
    only,
    random_choice,
)
from relubloom.evidence.interventions.prepared_network import PreparedNetwork


class ForceCovered:
    """Set `hook_post` of one uncovered unit to 0, though no member has its bit.

    A case is a random set on which the code has no false positive, and a random one of its
    uncovered units: so every predicted false positive is one that the forced unit makes, a token
    that missed this bit and no other. The members are those of the set.
    """

    name = "force-covered"
    question = "Does a unit that is switched off let in the tokens that missed only its bit?"
    prediction = "The decode of the union and the forced unit."
    control = "predicted for another uncovered unit than the forced one"
    changes = True

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Sets without false positives of the code, with an uncovered unit each."""
        uncovered = ~code.union(sets)
        fit = uncovered.any(1) & (CoverTable(code).false_positives(sets) == 0)
        return even_cases(sets[fit], random_choice(uncovered[fit], random), sets[fit])

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union and the unit."""
        return code.union(cases.sets) | only(code.width, cases.acted_on[:, 0])

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """The union and another uncovered unit; the bare union where there is no other."""
        union = code.union(cases.sets)
        others = ~union & ~only(code.width, cases.acted_on[:, 0])
        return code, union | (others & only(code.width, random_choice(others, random)))

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit off."""
        return net.with_unit_at(cases.sets, cases.acted_on, np.zeros(cases.acted_on.shape))


class ForceUncovered:
    """Set `hook_post` of one covered unit to its mean level on sets that leave it uncovered.

    A case is a random set and a random one of its covered units that some member lacks (any
    covered unit, where all members have all of them). The members with the bit should drop out, so
    the intervened members are the others; a dropped member that is still called counts as a false
    positive that was not predicted. Where every member has the bit they all miss one, none is
    better than another, and the members stay those of the set.
    """

    name = "force-uncovered"
    question = "Does a unit that is switched on shut out the members that have its bit?"
    prediction = "The decode of the union without the forced unit."
    control = "predicted for another covered unit than the forced one"
    changes = True

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Sets with a covered unit each."""
        union = code.union(sets)
        telling = union & ~_in_all(code, sets)
        eligible = np.where(telling.any(1, keepdims=True), telling, union)
        fit = eligible.any(1)
        units = random_choice(eligible[fit], random)
        return even_cases(sets[fit], units, _kept(code, sets[fit], units))

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union without the unit."""
        return code.union(cases.sets) & ~only(code.width, cases.acted_on[:, 0])

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """The union without another covered unit; the bare union where there is no other."""
        union = code.union(cases.sets)
        others = union & ~only(code.width, cases.acted_on[:, 0])
        return code, union & ~(others & only(code.width, random_choice(others, random)))

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit on."""
        return net.with_unit_at(cases.sets, cases.acted_on, net.uncovered_levels[cases.acted_on])


def _in_all(code: Code, sets: Ids) -> Bits:
    """Bool [batch, width]: bits that every member has."""
    with_padding = np.concatenate([code.bits, np.ones((1, code.width), dtype=np.bool_)])
    common = np.ones((len(sets), code.width), dtype=np.bool_)
    for column in sets.T:
        common &= with_padding[column]
    return common


def _kept(code: Code, sets: Ids, units: Ids) -> Ids:
    """Members without the unit's bit, padded; all members where each has it."""
    real = sets < code.vocab_size
    has_bit = code.bits[np.where(real, sets, 0), units[:, None]]
    lacking = real & ~has_bit
    kept = np.where(lacking.any(1, keepdims=True), lacking, real)
    return np.where(kept, sets, code.vocab_size)
