"""A step whose softmax goes over the tokens of its batch, not over the whole vocabulary.

Where sets are drawn uniformly, the other tokens of a batch are a uniform sample of those that a set
does not hold. Where the batch holds M of N tokens, each of them stands for (N - k) / (M - k), so
that the sum under the softmax is right on average. Its logarithm is not quite, and so neither are
loss and gradients. With all tokens in the batch they are those of `step`. This is the sampled
softmax of Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, 2015,
with the batch as the sample.

Cost: a step of a network with M tokens, M about N (1 - exp(-k batch / N)), and what does not depend
on the batch: gradients of N tokens are zeroed, and the optimiser goes over all weights.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom.errors import UsageError
from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training.recipe import Activation, Objective, Recipe
from relubloom.training.step import ChunkedStep, StepResult


class BatchSoftmaxStep:
    """A `Step` by that of a smaller network, one instance after the other.

    Args:
        activation: as for `ChunkedStep`.
    """

    def __init__(self, activation: Activation) -> None:
        self._step = ChunkedStep(activation)
        self._gradients: WeakKeyDictionary[NetStack, NetStack] = WeakKeyDictionary()

    def __call__(
        self,
        stack: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
    ) -> StepResult:
        """Loss and gradients; those of tokens that the batch does not hold are 0."""
        gradients = self._gradients.get(stack)
        if gradients is None:
            gradients = NetStack(*map(torch.empty_like, stack.parameters().values()))
            self._gradients[stack] = gradients
        gradients.W_in.zero_()
        gradients.W_out.zero_()
        gradients.b_out.zero_()
        losses: list[Tensor] = []
        for i, own in enumerate(sets):
            tokens, places = own.unique(return_inverse=True)  # in order, so padding is the last
            tokens = tokens[tokens < stack.W_in.shape[1]]
            part = NetStack(
                stack.W_in[i, tokens][None],
                stack.b_in[i][None],
                stack.W_out[i].index_select(1, tokens)[None],
                stack.b_out[i, tokens][None],
            )
            found = self._step(part, places[None], objective, stack.W_in.shape[1])
            gradients.W_in[i].index_copy_(0, tokens, found.gradients["W_in"][0])
            gradients.b_in[i].copy_(found.gradients["b_in"][0])
            gradients.W_out[i].index_copy_(1, tokens, found.gradients["W_out"][0])
            gradients.b_out[i].index_copy_(0, tokens, found.gradients["b_out"][0])
            losses.append(found.loss)
        return StepResult(torch.cat(losses), gradients.parameters())


def batch_stands_for_all(task: KSparseTask) -> bool:
    """Whether a batch holds a uniform sample of the tokens that a set does not hold."""
    return task.source == "uniform" and task.training_pool is None


def check_softmax(task: KSparseTask, recipe: Recipe) -> None:
    """Refuse a softmax over the batch where its tokens are no uniform sample of the others.

    Raises:
        UsageError: sets are not drawn uniformly.
    """
    if recipe.softmax == "batch" and not batch_stands_for_all(task):
        of = f"source is {task.source!r}"
        if task.training_pool is not None:
            of = f"training_pool is {task.training_pool}"
        raise UsageError(
            f"softmax is 'batch' and {of}: the tokens of a batch stand for all others where sets "
            "are drawn uniformly; take a recipe or preset with softmax 'all'"
        )
