"""A layer inside a model: its two linear maps, found by duck typing, and its hidden activations,
caught by plain forward hooks while the model runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from relubloom.errors import UsageError, described, first_line
from relubloom.network.given_weights import as_tensor
from relubloom.network.imports.modules import evaluating
from relubloom.network.relu_net import ReluNet

NOTHING = 2e-6  # of a unit's largest weight and bias: rounding in float32 stays below it
TRIED_ROWS = 8  # random inputs that a layer is run on, to see its activation
ROUNDING = 1e-4  # of the largest activation: what the hidden layer may differ by from a ReLU


@dataclass(frozen=True)
class Layer:
    """x -> pre = x @ W_in + b_in -> post = ReLU(pre) -> post @ W_out + b_out, in float64.

    `hidden` is the module whose output is `pre` (or `post`) when the model runs, and `readout` the
    one whose input is `post`; None where there is no such module.
    """

    W_in: Float[Tensor, "inputs width"]
    b_in: Float[Tensor, " width"]
    W_out: Float[Tensor, "width outputs"]
    b_out: Float[Tensor, " outputs"]
    hidden: nn.Module | None = None
    readout: nn.Module | None = None

    def on_tokens(
        self,
        directions: Float[Tensor, "vocab inputs"] | None,
        readout: Float[Tensor, "outputs vocab"] | None,
        base: Float[Tensor, " inputs"] | None,
    ) -> ReluNet:
        """The network on sets of tokens: the layer's input is `base` plus their directions.

        None stands for tokens that are the layer's own inputs or outputs, and for a base of 0. It
        is exact up to float32's rounding. Where there are directions each unit is lowered by
        `nothing`, so that one which rounding alone lifts above 0 is 0, as covered units are.
        """
        W_in = self.W_in if directions is None else directions @ self.W_in
        b_in = self.b_in if base is None else self.b_in + base @ self.W_in
        if directions is not None:
            b_in = b_in - nothing(W_in, b_in)
        W_out = self.W_out if readout is None else self.W_out @ readout
        b_out = self.b_out if readout is None else self.b_out @ readout
        return ReluNet(*(value.float() for value in (W_in, b_in, W_out, b_out)))


def nothing(
    W_in: Float[Tensor, "vocab width"], b_in: Float[Tensor, " width"]
) -> Float[Tensor, " width"]:
    """What an activation of each unit must exceed to be no rounding of 0."""
    return NOTHING * (W_in.abs().amax(0) + b_in.abs())


def find_layer(module: object, hook: object = None) -> Layer:
    """The layer in `module`, or, where `hook` is a dotted name, in the module that holds that.

    `module` has exactly two `nn.Linear`, or is one of TransformerLens's kind with `W_in`, `b_in`,
    `W_out`, `b_out` (multiplied from the right), or a ReluNet, or a pair (first, readout) of
    `nn.Linear`. Any but a pair is run on a few random inputs, to see that a ReLU lies between; of a
    pair it is taken for granted until the model runs. nnsight's envoys stand for their modules.

    Raises:
        UsageError: there is no such layer, its activation is another, or it cannot be seen.
    """
    module, hidden = _unwrapped(module), _unwrapped(hook)
    if isinstance(module, ReluNet):
        W_in, b_in, W_out, b_out = (value.detach().double() for value in module.parameters())
        return Layer(W_in, b_in, W_out, b_out)
    if isinstance(module, tuple | list):
        layer = _of_pair([_unwrapped(each) for each in module])
        return layer if hidden is None else _hooked(layer, hidden)
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"the layer is {described(module)}: give a module with two linear maps and a ReLU "
            "between them, or the pair (first, readout) of nn.Linear"
        )
    if isinstance(hidden, str):
        hidden_name = hidden
        hidden = _submodule(module, hidden_name)
        module = module.get_submodule(hidden_name.rpartition(".")[0])
    layer = _of_named_weights(module) if hasattr(module, "W_in") else _of_linears(module)
    _check_relu(module, layer)
    return layer if hidden is None else _hooked(layer, hidden)


@contextmanager
def catching(layer: Layer) -> Generator[tuple[list[Tensor], list[Tensor]]]:
    """What the layer's `hidden` module returns, and what its `readout` is given, run by run."""
    outputs: list[Tensor] = []
    inputs: list[Tensor] = []

    def after(_module: nn.Module, _given: Any, output: Tensor) -> None:
        outputs.append(output.detach())

    def before(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs.append(given[0].detach())

    handles: list[Any] = []
    if layer.hidden is not None:
        handles.append(layer.hidden.register_forward_hook(after))
    if layer.readout is not None:
        handles.append(layer.readout.register_forward_pre_hook(before))
    try:
        yield outputs, inputs
    finally:
        for handle in handles:
            handle.remove()


def refuse_other_activation(pre: Tensor, post: Tensor) -> None:
    """Refuse a hidden layer that is not the ReLU of what goes in.

    Raises:
        UsageError: it differs by more than rounding.
    """
    wrong = float((pre.relu() - post).abs().max())
    if wrong > ROUNDING * max(1.0, float(pre.abs().max())):
        at = int((pre.relu() - post).abs().argmax())
        raise UsageError(
            f"the layer turns {float(pre.flatten()[at]):.4g} into "
            f"{float(post.flatten()[at]):.4g}: only a ReLU between the two linear maps can be "
            "examined; give a layer with one"
        )


def _unwrapped(module: object) -> object:
    """The PyTorch module of an nnsight envoy; anything else as it is."""
    inner = None if isinstance(module, nn.Module) else getattr(module, "_module", None)
    return inner if isinstance(inner, nn.Module) else module


def _submodule(module: nn.Module, name: str) -> nn.Module:
    try:
        return module.get_submodule(name)
    except AttributeError:
        names = [each for each, _ in module.named_modules() if each]
        raise UsageError(
            f"hook is {name!r}: {type(module).__name__} has no such module; it has "
            f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        ) from None


def _hooked(layer: Layer, hidden: object) -> Layer:
    if not isinstance(hidden, nn.Module):
        raise UsageError(
            f"hook is {described(hidden)}: give the module whose output is the hidden layer "
            "before its ReLU, or its dotted name in the model"
        )
    return Layer(layer.W_in, layer.b_in, layer.W_out, layer.b_out, hidden, layer.readout)


def _of_pair(pair: list[object]) -> Layer:
    match pair:
        case [nn.Linear() as first, nn.Linear() as readout]:
            return _checked(_weights(first), _weights(readout), first, readout)
        case _:
            kinds = ", ".join(described(each) for each in pair)
            raise UsageError(f"the layer is ({kinds}): give two nn.Linear, the first and readout")


def _of_linears(module: nn.Module) -> Layer:
    found = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    if len(found) != 2:
        raise UsageError(
            f"{type(module).__name__} has {len(found)} linear maps "
            f"({', '.join(list(found)[:6]) or 'none'}): a layer has two with a ReLU between; give "
            "that part of the model, or the pair (first, readout)"
        )
    first, readout = found.values()
    if first.out_features != readout.in_features and readout.out_features == first.in_features:
        first, readout = readout, first
    return _checked(_weights(first), _weights(readout), first, readout)


def _of_named_weights(module: nn.Module) -> Layer:
    """TransformerLens's names: W_in [inputs, width], W_out [width, outputs], hooks beside them."""
    weights: list[Tensor] = []
    for matrix, bias in (("W_in", "b_in"), ("W_out", "b_out")):
        if getattr(module, matrix, None) is None:
            raise UsageError(
                f"{type(module).__name__} has no {matrix}: a layer has W_in [inputs, width] and "
                "W_out [width, outputs]"
            )
        value = as_tensor(matrix, getattr(module, matrix)).double()
        given = getattr(module, bias, None)
        weights += [value, value.new_zeros(value.shape[-1]) if given is None else given.detach()]
    hidden, readout = (getattr(module, name, None) for name in ("hook_pre", "hook_post"))
    W_in, b_in, W_out, b_out = weights
    return _checked((W_in, b_in.double()), (W_out, b_out.double()), hidden, readout)


def _weights(layer: nn.Linear) -> tuple[Tensor, Tensor]:
    weight = layer.weight.detach().cpu().double().T
    bias = weight.new_zeros(weight.shape[1]) if layer.bias is None else layer.bias.detach().cpu()  # pyright: ignore[reportUnnecessaryComparison] - bias=False makes it None
    return weight, bias.double()


def _checked(
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    hidden: nn.Module | None,
    readout: nn.Module | None,
) -> Layer:
    (W_in, b_in), (W_out, b_out) = first, second
    if W_in.ndim != 2 or W_out.ndim != 2 or W_in.shape[1] != W_out.shape[0]:
        raise UsageError(
            f"the layer's maps are {tuple(W_in.shape)} and {tuple(W_out.shape)} (inputs, outputs): "
            "the second must take what the first gives; give the two maps around one ReLU"
        )
    W_in, b_in, W_out, b_out = (value.detach().cpu() for value in (W_in, b_in, W_out, b_out))
    return Layer(W_in, b_in, W_out, b_out, hidden, readout)


def _check_relu(module: nn.Module, layer: Layer) -> None:
    """Run the layer on random inputs and look at its hidden layer, before and after."""
    weight = next(module.parameters())
    draw = torch.randn(1, TRIED_ROWS, len(layer.W_in), generator=torch.Generator().manual_seed(0))
    x = draw.to(weight.device, weight.dtype)
    try:
        with evaluating(module), catching(layer) as (outputs, inputs):
            answer = module(x)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's forward pass raises
        raise UsageError(
            f"{type(module).__name__} cannot be run on inputs {tuple(x.shape)} to see its "
            f"activation ({first_line(error)}); give the pair (first, readout) of its nn.Linear"
        ) from None
    if len(outputs) != 1 or len(inputs) != 1:
        raise UsageError(
            f"{type(module).__name__} does not show its hidden layer when it is run; give the pair "
            "(first, readout) of its nn.Linear"
        )
    refuse_other_activation(outputs[0], inputs[0])
    pre = draw.double() @ layer.W_in + layer.b_in
    if not _near(outputs[0], pre):
        raise UsageError(
            f"{type(module).__name__} does something to its inputs before the first linear map: "
            "give the pair (first, readout), and what comes in there as inputs"
        )
    logits = pre.relu() @ layer.W_out + layer.b_out
    meant = (logits, logits.softmax(-1), logits.log_softmax(-1))
    if not (isinstance(answer, Tensor) and any(_near(answer, each) for each in meant)):
        raise UsageError(
            f"{type(module).__name__} does something to the outputs of its readout: give the pair "
            "(first, readout), and what reads its outputs as readout"
        )


def _near(found: Tensor, meant: Tensor) -> bool:
    """Whether they agree up to the rounding of single precision."""
    if found.shape != meant.shape:
        return False
    worst = (found.cpu().double() - meant).abs().max()
    return bool(worst <= ROUNDING * max(1.0, float(meant.abs().max())))
