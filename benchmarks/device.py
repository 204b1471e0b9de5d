"""Everything that has to be seen on an accelerator, in one go of some seven minutes.

Usage: python benchmarks/device.py [--device cuda] [--quick] [--limit 450] [--out FILE]

First whether numbers are right: logits of a known network, the integers of sets, the gradients of
one step beside float64 on the CPU, a recorded training beside one that is not, and a network of a
stack beside the same one alone. Then N = 50,257 is trained to its figures, and the CPU answers the
same sets. Then times: whole steps beside the three products alone, `torch.compile` and a plain
loop, medians of turns that they take one after the other; and stacks of small networks. What no
time is left for is named. It prints Markdown, a section as soon as it is known. `--quick` does all
of it at tiny sizes, which says nothing but that it runs.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from contenders import Size, Turn, compiled_loop, ours, plain_loop, three_gemms
from relubloom import KSparseTask, Recipe
from relubloom.evidence.glance import glance
from relubloom.measure.answers import Answers, Batch
from relubloom.measure.forward import placed
from relubloom.measure.one_pass import evaluator_for
from relubloom.network.relu_net import NetStack, ReluNet
from relubloom.study.settings import PRESETS, Preset
from relubloom.task import SetCollection
from relubloom.theory import best_constant_weight
from relubloom.training import initialise, train_stack
from relubloom.training.batch_softmax import BatchSoftmaxStep
from relubloom.training.devices import check_device, products_as
from relubloom.training.loop import TrainingRun
from relubloom.training.recipe import Objective, Products
from relubloom.training.step import ChunkedStep, Step, fused_pass
from step import markdown

SIZES = [
    Size(256, 48, 3, 512),
    Size(1000, 64, 3, 1024),
    Size(4096, 128, 4, 1024),
    Size(16384, 256, 8, 512),
    Size(50257, 512, 8, 256),
    Size(50257, 128, 4, 8192),
]
TINY = [Size(32, 6, 2, 16), Size(300, 5, 3, 40)]
STACKS = (1, 16, 64, 256, 1024)
LARGE, SMALL = PRESETS["vocab-50257"], Preset(64, 16, 2, Recipe("kl", 200, 64))
FIGURE_SETS, CHUNK = 2000, 100
TURN_SECONDS, ROUNDS, WARM_UP = 0.05, 7, 8
MOST_STEPS = 200  # of a turn


def main() -> None:
    """Print the sections, and write them to a file where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--limit", type=float, default=450.0, help="seconds, for times")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    ends = time.monotonic() + given.limit
    said: list[str] = []
    for section in sections(given.device, given.quick, ends):
        print(section + "\n", flush=True)
        said.append(section)
        if given.out is not None:
            given.out.write_text("\n\n".join(said) + "\n")


def sections(device: str, quick: bool, ends: float) -> Iterator[str]:
    """Paragraphs and tables of Markdown."""
    cuda = device.startswith("cuda")
    name = torch.cuda.get_device_name(device) if cuda else platform.processor() or device
    passes = "fused" if fused_pass(torch.device(device).type) else "plain"
    yield f"{name}, torch {torch.__version__}, {passes} passes."
    check_device(device)
    yield markdown(["check", "found"], checks(device))
    yield from training(device, SMALL if quick else LARGE)
    for size in TINY if quick else SIZES:
        yield times(replace(size, device=device), ends)
    yield stacks(device, STACKS[:2] if quick else STACKS, ends)


def checks(device: str) -> list[list[str]]:
    """Numbers of the device beside those of the CPU."""
    rows = [["logits of a known network", "equal"]]
    for task in (
        KSparseTask(1000, 3, generator="philox"),
        KSparseTask(50257, (2, 8), "zipf", generator="philox"),
        KSparseTask(50257, 4),
    ):
        there = task.training_batches([(0, 0), (7, 12)], 4096, device).cpu()
        equal = torch.equal(there, task.training_batches([(0, 0), (7, 12)], 4096))
        rows.append([f"sets of {task.describe()}", "equal" if equal else "OTHER SETS"])
    for objective in ("mse", "kl"):
        for sizes in ((3, 3), (1, 5)):
            off = gradient_error(device, ChunkedStep("relu"), objective, sizes)
            kind = f"{objective}, sets of {sizes[0]} to {sizes[1]}"
            rows.append([f"gradient, off by, of its largest entry: {kind}", f"{off:.1e}"])
    off = gradient_error(device, BatchSoftmaxStep("relu"), "kl", (1, 5))
    rows.append(["gradient, softmax over the batch", f"{off:.1e}"])
    for softmax in ("all", "batch"):
        recipe = Recipe("kl", steps=300, batch_size=60, softmax=softmax)
        what = f"300 steps, softmax {softmax}"
        rows.append([f"recorded beside unrecorded, {what}", replay_error(device, recipe)])
        rows.append([f"weights alone beside in a stack of 16, {what}", alone_error(device, recipe)])
    return rows


def gradient_error(device: str, step: Step, objective: Objective, sizes: tuple[int, int]) -> float:
    """The largest difference to float64 on the CPU, over the largest entry, of any parameter."""
    task, seeds = KSparseTask(1003, sizes), (0, 1, 2)
    stack = initialise(task.vocab_size, 64, Recipe(), seeds, device)
    exact = NetStack(*(value.cpu().double() for value in stack.parameters().values()))
    addresses = [(seed, 0) for seed in seeds]
    found = step(stack, task.training_batches(addresses, 300, device), objective).gradients
    wanted = step(exact, task.training_batches(addresses, 300), objective).gradients
    return max(
        float((found[name].cpu() - value).abs().max() / value.abs().max())
        for name, value in wanted.items()
    )


def replay_error(device: str, recipe: Recipe) -> str:
    """Last losses of a training with recorded updates, and of one whose updates run as they are."""
    plain_step = BatchSoftmaxStep("relu") if recipe.softmax == "batch" else ChunkedStep("relu")
    recorded, plain = (
        train_stack(KSparseTask(256, 3), 48, recipe, (0, 1), device=device, step=step)[1]
        for step in (None, plain_step)
    )
    return f"loss {recorded.history[-1]['loss']:.6f} and {plain.history[-1]['loss']:.6f}"


def alone_error(device: str, recipe: Recipe) -> str:
    """The largest difference of a weight to the same network's, trained alone."""
    task = KSparseTask(256, 3)
    stacked = train_stack(task, 48, recipe, tuple(range(16)), device=device)[5].net
    (alone,) = train_stack(task, 48, recipe, (5,), device=device)
    pairs = zip(stacked.parameters(), alone.net.parameters(), strict=True)
    return f"off by {max(float((p - q).detach().abs().max()) for p, q in pairs):.1e}"


def training(device: str, preset: Preset) -> Iterator[str]:
    """A network trained to its figures, beside its best random code; and the figures themselves."""
    task, width = KSparseTask(preset.vocab_size, preset.set_size), preset.width
    products: Products = "tf32" if device.startswith("cuda") else "float32"
    recipe = replace(preset.recipe, products=products)
    sets = task.drawn_sets("device", FIGURE_SETS)
    started = time.monotonic()
    (trained,) = train_stack(task, width, recipe, (0,), device=device)
    seconds = time.monotonic() - started
    found = glance(placed(trained.net, device), sets, torch.get_num_threads())
    code = best_constant_weight(task.vocab_size, width, task.sizes[0])
    head = ["N, d, k, batch", "steps", "products", "seconds", "with figures", "mse", "exact"]
    head += ["bits", "mse of its hash", "mse of the best random code, and its bits"]
    row = [
        f"{task.vocab_size}, {width}, {task.sizes[0]}, {recipe.batch_size}",
        f"{recipe.steps:,}",
        recipe.products,
        f"{seconds:.1f}",
        f"{time.monotonic() - started:.1f}",
        f"{found.mse:.5f}",
        f"{found.p_exact:.2%}",
        f"{found.bits_mean:.1f} +- {found.bits_sd:.1f}",
        f"{found.extracted_mse:.5f}",
        f"{code.mse:.5f}, {code.weight}",
    ]
    yield markdown(head, [row])
    yield evidence(device, trained.net, sets)


def evidence(device: str, net: ReluNet, sets: SetCollection) -> str:
    """Answers found on the device beside those of the CPU: each knows how far off it can be."""
    (here, own), (there, other) = (answers(placed(net, each), sets) for each in ("cpu", device))
    pairs = list(zip(own, other, strict=True))
    off = max(float(((a.mse - b.mse).abs() / (a.mse_error + b.mse_error)).max()) for a, b in pairs)
    alike = all(
        torch.equal(getattr(a, name), getattr(b, name))
        for a, b in pairs
        for name in ("exact", "failing", "called_low", "called_high", "missed")
    )
    head = ["evidence on sets", "mse, off by, of what both may be off", "failures and calls"]
    head += ["seconds on the device", "on the CPU"]
    row = [f"{len(sets):,}", f"{off:.3f}", "equal" if alike else "OTHERS"]
    return markdown(head, [[*row, f"{there:.2f}", f"{here:.2f}"]])


def answers(net: ReluNet, sets: SetCollection) -> tuple[float, list[Answers]]:
    """What the network answers, chunk by chunk, and the seconds of a second pass over the sets."""
    evaluator = evaluator_for(net, sets)
    started, found = 0.0, list[Answers]()
    for _ in range(2):
        started, found = time.monotonic(), []
        for start in range(0, len(sets), CHUNK):
            batch = Batch.of(sets.chunk(start, min(start + CHUNK, len(sets))), net.vocab_size)
            found.append(evaluator.answers(batch, evaluator.hidden(batch))[0])
    return time.monotonic() - started, found


def times(size: Size, ends: float) -> str:
    """Milliseconds a step of each contender at one size, and over the three products."""
    makers: dict[str, tuple[Callable[[Size], Turn], Products]] = {
        "three products": (three_gemms, "float32"),
        "ours": (ours, "float32"),
        "ours, unrecorded": (unrecorded, "float32"),
        "plain loop": (plain_loop, "float32"),
        "torch.compile": (compiled_loop, "float32"),
    }
    if size.device.startswith("cuda"):
        makers |= {"three in TF32": (three_gemms, "tf32"), "ours in TF32": (ours, "tf32")}
    what = ", ".join(map(str, (size.vocab_size, size.width, size.set_size, size.batch_size)))
    if time.monotonic() > ends:
        return f"{what}: not timed, for want of time."
    found, missing = timed(size, makers)
    floor = found["three products"]
    head = ["N, d, k, batch", *found]
    row = [what, *(f"{ms:.3f} ({ms / floor:.2f})" for ms in found.values())]
    return "\n".join([markdown(head, [row]), *missing])


def unrecorded(size: Size) -> Turn:
    """A step of the real training loop whose operations are launched one by one."""
    recipe = Recipe(size.objective, batch_size=size.batch_size)
    step = ChunkedStep("relu")
    return TrainingRun(size.task, size.width, recipe, (0,), size.device, step).advance


def timed(
    size: Size, makers: dict[str, tuple[Callable[[Size], Turn], Products]]
) -> tuple[dict[str, float], list[str]]:
    """Medians of interleaved turns, in ms a step, and what did not run."""
    running: dict[str, tuple[Turn, Products, int]] = {}
    missing: list[str] = []
    for name, (make, products) in makers.items():
        with products_as(products, torch.device(size.device)):
            try:
                turn = make(size)
                seconds = spent(turn, WARM_UP, size.device)  # compiles, records
                seconds = spent(turn, 2, size.device) / 2
            except RuntimeError as error:
                missing.append(f"{name}: not available ({type(error).__name__}).")
                continue
        running[name] = turn, products, max(1, min(MOST_STEPS, int(TURN_SECONDS / seconds)))
    taken: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(ROUNDS):
        for name, (turn, products, steps) in running.items():
            with products_as(products, torch.device(size.device)):
                taken[name].append(1e3 * spent(turn, steps, size.device) / steps)
    return {name: statistics.median(values) for name, values in taken.items()}, missing


def stacks(device: str, numbers: tuple[int, ...], ends: float) -> str:
    """Steps of a network per second, alone and in stacks, at N = 256."""
    rows: list[list[str]] = []
    for number in numbers:
        if time.monotonic() > ends:
            break
        task, recipe = KSparseTask(256, 3, generator="philox"), Recipe()
        turn = TrainingRun(task, 48, recipe, tuple(range(number)), device, None).advance
        spent(turn, WARM_UP, device)
        steps = max(4, min(MOST_STEPS, 2000 // number))
        rows.append([str(number), f"{number * steps / spent(turn, steps, device):,.0f}"])
    return markdown(["networks at once", "steps of a network per second"], rows)


def spent(turn: Turn, steps: int, device: str) -> float:
    """Seconds that the steps take, with all that they leave a device to do."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda _: None
    wait(device)
    started = time.perf_counter()
    for _ in range(steps):
        turn()
    wait(device)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
