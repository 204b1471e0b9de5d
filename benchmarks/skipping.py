"""What leaving out improbable tokens (`skip_below`) saves, and how far it puts the gradient off.

Usage: python benchmarks/skipping.py [--json] [--large] [--rounds 9]

Networks of two kinds. *Trained*: by the exact step, stopped at several moments, since the more the
hashes have formed the fewer tokens are probable. *Built*: a random code's exact network with noise
like a trained one's, at sizes that take hours to train here. They are held as they are by a tiny
learning rate while three contenders take turns: the whole step (drawing, gradient, Adam) exact and
skipping, and the three matrix products alone. Milliseconds of processor time, one thread, medians.

*Kept*: tokens a set besides its members. *Error*: |skipping's gradient - the exact one| over |the
exact one| for each parameter, on the same sets.

Cost model: one product of three, 2 batch width vocab FLOPs; .35 ns for each logit looked at; and
whatever does not depend on vocab. So the ratio to the three products tends to 1/3 as width grows.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from contenders import Size, three_gemms
from relubloom import Recipe
from relubloom.code import make_code
from relubloom.network.construct import construct
from relubloom.network.relu_net import NetStack
from relubloom.training import few_tokens
from relubloom.training.loop import TrainingRun
from relubloom.training.recipe import Objective
from relubloom.training.step import ChunkedStep
from step import COLUMNS, markdown, ratio

TRAINED = [
    (Size(256, 48, 3, 512), Recipe("mse"), (1000, 2500, 5000)),
    (
        Size(1000, 64, 3, 1024),
        Recipe("kl", 3000, 1024, 4e-2, init_scale_out=3.0),
        (600, 1500, 3000),
    ),
]
TRAINED_LARGE = [
    (Size(4096, 128, 4, 1024), Recipe("kl", 3000, 1024, 4e-2, init_scale_out=3.0), (1500, 3000)),
]
BUILT_LARGE = [Size(16384, 256, 8, 512), Size(50257, 512, 8, 256)]
TIMES = (
    "exact_ms",
    "skipping_ms",
    "exact_over_skipping",
    "exact_over_three",
    "skipping_over_three",
)
ERRORS = ("kept", "W_in", "b_in", "W_out", "b_out")
SKIP_BELOW = (1e-3, 1e-4, 1e-5)
TIMED = 1e-4
TURN_SECONDS = 0.1
LOST_A_BIT = 9.0  # logits: so that a token that misses one bit has p = 1e-4
NOISE = 0.05  # sd of what is added to every weight, in shares of the gap between its two levels


def main() -> None:
    """Train or build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true", help="also N = 4,096 (trained) and above")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for size, recipe, moments in TRAINED + (TRAINED_LARGE if given.large else []):
        run = TrainingRun(size.task, size.width, recipe, (0,), "cpu", None)
        for moment in moments:
            while run.done < moment:
                run.advance()
            origin = f"trained, step {moment:,} of {recipe.steps:,}"
            rows.append(measured(size, run.stack, recipe.at(moment - 1)[0], origin, given.rounds))
    rows += [
        measured(size, built(size), "kl", "built, with noise", given.rounds)
        for size in (BUILT_LARGE if given.large else [])
    ]
    print(json.dumps(rows) if given.json else page(rows))


def built(size: Size) -> NetStack:
    """A random code's network whose weights scatter about their two levels."""
    code = make_code("constant-weight", size.vocab_size, size.width, size.set_size)
    net = construct(code, sharpness=LOST_A_BIT)
    draw = torch.Generator().manual_seed(0)
    W_in, b_in, W_out, b_out = (value.detach().clone() for value in net.parameters())
    W_in += NOISE * torch.randn(W_in.shape, generator=draw)
    W_out += NOISE * LOST_A_BIT * torch.randn(W_out.shape, generator=draw)
    return NetStack(W_in[None], b_in[None], W_out[None], b_out[None])


def measured(
    size: Size, stack: NetStack, objective: Objective, origin: str, rounds: int
) -> dict[str, Any]:
    """Times in turns, and the error for each `skip_below`."""
    contenders = {
        "three": three_gemms(size),
        "exact": held(size, stack, objective, 0.0),
        "skipping": held(size, stack, objective, TIMED),
    }
    times = take_turns(contenders, rounds)
    ms = {name: statistics.median(values) for name, values in times.items()}
    sets = size.task.training_sets(1, 0, size.batch_size)[None]
    exact = ChunkedStep("relu")(stack, sets, objective)
    return {
        **{name: getattr(size, name) for name in COLUMNS},
        "network": origin,
        "objective": objective,
        "threads": 1,
        "exact_ms": round(ms["exact"], 2),
        "skipping_ms": round(ms["skipping"], 2),
        "exact_over_skipping": ratio(times, "exact", "skipping"),
        "exact_over_three": ratio(times, "exact", "three"),
        "skipping_over_three": ratio(times, "skipping", "three"),
        "errors": [errors(stack, sets, objective, below, exact.gradients) for below in SKIP_BELOW],
    }


def held(size: Size, stack: NetStack, objective: Objective, skip_below: float) -> Callable[[], Any]:
    """A step of the training loop on a copy of the networks, which it leaves nearly as they are."""
    recipe = Recipe(objective, 10**6, size.batch_size, learning_rate=1e-12, skip_below=skip_below)
    run = TrainingRun(size.task, size.width, recipe, (0,), "cpu", None)
    for name, value in run.stack.parameters().items():
        value.copy_(stack.parameters()[name])
    return run.advance


def take_turns(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a step of each, in turns; the first turn is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, step in contenders.items():
            started, steps = time.process_time(), 0
            while steps == 0 or time.process_time() - started < TURN_SECONDS:
                step()
                steps += 1
            if number:
                times[name].append(1e3 * (time.process_time() - started) / steps)
    return times


def errors(
    stack: NetStack,
    sets: torch.Tensor,
    objective: Objective,
    skip_below: float,
    exact: dict[str, torch.Tensor],
) -> dict[str, Any]:
    """How far gradients are off; kept None where too many tokens are probable to skip the rest."""
    post = torch.relu(stack.W_in[0][sets[0]].sum(1) + stack.b_in[0])
    logits = post @ stack.W_out[0] + stack.b_out[0]
    kept = few_tokens.kept_logits(
        logits, sets[0], skip_below, torch.empty_like(logits, dtype=torch.bool)
    )
    if kept is None:
        return {"skip_below": skip_below, "kept": None}
    found = ChunkedStep("relu", skip_below=skip_below)(stack, sets, objective).gradients
    return {
        "skip_below": skip_below,
        "kept": round(len(kept.rows) / sets.shape[1], 2),
        **{
            name: float(f"{float((found[name] - value).norm() / value.norm()):.2g}")
            for name, value in exact.items()
        },
    }


def page(rows: list[dict[str, Any]]) -> str:
    """Two tables: times, errors."""
    times, off = [], []
    for row in rows:
        network = f"{row['network']}, `{row['objective']}`"
        size = ", ".join(str(row[name]) for name in COLUMNS)
        times.append([size, network, *(str(row[name]) for name in TIMES)])
        for each in row["errors"]:
            cells = ["all"] if each["kept"] is None else [str(each[name]) for name in ERRORS]
            cells += [""] * (len(ERRORS) - len(cells))
            off.append([str(row["vocab_size"]), network, f"{each['skip_below']:g}", *cells])
    head = ["exact, ms", "skipping, ms", "exact / skipping"]
    head += ["exact / three products", "skipping / three products"]
    return "\n\n".join(
        [
            markdown(["N, d, k, batch", "network", *head], times),
            markdown(["N", "network", "skip_below", *ERRORS], off),
        ]
    )


if __name__ == "__main__":
    main()
