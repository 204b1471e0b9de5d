"""Optimisers on a stack of networks, each by itself."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from relubloom.network.relu_net import NetStack
from relubloom.training.recipe import Recipe

MOMENTUM = 0.9
LEAST_PIECE, WHOLE_PIECE = 4096, 65_536  # entries; the second is what torch cuts tensors into
LAUNCHED_PIECES = 30  # and up to 4 more are one launch


class _Optimiser:
    """What is kept between steps, by "name.key"."""

    _state: dict[str, Tensor]

    def __init__(self, stack: NetStack, weight_decay: float) -> None:
        self._parameters = stack.parameters()
        self._weight_decay = weight_decay

    def state(self) -> dict[str, Tensor]:
        """To be saved."""
        return self._state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        for key, value in self._state.items():
            value.copy_(state[key])


class Adam(_Optimiser):
    """Adam (.9, beta2), which decays the weights, too.

    One fused call takes the tensors of each instance apart, so that an update does not depend on
    the stack to the last bit: within one tensor, entries at its end are rounded otherwise. On CUDA
    small tensors are cut into pieces: torch gives 65,536 entries of a tensor to one of more than a
    hundred processors.

    Cost: per step 7 reads or writes of each parameter, in one pass.
    """

    def __init__(self, stack: NetStack, beta2: float, weight_decay: float) -> None:
        super().__init__(stack, weight_decay)
        self._beta2 = beta2
        self._piece = _piece_of(stack)
        self._state: dict[str, Tensor] = {}
        self._steps: list[Tensor] = []
        for name, value in self._parameters.items():
            own = len(_apart([value], self._piece)) // len(stack)
            self._steps.append(torch.zeros(len(stack), own, device=value.device))
            self._state[f"{name}.step"] = self._steps[-1][:, 0]
            self._state[f"{name}.exp_avg"] = torch.zeros_like(value)
            self._state[f"{name}.exp_avg_sq"] = torch.zeros_like(value)
        self._parameters_apart = _apart(self._parameters.values(), self._piece)
        self._moments = [
            _apart((self._state[f"{name}.{key}"] for name in self._parameters), self._piece)
            for key in ("exp_avg", "exp_avg_sq")
        ]
        self._moments.append([each for steps in self._steps for each in steps.view(-1).unbind()])
        self._gradients: dict[str, Tensor] = {}
        self._gradients_apart: list[Tensor] = []

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved state."""
        super().restore(state)
        for steps in self._steps:
            steps[:, 1:] = steps[:, :1]

    @torch.no_grad()
    def step(self, gradients: dict[str, Tensor], learning_rate: float | Tensor) -> None:
        """Change the parameters in place; `gradients` has their names and shapes.

        A step that writes to the same tensors each time passes the same dictionary.
        """
        if gradients is not self._gradients:
            self._gradients = gradients
            wanted = (gradients[name] for name in self._parameters)
            self._gradients_apart = _apart(wanted, self._piece)
        first, second, steps = self._moments
        adamw(
            self._parameters_apart,
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
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )


class Momentum(_Optimiser):
    """Stochastic gradient descent with momentum 0.9: v <- 0.9 v + gradient, w <- w - rate v.

    Cost: per step 5 reads or writes of each parameter, in two passes; 2 for weight decay.
    """

    def __init__(self, stack: NetStack, weight_decay: float) -> None:
        super().__init__(stack, weight_decay)
        self._state = {
            f"{name}.velocity": torch.zeros_like(value) for name, value in self._parameters.items()
        }

    @torch.no_grad()
    def step(self, gradients: dict[str, Tensor], learning_rate: float | Tensor) -> None:
        """Change the parameters in place; `gradients` has their names and shapes."""
        for name, value in self._parameters.items():
            if self._weight_decay:
                value.mul_(1 - learning_rate * self._weight_decay)
            velocity = self._state[f"{name}.velocity"]
            velocity.mul_(MOMENTUM).add_(gradients[name])
            value.sub_(velocity, alpha=float(learning_rate))


def optimiser_of(recipe: Recipe, stack: NetStack) -> Adam | Momentum:
    """The optimiser that the recipe names, on the parameters of `stack`."""
    if recipe.optimiser == "adam":
        return Adam(stack, recipe.adam_beta2, recipe.weight_decay)
    return Momentum(stack, recipe.weight_decay)


def _piece_of(stack: NetStack) -> int | None:
    """Entries of a piece, so that one launch takes all pieces; None where tensors stay whole."""
    if stack.W_in.device.type != "cuda":
        return None
    entries = sum(value.numel() for value in stack.parameters().values())
    piece = max(LEAST_PIECE, -(-entries // LAUNCHED_PIECES))
    return piece if piece < WHOLE_PIECE else None


def _apart(stacked: Iterable[Tensor], piece: int | None) -> list[Tensor]:
    """Views of each instance's part of each tensor, or of its pieces."""
    wholes = [whole for value in stacked for whole in value.unbind(0)]
    if piece is None:
        return wholes
    return [part for whole in wholes for part in whole.view(-1).split(piece)]
