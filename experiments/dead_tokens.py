"""Where dead tokens come from at N=1000 under `mse`, and what cures them: measured for dynamics.py.

Each trial trains a stack of seeds whose networks are looked at 40 times on the way. What was found
is kept in a JSON file, so that a second run only does what is missing.
"""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import relubloom as rb
from relubloom.measure.one_pass import Chunk, one_pass
from relubloom.measure.statistics import rates
from relubloom.task import SetCollection
from relubloom.training.recipe import Objective
from relubloom.training.run import snapshot_steps
from relubloom.training.step import Step, StepResult, dense_step

K = 3
STEPS = 4000
EARLY = 0.1  # of the steps: by then the tokens that die have died
HALF, NEARLY_ALL = 0.5, 0.9


@dataclass(frozen=True)
class Trial:
    """A recipe, and what its gradients are multiplied by before Adam sees them.

    `on_the_way` and `in_the_end` are the sets that misses are counted on.
    """

    title: str
    recipe: rb.Recipe
    seeds: int = 3
    factor: float = 1.0
    vocab_size: int = 1000
    width: int = 64
    on_the_way: int = 10_000
    in_the_end: int = 100_000


TRIALS = {
    "mse": Trial("`mse`", rb.Recipe(steps=STEPS)),
    "small-rate": Trial(
        "`mse`, learning rate 1e-2 (half)", rb.Recipe(steps=STEPS, learning_rate=1e-2)
    ),
    "gradients": Trial(
        "`mse`, gradients times 10^4 (as if Adam's epsilon were 1e-12)",
        rb.Recipe(steps=STEPS),
        seeds=2,
        factor=1e4,
    ),
    "warm-up": Trial("`mse`, warm-up 0.2", rb.Recipe(steps=STEPS, warmup=0.2), seeds=2),
    "small-output": Trial(
        "`mse`, init_scale_out 0.1", rb.Recipe(steps=STEPS, init_scale_out=0.1), seeds=2
    ),
    "batch": Trial("`mse`, batches of 1,024", rb.Recipe(steps=STEPS, batch_size=1024), seeds=2),
    "long": Trial("`mse`, 8,000 steps", rb.Recipe(steps=2 * STEPS), seeds=2),
    "kl-start": Trial(
        "400 steps of `kl`, then `mse`",
        rb.Recipe(
            objective="kl-then-mse",
            steps=STEPS,
            polish_share=0.9,
            polish_learning_rate=2e-2,
        ),
        seeds=2,
    ),
    "kl": Trial("`kl`", rb.Recipe(objective="kl", steps=STEPS)),
}


def small(trial: Trial) -> Trial:
    """The same in a few seconds: so few units that some tokens die."""
    recipe = replace(trial.recipe, steps=trial.recipe.steps // 20, batch_size=128)
    return replace(
        trial, recipe=recipe, seeds=1, vocab_size=100, width=8, on_the_way=500, in_the_end=2000
    )


class Watched:
    """A step, with copies of the stack at chosen moments."""

    def __init__(self, moments: list[int], factor: float, step: Step = dense_step) -> None:
        self._moments, self._factor, self._inner = set(moments), factor, step
        self._step = 0
        self.kept: list[dict[str, Tensor]] = []

    def __call__(self, stack: rb.NetStack, sets: Tensor, objective: Objective) -> StepResult:
        """Do it, and keep the stack as it is before the step where that is wanted."""
        if self._step in self._moments:
            self.kept.append({name: each.clone() for name, each in stack.parameters().items()})
        self._step += 1
        found = self._inner(stack, sets, objective)
        if self._factor == 1:
            return found
        return StepResult(
            found.loss, {name: each * self._factor for name, each in found.gradients.items()}
        )


def trial_figures(name: str, trial: Trial, folder: Path) -> dict[str, Any]:
    """What the trial gave; trained and measured where it is not kept."""
    path = folder / f"{name}.json"
    if not path.exists():
        started = time.monotonic()
        moments, kept = train_watched(trial)
        found = {"steps": moments, "seeds": measure(trial, moments, kept)}
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
        print(path, f"{time.monotonic() - started:.0f} s", flush=True)
    return json.loads(path.read_text())


def train_watched(trial: Trial) -> tuple[list[int], list[rb.NetStack]]:
    """Train the trial's stack; returns the steps it was looked at, and how it was then."""
    moments = snapshot_steps(trial.recipe.steps)
    step = Watched(moments, trial.factor)
    trained = rb.train_stack(
        rb.KSparseTask(trial.vocab_size, K),
        trial.width,
        trial.recipe,
        tuple(range(trial.seeds)),
        threads=1,
        step=step,
    )
    last = {
        name: torch.stack([getattr(each.net, name).detach() for each in trained])
        for name in step.kept[0]
    }
    return moments, [rb.NetStack(**each) for each in (*step.kept, last)]


def measure(trial: Trial, moments: list[int], kept: list[rb.NetStack]) -> list[dict[str, Any]]:
    """The figures of each seed."""
    return [
        measure_seed(trial, moments, [stack[seed] for stack in kept])
        for seed in range(len(kept[0]))
    ]


def measure_seed(trial: Trial, moments: list[int], nets: list[rb.ReluNet]) -> dict[str, Any]:
    """Who is dead when; in the end how they look; and early on what pulls at them."""
    task = rb.KSparseTask(trial.vocab_size, K)
    few, many = task.evaluation_sets(trial.on_the_way), task.evaluation_sets(trial.in_the_end)
    counts = [count_misses(net, few) for net in nets]
    dead = np.array([each.dead(HALF) for each in counts])
    silent = [int(each.dead(NEARLY_ALL).sum()) for each in counts]
    final = count_misses(nets[-1], many)
    dead_in_the_end = final.dead(HALF)
    early = int(np.searchsorted(moments, EARLY * moments[-1]))
    return {
        "dead": dead.sum(1).tolist(),
        "silent": silent,
        "deaths": (dead[1:] & ~dead[:-1]).sum(1).tolist(),
        "revivals": (~dead[1:] & dead[:-1]).sum(1).tolist(),
        "dead_in_the_end": int(dead_in_the_end.sum()),
        "missed_in_the_end": int(
            final.misses[dead_in_the_end].sum() if dead_in_the_end.any() else 0
        ),
        "misses_in_the_end": int(final.misses.sum()),
        "mse": mse(nets[-1], many),
        "portrait": portrait(nets[0], nets[-1], final.probability, dead_in_the_end),
        "early_step": moments[early],
        "pull": pull(nets[early], few, counts[early].dead(NEARLY_ALL)),
    }


class Misses:
    """A consumer of `one_pass`: by token, copies counted, the sets that hold it, those on which it
    is missed, and its mean probability on them (nan in no set)."""

    def __init__(self, vocab_size: int) -> None:
        self._totals = torch.zeros(3, vocab_size + 1, dtype=torch.float64)

    def work(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """The ids, and for each what it adds."""
        probability = chunk.answers.member_p
        missed = chunk.answers.missed.double()
        weighed = torch.stack([torch.ones_like(probability), missed, probability])
        return chunk.sets, weighed * chunk.copies[:, None]

    def take(self, found: tuple[Tensor, Tensor]) -> None:
        """Add a chunk; padding counts for nothing."""
        ids, weighed = found
        self._totals.index_add_(1, ids.flatten(), weighed.flatten(1))
        self.sets, self.misses, probability = self._totals[:, :-1].numpy()
        self.probability = rates(probability, self.sets)

    def dead(self, share: float) -> NDArray[np.bool_]:
        """The tokens that are missed on more than this share of the sets that hold them."""
        return self.misses > share * self.sets


def count_misses(net: rb.ReluNet, sets: SetCollection) -> Misses:
    """Run the network on the sets, and count who is missed."""
    found = Misses(net.vocab_size)
    one_pass(net, sets, [found])
    return found


@torch.no_grad()
def mse(net: rb.ReluNet, sets: SetCollection) -> float:
    """Mean over the sets."""
    total = 0.0
    for start in range(0, len(sets), 2000):
        ids = sets.chunk(start, min(len(sets), start + 2000))
        p = net(ids).double().softmax(1)
        total += float((p - target_of(p, ids)).square().sum())
    return total / len(sets)


def target_of(like: Tensor, ids: Tensor) -> Tensor:
    """1/k on members, 0 elsewhere, in the shape of `like`: (sets, vocab)."""
    return torch.zeros_like(like).scatter_(1, ids, 1 / ids.shape[1])


def slope_of(logits: Tensor, ids: Tensor, objective: Objective) -> Tensor:
    """Gradient of each set's loss in its logits, (sets, vocab)."""
    p = logits.double().softmax(1)
    e = p - target_of(p, ids)
    return e if objective == "kl" else 2 * p * (e - (p * e).sum(1, keepdim=True))


def portrait(
    before: rb.ReluNet, net: rb.ReluNet, probability: NDArray[np.float64], dead: NDArray[np.bool_]
) -> dict[str, Any]:
    """Figures of each token's row of W_in and column of W_out."""
    rows, columns = net.W_in.detach().double().numpy(), net.W_out.detach().double().numpy().T
    return {
        "dead": dead.tolist(),
        "row_norm": np.linalg.norm(rows, axis=1).tolist(),
        "row_and_initial_row": row_correlation(
            rows, before.W_in.detach().double().numpy()
        ).tolist(),
        "column_norm": np.linalg.norm(columns, axis=1).tolist(),
        "column_mean": columns.mean(1).tolist(),
        "row_and_column": row_correlation(rows, columns).tolist(),
        "b_out": net.b_out.detach().double().tolist(),
        "probability": probability.tolist(),
    }


def row_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's, of each row of a with the same row of b."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@torch.no_grad()
def pull(net: rb.ReluNet, sets: SetCollection, dead: NDArray[np.bool_]) -> dict[str, Any]:
    """What the sets that hold a token, and the others, do to its logit: medians over tokens.

    `members` is the share of the summed absolute gradient of a token's logit that comes from the
    sets which hold it; `cancelled` the share of their pull up that the other sets' push takes away.
    `contrast` is its mean probability on the sets that hold it, over that on the others.
    """
    ids = sets.chunk(0, len(sets))
    logits = net(ids)
    member = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, ids, True)
    held, probability = member.sum(0), logits.double().softmax(1)
    inside = (probability * member).sum(0) / held
    contrast = inside / ((probability * ~member).sum(0) / (len(ids) - held))
    found: dict[str, Any] = {
        f"contrast-{kind}": float(contrast[chosen].median())
        for kind, chosen in (("dead", dead), ("live", ~dead))
        if chosen.any()
    }
    for objective in ("mse", "kl"):
        slope = slope_of(logits, ids, objective)
        inside, outside = slope * member, slope * ~member
        share = inside.abs().sum(0) / slope.abs().sum(0)
        cancelled = -outside.sum(0) / inside.sum(0)
        for kind, chosen in (("dead", dead), ("live", ~dead)):
            if chosen.any():
                found[f"{objective}-{kind}"] = {
                    "members": float(share[chosen].median()),
                    "cancelled": float(cancelled[chosen].median()),
                }
    return found
