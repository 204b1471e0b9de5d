"""The figures of one network that a sweep keeps."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.records.verdict import Verdict


@dataclass(frozen=True)
class Glance:
    """Figures of one network, by the names that the other evidence has for them.

    `mse_se` is the standard error of `mse` where sets were drawn, and 0 where they are all there
    are; `sampled` says which. `dead_tokens` counts tokens that the network misses on more than
    half of the sets that hold them. `extracted_*` is the extracted code as a Bloom filter.
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
