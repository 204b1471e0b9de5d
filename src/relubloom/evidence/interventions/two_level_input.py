"""Replace W_in by its two-level version."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases
from relubloom.evidence.interventions.prediction import Prediction, with_shuffled_rows
from relubloom.evidence.interventions.subject import Subject


class TwoLevelInput:
    """Replace each entry of W_in by one of two values of its unit: the mean of the unit's entries
    that are bits, or the mean of those that are not.

    If only the bit matters, the decode stays. The members are those of the set.
    """

    name = "two-level-input"
    question = "Are the two levels of each unit's column all that matters of W_in?"
    prediction = "The decode of the set: every entry keeps its bit."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Any sets."""
        return even_cases(sets, sets[:, :0], sets)

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union of the set."""
        return Prediction(code, code.union(cases.sets))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """Another code's union of the set."""
        return with_shuffled_rows(code, cases.sets, random)

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run the two-level network."""
        return subject.two_level(torch.from_numpy(cases.sets))
