"""`study.json`: the networks of a study, and what their task's best random code does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from relubloom.records.behaviour import Behaviour
from relubloom.records.mechanism import ExtractedFilter, Mechanism, Spread, Strengths
from relubloom.records.verdict import ReadingBeside, Verdict
from relubloom.shown import Shown


@dataclass(frozen=True, repr=False)
class RunRow(Shown, ReadingBeside):
    """The main figures of one network, from its run folder's files.

    Keys:
        dir, seed: its run folder, and its seed.
        verdict, mode_gap, two_valued, near_threshold, unit_agreement: as in `mechanism.json`.
        bits_per_token: of the hashes' weights.
        extracted: the extracted hash run as a textbook Bloom filter.
        code_failure_share, failures_explained, failures_explained_by_loss: as in `mechanism.json`.
        mse, kl, p_exact: as in `behaviour.json`.
        hash_false_positives, random_code_false_positives: as in `mechanism.json`.
        graded: `strengths` of `mechanism.json`; null where all bits are full.
    """

    MAIN = ("verdict", "seed", "mse", "p_exact", "dir")

    dir: str
    seed: int | None
    verdict: Verdict
    mse: float
    kl: float
    p_exact: float
    mode_gap: float | None
    two_valued: bool
    near_threshold: float
    bits_per_token: Spread
    unit_agreement: float
    extracted: ExtractedFilter
    code_failure_share: float
    failures_explained: float | None
    failures_explained_by_loss: float | None
    hash_false_positives: float | None = None
    random_code_false_positives: float | None = None
    graded: Strengths | None = None

    @classmethod
    def of(
        cls, folder: str, seed: int | None, behaviour: Behaviour, mechanism: Mechanism
    ) -> RunRow:
        """The row of a network that was examined."""
        from_behaviour = {key: getattr(behaviour, key) for key in ("mse", "kl", "p_exact")}
        others = {"dir", "seed", "graded"} | from_behaviour.keys()
        from_mechanism = {
            key.name: getattr(mechanism, key.name) for key in fields(cls) if key.name not in others
        }
        return cls(
            dir=folder,
            seed=seed,
            graded=mechanism.strengths,
            **from_behaviour,
            **from_mechanism,
        )


@dataclass(frozen=True)
class RandomCodeFigures:
    """The best random constant-weight code of the task's sizes.

    Keys:
        weight: bits a token: the weight with the least mse.
        mse, kl, p_exact: expectations over the draw of the code, in closed form for uniform sets;
            on other sources the median of 16 codes on the sets that the networks are judged on.
    """

    weight: int
    mse: float
    kl: float
    p_exact: float


@dataclass(frozen=True, repr=False)
class StudyRecord(Shown):
    """A finished study.

    Keys:
        relubloom_version, command: what made it.
        configuration: the settings that identify it: task, tokens, width, recipe, seeds.
        runs: a row for each network.
        best_random_code: what a random code of these sizes does.
        verdict: the commonest among the runs; of equally common ones the least favourable.
        report: where the page lies.
    """

    MAIN = ("verdict", "networks", "mse", "report")

    relubloom_version: str
    command: str
    configuration: dict[str, Any]
    runs: list[RunRow]
    best_random_code: RandomCodeFigures
    verdict: Verdict
    report: str

    @property
    def networks(self) -> int:
        """How many networks were trained."""
        return len(self.runs)

    @property
    def mse(self) -> tuple[float, ...]:
        """The least and the greatest of the networks; of one network its own."""
        found = [run.mse for run in self.runs]
        return tuple(sorted({min(found), max(found)}))

    def _table(self) -> list[list[Any]]:
        rows = [[run.seed, run.verdict, run.mse, run.p_exact] for run in self.runs]
        rival = self.best_random_code
        rows.append(["best random code", "", rival.mse, rival.p_exact])
        return [["seed", "verdict", "mse", "exact sets"], *rows]
