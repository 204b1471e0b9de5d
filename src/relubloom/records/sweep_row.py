"""The figures of one network that a sweep keeps."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.records.verdict import Verdict


@dataclass(frozen=True)
class Glance:
    """Figures of one network, by the names that the other files have for them.

    Keys:
        sets, sampled: how many sets they are over, and whether those were drawn (the same for
            every run) or are all there are.
        mse, kl, p_exact: as in `behaviour.json`.
        mse_se: the standard error of `mse` over drawn sets, 0 where all were taken. Runs share
            their sets, so it does not average out over seeds.
        verdict, mode_gap, two_modes, near_threshold, unit_agreement, union_skill: as in
            `mechanism.json`.
        bits_mean, bits_sd: `bits_per_token` there.
        extracted_mse, extracted_kl, extracted_p_exact, loss_failure_f1: the extracted hash as a
            textbook Bloom filter.
        dead_tokens: tokens missed on more than half of the sets that hold them.
    """

    sets: int
    sampled: bool
    mse: float
    mse_se: float
    kl: float
    p_exact: float
    verdict: Verdict
    mode_gap: float | None
    two_modes: bool
    near_threshold: float
    unit_agreement: float
    union_skill: float
    bits_mean: float
    bits_sd: float
    extracted_mse: float
    extracted_kl: float
    extracted_p_exact: float
    loss_failure_f1: float | None
    dead_tokens: int
