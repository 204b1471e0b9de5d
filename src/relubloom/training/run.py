"""A training run between two steps: networks, optimiser, history and film, on disk and back."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypedDict

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.errors import DivergedError, described
from relubloom.network.construct import always_on
from relubloom.network.relu_net import NetStack, ReluNet
from relubloom.shown import Shown
from relubloom.task import KSparseTask
from relubloom.training.batch_softmax import BatchSoftmaxStep, check_softmax
from relubloom.training.checkpoint import load_checkpoint, on_cpu, save_checkpoint, unreadable
from relubloom.training.devices import check_room
from relubloom.training.optimisers import Adam, Momentum, optimiser_of
from relubloom.training.recipe import Objective, Recipe
from relubloom.training.replay import CudaGraphs, Rate, ReplayedUpdate
from relubloom.training.start import check_start, copies, digest_of_weights, initialise
from relubloom.training.step import STEPS, Step, fused_pass

SNAPSHOTS = 40
FILM_BYTES = 64 << 20  # snapshots of one network; beyond that the first tokens only
HISTORY_RECORDS = 200
SETS_AHEAD = 8192  # sets drawn at once, for several steps: a call on few costs as much as on many
ACCELERATOR_SETS_AHEAD = 1 << 20  # where an accelerator draws: some 100 launches, or 300


@dataclass(frozen=True)
class TrainingProgress:
    """Where training stands: steps done of `steps`, and the mean loss over the instances.

    `note` says what a device does without, such as "without Triton"; mostly it is empty.
    """

    step: int
    steps: int
    objective: str
    loss: float
    note: str = ""


class HistoryRow(TypedDict):
    """A row of a training's history."""

    step: int
    """Steps done."""
    objective: str
    """What they minimised, mse or kl."""
    learning_rate: float
    """The rate of the last of them."""
    loss: float
    """The mean over the batches since the row before."""


@dataclass(frozen=True, repr=False)
class TrainedNetwork(Shown):
    """A trained network and how it came about.

    `film` is W_in of the first tokens at `film_steps`, the first before any step,
    [snapshots, tokens, width].
    """

    MAIN: ClassVar[tuple[str, ...]] = ("net", "seed")

    net: ReluNet
    seed: int
    history: list[HistoryRow]
    film: Float[Tensor, "snapshots tokens width"]
    film_steps: list[int]


class TrainingRun:
    """The state of a training run between two steps."""

    def __init__(
        self,
        task: KSparseTask,
        width: int,
        recipe: Recipe,
        seeds: tuple[int, ...],
        device: torch.device | str,
        step: Step | None,
        init_from: ReluNet | None = None,
    ) -> None:
        self.task: KSparseTask = task
        self.recipe: Recipe = recipe
        self.seeds: tuple[int, ...] = seeds
        self.device: torch.device = torch.device(device)
        check_softmax(task, recipe)
        over_batch = recipe.softmax == "batch"
        usual = BatchSoftmaxStep(recipe.activation) if over_batch else STEPS[recipe.activation]
        self.step: Step = step or usual
        sizes = task.vocab_size, width, task.sizes[1], recipe.batch_size, len(seeds)
        check_room(self.device, *sizes)
        self.replayed: ReplayedUpdate | None = None
        if self.device.type == "cuda" and step is None and recipe.optimiser == "adam":
            self.replayed = ReplayedUpdate(self._update, CudaGraphs(self.device))
        self.start: str | None = None
        self.stack: NetStack
        if init_from is None:
            self.stack = initialise(task.vocab_size, width, recipe, seeds, device)
        else:
            check_start(init_from, task.vocab_size, width, recipe)
            self.stack = copies(init_from, len(seeds), device)
            self.start = digest_of_weights(init_from)
        self.optimiser: Adam | Momentum = optimiser_of(recipe, self.stack)
        self.film_steps: list[int] = snapshot_steps(recipe.steps)
        tokens = FILM_BYTES // (4 * width * len(self.film_steps))
        self.film_tokens: int = max(1, min(task.vocab_size, tokens))
        self.film: list[Tensor] = [self._frame()]
        self.history: list[list[HistoryRow]] = [[] for _ in seeds]
        self.record_every: int = max(1, recipe.steps // HISTORY_RECORDS)
        self.loss_sum: Tensor = torch.zeros(len(seeds), device=device)
        self.loss_steps: int = 0
        self.last_loss: Tensor = torch.zeros(len(seeds), device=device)
        self.done: int = 0
        self.sets_ahead: list[Tensor] = []  # of the next steps, the last first

    def advance(self) -> None:
        """One optimiser step, with its bookkeeping."""
        objective, rate = self.recipe.at(self.done)
        update = self.replayed or self._update
        self.last_loss = update(self._next_sets(), objective, rate)
        self.done += 1
        self.loss_sum += self.last_loss
        self.loss_steps += 1
        if self._is_recorded(self.done):
            self._record(objective, rate)
        if self.done in self.film_steps:
            self.film.append(self._frame())

    def progress(self) -> TrainingProgress:
        """What a progress bar shows."""
        objective, loss = self.recipe.at(self.done - 1)[0], float(self.last_loss.mean())
        return TrainingProgress(self.done, self.recipe.steps, objective, loss, self._note())

    def shows(self) -> bool:
        """Whether a progress bar is to show this step."""
        return self.device.type == "cpu" or self._is_recorded(self.done)

    def check_finite(self) -> None:
        """Refuse to go on with wrong numbers.

        Raises:
            DivergedError: a loss, a weight or a moment is NaN or infinite.
        """
        bad = torch.zeros(len(self.seeds), dtype=torch.bool, device=self.device)
        for value in (*self._state().values(), self.last_loss):
            bad |= ~value.reshape(len(self.seeds), -1).isfinite().all(1)
        if not bad.any():
            return
        seeds = tuple(s for s, wrong in zip(self.seeds, bad.tolist(), strict=True) if wrong)
        rate = self.recipe.at(self.done - 1)[1]
        which = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
        raise DivergedError(
            f"step {self.done} of {self.recipe.steps} of {which}, at learning rate {rate:.3g}, "
            "gave NaN or infinity: training needs finite numbers; lower --learning-rate and start "
            "anew with --force",
            seeds,
        )

    def results(self) -> list[TrainedNetwork]:
        """One trained network a seed, on the CPU.

        Raises:
            DivergedError: as `check_finite`.
        """
        self.check_finite()
        film = torch.stack(self.film, dim=1)
        trained = NetStack(**on_cpu(self.stack.parameters()))
        nets = [trained[i] for i in range(len(self.seeds))]
        if self.recipe.activation == "none":  # as networks that apply a ReLU
            nets = [always_on(net, self.task.sizes[1]) for net in nets]
        for net in nets:
            net.task = self.task
        each = zip(nets, self.seeds, self.history, film, strict=True)
        return [TrainedNetwork(*fields, self.film_steps) for fields in each]

    def save(self, path: Path) -> None:
        """Write the state.

        Raises:
            DivergedError: as `check_finite`; what was written before is kept.
        """
        self.check_finite()
        tensors = self._state() | {"film": torch.stack(self.film)}
        progress = {"done": self.done, "loss_steps": self.loss_steps, "history": self.history}
        save_checkpoint(path, on_cpu(tensors), self.fingerprint(), progress)

    def restore(self, path: Path) -> None:
        """Continue from a saved state."""
        tensors, progress = load_checkpoint(path, self.fingerprint())
        if reason := self._misfit(tensors, progress):
            raise unreadable(path, reason)
        for name, value in self.stack.parameters().items():
            value.copy_(tensors[name])
        prefix = f"{self.recipe.optimiser}."
        self.optimiser.restore(
            {key.removeprefix(prefix): value for key, value in tensors.items() if prefix in key}
        )
        self.sets_ahead = []
        self.film = list(tensors["film"])
        self.loss_sum = tensors["loss_sum"].to(self.device)
        self.done, self.loss_steps = progress["done"], progress["loss_steps"]
        self.history = progress["history"]

    def fingerprint(self) -> str:
        """A hash of all that the state depends on."""
        task = self.task.describe()
        task.pop("sets", None)  # the file's hash counts, not its path
        described: dict[str, Any] = {
            "task": task,
            "width": self.stack.W_in.shape[2],
            "recipe": self.recipe.describe(),
            "seeds": self.seeds,
        }
        if self.start is not None:
            described["init_from"] = self.start
        text = json.dumps(described, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _update(
        self, sets: Int64[Tensor, "instances batch set_size"], objective: Objective, rate: Rate
    ) -> Float[Tensor, " instances"]:
        """Change the weights by one batch; returns the losses before."""
        result = self.step(self.stack, sets, objective)
        self.optimiser.step(result.gradients, rate)
        return result.loss

    def _note(self) -> str:
        lacks_triton = self.device.type == "cuda" and fused_pass("cuda") is None
        lacks_graphs = self.replayed is not None and self.replayed.refused is not None
        lacking = [("Triton", lacks_triton), ("CUDA graphs", lacks_graphs)]
        return ", ".join(f"without {name}" for name, lacks in lacking if lacks)

    def _state(self) -> dict[str, Tensor]:
        """What a step changes, by name, each [instances, ...]."""
        prefix = f"{self.recipe.optimiser}."
        state = {prefix + key: value for key, value in self.optimiser.state().items()}
        return self.stack.parameters() | state | {"loss_sum": self.loss_sum}

    def _misfit(self, tensors: dict[str, Tensor], progress: Any) -> str | None:
        """What a saved state holds that no state of this training can; None where it fits."""
        match progress:
            case {"done": int(done), "loss_steps": int(since), "history": list(history)} if (
                0 <= done <= self.recipe.steps
            ):
                recorded = [s for s in range(1, done + 1) if self._is_recorded(s)]
            case _:
                return f"its header says no step from 0 to {self.recipe.steps}"
        told: list[tuple[int, str]] = [(s, self.recipe.at(s - 1)[0]) for s in recorded]
        fits = len(history) == len(self.seeds) and all(_tells(each, told) for each in history)
        if not fits or since != done - max([0, *recorded]):
            return f"its history is none of {done} steps"
        frames = sum(step <= done for step in self.film_steps)
        wanted = self._state() | {"film": self.film[0].expand(frames, *self.film[0].shape)}
        if tensors.keys() != wanted.keys():
            return "it holds other tensors than this training"
        for name, value in wanted.items():
            found = tensors[name]
            if found.dtype != value.dtype or found.shape != value.shape:
                return f"{name} is {described(found)} and not {described(value)}"
            if not found.isfinite().all():
                return f"{name} holds NaN or infinity"
        return None

    def _next_sets(self) -> Int64[Tensor, "instances batch set_size"]:
        if not self.sets_ahead:
            batch = len(self.seeds) * self.recipe.batch_size
            on_device = self.device.type != "cpu" and self.task.generator == "philox"
            sets = ACCELERATOR_SETS_AHEAD if on_device else SETS_AHEAD
            last = min(self.recipe.steps, self.done + max(1, sets // batch))
            addresses = [(seed, s) for s in range(self.done, last) for seed in self.seeds]
            sets = self.task.training_batches(addresses, self.recipe.batch_size, self.device)
            self.sets_ahead = list(sets.split(len(self.seeds)))[::-1]
        return self.sets_ahead.pop()

    def _is_recorded(self, step: int) -> bool:
        return step % self.record_every == 0 or step == self.recipe.steps

    def _frame(self) -> Tensor:
        return self.stack.W_in[:, : self.film_tokens].detach().to("cpu", copy=True)

    def _record(self, objective: str, rate: float) -> None:
        losses = (self.loss_sum / self.loss_steps).tolist()
        if not all(map(math.isfinite, losses)):
            self.check_finite()
        for i, loss in enumerate(losses):
            self.history[i].append(
                {"step": self.done, "objective": objective, "learning_rate": rate, "loss": loss}
            )
        self.loss_sum.zero_()
        self.loss_steps = 0


def _tells(records: Any, told: list[tuple[int, str]]) -> bool:
    """Whether a saved history is of these steps and objectives, with finite numbers."""
    try:
        numbers = [value for each in records for value in (each["loss"], each["learning_rate"])]
        found = [(each["step"], each["objective"]) for each in records]
        return found == told and all(map(math.isfinite, numbers))
    except (TypeError, KeyError, OverflowError):
        return False


def snapshot_steps(steps: int) -> list[int]:
    """About 40 moments from 0 to `steps`, closer together early, where hashes form."""
    last = SNAPSHOTS - 1
    return sorted({round(steps * (index / last) ** 2) for index in range(SNAPSHOTS)})
