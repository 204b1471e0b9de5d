"""Layers inside models, small, with the names that libraries give them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from relubloom.network.relu_net import ReluNet


def relu_layer(
    inputs: int, width: int, activation: nn.Module | None = None, *, bias: bool = True
) -> nn.Sequential:
    """Linear, an activation (ReLU), Linear back, with seeded weights."""
    torch.manual_seed(0)
    between = nn.ReLU() if activation is None else activation
    return nn.Sequential(nn.Linear(inputs, width, bias), between, nn.Linear(width, inputs, bias))


class HookedMlp(nn.Module):
    """As TransformerLens has it: W_in [inputs, width], W_out, and hook points around the ReLU."""

    def __init__(self, inputs: int, width: int, act_fn: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.W_in, self.b_in = (
            nn.Parameter(torch.randn(*shape)) for shape in ((inputs, width), (width,))
        )
        self.W_out, self.b_out = (
            nn.Parameter(torch.randn(*shape)) for shape in ((width, inputs), (inputs,))
        )
        self.hook_pre, self.hook_post = nn.Identity(), nn.Identity()
        self.act_fn = act_fn

    def forward(self, x: Tensor) -> Tensor:
        post = self.hook_post(self.act_fn(self.hook_pre(x @ self.W_in + self.b_in)))
        return post @ self.W_out + self.b_out


class Wrapped:
    """As an nnsight envoy: it is no module, and holds one in `_module`."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module


class Hosting(nn.Module):
    """A model that holds a network as its MLP, behind an embedding: `directions` of its tokens.

    The MLP's input is the sum of a set's rows of the embedding; with `mix` it goes through tanh
    after a product with it, which is no sum.
    """

    def __init__(self, net: ReluNet, directions: Tensor, mix: float | None = None) -> None:
        super().__init__()
        vocab, inputs = directions.shape
        self.embed = nn.Embedding(vocab + 1, inputs, padding_idx=vocab)
        self.mlp = HookedMlp(inputs, net.width, torch.relu)
        self.mix = mix
        with torch.no_grad():
            self.embed.weight[:vocab] = directions.float()
            self.mlp.W_in.copy_(torch.linalg.pinv(directions) @ net.W_in.double())
            self.mlp.b_in.copy_(net.b_in)
        self.mlp.W_out, self.mlp.b_out = net.W_out, net.b_out

    def forward(self, sets: Tensor) -> Tensor:
        x = self.embed(sets).sum(1)
        if self.mix is not None:
            x = torch.tanh(self.mix * x)
        return self.mlp(x[:, None])[:, 0]
