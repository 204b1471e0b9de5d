"""The weights that training starts from: a pure function of the seed."""

import math

import torch

from relubloom.network.relu_net import NetStack
from relubloom.task.sampling import seeded_generator
from relubloom.training.recipe import Recipe


def initialise(
    vocab_size: int,
    width: int,
    recipe: Recipe,
    seeds: tuple[int, ...],
    device: torch.device | str = "cpu",
) -> NetStack:
    """One network a seed: W_in and W_out normal with sd = scale / sqrt(width), biases zero.

    Drawn on the CPU in float32 and moved, so that a seed starts alike everywhere and whatever
    stack it is in.
    """
    W_in, W_out = [], []
    for seed in seeds:
        generator = seeded_generator(seed, "initialisation", 0)
        W_in.append(torch.randn(vocab_size, width, generator=generator))
        W_out.append(torch.randn(width, vocab_size, generator=generator))
    return NetStack(
        W_in=torch.stack(W_in).mul_(recipe.init_scale_in / math.sqrt(width)).to(device),
        b_in=torch.zeros(len(seeds), width, device=device),
        W_out=torch.stack(W_out).mul_(recipe.init_scale_out / math.sqrt(width)).to(device),
        b_out=torch.zeros(len(seeds), vocab_size, device=device),
    )
