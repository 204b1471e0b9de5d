"""The trained network beside its own hash, the best random code, and the start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.errors import UsageError
from relubloom.measure.answers import Batch
from relubloom.measure.forward import in_float64
from relubloom.measure.shares import losses_of
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import Behaviour
from relubloom.records.mechanism import ExtractedFilter, Mechanism
from relubloom.report.charts.answers import draw_answer
from relubloom.report.read import Contents, StoredRun
from relubloom.report.render import SectionData
from relubloom.task import KSparseTask
from relubloom.training import initialise

SHOWN = 6  # tokens in the figure
SAMPLE = 2000  # sets that judge untrained weights
SAMPLE_SCORES = 4_000_000  # (set, token) pairs, at most


@dataclass(frozen=True)
class ComparedNetwork:
    """A network to compare; the errors are None where they are not known.

    `key` is "own", "extracted", "constructed" or "untrained"; the errors are over the sets of the
    page, or over `drawn_sets` others; `mechanism` is of the network that has the hash.
    """

    key: str
    name: str
    net: ReluNet
    mechanism: Mechanism | None
    mse: float | None = None
    kl: float | None = None
    p_exact: float | None = None
    drawn_sets: int = 0


@dataclass(frozen=True)
class SeedRow:
    """A row of the table over seeds; `worst` has the greatest mse."""

    name: str
    run: StoredRun
    worst: bool = False


def networks(contents: Contents) -> SectionData:
    """The same set into every network at hand, then the figures of each run."""
    compared = _compared(contents)
    values = {"compared": compared, "rows": _rows(contents)}
    example = contents.example
    if example is None or len(compared) < 2:
        return SectionData(values)
    answers = [_answer(each.net, example.members) for each in compared]
    top = max(float(p.max()) for p in answers)
    drawings = (
        draw_answer(
            f"answer-{each.key}",
            p,
            example.ranked[:SHOWN],
            example.members,
            top,
            contents.featured.labels,
            f"Probabilities of the same tokens, {each.name}",
        )
        for each, p in zip(compared, answers, strict=True)
    )
    return SectionData(values, tuple(drawings))


def _rows(contents: Contents) -> list[SeedRow]:
    """A row for every run, then the constructed network; none where nothing was examined."""
    if not any(run.mechanism and run.behaviour for run in contents.all_runs):
        return []
    mses = {index: run.behaviour.mse for index, run in enumerate(contents.runs) if run.behaviour}
    worst = max(mses, key=lambda index: mses[index]) if len(mses) > 1 else None
    rows = [
        SeedRow(run.name if contents.study is None else f"seed {run.seed}", run, index == worst)
        for index, run in enumerate(contents.runs)
    ]
    built = contents.constructed
    return rows if built is None else [*rows, SeedRow("constructed", built)]


def _compared(contents: Contents) -> list[ComparedNetwork]:
    run, built = contents.featured, contents.constructed
    found = [_stored("own", contents.heading, run)]
    if run.construction is None and run.code is not None and run.set_size is not None:
        found += _extracted(run, default_sharpness(run.code.vocab_size, run.set_size))
    if built is not None:
        found.append(_stored("constructed", "constructed", built))
    start = _untrained(run)
    return found if start is None else [*found, _sampled(start, run)]


def _extracted(run: StoredRun, sharpness: float) -> list[ComparedNetwork]:
    """The network of the run's code; none where float32 cannot hold that of so many strengths."""
    code, found = run.graded or run.code, run.mechanism
    if code is None:
        return []
    try:
        made = ComparedNetwork("extracted", "its own hash", construct(code, sharpness), found)
    except UsageError:
        return []
    if found is None:
        return [made]
    graded = None if run.graded is None else found.strengths
    return [_with_errors(made, found.extracted if graded is None else graded.extracted)]


def _stored(key: str, name: str, run: StoredRun) -> ComparedNetwork:
    made = ComparedNetwork(key, name, run.net, run.mechanism)
    return made if run.behaviour is None else _with_errors(made, run.behaviour)


def _with_errors(made: ComparedNetwork, found: Behaviour | ExtractedFilter) -> ComparedNetwork:
    return replace(made, mse=found.mse, kl=found.kl, p_exact=found.p_exact)


def _untrained(run: StoredRun) -> ReluNet | None:
    """The network as it was before the first step, drawn anew from its seed and recipe.

    None where the folder names neither, or where the film's first picture is not of it.
    """
    if run.recipe is None or run.seed is None or run.film is None:
        return None
    first = run.film[0][0]
    stack = initialise(run.net.vocab_size, run.net.width, run.recipe, (run.seed,))
    W_in = stack.W_in[0]
    if not torch.allclose(W_in[: len(first)], torch.from_numpy(first), atol=1e-3):
        return None
    return ReluNet(W_in, stack.b_in[0], stack.W_out[0], stack.b_out[0])


@torch.no_grad()
def _sampled(net: ReluNet, run: StoredRun) -> ComparedNetwork:
    """Untrained weights, with errors over some uniform sets; without where the task has others."""
    start, size = ComparedNetwork("untrained", "untrained", net, None), run.task.get("set_size")
    if run.task.get("source") != "uniform" or not isinstance(size, int):
        return start
    number = max(1, min(SAMPLE, SAMPLE_SCORES // net.vocab_size))
    sets = KSparseTask(net.vocab_size, size).drawn_sets("report", number).chunk(0, number)
    found = losses_of(in_float64(net)(sets), Batch.of(sets, net.vocab_size))
    return replace(
        start,
        mse=float(found.mse.mean()),
        kl=float(found.kl.mean()),
        p_exact=float((found.margin > 0).double().mean()),
        drawn_sets=number,
    )


@torch.no_grad()
def _answer(net: ReluNet, members: tuple[int, ...]) -> NDArray[np.float64]:
    """All tokens' probabilities on one set, float64 [vocab]."""
    return in_float64(net)(torch.tensor([members])).softmax(1)[0].numpy()
