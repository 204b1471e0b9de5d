"""A row of a sweep's table: one run, its settings, and the figures that a sweep keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, cast

from relubloom.errors import FileError
from relubloom.records.verdict import Verdict

Status = Literal["done", "failed", "impossible"]
UNSAID: dict[str, str | float] = {  # what the settings of a run leave out where it is so
    "generator": "torch",
    "initialisation": "normal",
    "optimiser": "adam",
    "adam_beta2": 0.999,
    "weight_decay": 0.0,
    "products": "float32",
    "softmax": "all",
}


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
        levels, half_share: how many strengths the bits have, and the share of them below the
            largest strength; 1 and 0 where all bits are full.
        state_agreement, graded_mse, graded_loss_failure_f1: of `strengths` in `mechanism.json`;
            null where all bits are full. These five are null in tables of earlier versions.
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
    levels: int | None = None
    half_share: float | None = None
    state_agreement: float | None = None
    graded_mse: float | None = None
    graded_loss_failure_f1: float | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Glance:
        """The figures that a table holds; what a newer relubloom may have added is passed over.

        Raises:
            FileError: a figure is missing.
        """
        try:
            return cls(
                **{
                    each.name: found[each.name]
                    for each in fields(cls)
                    if each.name in found or each.default is MISSING
                }
            )
        except KeyError as error:
            raise FileError(
                f"a record of a finished run has no usable {error}; make the results anew with "
                "`relubloom sweep`"
            ) from error


def told(setting: object) -> str:
    """A setting in words: a range of sizes, which a table holds as `[a, b]`, is `a..b`."""
    if isinstance(setting, list):
        return "..".join(map(str, cast("list[object]", setting)))
    return str(setting)


@dataclass(frozen=True)
class SweepRow:
    """What came of one run.

    Attributes:
        run: its identity.
        status: "done", with `figures`; "impossible", a point of a grid that breaks a rule;
            "failed", for want of memory or of a machine: those two with a `reason`.
        settings: what identifies the run, flat: `sweep.settings.RunSettings.describe`, or what an
            impossible point asks for.
        figures: of its network; None unless it is done.
        training_seconds: the run's share of its group's training.
        seconds: those, and measuring.
    """

    run: str
    status: Status
    settings: dict[str, Any]
    figures: Glance | None = None
    reason: str | None = None
    training_seconds: float | None = None
    seconds: float | None = None

    def described_figures(self) -> dict[str, Any]:
        """Figures and the seconds of training, flat, as the table holds them."""
        if self.figures is None:
            return {}
        return asdict(self.figures) | {"training_seconds": self.training_seconds}
