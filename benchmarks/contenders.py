"""Whole training steps to be timed: ours, what others would write, and the floor under all.

A contender is made for a `Size` and then does one step a call: sampling, loss, gradient and Adam.
The objective is mse; ours and the plain loop know kl too. All but the plain loop take sets as ids.
The loops in torch draw them by our own sampler, which is faster than what one writes first; JAX
draws them within its jit.

Each runs in a process of its own, and they take turns, A B C A B C ...: so each has its own memory,
which can be measured, and all see the same moments of a busy machine. A turn is some steps; its
time is what the process spent on the processor, which on an idle machine with one thread is the
time that passes.
"""

import importlib
import math
import multiprocessing
import os
import re
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from relubloom import KSparseTask, Recipe
from relubloom.training.recipe import Objective
from relubloom.training.run import TrainingRun

Turn = Callable[[], Any]
WARM_UP = 2  # turns that are not counted
DRAWN_AHEAD = 64  # steps, on an accelerator, which draws many sets as fast as few


@dataclass(frozen=True)
class Size:
    """What is trained: N, d, k, sets per step, networks as one stack, for what, and where."""

    vocab_size: int
    width: int
    set_size: int
    batch_size: int
    networks: int = 1
    objective: Objective = "mse"
    device: str = "cpu"

    @property
    def task(self) -> KSparseTask:
        """The uniform task of this size; an accelerator draws its sets itself."""
        generator = "torch" if self.device == "cpu" else "philox"
        return KSparseTask(self.vocab_size, self.set_size, generator=generator)

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
        size.task, size.width, recipe, tuple(range(size.networks)), size.device, None
    ).advance


def torch_products(size: Size) -> Turn:
    """Ours without oneDNN's products: the same where the processor has no AVX-512."""
    torch.backends.cpu.get_cpu_capability = lambda: "AVX2"
    return ours(size)


def three_gemms(size: Size) -> Turn:
    """The floor: logits, and the two products of the backward pass, into memory that is there."""
    batch, width, vocab = size.batch_size, size.width, size.vocab_size
    shapes = (batch, width), (width, vocab), (batch, vocab)
    post, W_out, d_logits = (torch.rand(shape, device=size.device) for shape in shapes)
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
    net.to(size.device)
    adam = torch.optim.Adam(net.parameters())

    def step() -> None:
        ids = torch.rand(size.batch_size, vocab, device=size.device).topk(k).indices
        indicator = torch.zeros(size.batch_size, vocab, device=size.device).scatter_(1, ids, 1.0)
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
    drawn = range(0)
    ahead: list[Tensor] = []

    def step() -> None:
        nonlocal drawn
        if not ahead:
            drawn = range(drawn.stop, drawn.stop + (1 if size.device == "cpu" else DRAWN_AHEAD))
            addresses = [(0, number) for number in drawn]
            ahead.extend(task.training_batches(addresses, size.batch_size, size.device))
        loss = objective(*weights, ahead.pop())
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def _weights(size: Size) -> list[Tensor]:
    vocab, width = size.vocab_size, size.width
    drawn = (torch.randn(vocab, width), torch.zeros(width), torch.randn(width, vocab))
    weights = (*drawn, torch.zeros(vocab))
    return [(each * 0.1).to(size.device).requires_grad_() for each in weights]


def _mse(W_in: Tensor, b_in: Tensor, W_out: Tensor, b_out: Tensor, sets: Tensor) -> Tensor:
    post = (embedding_bag(sets, W_in, mode="sum") + b_in).relu()
    p = torch.addmm(b_out, post, W_out).softmax(1)
    k = sets.shape[1]
    return (p.square().sum(1) - 2 / k * p.gather(1, sets).sum(1) + 1 / k).mean()


# The maker of each contender, and the modules it needs besides torch: not part of its memory.
CONTENDERS: dict[str, tuple[Callable[[Size], Turn], tuple[str, ...]]] = {
    "ours": (ours, ()),
    "torch_products": (torch_products, ()),
    "three_gemms": (three_gemms, ()),
    "plain_loop": (plain_loop, ("torch._dynamo",)),
    "index_loop": (index_loop, ("torch._dynamo",)),
    "torch_compile": (compiled_loop, ("torch._inductor.compile_fx",)),
    "jax": (jax_loop, ("jax", "optax")),
}


class MissingError(Exception):
    """Why a contender does not run here."""


class Contender:
    """A process that does steps of one contender when told to."""

    def __init__(self, name: str, size: Size, label: str) -> None:
        self.label = label
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, size), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Until it is ready.

        Raises:
            MissingError: it cannot run here.
        """
        self._answer()

    def turn(self, steps: int) -> float:
        """Do steps; returns the milliseconds that one took."""
        self._ours.send(steps)
        return self._answer()

    def peak(self) -> float:
        """MiB by which its memory had grown, at most, since its imports."""
        self._ours.send(None)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join()

    def _answer(self) -> float:
        answer = self._ours.recv()
        if isinstance(answer, str):
            raise MissingError(answer)
        return answer


@contextmanager
def one_thread() -> Any:
    """Processes started within it use one core and one thread, whatever library they use."""
    names = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    before, cores = dict(os.environ), os.sched_getaffinity(0)
    os.environ |= names
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        os.environ.clear()
        os.environ |= before


def take_turns(
    contenders: list[Contender], steps: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds per step of each turn, and the peak MiB, by label."""
    times: dict[str, list[float]] = {each.label: [] for each in contenders}
    for number in range(rounds + WARM_UP):
        for each in contenders:
            ms = each.turn(steps)
            if number >= WARM_UP:
                times[each.label].append(ms)
    return times, {each.label: each.peak() for each in contenders}


def _serve(pipe: Connection, name: str, size: Size) -> None:
    torch.set_num_threads(1)
    make, modules = CONTENDERS[name]
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError:
        pipe.send("not installed")
        return
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = _memory("VmRSS")
    try:
        step = make(size)
        step()
    except RuntimeError as error:  # as torch.compile does where there is no compiler
        pipe.send(f"not available ({type(error).__name__})")
        return
    pipe.send(0.0)
    while True:
        try:
            steps = pipe.recv()
        except EOFError:
            return
        if steps is None:
            pipe.send(_memory("VmHWM") - before)
            continue
        started = time.process_time()
        for _ in range(steps):
            step()
        pipe.send(1e3 * (time.process_time() - started) / steps)


def _memory(field: str) -> float:
    """MiB of this process, by a field of Linux's /proc/self/status."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024
