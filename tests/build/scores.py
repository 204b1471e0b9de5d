"""Shared by tests: hand_made, random_net."""

import numpy as np
import torch

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet
from relubloom.task import ListedSets


def hand_made() -> tuple[ReluNet, Code, ListedSets]:
    """Unit i is on for token i alone, so the logits of {t} are row t of W_out: ln of the masses.

    {0}: p = .60 .35 .05. Margin ln(6/3.5) > 0; token 1 has over half of the largest: called.
    {1}: p = .20 .20 .60. Member below token 2: margin ln(1/3), a miss, token 2 called.
    {2}: p = .10 .45 .45. A tie: margin 0, no miss, token 1 called.
    """
    masses = torch.tensor([[6.0, 3.5, 0.5], [2.0, 2.0, 6.0], [1.0, 4.5, 4.5]], dtype=torch.float64)
    zeros = torch.zeros(3, dtype=torch.float64)
    net = ReluNet(torch.eye(3, dtype=torch.float64), zeros, masses.log(), zeros)
    # Units off: {0}: 1 2, {1}: 0 2, {2}: 0 1. Hash 1 lacks bit 2, so unit 2 disagrees on {1}.
    # Covered non-members: {2} has union 110, which holds hash 100 of token 1. No other.
    code = Code(np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0]], dtype=bool))
    sets = ListedSets(
        torch.tensor([[0], [1], [2]]), torch.tensor([1, 2, 5]), torch.tensor([False, True, False])
    )
    return net, code, sets


def random_net(vocab: int, width: int, seed: int) -> ReluNet:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return ReluNet(*(torch.randn(s, generator=draw, dtype=torch.float64) for s in shapes))
