"""Modules that compute a network: their two linear maps, found and tried by running them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from relubloom.errors import RelubloomError, UsageError
from relubloom.network.imports.files import without_prefix
from relubloom.network.imports.roles import place
from relubloom.network.imports.source import LAYOUTS, Given, Placed, Source

Feed = Callable[[nn.Module, Tensor, torch.dtype], Any]  # a module may answer anything
MAPS = (nn.Linear, nn.Embedding, nn.EmbeddingBag)
HARMLESS = (
    *(nn.Identity, nn.Dropout, nn.AlphaDropout, nn.Flatten, nn.Softmax, nn.LogSoftmax),
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict),
)


def read_module(module: nn.Module, given: Given) -> list[Source]:
    """The ways to read a module as a network, the likeliest first; running it tells which holds.

    Raises:
        UsageError: it has another number of linear layers, or a layer of another kind.
        FileError: its tensors are those of no network.
    """
    name = type(module).__name__
    maps, activations = _layers(module, name)
    plain = isinstance(module, nn.Sequential)  # what it does not list, it does not compute
    activation = "relu" if activations else "none" if plain else None
    scale = next((m.mode for m in maps if isinstance(m, nn.EmbeddingBag) and m.mode != "sum"), None)
    if scale == "max":
        raise UsageError(f"{name} has an EmbeddingBag with mode 'max': a network here adds (sum)")

    def source(placed: Placed) -> Source:
        return Source("module", {}, placed, activation, scale)

    if len(maps) == 2 and given.names is None and given.layout is None:
        chains = [pair for pair in (maps, maps[::-1]) if _sizes(pair[1]) == _sizes(pair[0])[::-1]]
        if not chains:
            (vocab, width), (inner, out) = map(_sizes, maps)
            raise UsageError(
                f"{name} has layers {vocab} -> {width} and {inner} -> {out}: a network here goes "
                "from its tokens to a width and back to the same tokens"
            )
        return [source(_placed(module, *pair)) for pair in chains]
    tensors = without_prefix({at: value.detach() for at, value in module.named_parameters()})
    if given.layout is not None:
        return [source(place(tensors, given, name))]
    ways: list[Source] = []
    problem: RelubloomError | None = None
    for layout in LAYOUTS:
        said = Given(given.names, layout)
        try:
            ways.append(source(place(tensors, said, name)))
        except RelubloomError as error:
            problem = problem or error
    if not ways and problem is not None:
        raise problem
    return ways


def feeds(scale: float, padding: int) -> list[Feed]:
    """How sets may be put into a module: scaled rows, rows of 0 and 1, ids."""

    def rows_by(factor: float) -> Feed:
        return lambda module, rows, dtype: module((rows * factor).to(dtype))

    def ids(module: nn.Module, rows: Tensor, _dtype: torch.dtype) -> Tensor:
        sizes = rows.sum(1)
        if not bool((sizes == sizes[0]).all()) or not int(sizes[0]):
            return torch.empty(0, padding)
        return module(rows.nonzero()[:, 1].reshape(len(rows), -1))

    scales = [1.0] if scale == 1 else [scale, 1.0]
    return [*map(rows_by, scales), ids]


@contextmanager
def evaluating(module: nn.Module) -> Generator[None]:
    """The module in eval mode without gradients, then as it was."""
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def _layers(module: nn.Module, name: str) -> tuple[list[Any], list[nn.Module]]:
    """Linear maps and ReLUs of a module, whose other layers compute nothing of their own."""
    maps: list[Any] = []
    activations: list[nn.Module] = []
    for part in module.modules():
        kind = type(part).__name__
        if isinstance(part, MAPS):
            maps.append(part)
        elif isinstance(part, nn.ReLU):
            activations.append(part)
        elif type(part).__module__.startswith("torch.nn") and not isinstance(part, HARMLESS):
            raise UsageError(
                f"{name} has a {kind}: a network here is two linear layers with a ReLU between; "
                "pass that part of the model alone"
            )
    own = [
        at
        for at, _ in module.named_parameters()
        if not isinstance(module.get_submodule(at.rpartition(".")[0]), MAPS)
    ]
    if len(maps) != 2 and not (len(maps) < 2 and own):
        raise UsageError(
            f"{name} has {len(maps)} linear layers: a network here has two, with a ReLU between; "
            "pass that part of the model alone"
        )
    if len(activations) > 1:
        raise UsageError(
            f"{name} has {len(activations)} ReLUs: a network here has one, between its two layers"
        )
    return maps, activations


def _sizes(layer: Any) -> tuple[int, int]:
    """What goes in and out."""
    shape = tuple(layer.weight.shape)
    return (shape[1], shape[0]) if isinstance(layer, nn.Linear) else (shape[0], shape[1])


def _placed(module: nn.Module, first: Any, second: Any) -> Placed:
    places = {part: at for at, part in module.named_modules(remove_duplicate=False)}
    tensors: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    for layer, matrix, bias in ((first, "W_in", "b_in"), (second, "W_out", "b_out")):
        weight = layer.weight.detach().cpu()
        tensors[matrix] = weight.T if isinstance(layer, nn.Linear) else weight
        stem = f"{places[layer]}." if places[layer] else ""
        names[matrix] = f"{stem}weight"
        if getattr(layer, "bias", None) is not None:
            tensors[bias], names[bias] = layer.bias.detach().cpu(), f"{stem}bias"
    return Placed(tensors, names, "graph")
