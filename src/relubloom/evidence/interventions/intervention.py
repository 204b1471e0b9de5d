"""What an intervention has to say and do."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases
from relubloom.evidence.interventions.prediction import Prediction
from relubloom.evidence.interventions.subject import Subject


@runtime_checkable
class Intervention(Protocol):
    """A change to the network whose effect the code predicts.

    `cases`, `predict` and `mispredict` see the code and never the network: their answers are
    fixed before it runs. `question` and `prediction` are sentences for the reader, `control` says
    what `mispredict` does wrongly on purpose. `changes` says whether the intervention changes
    what is called, so that the calls that change can be compared.
    """

    name: str
    question: str
    prediction: str
    control: str
    changes: bool

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """Cases made from random sets; sets to which it cannot be done are left out."""
        ...

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """What the code says that the changed network will call."""
        ...

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """The control: a prediction that should fail."""
        ...

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """The logits of the changed network."""
        ...
