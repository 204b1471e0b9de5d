"""Optimisers on a stack of networks, each by itself."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

from relubloom.network.relu_net import NetStack
from relubloom.training.recipe import Recipe

MOMENTUM = 0.9


class _Stateful:
    """What is kept between steps, by "name.key"."""

    _state: dict[str, Tensor]

    def state(self) -> dict[str, Tensor]:
        """To be saved."""
        return self._state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        for key, value in self._state.items():
            value.copy_(state[key])


class Adam(_Stateful):
    """Adam (.9, beta2).

    One fused call takes the tensors of each instance apart, so that an update does not depend on
    the stack to the last bit: within one tensor, entries at its end are rounded otherwise.

    Cost: per step 7 reads or writes of each parameter, in one pass.
    """

    def __init__(self, stack: NetStack, beta2: float) -> None:
        self._beta2 = beta2
        self._names = list(stack.parameters())
        self._parameters = _apart(stack.parameters().values())
        self._state: dict[str, Tensor] = {}
        for name, value in stack.parameters().items():
            self._state[f"{name}.step"] = torch.zeros(len(stack), device=value.device)
            self._state[f"{name}.exp_avg"] = torch.zeros_like(value)
            self._state[f"{name}.exp_avg_sq"] = torch.zeros_like(value)
        self._moments = [
            _apart(self._state[f"{name}.{key}"] for name in self._names)
            for key in ("exp_avg", "exp_avg_sq", "step")
        ]
        self._gradients: dict[str, Tensor] = {}
        self._gradients_apart: list[Tensor] = []

    @torch.no_grad()
    def step(self, gradients: dict[str, Tensor], learning_rate: float | Tensor) -> None:
        """Change the parameters in place; `gradients` has their names and shapes.

        A step that writes to the same tensors each time passes the same dictionary.
        """
        if gradients is not self._gradients:
            self._gradients = gradients
            self._gradients_apart = _apart(gradients[name] for name in self._names)
        first, second, steps = self._moments
        adam(
            self._parameters,
            self._gradients_apart,
            first,
            second,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=self._beta2,
            lr=learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


class Momentum(_Stateful):
    """Stochastic gradient descent with momentum 0.9: v <- 0.9 v + gradient, w <- w - rate v.

    Cost: per step 5 reads or writes of each parameter, in two passes.
    """

    def __init__(self, stack: NetStack) -> None:
        self._parameters = stack.parameters()
        self._state = {
            f"{name}.velocity": torch.zeros_like(value) for name, value in self._parameters.items()
        }

    @torch.no_grad()
    def step(self, gradients: dict[str, Tensor], learning_rate: float | Tensor) -> None:
        """Change the parameters in place; `gradients` has their names and shapes."""
        for name, value in self._parameters.items():
            velocity = self._state[f"{name}.velocity"]
            velocity.mul_(MOMENTUM).add_(gradients[name])
            value.sub_(velocity, alpha=float(learning_rate))


def optimiser_of(recipe: Recipe, stack: NetStack) -> Adam | Momentum:
    """The optimiser that the recipe names, on the parameters of `stack`."""
    return Adam(stack, recipe.adam_beta2) if recipe.optimiser == "adam" else Momentum(stack)


@torch.no_grad()
def decay(stack: NetStack, share: float | Tensor) -> None:
    """Shrink every parameter by a share of itself, in place."""
    for value in stack.parameters().values():
        value.mul_(1 - share)


def _apart(stacked: Iterable[Tensor]) -> list[Tensor]:
    return [part for value in stacked for part in value.unbind(0)]
