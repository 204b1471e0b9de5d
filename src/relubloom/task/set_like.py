"""What a caller may give where sets are wanted: arrays, lists, one set, a task, a collection."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Never

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import ArrayLike
from torch import Tensor

from relubloom.errors import UsageError, described
from relubloom.task.k_sparse import KSparseTask
from relubloom.task.set_collections import ListedSets, SetCollection

SetsLike = Tensor | ArrayLike | Iterable[Any]
"""Token ids of one set or of several: a tensor, an array, or lists, ragged ones too."""

INDICATOR = 8  # tokens from which rows of 0 and 1, one a token, are taken for indicators


def as_ids(sets: SetsLike, vocab_size: int) -> Int64[Tensor, "batch set_size"]:
    """Token ids as a matrix, a row a set: `[1, 2, 3]` is one set, `[[1, 2], [3]]` two.

    Any whole-number type will do; ragged lists are filled up with the padding id, `vocab_size`.
    A tensor stays on its device.

    Raises:
        UsageError: they are no sets of whole numbers from 0 to vocab_size, or they are rows of 0
            and 1 as long as the vocabulary, of 8 tokens or more.
    """
    ids = sets if isinstance(sets, Tensor) else _listed(sets, vocab_size)
    if ids.ndim == 1 and len(ids):
        ids = ids[None]
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise UsageError(
            f"sets are {described(ids)}: they must be int64 ids, such as [[0, 4, 7]]; of an "
            "indicator of the vocabulary, give the ids of its ones"
        )
    if ids.ndim != 2:
        raise UsageError(
            f"sets are {described(ids)}: they must be int64 [batch, set_size], or one set "
            "[set_size]; give such ids"
        )
    ids = ids.to(torch.int64)
    wide = ids.shape[1] == vocab_size >= INDICATOR
    if wide and ids.numel() and ids.unique().tolist() in ([0], [0, 1]):
        raise UsageError(
            f"sets are {described(ids)}, all 0 and 1: they look like indicators of the "
            "vocabulary; give the ids of their ones, such as [[0, 4, 7]]"
        )
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) <= vocab_size:
        raise UsageError(
            f"sets hold ids from {int(ids.min())} to {int(ids.max())}: ids are 0 to "
            f"{vocab_size - 1} ({vocab_size} is padding); check the vocabulary"
        )
    return ids


def as_collection(sets: SetCollection | KSparseTask | SetsLike, vocab_size: int) -> SetCollection:
    """The sets to evaluate on: those of a task or a collection, or the given ones.

    Raises:
        UsageError: they are of another vocabulary, or `as_ids` or `ListedSets.of` refuses them.
    """
    if isinstance(sets, int):
        raise UsageError(
            f"sets are {described(sets)}: for all sets of that size, or a draw of them, give "
            f"KSparseTask({vocab_size}, {sets})"
        )
    if isinstance(sets, KSparseTask):
        sets = sets.evaluation_sets()
    if isinstance(sets, SetCollection):
        found = getattr(sets, "vocab_size", None)
        if found not in (None, vocab_size):
            raise UsageError(
                f"the sets have {found} tokens and the network {vocab_size}: they must agree; give "
                "the task the network was made for"
            )
        return sets
    rows = as_ids(sets, vocab_size).tolist()
    return ListedSets.of([[t for t in row if t != vocab_size] for row in rows], vocab_size)


def all_ids(
    sets: SetCollection | KSparseTask | SetsLike, vocab_size: int
) -> Int64[Tensor, "sets set_size"]:
    """As `as_ids`; of a task or a collection each set as often as it counts.

    Raises:
        UsageError: as `as_collection` and `as_ids`.
    """
    if not isinstance(sets, KSparseTask | SetCollection):
        return as_ids(sets, vocab_size)
    found = as_collection(sets, vocab_size)
    copies = found.weights(0, len(found)).to(torch.int64)
    return found.chunk(0, len(found)).repeat_interleave(copies, dim=0)


def as_task(task: object) -> KSparseTask:
    """The task itself, where it is one.

    Raises:
        UsageError: it is something else; the message names the ways in.
    """
    if isinstance(task, KSparseTask):
        return task
    raise UsageError(
        f"task is {described(task)}: give KSparseTask(vocab_size, set_size), or "
        "KSparseTask.from_file(path) for sets of your own"
    )


def _listed(sets: Any, padding: int) -> Tensor:
    """A tensor of what is no tensor."""
    if isinstance(sets, str | bytes | dict | Path | KSparseTask | SetCollection | torch.nn.Module):
        _refuse(sets)
    if not hasattr(sets, "__array__"):
        try:
            rows = [_row(each) for each in sets]
        except TypeError:
            _refuse(sets)
        nested = {isinstance(row, list) for row in rows}
        if len(nested) != 1:  # nothing, or numbers beside lists
            _refuse(sets)
        if True in nested:
            widest = max(len(row) for row in rows)
            rows = [row + [padding] * (widest - len(row)) for row in rows]
        sets = rows
    try:
        array = np.asarray(sets)
        if not array.size:
            array = array.astype(np.int64)
        shared = array.flags.writeable and min(array.strides, default=0) >= 0
        return torch.from_numpy(array if shared else array.copy())
    except (TypeError, ValueError):  # texts, objects, arrays in arrays
        _refuse(sets)


def _row(given: Any) -> Any:
    """A set of a list of sets as a list; a number as it is."""
    if isinstance(given, str | bytes):
        raise TypeError
    if isinstance(given, Tensor) or hasattr(given, "__array__"):
        return given.tolist()
    return list(given) if isinstance(given, Iterable) else given


def _refuse(given: object) -> Never:
    way = "give token ids, [0, 4, 7] for one set or [[0, 4, 7], [1, 2, 3]] for several"
    if isinstance(given, KSparseTask | SetCollection):
        way = "give ids of some of its sets, such as task.evaluation_sets().chunk(0, 100)"
    elif isinstance(given, str | Path):
        way = f"a file of sets is read by KSparseTask.from_file({str(given)!r})"
    elif isinstance(given, list | tuple) and "'" in repr(given[:1]):
        way += "; the id of a label is its place among the labels"
    raise UsageError(f"sets are {described(given)}: {way}") from None
