"""Patch the hidden layer from the set with one of its false positives put in as well."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases, random_choice
from relubloom.evidence.interventions.prediction import (
    Prediction,
    chunks,
    indicator,
    with_shuffled_rows,
)
from relubloom.evidence.interventions.subject import Subject, hidden


class PatchFalsePositive:
    """Replace `hook_post` of a set by that of the set and one of the code's false positives on it.

    The union is the same, with one token more: the code reads the same tokens from it, and none
    of them other than before. A case is a random set with a false positive of the code, and a
    random one of these. The intervened members are the set's and that token, which any network
    names as it was put in: so what is predicted are the set's other false positives, and that one
    token more disturbs nothing.
    """

    name = "patch-false-positive"
    question = "Is a false positive put in as a member any news to the hidden layer?"
    prediction = "The decode of the set alone: the union is the same."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Sets with a false positive of the code each."""
        failing = sets[code.false_positives(sets) > 0]
        tokens = np.empty(len(failing), dtype=np.int64)
        for start, stop in chunks(len(failing), code.vocab_size):
            part = failing[start:stop]
            wrong = code.decode(part) & ~indicator(part, code.vocab_size)
            tokens[start:stop] = random_choice(wrong, random)
        return even_cases(failing, tokens, np.concatenate([failing, tokens[:, None]], axis=1))

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union of the set."""
        return Prediction(code, code.union(cases.sets))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """Another code's union of the set and the token."""
        return with_shuffled_rows(code, cases.members, random)

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the set with the token."""
        return subject.patched(cases.sets, hidden(subject.net, cases.members))
