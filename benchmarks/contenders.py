"""Whole training steps to be timed: ours, what others would write, and the floor under all.

A contender is made for a `Size` and then does one step a call: sampling, loss, gradient and Adam.
The objective is mse; ours and the plain loop know kl too. All but the plain loop take sets as ids.
The loops in torch draw them by our own sampler, which is faster than what one writes first; JAX
draws them within its jit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from relubloom import KSparseTask, Recipe
from relubloom.training.loop import TrainingRun
from relubloom.training.recipe import Objective

Turn = Callable[[], Any]


@dataclass(frozen=True)
class Size:
    """What is trained: N, d, k, sets per step, how many networks as one stack, and on what."""

    vocab_size: int
    width: int
    set_size: int
    batch_size: int
    networks: int = 1
    objective: Objective = "mse"

    @property
    def task(self) -> KSparseTask:
        """The uniform task of this size."""
        return KSparseTask(self.vocab_size, self.set_size)

    @property
    def state_bytes(self) -> int:
        """Parameters, gradients and Adam's two moments, in float32."""
        weights = 2 * self.vocab_size * self.width + self.vocab_size + self.width
        return 4 * 4 * weights * self.networks

    @property
    def product_flops(self) -> int:
        """Of the three products of a step."""
        return 6 * self.batch_size * self.width * self.vocab_size * self.networks


def ours(size: Size) -> Turn:
    """A step of the real training loop, with its bookkeeping."""
    recipe = Recipe(size.objective, batch_size=size.batch_size)
    return TrainingRun(
        size.task, size.width, recipe, tuple(range(size.networks)), "cpu", None
    ).advance


def three_gemms(size: Size) -> Turn:
    """The floor: logits, and the two products of the backward pass, into memory that is there."""
    post, W_out = torch.rand(size.batch_size, size.width), torch.rand(size.width, size.vocab_size)
    d_logits = torch.rand(size.batch_size, size.vocab_size)
    logits, d_post, d_W = (torch.empty_like(each) for each in (d_logits, post, W_out))

    def step() -> None:
        torch.mm(post, W_out, out=logits)
        torch.mm(d_logits, W_out.T, out=d_post)
        torch.mm(post.T, d_logits, out=d_W)

    return step


def plain_loop(size: Size) -> Turn:
    """What one writes first: dense indicators, nn.Linear, autograd, Adam."""
    vocab, width, k = size.vocab_size, size.width, size.set_size
    net = nn.Sequential(nn.Linear(vocab, width), nn.ReLU(), nn.Linear(width, vocab))
    adam = torch.optim.Adam(net.parameters())

    def step() -> None:
        ids = torch.rand(size.batch_size, vocab).topk(k).indices
        indicator = torch.zeros(size.batch_size, vocab).scatter_(1, ids, 1.0)
        target = indicator / k
        if size.objective == "mse":
            loss = (net(indicator).softmax(-1) - target).square().sum(-1).mean()
        else:
            loss = -(net(indicator).log_softmax(-1) * target).sum(-1).mean() - math.log(k)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def index_loop(size: Size) -> Turn:
    """Ids instead of indicators, no target matrix, fused Adam; gradients by autograd."""
    return _autograd_loop(size, _mse)


def compiled_loop(size: Size) -> Turn:
    """The index loop with its loss, and so its gradient, under `torch.compile`."""
    return _autograd_loop(size, torch.compile(_mse, dynamic=False))


def jax_loop(size: Size) -> Turn:
    """The index loop in JAX and optax: sampling, gradient and Adam in one jit, buffers donated."""
    import jax
    import optax

    k, vocab = size.set_size, size.vocab_size
    adam = optax.adam(1e-3)

    def draw(key: Any) -> Any:
        """Sets without rejection: a number below what is left skips the tokens chosen."""
        tokens: list[Any] = []
        for number, own in enumerate(jax.random.split(key, k)):
            token = jax.random.randint(own, (size.batch_size,), 0, vocab - number)
            for chosen in jax.numpy.sort(jax.numpy.stack(tokens), 0) if tokens else ():
                token += token >= chosen
            tokens.append(token)
        return jax.numpy.stack(tokens, 1)

    def mse(weights: list[Any], sets: Any) -> Any:
        W_in, b_in, W_out, b_out = weights
        post = jax.nn.relu(W_in[sets].sum(1) + b_in)
        p = jax.nn.softmax(post @ W_out + b_out)
        members = jax.numpy.take_along_axis(p, sets, 1)
        return ((p * p).sum(1) - 2 / k * members.sum(1) + 1 / k).mean()

    def update(weights: Any, moments: Any, key: Any) -> Any:
        key, own = jax.random.split(key)
        change, moments = adam.update(jax.grad(mse)(weights, draw(own)), moments)
        return optax.apply_updates(weights, change), moments, key

    jitted = jax.jit(update, donate_argnums=(0, 1))
    weights = [jax.numpy.asarray(each.detach().numpy()) for each in _weights(size)]
    state = [weights, adam.init(weights), jax.random.key(0)]

    def step() -> None:
        state[:] = jax.block_until_ready(jitted(*state))

    return step


def _autograd_loop(size: Size, objective: Callable[..., Tensor]) -> Turn:
    task, weights = size.task, _weights(size)
    adam = torch.optim.Adam(weights, fused=True)
    done = 0

    def step() -> None:
        nonlocal done
        loss = objective(*weights, task.training_sets(0, done, size.batch_size))
        adam.zero_grad()
        loss.backward()
        adam.step()
        done += 1

    return step


def _weights(size: Size) -> list[Tensor]:
    vocab, width = size.vocab_size, size.width
    drawn = (torch.randn(vocab, width), torch.zeros(width), torch.randn(width, vocab))
    return [(each * 0.1).requires_grad_() for each in (*drawn, torch.zeros(vocab))]


def _mse(W_in: Tensor, b_in: Tensor, W_out: Tensor, b_out: Tensor, sets: Tensor) -> Tensor:
    post = (embedding_bag(sets, W_in, mode="sum") + b_in).relu()
    p = torch.addmm(b_out, post, W_out).softmax(1)
    k = sets.shape[1]
    return (p.square().sum(1) - 2 / k * p.gather(1, sets).sum(1) + 1 / k).mean()


# The maker of each contender, and the modules it needs besides torch: not part of its memory.
CONTENDERS: dict[str, tuple[Callable[[Size], Turn], tuple[str, ...]]] = {
    "ours": (ours, ()),
    "three_gemms": (three_gemms, ()),
    "plain_loop": (plain_loop, ("torch._dynamo",)),
    "index_loop": (index_loop, ("torch._dynamo",)),
    "torch_compile": (compiled_loop, ("torch._inductor.compile_fx",)),
    "jax": (jax_loop, ("jax", "optax")),
}
