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

import math
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.errors import UsageError
from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training.recipe import Activation, Objective, Recipe
from relubloom.training.softmax_loss import Sample
from relubloom.training.step import ChunkedStep, StepResult, instances_together


class BatchSoftmaxStep:
    """A `Step` by that of a smaller network, of the tokens that the batch holds.

    On a CPU one instance after the other; elsewhere all at once, as `ChunkedStep`. There a batch
    has as many places as tokens could lie in it, so that all steps have the same shapes and none
    waits for the device. Places that are left over have an output bias of minus infinity.

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
        for value in gradients.parameters().values():
            value.zero_()
        together = instances_together(len(stack), sets.device.type)
        parts = zip(
            stack.split(together), gradients.split(together), sets.split(together), strict=True
        )
        losses = [self._add_to(own, its, drawn, objective) for own, its, drawn in parts]
        return StepResult(torch.cat(losses), gradients.parameters())

    def _add_to(
        self,
        own: NetStack,
        gradients: NetStack,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
    ) -> Float[Tensor, " instances"]:
        """Add the gradients of instances that go together to zeros; returns their losses."""
        _, vocab, width = own.W_in.shape
        tokens, places, held = tokens_of(sets, vocab)
        absent, tokens = tokens == vocab, tokens.clamp(max=vocab - 1)
        rows = tokens[:, :, None].expand(-1, -1, width)
        columns = tokens[:, None].expand(-1, width, -1)
        part = NetStack(
            own.W_in.gather(1, rows),
            own.b_in,
            own.W_out.gather(2, columns),
            own.b_out.gather(1, tokens).masked_fill_(absent, -math.inf),
        )
        found = self._step(part, places, objective, Sample(vocab, held))
        gradients.W_in.scatter_add_(1, rows, found.gradients["W_in"])
        gradients.b_in.add_(found.gradients["b_in"])
        gradients.W_out.scatter_add_(2, columns, found.gradients["W_out"])
        gradients.b_out.scatter_add_(1, tokens, found.gradients["b_out"])
        return found.loss


def tokens_of(
    sets: Int64[Tensor, "instances batch set_size"], vocab: int
) -> tuple[Tensor, Int64[Tensor, "instances batch set_size"], Int64[Tensor, "instances 1 1"]]:
    """The tokens of each instance in order, where the sets' tokens are among them, and how many.

    Sets are padded with `vocab`, and so are the tokens [instances, places]; the place of padding is
    the number of places. That is the number of tokens for one instance on a CPU, and elsewhere the
    most that there can be.

    Cost: some passes over `vocab` whole numbers.
    """
    ids = sets.flatten(1)
    there = sets.new_zeros(len(ids), vocab + 1).scatter_(1, ids, 1)
    there[:, vocab] = 0
    number = there.cumsum(1)
    held = number[:, -1:]
    exact = len(ids) == 1 and sets.device.type == "cpu"
    most = int(held) if exact else min(ids.shape[1], vocab)
    places = torch.where(ids < vocab, number.gather(1, ids) - 1, most)
    tokens = sets.new_full((len(ids), most + 1), vocab).scatter_(1, places, ids)
    return tokens[:, :most], places.view_as(sets), held[:, :, None]


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
