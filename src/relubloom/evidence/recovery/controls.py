"""What the scorer says of things that are no findings: random directions, one direction over and
over, hashes of another draw; and of the truth itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from relubloom.errors import check_choice, check_seed, whole
from relubloom.evidence.recovery.score import Score, Truth, score_against
from relubloom.network.given_weights import as_array

INTERVAL = 4.0  # standard deviations either side of the mean
COUNTS = ("atoms", "dead", "duplicates", "false_positives", "false_positives_of_code")
Draw = Callable[[np.random.Generator], NDArray[np.float64]]


@dataclass(frozen=True, repr=False)
class ControlScores:
    """The scores of one control, one for each draw."""

    scores: tuple[Score, ...]

    def interval(self, figure: str) -> tuple[float, float] | None:
        """Mean of a figure over the draws, less and plus 4 standard deviations, at least 0.

        Of a share at most 1.

        A new draw lies outside in about one case of a thousand. None where the figure is null.

        Raises:
            UsageError: there is no such figure.
        """
        check_choice("figure", figure, *(each.name for each in fields(Score)))
        values = [score.figures[figure] for score in self.scores]
        known = np.array([value for value in values if value is not None], dtype=np.float64)
        if not known.size:
            return None
        around = INTERVAL * float(known.std(ddof=1)) if len(known) > 1 else 0.0
        most = np.inf if figure in COUNTS else 1.0
        return max(0.0, float(known.mean()) - around), min(most, float(known.mean()) + around)

    def __repr__(self) -> str:
        return f"ControlScores({len(self.scores)} draws, the first: {self.scores[0]})"


def controls_of(
    truth: Truth, atoms: int | None = None, draws: int = 16, seed: int = 0
) -> dict[str, ControlScores]:
    """The scores of five things that are known beforehand, by name.

    - `directions`: the rows of W_in. They do not show strengths.
    - `code`: the hashes; not there for a network without a code.
    - `random`: normal draws.
    - `duplicates`: the row of W_in of one random token, over and over.
    - `other seed`: each token's row of W_in with its entries shuffled among the units. Of a
      random code this is the law of another seed.

    Args:
        truth: the network.
        atoms: how many directions `random` and `duplicates` have, and at most `other seed`; as many
            as tokens by default. Give the number of those that you found.
        draws: of each of the last three.
        seed: of the draws.

    Raises:
        UsageError: atoms or draws is no whole number of at least 1, or seed is below 0.

    Cost: `3 * draws + 2` scores.
    """
    W_in = as_array(truth.net.W_in)
    check_seed(seed)
    draws = whole("draws", draws, 1)
    count = len(W_in) if atoms is None else whole("atoms", atoms, 1)
    drawn: dict[str, Draw] = {
        "random": lambda draw: draw.standard_normal((count, W_in.shape[1])),
        "duplicates": lambda draw: W_in[[draw.integers(len(W_in))] * count],
        "other seed": lambda draw: draw.permuted(W_in, axis=1)[:count],
    }
    found = {"directions": ControlScores((score_against(truth, W_in),))}
    if truth.code is not None:
        found["code"] = ControlScores((score_against(truth, truth.code),))
    for name, make in drawn.items():
        generator = np.random.default_rng([seed, len(found)])
        scores = (score_against(truth, make(generator)) for _ in range(draws))
        found[name] = ControlScores(tuple(scores))
    return found
