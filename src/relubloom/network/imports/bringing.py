"""Bring a network in: read it, place its tensors, fold in what its inputs are scaled by, verify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from relubloom.errors import FileError, RelubloomError, UsageError, described, first_line
from relubloom.network.construct import always_on
from relubloom.network.imports import files, modules, verify
from relubloom.network.imports.roles import check_values, place
from relubloom.network.imports.source import (
    Given,
    ImportRecord,
    Placed,
    Source,
    decided_activation,
    scale_of,
)
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import NAMES, check_shapes, precision_of

HALVES = (torch.float16, torch.bfloat16)
LOOK_AT = "its tensors may be swapped, turned the wrong way or scaled: see --names, --layout"


@dataclass(frozen=True)
class Imported:
    """A network that was brought in, and what was understood of it."""

    net: ReluNet
    record: ImportRecord


@dataclass(frozen=True)
class _Assembled(Imported):
    """A network that is not verified yet; `plain` is the same before its biases were raised."""

    plain: ReluNet
    source_precision: torch.dtype

    def verified(self, pairs: list[verify.Pair], by: str, remedy: str = LOOK_AT) -> Imported:
        """Held against the original's answers, as `verify.verify` does."""
        check = verify.verify(self.net, self.plain, pairs, self.source_precision, by, remedy)
        return Imported(self.net, replace(self.record, verified=True, check=check))


def import_file(path: Path, given: Given, check: Path | None = None) -> Imported:
    """The network of a file or folder; `check` holds inputs and outputs of the original.

    An ONNX graph is compared with ONNX's own reference besides.

    Raises:
        FileError: the file is damaged, or holds something else than such a network, or its
            answers differ from those of `check`.
        UsageError: something that the file does not say is not given, or contradicts it.
    """
    source = files.read_source(path)
    name = str(path)
    if source.placed is not None and (given.names is not None or given.layout is not None):
        raise UsageError(
            f"{name} says itself which tensor is which and how it lies; leave out names and layout"
        )
    activation = decided_activation(source, given, name)
    placed = source.placed or place(source.tensors, given, name)
    found = made = _assembled(source, placed, activation, given, name)
    scale = made.record.input_scale
    if source.run is not None:
        fed = scale if scale_of(source.input_scale) == 1 else 1.0
        run = source.run
        pair = verify.run_pair(lambda rows: run(rows * fed), _trial(made, given))
        found = made.verified([pair], "onnx.reference")
    if check is not None:
        pairs = verify.read_pairs(files.read_tensors(check), made.net, scale, check)
        _refuse_sizes(pairs, made.record, check)
        found = made.verified(pairs, str(check))
    return found


def import_tensors(tensors: Mapping[str, Tensor | np.ndarray] | object, given: Given) -> Imported:
    """The network of tensors or arrays by name, as a state dict has them; nothing verifies it.

    Raises: as `import_file`.
    """
    if not isinstance(tensors, Mapping):
        raise UsageError(
            f"the state dict is {described(tensors)}: give tensors by name, as module.state_dict() "
            "does"
        )
    name = "the state dict"
    found = {str(at): _as_tensor(value, at) for at, value in tensors.items()}
    source = Source("torch", files.without_prefix(found))
    activation = decided_activation(source, given, name)
    placed = place(source.tensors, given, name)
    return _assembled(source, placed, activation, given, name)


def _as_tensor(value: Tensor | np.ndarray, at: str) -> Tensor:
    try:
        return torch.as_tensor(value)
    except TypeError:
        raise UsageError(f"the state dict has {at} of {value.dtype}: give numbers") from None


def import_module(module: nn.Module | object, given: Given) -> Imported:
    """The network that a module computes; the module is run on random sets to verify it.

    Raises:
        FileError: what it computes is no such network.
        UsageError: its layers are not those of such a network, or it cannot be run on sets.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"the module is {described(module)}: give an nn.Module, or a file to "
            "ReluNet.from_file(path)"
        )
    problem: RelubloomError | None = None
    for source in modules.read_module(module, given):
        try:
            return _tried(module, source, given)
        except FileError as error:
            problem = problem or error
    assert problem is not None, "a module has a reading, or is refused"
    raise problem


def _tried(module: nn.Module, source: Source, given: Given) -> Imported:
    """One reading of a module, verified by running it.

    Where nothing names the activation it is taken for ReLU: a run of the module decides.
    """
    name = type(module).__name__
    assert source.placed is not None
    activation = given.activation or source.activation or "relu"
    said = replace(given, activation=activation)
    activation = decided_activation(source, said, name)
    made = _assembled(source, source.placed, activation, said, name)
    rows = _trial(made, said)
    weight = next(module.parameters())
    problem: FileError | None = None
    why: str | None = None
    for feed in modules.feeds(made.record.input_scale, made.net.vocab_size):
        try:
            with modules.evaluating(module):
                parts = [
                    (part, feed(module, part.to(weight.device), weight.dtype)) for part in rows
                ]
            odd = next((answer for _, answer in parts if not isinstance(answer, Tensor)), None)
            if odd is not None:
                raise TypeError(f"it answers a {type(odd).__name__}, not a tensor")
            parts = [(part, answer) for part, answer in parts if len(answer)]
            whole = torch.cat([part for part, _ in parts])
            answers = torch.cat([answer for _, answer in parts]).detach().cpu()
        except Exception as error:  # noqa: BLE001 - a module may raise anything on what it is fed
            why = why or first_line(error)
            continue
        if answers.shape != whole.shape:
            why = why or "its outputs are not [sets, vocab]"
            continue
        if not bool(torch.isfinite(answers).all()):
            bad = whole[~torch.isfinite(answers).all(1)][0].nonzero().flatten().tolist()
            divides = (
                "" if bad else "; where it divides by k, say input_scale='mean' and set_size=k"
            )
            why = why or f"its outputs hold NaN or infinity on the set {bad}{divides}"
            continue
        pair = verify.Pair(whole, answers)
        remedy = "it computes something besides its two layers; pass that part of the model alone"
        try:
            return made.verified([pair], name, remedy)
        except FileError as error:
            problem = problem or error
    raise problem or FileError(
        f"{name} cannot be run on sets as rows [sets, {made.net.vocab_size}] or as ids ({why}); "
        "pass its two layers as an nn.Sequential, or its state dict to from_state_dict"
    )


def _assembled(
    source: Source, placed: Placed, activation: str, given: Given, name: str
) -> _Assembled:
    """The network of placed tensors: zeros for missing biases, one precision, scale folded in.

    Half precisions are raised to float32 where something is computed with them.
    """
    check_values(placed.tensors, placed.names, name)
    W_in, W_out = placed.tensors["W_in"], placed.tensors["W_out"]
    zeros = {"b_in": W_in.shape[1:], "b_out": W_out.shape[1:]}
    missing = [role for role in zeros if role not in placed.tensors]
    tensors = {role: torch.zeros(shape) for role, shape in zeros.items()} | placed.tensors
    try:
        check_shapes({role: tuple(value.shape) for role, value in tensors.items()})
    except UsageError as error:
        raise FileError(f"{name}: {error.args[0]}") from None
    scale, norm = _scale(source, given, name)
    precisions = [value.dtype for value in placed.tensors.values()]
    precision = reduce(torch.promote_types, precisions)
    stored = torch.float32 if precision in HALVES and (scale != 1 or activation == "none") else None
    dtype = stored or precision
    tensors = {role: value.detach().to("cpu", dtype, copy=True) for role, value in tensors.items()}
    tensors["W_in"] = tensors["W_in"] * scale if scale != 1 else tensors["W_in"]
    plain = ReluNet(**{role: value.contiguous() for role, value in tensors.items()})
    sizes = given.sizes
    net, holds = plain, None if norm is None else sizes
    if activation == "none":
        if sizes is None:
            raise UsageError(
                f"{name} is linear (activation none): its biases are raised so that the ReLU clips "
                "nothing on sets of up to k tokens; give --set-size k (in Python set_size=k)"
            )
        net, holds = always_on(plain, sizes[1]), holds or (0, sizes[1])
    finite = all(bool(value.isfinite().all()) for value in net.parameters())
    if not finite or bool(W_in.any()) != bool(net.W_in.any()):
        raise UsageError(
            f"{name}: {precision_of(plain.W_in)} does not hold its weights with input_scale "
            f"{scale:g} and activation {activation}; give another scale, or weights of float64"
        )
    record = ImportRecord(
        file=None,
        format=source.format,
        sha256=source.sha256,
        names={role: placed.names[role] for role in NAMES if role in placed.names},
        layout=placed.layout,
        activation=activation,
        input_scale=scale,
        normalised=norm,
        holds_for=holds,
        missing_biases=missing,
        precision=precision_of(plain.W_in),
        source_precisions=sorted({precision_of(value) for value in placed.tensors.values()}),
        ignored=list(placed.ignored),
        verified=False,
        check=None,
    )
    coarsest = max(precisions, key=lambda each: torch.finfo(each).eps)
    return _Assembled(net, record, plain, coarsest)


def _scale(source: Source, given: Given, name: str) -> tuple[float, str | None]:
    """What W_in is multiplied by, and by which norm where it depends on the set's size.

    Raises:
        UsageError: source and user contradict each other, or a norm lacks its one set size.
    """
    own, said = scale_of(source.input_scale), scale_of(given.input_scale)
    if own != 1 and said not in (1, own):
        raise UsageError(
            f"input_scale is {given.input_scale!r} and {name} scales its inputs itself "
            f"({source.input_scale}); leave it out"
        )
    scale = said if own == 1 else own
    if isinstance(scale, float):
        return scale, None
    sizes = given.sizes
    if sizes is None or sizes[0] != sizes[1]:
        raise UsageError(
            f"{name} divides its inputs by {'k' if scale == 'mean' else 'the root of k'} "
            f"({scale}): W_in holds one such factor; give --set-size k, one size (in Python "
            "set_size=k)"
        )
    size = sizes[0]
    return (1 / size if scale == "mean" else size**-0.5), str(scale)


def _trial(made: _Assembled, given: Given) -> list[Tensor]:
    exact = made.record.normalised is not None
    return verify.trial_sets(made.net.vocab_size, given.sizes, exact)


def _refuse_sizes(pairs: list[verify.Pair], record: ImportRecord, check: Path) -> None:
    """Sets of other sizes than the import holds for say nothing of it."""
    if record.holds_for is None:
        return
    low, high = record.holds_for
    for pair in pairs:
        sizes = pair.rows.sum(1)
        if float(sizes.min()) < low or float(sizes.max()) > high:
            raise FileError(
                f"{check} has sets of {int(sizes.min())} to {int(sizes.max())} tokens and the "
                f"import holds for {low} to {high}; check sets of those sizes"
            )
