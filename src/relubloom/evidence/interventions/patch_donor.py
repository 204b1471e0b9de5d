"""Patch the hidden layer from another set."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases
from relubloom.evidence.interventions.prediction import Prediction
from relubloom.evidence.interventions.subject import Subject, hidden


class PatchDonor:
    """Replace `hook_post` of a set by that of another random set, the donor.

    The hidden layer is all that the readout sees, so the donor's tokens should be called; they
    are the intervened members.
    """

    name = "patch-donor"
    question = "Does the hidden layer of another set carry that set, and nothing of this one?"
    prediction = "The decode of the donor."
    control = "predicted from the set that was put in"
    changes = True

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Each set with the one after it as its donor."""
        donors = np.roll(sets, -1, axis=0)
        return even_cases(sets, donors, donors)

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The donor's union."""
        return Prediction(code, code.union(cases.acted_on))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """The receiver's union."""
        return Prediction(code, code.union(cases.sets))

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the donor."""
        return subject.patched(cases.sets, hidden(subject.net, cases.acted_on))
