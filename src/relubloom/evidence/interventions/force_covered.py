"""Force a unit covered: switch it off though no member has its bit."""

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


class ForceCovered:
    """Set `hook_post` of one uncovered unit to 0.

    A case is a random set on which the code has no false positive, and a random one of its
    uncovered units: so every predicted false positive is one that the forced unit makes, a token
    that missed this bit and no other. The members are those of the set.
    """

    name = "force-covered"
    question = "Does a unit that is switched off let in the tokens that missed only its bit?"
    prediction = "The decode of the union and the forced unit."
    control = "predicted for another uncovered unit than the forced one"
    changes = True

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Sets without false positives of the code, with an uncovered unit each."""
        uncovered = ~code.union(sets)
        fit = uncovered.any(1) & (code.false_positives(sets) == 0)
        return even_cases(sets[fit], random_choice(uncovered[fit], random), sets[fit])

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union and the unit."""
        return Prediction(code, code.union(cases.sets) | only(code.width, cases.acted_on[:, 0]))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """The union and another uncovered unit; the bare union where there is no other."""
        union = code.union(cases.sets)
        others = ~union & ~only(code.width, cases.acted_on[:, 0])
        forced = others & only(code.width, random_choice(others, random))
        return Prediction(code, union | forced)

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit off."""
        units = torch.from_numpy(cases.acted_on)

        def switch_off(post: Tensor, hook: HookPoint) -> Tensor:
            return post.scatter(1, units, 0.0)

        return subject.net.run_with_hooks(torch.from_numpy(cases.sets), [("hook_post", switch_off)])
