"""Force a unit uncovered: switch it on though a member has its bit."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases, random_choice
from relubloom.evidence.interventions.prediction import Prediction, only
from relubloom.evidence.interventions.subject import Subject
from relubloom.network.relu_net import HookPoint


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

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Sets with a covered unit each."""
        union = code.union(sets)
        telling = union & ~_in_all(code, sets)
        eligible = np.where(telling.any(1, keepdims=True), telling, union)
        fit = eligible.any(1)
        units = random_choice(eligible[fit], random)
        return even_cases(sets[fit], units, _kept(code, sets[fit], units))

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union without the unit."""
        return Prediction(code, code.union(cases.sets) & ~only(code.width, cases.acted_on[:, 0]))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """The union without another covered unit; the bare union where there is no other."""
        union = code.union(cases.sets)
        others = union & ~only(code.width, cases.acted_on[:, 0])
        forced = others & only(code.width, random_choice(others, random))
        return Prediction(code, union & ~forced)

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit on."""
        units = torch.from_numpy(cases.acted_on)
        levels = torch.from_numpy(subject.uncovered_levels())[units]

        def switch_on(post: Tensor, hook: HookPoint) -> Tensor:
            return post.scatter(1, units, levels)

        return subject.net.run_with_hooks(torch.from_numpy(cases.sets), [("hook_post", switch_on)])


def _in_all(code: Code, sets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bool [batch, width]: bits that every member has."""
    with_padding = np.concatenate([code.bits, np.ones((1, code.width), dtype=np.bool_)])
    common = np.ones((len(sets), code.width), dtype=np.bool_)
    for column in sets.T:
        common &= with_padding[column]
    return common


def _kept(code: Code, sets: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Members without the unit's bit, padded; all members where each has it."""
    real = sets < code.vocab_size
    has_bit = code.bits[np.where(real, sets, 0), units[:, None]]
    lacking = real & ~has_bit
    kept = np.where(lacking.any(1, keepdims=True), lacking, real)
    return np.where(kept, sets, code.vocab_size)
