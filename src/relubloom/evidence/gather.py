"""All evidence about one network: (network, task) -> one frozen dataclass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.errors import check_choice, whole
from relubloom.evidence.behaviour import measure_behaviour
from relubloom.evidence.certificate.by_method import count_if_light, counting_seconds
from relubloom.evidence.certificate.evaluated import Certifying
from relubloom.evidence.graded_hash import GradedScoring, by_strength
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import LadderSets, best_explanation, climb, sets_for_ladder
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer, HiddenLayerSums
from relubloom.evidence.mechanism.readout import ReadoutLines
from relubloom.evidence.scores import Scoring, SetScores
from relubloom.measure.forward import placed
from relubloom.measure.one_pass import Consumer, OnSets, evaluator_for, one_pass
from relubloom.network.extract import extract_with_modes
from relubloom.network.relu_net import ReluNet, as_network
from relubloom.network.weights_file import check_numbers
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.interventions import Interventions
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism, Readout, Strengths
from relubloom.records.verdict import Verdict
from relubloom.shown import Shown, upstairs
from relubloom.task import (
    AllSets,
    DrawnSets,
    KSparseTask,
    SetCollection,
    SetsLike,
    as_collection,
)

Depth = Literal["quick", "study", "full"]
LADDER_SETS = {"study": 50_000, "full": 300_000}  # that rungs are scored on, some 44 of them
LADDER_WORK = 1 << 33  # multiply-adds of a rung's forward pass; large networks have fewer sets
FEWEST_SETS = 1_000
EXPLAINED_UP_TO = 1 << 25  # entries of W_in: the ladder takes some 300 bytes for each
COUNTING_SECONDS = 60.0  # of one core, that counting an exact filter may be predicted to take

OnStage = Callable[[str, int, int], None]
"""Called with (stage, done, total) as the work goes on."""


@dataclass(frozen=True, repr=False)
class Evidence(Shown):
    """What was found out about one network, with the codes it was measured against.

    `graded` has the strengths of the bits; one level, where all are full: then it is `code`.
    `interventions` and `ladder` are None where they were not asked for or the network is too large
    (`EXPLAINED_UP_TO`); `certificate` is None where the sets are neither all sets of one size nor a
    uniform draw of them. `task` is whose sets they are, None where they are those of no task.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        *("verdict", "behaviour.mse", "behaviour.p_exact", "behaviour.sets"),
        *("mechanism.unit_agreement", "mechanism.extracted.loss_failure_f1"),
        *("mechanism.bits_per_token.mean", "mechanism.mode_gap", "mechanism.reading"),
    )

    code: Code
    graded: GradedCode
    behaviour: Behaviour
    mechanism: Mechanism
    interventions: Interventions | None
    ladder: Ladder | None
    certificate: Certificate | None
    net: ReluNet
    task: KSparseTask | None

    @property
    def verdict(self) -> Verdict:
        """The verdict of `mechanism`."""
        return self.mechanism.verdict

    @classmethod
    def load(cls, folder: Path | str) -> Evidence:
        """The evidence that a run folder holds, as `save` or a command wrote it.

        `task` is what the folder was examined on; None where it does not say that, or where a file
        of sets is gone.

        Raises:
            FileError: the folder is no run folder, was not examined, or a file is damaged.
        """
        return upstairs("study.in_hand").load_evidence(folder)

    def save(self, folder: Path | str, *, tokens: Sequence[str] = (), force: bool = False) -> Path:
        """Write a run folder: the network, and a file for each kind of evidence.

        `tokens` are labels. A folder that holds this very network keeps what else it says of it.

        Raises:
            UsageError: the folder holds something else and `force` is not given, or the labels are
                not one a token.
        """
        return upstairs("study.in_hand").save_evidence(self, folder, tokens=tokens, force=force)

    def report(
        self, folder: Path | str, *, tokens: Sequence[str] = (), force: bool = False
    ) -> Path:
        """`save`, and write the page; returns the path of `report.html`. Takes a few seconds."""
        return upstairs("study.in_hand").report_evidence(self, folder, tokens=tokens, force=force)

    def _picture(self) -> NDArray[Any]:
        return -self.graded.strengths.astype(np.int64)


@dataclass(frozen=True)
class OnePass:
    """What one pass over the sets finds."""

    scores: SetScores
    layer: HiddenLayer
    readout: Readout
    certificate: Certificate | None
    strengths: Strengths | None


def gather_evidence(
    net: ReluNet,
    sets: SetCollection | KSparseTask | SetsLike,
    workers: int = 1,
    on_stage: OnStage | None = None,
    *,
    depth: Depth = "quick",
) -> Evidence:
    """Extract the code, put network and code to every analysis, and judge.

    Args:
        net: the network; where its weights are, on CUDA or on a CPU, it is run on the sets.
        sets: what the figures are over: those of a task, a collection, or ids, a row a set.
        workers: threads that share the work, in each of which torch uses one.
        on_stage: called with (stage, done, total) as the work goes on.
        depth: `quick` leaves out interventions and the explanation ladder; `study` climbs the rungs
            that are read off the weights, on at most 50,000 sets; `full` fits rungs, too, and
            scores all on at most 300,000. Large networks have fewer, at least 1,000, and those with
            more than 2^25 entries in W_in neither ladder nor interventions, for want of memory.

    Raises:
        UsageError: `net` is no ReluNet, the sets are none of its vocabulary, there is no such
            depth, `workers` is below 1, or the weights hold NaN, infinity, or numbers so large that
            figures overflow (above 1e34, alone or as a product of one of each layer).

    Each set is drawn once and run once, and scores, mechanism and certificate are made of that.
    Cost: a forward pass over the sets, and about as much again for the analyses; beyond `quick`
    also that of the interventions and of the ladder.
    """
    given, workers = as_network(net), whole("workers", workers, 1)
    check_numbers(given.state_dict())
    # In float64 once for all analyses, each of which would make its own.
    net = placed(given, given.W_in.device, torch.float64)
    task, sets = _task_of(sets), as_collection(sets, net.vocab_size)
    check_choice("depth", depth, *get_args(Depth))
    stage: OnStage = on_stage or (lambda _stage, _done, _total: None)
    code, unit_modes = extract_with_modes(net)
    graded, grading = by_strength(net, code, sets)
    kept = None
    if depth != "quick" and net.W_in.numel() <= EXPLAINED_UP_TO:
        most = min(LADDER_SETS[depth], max(FEWEST_SETS, LADDER_WORK // net.W_in.numel()))
        kept = sets_for_ladder(net, code, sets, most, fit=depth == "full")
    seen = look_at(
        net,
        code,
        sets,
        workers,
        lambda done, of: stage("scoring", done, of),
        kept=kept,
        grading=grading,
    )
    stage("mechanism", 0, 1)
    mechanism = measure_mechanism(
        net, code, unit_modes, seen.scores, seen.layer, seen.readout, seen.strengths
    )
    stage("mechanism", 1, 1)
    behaviour = measure_behaviour(
        net,
        code,
        sets,
        seen.scores,
        workers=workers,
        on_sets=lambda done, of: stage("behaviour", done, of),
        graded=graded,
    )
    interventions = ladder = None
    if kept is not None:
        interventions, ladder = _explain(net, code, graded, kept, seen.scores, workers, stage)
    return Evidence(
        *(code, graded, behaviour, mechanism, interventions, ladder, seen.certificate),
        *(given, task or _task_of(sets)),
    )


def _task_of(sets: object) -> KSparseTask | None:
    """The task that says which sets these are; None of lists and of sets by frequency."""
    if isinstance(sets, AllSets):
        return KSparseTask(sets.vocab_size, sets.set_size)
    if isinstance(sets, DrawnSets) and sets.cumulative is None:
        low, high = sets.sizes
        return KSparseTask(sets.vocab_size, low if low == high else (low, high))
    return sets if isinstance(sets, KSparseTask) else None


def look_at(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    workers: int = 1,
    on_sets: OnSets | None = None,
    *,
    kept: LadderSets | None = None,
    grading: GradedScoring | None = None,
    chunk: int | None = None,
) -> OnePass:
    """Read each set once, run the network on it once, and let all analyses look on.

    `kept` keeps what a ladder needs of the pass, `grading` holds a code of several strengths
    against the network. Of all sets the certificate is an enumeration. Of
    a uniform draw of sets of one size it is the exact count, where the network is exactly a Bloom
    filter and that is predicted to take a minute at most, and an estimate otherwise.
    """
    started = time.monotonic()
    scoring = Scoring(code, sets, together=True)
    lines = ReadoutLines(net, code, sets)
    others = [each for each in (kept, grading) if each is not None]
    units, certifying = _pass_over(
        net, code, sets, lines.numbers, [scoring, lines, *others], workers, on_sets, chunk
    )
    certificate = None
    if certifying is not None:
        certificate = _certificate(net, sets, certifying, workers)
        certificate = replace(certificate, seconds=round(time.monotonic() - started, 3))
    scores = scoring.scores()
    strengths = None if grading is None else grading.strengths(scores)
    return OnePass(scores, units.layer(), lines.readout(), certificate, strengths)


def _pass_over(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    exact: NDArray[np.int64],
    consumers: Sequence[Consumer[Any]],
    workers: int,
    on_sets: OnSets | None,
    chunk: int | None,
) -> tuple[HiddenLayerSums, Certifying | None]:
    """Show the pass to the consumers, to the hidden layer's and to a certificate's.

    What ran the network goes with it, and the copies of the weights that it holds.
    """
    evaluator = evaluator_for(net, sets)
    units, size = HiddenLayerSums(net, code, evaluator.largest_set), _one_size(sets)
    certifying = None
    if size is not None:
        sampled = not isinstance(sets, AllSets)
        certifying = Certifying(net, size, evaluator, sampled=sampled)
    one_pass(
        net,
        sets,
        [*consumers, units, *([] if certifying is None else [certifying])],
        code=code,
        exact=exact,
        tight=certifying is not None,
        evaluator=evaluator,
        chunk=chunk,
        workers=workers,
        on_sets=on_sets,
    )
    return units, certifying


def _certificate(
    net: ReluNet, sets: SetCollection, certifying: Certifying, workers: int
) -> Certificate:
    """Of all sets, or of a sample: then the exact count, where that is light."""
    size = _one_size(sets)
    if isinstance(sets, AllSets) or size is None:
        return certifying.over_all()
    quick = counting_seconds(net) <= COUNTING_SECONDS
    counted = count_if_light(net, size, workers) if quick else None
    return certifying.over_a_sample() if counted is None else counted


def _one_size(sets: SetCollection) -> int | None:
    """The size of sets that a certificate may be drawn from: all of them, or a uniform draw."""
    if isinstance(sets, AllSets):
        return sets.set_size
    if isinstance(sets, DrawnSets) and sets.cumulative is None and sets.sizes[0] == sets.sizes[1]:
        return sets.sizes[0]
    return None


def _explain(
    net: ReluNet,
    code: Code,
    graded: GradedCode,
    kept: LadderSets,
    scores: SetScores,
    workers: int,
    stage: OnStage,
) -> tuple[Interventions, Ladder]:
    """Make the best explanation once: it predicts the interventions, and is a rung."""
    stage("explaining", 0, 1)
    explanation = best_explanation(net, code, kept, graded=graded)
    stage("explaining", 1, 1)
    sizes = int(scores.set_size.min()), int(scores.set_size.max())
    interventions = intervene(
        net,
        graded if graded.levels > 1 else code,
        sizes[0] if sizes[0] == sizes[1] else sizes,
        explanation=(explanation.name, explanation.network),
        workers=workers,
        on_cases=lambda done, of: stage("interventions", done, of),
    )
    ladder = climb(
        net,
        code,
        kept,
        graded=graded,
        workers=workers,
        on_sets=lambda done, of: stage("ladder", done, of),
        known=[explanation],
    )
    return interventions, ladder
