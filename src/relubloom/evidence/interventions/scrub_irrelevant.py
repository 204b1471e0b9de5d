"""Causal scrubbing: resample everything that the hypothesis calls irrelevant."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases
from relubloom.evidence.interventions.prediction import Prediction, with_shuffled_rows
from relubloom.evidence.interventions.subject import Subject

DRAWS = 1 << 40  # far above the number of sources, so the remainder is even


class ScrubIrrelevant:
    """Replace each unit's `hook_post` by its value on a random set that covers it, or leaves it
    uncovered, as this set does.

    The hypothesis says that a unit tells whether it is covered, and nothing else: by which
    tokens, by how many, and how far the others are, is irrelevant. So each unit is resampled alone,
    from random sets of its own, and the decode should stay. A unit whose status no random set has
    keeps its value. Source: L. Chan and others, "Causal scrubbing" (2022). The members are those
    of the set.
    """

    name = "scrub-irrelevant"
    question = "Is a unit's being covered or not all that it tells the readout?"
    prediction = "The decode of the set: each unit is resampled with its status kept."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Any sets, with a number each that chooses the sources."""
        return even_cases(sets, random.integers(DRAWS, size=len(sets)), sets)

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union of the set."""
        return Prediction(code, code.union(cases.sets))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """Another code's union of the set."""
        return with_shuffled_rows(code, cases.sets, random)

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Resample the hidden layer."""
        return subject.patched(cases.sets, subject.resampled(cases.sets, cases.acted_on[:, 0]))
