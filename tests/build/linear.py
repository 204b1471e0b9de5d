"""Shared by tests: Linear."""

import torch
from torch import Tensor

from relubloom.network.relu_net import ReluNet


class Linear(torch.nn.Module):
    """pre @ W_out + b_out, for autograd."""

    def __init__(self, net: ReluNet) -> None:
        super().__init__()
        self.net, self.vocab_size = net, net.vocab_size

    def forward(self, sets: Tensor) -> Tensor:
        padded = torch.cat([self.net.W_in, torch.zeros_like(self.net.W_in[:1])])
        return (padded[sets].sum(1) + self.net.b_in) @ self.net.W_out + self.net.b_out
