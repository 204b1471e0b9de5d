"""The verdict: its names and thresholds; `evidence` applies them and `report` shows them."""

from typing import Literal

Verdict = Literal["bloom", "partly", "not-bloom"]

AGREEMENT_BLOOM = 0.97  # unit agreement of a `bloom` network, at least
AGREEMENT_NOT = 0.8  # below it a network is `not-bloom`
NEAR_BLOOM = 0.03  # share of entries near the threshold, at most
F1_BLOOM = 0.8  # of the bare hash's prediction of loss failures, at least
SKILL_BLOOM = 0.5  # of a constant answer's errors that the union removes, at least
