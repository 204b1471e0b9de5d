"""Shared by tests: OBJECTIVES, random_stack, reference."""

import torch
from torch import Tensor

from relubloom.network.relu_net import NetStack, ReluNet
from relubloom.training.recipe import Objective

OBJECTIVES = ("mse", "kl")


def reference(net: ReluNet, sets: Tensor, objective: Objective) -> Tensor:
    """The objective by its definition, for autograd."""
    target = torch.zeros(len(sets), net.vocab_size + 1, dtype=torch.float64)
    target = target.scatter(1, sets, 1.0)[:, :-1]
    size = target.sum(1, keepdim=True)
    target = target / size
    log_p = net(sets).log_softmax(1)
    if objective == "mse":
        return (log_p.exp() - target).square().sum(1).mean()
    return (-(target * log_p).sum(1) - size[:, 0].log()).mean()


def random_stack(instances: int, vocab: int, width: int, seed: int) -> NetStack:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return NetStack(
        *(torch.randn(instances, *s, generator=draw, dtype=torch.float64) for s in shapes)
    )
