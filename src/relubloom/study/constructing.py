"""Run folders of exact networks, made from a code of some family."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

from relubloom.code import (
    Code,
    Family,
    GradedCode,
    GradedFamily,
    export_csv,
    make_code,
    make_graded,
    uniform_false_positives,
    worth_on,
)
from relubloom.code.families import SEARCH_SECONDS
from relubloom.code.learned import check_width
from relubloom.errors import UsageError
from relubloom.network.construct import construct, default_leak, default_sharpness
from relubloom.progress import Watch, unwatched
from relubloom.records.run_folder import CODE, CODE_CSV, Origin, write_network
from relubloom.study.folders import alone_in, check_run, remove_run
from relubloom.study.source_codes import (
    SourceFamily,
    source_code,
    source_weight,
    worth_on_source,
)
from relubloom.task import KSparseTask
from relubloom.tokens_file import check_labels

SAMPLED_SETS = 20_000  # that a mean is over where no exact count is made


def construct_run(
    task: KSparseTask,
    width: int,
    labels: tuple[str, ...],
    out: Path,
    *,
    family: Family | GradedFamily | SourceFamily = "constant-weight",
    weight: int | None = None,
    half: int | None = None,
    full: int | None = None,
    seconds: float = SEARCH_SECONDS,
    sharpness: float | None = None,
    leak: float | None = None,
    seed: int = 0,
    force: bool = False,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """Write the exact network of a code of the family; returns how it was made.

    `weight`, `seconds` and `seed` are those of `code.make_code`; `half` and `full`, in place of
    `weight`, those of `code.make_graded`; `leak` that of `construct`. Of a task of a file, what is
    returned says what the code is worth on the held-out sets (`worth_on_source`).

    Raises:
        UsageError: a value breaks its rule, or `out` holds something and `force` is not given.
    """
    check_labels(labels, task.vocab_size)
    _refuse_unused(family, weight, half, full, leak)
    if task.file is not None:
        check_width(task.training_lines().sets.numpy(), task.vocab_size, width)
    check_run(out, force=force)
    sizes = task.vocab_size, width, task.sizes[1]  # made for the largest sets
    made: dict[str, Any] = {"family": family}
    if family in get_args(GradedFamily):
        code = make_graded(
            cast("GradedFamily", family), *sizes, half=half, full=full, seed=seed, seconds=seconds
        )
        half_bits, full_bits = (float(code.of_strength(s).mean()) for s in (1, 2))
        made |= {"half": half_bits, "full": full_bits}
    elif family in get_args(SourceFamily):
        source_family = cast("SourceFamily", family)
        code, history = source_code(source_family, task, width, seconds, seed, watch)
        made |= history
    else:
        if task.file is not None and family == "constant-weight" and weight is None:
            weight = source_weight(task, width)
        code = make_code(cast("Family", family), *sizes, weight=weight, seed=seed, seconds=seconds)
    made |= {"weight": float(code.weights.mean()), "code_seed": seed}
    with alone_in(out):
        there = check_run(out, force=force)  # another may have written to it meanwhile
        made = write_constructed(out, task, code, made, labels, sharpness, leak, replace=there)
        code.save(out / CODE)
        export_csv(code, out / CODE_CSV, labels)
    made |= {"false_positives": _uniform_false_positives(code, task)}
    return made if task.file is None else made | worth_on_source(code, task, width)


def _refuse_unused(
    family: str, weight: int | None, half: int | None, full: int | None, leak: float | None
) -> None:
    """Raises: UsageError: one of them is given that the family does not take."""
    if weight is not None and family in get_args(GradedFamily):
        raise UsageError(
            f"weight is {weight}: a {family} code has half and full bits; give their numbers "
            "as half and full, or leave all three out"
        )
    if weight is not None and family in get_args(SourceFamily):
        raise UsageError(
            f"weight is {weight}: a {family} code has weights by frequency; leave it out"
        )
    given = any(value is not None for value in (half, full, leak))
    if given and family not in get_args(GradedFamily):
        raise UsageError(
            f"half is {half}, full is {full} and leak is {leak}: a {family} code has full bits "
            "only; leave them out, or take family graded"
        )


def _uniform_false_positives(code: Code | GradedCode, task: KSparseTask) -> dict[str, Any]:
    """The mean a set and the total over all sets of the task's sizes; a sampled mean alone where
    counting would take too long."""
    counted = uniform_false_positives(code, task.sizes)
    if counted is not None:
        return {"mean": counted[0], "total": counted[1]}
    uniform = KSparseTask(task.vocab_size, task.set_size)
    drawn = uniform.drawn_sets("false-positives", SAMPLED_SETS)
    found = worth_on(code, drawn.chunk(0, SAMPLED_SETS).numpy())
    return {"mean": found.false_positives, "total": None}


def write_constructed(
    folder: Path,
    task: KSparseTask,
    code: Code | GradedCode,
    made: dict[str, Any],
    labels: tuple[str, ...],
    sharpness: float | None = None,
    leak: float | None = None,
    *,
    replace: bool = False,
) -> dict[str, Any]:
    """Write the exact network of a code; returns `made`, how the code was, with the sharpness.

    With `replace` the run that lies there is removed first.

    Raises:
        UsageError: as `construct`; nothing is removed then.
    """
    if sharpness is None:
        sharpness = default_sharpness(task.vocab_size, task.sizes[0])
    if leak is None and isinstance(code, GradedCode):
        leak = default_leak(code, sharpness)
    net = construct(code, sharpness, leak)
    made = made | {"sharpness": sharpness} | ({} if leak is None else {"leak": leak})
    if replace:
        remove_run(folder)
    write_network(folder, net, Origin(task, made["code_seed"], construction=made), labels)
    return made
