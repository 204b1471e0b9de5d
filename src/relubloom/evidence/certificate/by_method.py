"""Certificates: what holds for a network over all C(vocab, k) sets, proven where it can be."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from relubloom.code.counting import predicted_seconds
from relubloom.errors import UsageError, check_choice, described, whole
from relubloom.evidence.behaviour.summary import lines_of_file
from relubloom.evidence.certificate.counted import as_exact_filter, count_sets
from relubloom.evidence.certificate.evaluated import enumerate_sets, sample_sets
from relubloom.evidence.certificate.interval import bound_sets
from relubloom.measure.one_pass import OnSets
from relubloom.network.relu_net import ReluNet, as_network
from relubloom.reading import DIGITS
from relubloom.records.certificate import METHODS, Certificate
from relubloom.task import AllSets, KSparseTask, ListedSets, format_sizes
from relubloom.theory import log2_sets
from relubloom.threads import intra_op_threads

MOST_SETS = 10**13  # more are not enumerated even when asked for: it would take months


@dataclass(frozen=True)
class Effort:
    """How much work a method may be: multiply-adds (sets x vocab x width) of an enumeration, those
    of bounds (vocab^2 x width), and draws of a sample (None: by what a draw costs).

    Float64 does its default in half a minute, float32 in ten minutes on two free cores. `counting`
    is in predicted seconds of one core (`code.counting.predicted_seconds`).
    """

    float64: int = 10**12
    float32: int = 2 * 10**13
    bounds: int = 2 * 10**13
    counting: float = 600.0
    draws: int | None = None


def certify(
    net: ReluNet,
    task: KSparseTask | AllSets | int,
    *,
    method: str | None = None,
    workers: int = 1,
    on_sets: OnSets | None = None,
    effort: Effort = Effort(),
) -> Certificate:
    """Bound a network's exact sets, mse and false positives over all C(vocab, k) sets.

    Truth is exact arithmetic on the stored weights; computed figures come with proven bounds on
    their rounding errors, and a set inside them is undecided and widens the bounds.

    Args:
        net: finite weights, any floating-point type.
        task: of the same vocab_size and one set size k, or k alone. All C(vocab, k) sets count
            alike, whatever the task's source.
        method: one of "enumeration", "counting", "bounds", "sampled"; None takes the first that
            answers: enumeration in float64 up to 10^12 multiply-adds, counting for an exact Bloom
            filter if that is predicted to take ten minutes at most, enumeration in float32
            (doubtful sets again in float64) up to 2 * 10^13, bounds if they certify anything and
            vocab^2 width is no more than that, else a sample, which is never a proof.
        workers: threads, in each of which torch uses one.
        on_sets: called with (done, total) as the work goes on.
        effort: how much work each method may be.

    Raises:
        UsageError: `net` is no ReluNet, `task` no task, the task has several sizes or another
            vocabulary, the weights hold NaN or infinity, `workers` is below 1, the method is
            unknown, or it cannot answer for this network.

    Cost: see `enumerate_sets`, `count_sets`, `bound_sets`, `sample_sets`.
    """
    net, workers = as_network(net), whole("workers", workers, 1)
    k = _checked_set_size(net, _as_task(task, net.vocab_size))
    started = time.monotonic()
    with intra_op_threads(1):
        if method is None:
            certificate = _first_that_answers(net, k, workers, on_sets, effort)
        else:
            check_choice("method", method, *METHODS)
            certificate = _by(method, net, k, workers, on_sets, effort)
    return replace(certificate, seconds=round(time.monotonic() - started, 3))


def certify_lines(
    net: ReluNet,
    task: KSparseTask,
    *,
    method: str | None = None,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Certificate:
    """`certify`, over the lines of a file that the task's figures are over, copies counted.

    Raises:
        UsageError: as `certify`; or the task has no file, or `method` is not "enumeration".
    """
    sets = task.evaluation_sets()
    k = _checked_set_size(net, task)
    if not isinstance(sets, ListedSets) or task.file is None:
        raise UsageError(f"source is {task.source!r}: only a file has lines; use certify")
    if method not in (None, "enumeration"):
        raise UsageError(
            f"method is {method!r} and the sets are a file's lines: they are evaluated one by one; "
            "leave the method out"
        )
    started = time.monotonic()
    with intra_op_threads(1):
        found = enumerate_sets(net, k, sets, workers=workers, on_sets=on_sets)
    seconds = round(time.monotonic() - started, 3)
    return replace(found, seconds=seconds, file=lines_of_file(sets))


def counting_seconds(net: ReluNet) -> float:
    """About how long `count_sets` takes on one core; infinite where it cannot answer, for the
    network is no exact Bloom filter."""
    exact = as_exact_filter(net)
    return math.inf if isinstance(exact, str) else predicted_seconds(exact.code)


def count_if_light(
    net: ReluNet, set_size: int, workers: int = 1, on_sets: OnSets | None = None
) -> Certificate | None:
    """The certificate by counting, or None where a token is too heavy to count."""
    try:
        return count_sets(net, set_size, workers=workers, on_sets=on_sets)
    except UsageError:
        return None


def _first_that_answers(
    net: ReluNet, k: int, workers: int, on_sets: OnSets | None, effort: Effort
) -> Certificate:
    work = _work(net, k)
    if work <= effort.float64:
        return enumerate_sets(net, k, workers=workers, on_sets=on_sets)
    seconds = counting_seconds(net)
    if seconds <= effort.counting:
        counted = count_if_light(net, k, workers, on_sets)
        if counted is not None:
            return counted
    if work <= effort.float32:
        return enumerate_sets(net, k, float32=True, workers=workers, on_sets=on_sets)
    if net.vocab_size**2 * net.width <= effort.bounds:
        bounds = bound_sets(net, k, workers=workers)
        if bounds.p_exact.lower > 0:
            return bounds
    sample = sample_sets(net, k, draws=effort.draws, workers=workers, on_sets=on_sets)
    if seconds <= effort.counting or math.isinf(seconds):
        return sample
    said = f"; counting would prove it, in about {seconds / 3600:.1f} h of a core (method counting)"
    return replace(sample, reasons=sample.reasons + said)


def _by(
    method: str, net: ReluNet, k: int, workers: int, on_sets: OnSets | None, effort: Effort
) -> Certificate:
    if method == "counting":
        return count_sets(net, k, workers=workers, on_sets=on_sets)
    if method == "bounds":
        return bound_sets(net, k, workers=workers)
    if method == "sampled":
        return sample_sets(net, k, draws=effort.draws, workers=workers, on_sets=on_sets)
    sets = math.comb(net.vocab_size, k)
    if sets > MOST_SETS:
        raise UsageError(
            f"method is 'enumeration' and there are {_power(sets)} sets: at most {MOST_SETS:.0e} "
            "can be visited one by one; use counting, bounds or sampled"
        )
    float32 = _work(net, k) > effort.float64
    return enumerate_sets(net, k, float32=float32, workers=workers, on_sets=on_sets)


def _power(sets: int) -> str:
    """A number that float64 may not hold."""
    digits = len(str(sets))
    return f"{sets:.2e}" if digits < 300 else f"10^{digits - 1}"


def _work(net: ReluNet, k: int) -> int:
    return math.comb(net.vocab_size, k) * net.vocab_size * net.width


def _as_task(task: object, vocab_size: int) -> KSparseTask:
    """The task of what says a set size, or of all sets of one size."""
    if isinstance(task, KSparseTask):
        return task
    if isinstance(task, AllSets):
        return KSparseTask(task.vocab_size, task.set_size)
    if isinstance(task, int | np.integer) and not isinstance(task, bool):
        return KSparseTask(vocab_size, int(task))
    raise UsageError(
        f"task is {described(task)}: a certificate is over all sets of one size; give a "
        "KSparseTask or the size, and use gather_evidence for a list of sets"
    )


def _checked_set_size(net: ReluNet, task: KSparseTask) -> int:
    low, high = task.sizes
    if low != high:
        raise UsageError(
            f"set_size is {format_sizes(task.sizes)}: a certificate is over the sets of one size; "
            "give one, such as --set-size 3"
        )
    if task.vocab_size != net.vocab_size:
        raise UsageError(
            f"the task has {task.vocab_size} tokens and the network {net.vocab_size}: they must "
            "agree; give the task the network was made for"
        )
    if math.log10(2) * log2_sets(task.vocab_size, low) > DIGITS:
        raise UsageError(
            f"set_size is {low} of {task.vocab_size} tokens: the number of sets has over {DIGITS} "
            "digits, more than is written; give smaller sets"
        )
    for name, value in net.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise UsageError(
                f"{name} holds NaN or infinity: nothing can be certified; train again or restore it"
            )
    return low
