"""The network that the page is about, with what its figures need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.network.construct import construct, default_sharpness
from relubloom.network.relu_net import ReluNet
from relubloom.report.charts.answers import Example, find_example
from relubloom.report.charts.weights import unit_order
from relubloom.report.contents import (
    Contents,
    Run,
    Weights,
    labels_of,
    read_initial,
    read_weights,
)
from relubloom.training import initialise
from relubloom.training.recipe import Recipe


@dataclass(frozen=True)
class Subject:
    """The featured run, loaded.

    `order` sorts its units for figures; `initial` is W_in before training (of the first tokens,
    where the film holds only those); `example` is the set that is worked through.
    """

    contents: Contents
    run: Run
    weights: Weights
    labels: tuple[str, ...]
    order: NDArray[np.intp]
    initial: NDArray[np.float32] | None
    example: Example | None

    @property
    def vocab_size(self) -> int:
        """Tokens."""
        return self.weights.W_in.shape[0]

    @property
    def width(self) -> int:
        """Hidden units."""
        return self.weights.W_in.shape[1]

    @property
    def heading(self) -> str:
        """What the featured network is called in figures."""
        if len(self.contents.runs) > 1:
            return f"trained (seed {self.run.seed})"
        if self.run.construction is not None:
            return "constructed"
        return "trained" if self.run.recipe is not None else "this network"


def load_subject(contents: Contents) -> Subject:
    """Read the featured network and find its example. Cost: the memory of the network."""
    run = contents.featured
    weights = read_weights(run)
    code, size = weights.code, run.set_size
    example = None
    if isinstance(code, Code) and size is not None:
        example = find_example(weights.net, code, size)
    return Subject(
        contents=contents,
        run=run,
        weights=weights,
        labels=labels_of(run, len(weights.W_in)),
        order=unit_order(weights.W_in, code),
        initial=read_initial(run),
        example=example,
    )


def exact_network(code: Code, set_size: int) -> ReluNet:
    """The exact network of a code, as sharp as constructed networks are by default."""
    return construct(code, default_sharpness(code.vocab_size, set_size))


def untrained_network(subject: Subject) -> ReluNet | None:
    """The network as it was before the first step, drawn anew from its seed and recipe.

    None where the folder names neither, or where the film's first picture is not of it.
    """
    run, film = subject.run, subject.initial
    if run.recipe is None or run.seed is None or film is None:
        return None
    try:
        recipe = Recipe.from_description(run.recipe)
    except (UsageError, TypeError):
        return None
    stack = initialise(subject.vocab_size, subject.width, recipe, (run.seed,))
    W_in = stack.W_in[0]
    if not torch.allclose(W_in[: len(film)], torch.from_numpy(film), atol=1e-3):
        return None
    return ReluNet(W_in, stack.b_in[0], stack.W_out[0], stack.b_out[0])
