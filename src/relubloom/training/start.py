"""Where training starts: weights drawn from a seed, or those of a network that is there."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from relubloom.errors import UsageError
from relubloom.network.relu_net import NetStack, ReluNet, as_network
from relubloom.task.sampling import seeded_generator
from relubloom.training.checkpoint import digest_of
from relubloom.training.recipe import Recipe


def initialise(
    vocab_size: int,
    width: int,
    recipe: Recipe,
    seeds: tuple[int, ...],
    device: torch.device | str = "cpu",
) -> NetStack:
    """One network a seed, with the weights that `recipe.initialisation` says.

    Drawn on the CPU in float32 and moved, so that a seed starts alike everywhere and whatever
    stack it is in.
    """
    drawn = [_drawn(vocab_size, width, recipe, seed) for seed in seeds]
    return NetStack(*(torch.stack(values).to(device) for values in zip(*drawn, strict=True)))


def _drawn(vocab_size: int, width: int, recipe: Recipe, seed: int) -> tuple[Tensor, ...]:
    """W_in, b_in, W_out and b_out of one network before any step."""
    generator = seeded_generator(seed, "initialisation", 0)
    shapes = (vocab_size, width), (width,), (width, vocab_size), (vocab_size,)
    if recipe.initialisation == "pytorch":  # a bound of 1/sqrt(inputs) for weights and biases
        inputs = vocab_size, vocab_size, width, width
        return tuple(
            torch.rand(shape, generator=generator).mul_(2).sub_(1).div_(math.sqrt(number))
            for shape, number in zip(shapes, inputs, strict=True)
        )
    W_in = torch.randn(shapes[0], generator=generator)
    W_out = torch.randn(shapes[2], generator=generator)
    W_in.mul_(recipe.init_scale_in / math.sqrt(width))
    W_out.mul_(recipe.init_scale_out / math.sqrt(width))
    return W_in, torch.zeros(width), W_out, torch.zeros(vocab_size)


def check_start(net: ReluNet, vocab_size: int, width: int, recipe: Recipe) -> None:
    """Refuse a network that training cannot start from.

    Raises:
        UsageError: it is none, has other sizes, or a weight that float32 cannot hold; or the recipe
            is of a linear network, or says how weights are drawn.
    """
    net, usual = as_network(net), Recipe()
    if (net.vocab_size, net.width) != (vocab_size, width):
        raise UsageError(
            f"init_from has {net.vocab_size} tokens and {net.width} units, and {vocab_size} tokens "
            f"and {width} units are to be trained: sizes must agree; give a network of these sizes"
        )
    if recipe.activation != "relu":
        raise UsageError(
            f"activation is {recipe.activation!r} and init_from is given: its network applies a "
            "ReLU; leave one out"
        )
    for name in ("initialisation", "init_scale_in", "init_scale_out"):
        if (value := getattr(recipe, name)) != getattr(usual, name):
            raise UsageError(
                f"{name} is {value!r} and init_from is given: no weights are drawn; leave one out"
            )
    if not all(value.float().isfinite().all() for value in net.parameters()):
        raise UsageError(
            "init_from has weights that float32 cannot hold: training needs finite numbers; give "
            "another network"
        )


def copies(net: ReluNet, number: int, device: torch.device | str) -> NetStack:
    """A stack of copies of a network, of float32."""
    weights = (value.detach().float() for value in net.parameters())
    return NetStack(*(value.repeat(number, *[1] * value.ndim).to(device) for value in weights))


def digest_of_weights(net: ReluNet) -> str:
    """What a network's weights are known by in a checkpoint."""
    return digest_of({name: value.detach() for name, value in net.named_parameters()}, {})
