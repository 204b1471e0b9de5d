"""`study.json`: the networks of a study, and what their task's best random code does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

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

    MAIN: ClassVar[tuple[str, ...]] = ("verdict", "seed", "mse", "p_exact", "dir")

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


@dataclass(frozen=True)
class LearnedCodeFigures:
    """A code learned from the training sets of a file, on its held-out sets.

    Keys:
        weight: bits a token, on average.
        mse, kl, p_exact: at infinite sharpness.
        false_positives: a set.
    """

    weight: float
    mse: float
    kl: float
    p_exact: float
    false_positives: float


@dataclass(frozen=True)
class TriedSwaps:
    """A share of swapped tokens, and how a short training with it ended.

    Keys:
        share: of the sets trained on that had a token swapped.
        mse: on a fifth of the training sets that it was not trained on.
    """

    share: float
    mse: float


@dataclass(frozen=True)
class Swaps:
    """The share of swapped tokens that a study of a file chose.

    Keys:
        share: of the sets trained on that have a token swapped.
        tried: the shares that were compared; none where the sets are too few, or where an earlier
            version began the training.
    """

    share: float
    tried: list[TriedSwaps]


@dataclass(frozen=True, repr=False)
class StudyRecord(Shown):
    """A finished study.

    Keys:
        relubloom_version, command: what made it.
        configuration: the settings that identify it: task, tokens, width, recipe, seeds.
        runs: a row for each network.
        best_random_code: what a random code of these sizes does.
        learned_code: what a code learned from the training sets does; null where the sets are no
            file's, or the largest has as many tokens as there are units.
        swaps: what was chosen of swapped tokens; null where nothing was.
        verdict: the commonest among the runs; of equally common ones the least favourable.
        report: where the page lies.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("verdict", "networks", "mse", "report")

    relubloom_version: str
    command: str
    configuration: dict[str, Any]
    runs: list[RunRow]
    best_random_code: RandomCodeFigures
    verdict: Verdict
    report: str
    learned_code: LearnedCodeFigures | None = None
    swaps: Swaps | None = None

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


def best_words(study: StudyRecord) -> str:
    """Which network of a study of a file is best: by mse, and by the share of exact sets."""
    rivals = [("best random code", study.best_random_code), ("learned code", study.learned_code)]
    named = [(f"seed {row.seed}", row.mse, row.p_exact) for row in study.runs]
    named += [(name, code.mse, code.p_exact) for name, code in rivals if code is not None]
    by_mse, by_exact = min(named, key=lambda e: e[1]), max(named, key=lambda e: e[2])
    return (
        f"best by mse: {by_mse[0]} ({by_mse[1]:.5f}); best by exact share: {by_exact[0]} "
        f"({by_exact[2]:.2%})"
    )
