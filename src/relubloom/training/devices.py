"""Devices: refuse one that computes other numbers than the CPU, or has too little memory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch

from relubloom.code import random_constant_weight
from relubloom.errors import RelubloomError, UsageError
from relubloom.memory import FLOAT32, TRAINING_COPIES
from relubloom.network.construct import construct
from relubloom.task.sampling import draw_sets, seeded_generator
from relubloom.training.recipe import Products
from relubloom.training.step import chunk_rows

TF32_SINCE = (8, 0)  # NVIDIA's compute capability
OF_A_SET = 8 * 12  # bytes a member takes: ids, what is drawn for it, its target, copies of these
OF_A_UNIT = 3 * FLOAT32  # a set's units, their gradient, and the sum of rows that they come from


def check_device(device: torch.device | str) -> torch.device:
    """The device, after a network whose logits are known exactly has run there.

    That is a constructed one, in float32, and on CUDA in float64, in which evidence is computed
    there. On the CPU nothing is run.

    Raises:
        UsageError: there is no such device here.
        RelubloomError: its logits differ from the CPU's.
    """
    place = _named(device)
    if place.type == "cpu":
        return place
    dtypes = {"cuda": (torch.float32, torch.float64), "mps": (torch.float32,)}
    net = construct(random_constant_weight(64, 24, 6), sharpness=16.0)
    sets = draw_sets(seeded_generator(0, "device-check", 0), 256, 64, (3, 3))
    expected = net(sets)
    try:
        found = [net.to(place, dtype)(sets).cpu() for dtype in dtypes[place.type]]
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device is {str(place)!r}: not usable here ({reason}); try cpu") from None
    if not all(torch.equal(each, expected.to(each.dtype)) for each in found):
        raise RelubloomError(
            f"device {str(place)!r} computes other logits than the CPU for a network whose "
            "logits are known exactly; use --device cpu"
        )
    return place


def check_room(
    device: torch.device, vocab: int, width: int, set_size: int, batch: int, networks: int
) -> None:
    """Refuse to train what does not fit into a CUDA device's free memory.

    Raises:
        RelubloomError: it does not; the message names the largest batch that would, or how many
            networks.
    """
    if device.type != "cuda":
        return
    sizes, free = (vocab, width, set_size), free_bytes(device)
    needed = training_bytes(*sizes, batch, networks)
    if needed <= free:
        return
    fits = batch
    while fits and training_bytes(*sizes, fits, networks) > free:
        fits //= 2
    together = networks_that_fit(device, *sizes, 1, networks)
    if fits:
        remedy = f"a batch_size of {fits} fits"
    elif together:
        remedy = f"{together} at once fit; train fewer"
    else:
        remedy = "lower vocab_size or width, or use --device cpu"
    raise RelubloomError(
        f"device is '{device}': a stack of {networks}, of vocab_size {vocab}, width {width} and "
        f"batch_size {batch}, needs about {needed / 2**30:.2f} GiB, and {free / 2**30:.2f} are "
        f"free; {remedy}"
    )


def networks_that_fit(
    device: torch.device, vocab: int, width: int, set_size: int, batch: int, most: int
) -> int:
    """How many networks, at most `most`, a CUDA device has free memory to train at once."""
    if device.type != "cuda":
        return most
    sizes, free = (vocab, width, set_size, batch), free_bytes(device)
    return next((n for n in range(most, 0, -1) if training_bytes(*sizes, n) <= free), 0)


def training_bytes(vocab: int, width: int, set_size: int, batch: int, networks: int) -> int:
    """About how much memory of an accelerator training takes.

    Weights, gradients and moments; a chunk's logits and as much room; units and ids of the batch.
    """
    weights = TRAINING_COPIES * FLOAT32 * (2 * vocab * width + vocab + width)
    logits = 2 * FLOAT32 * chunk_rows(batch, vocab, networks, "cuda") * vocab
    return networks * (weights + logits + batch * (OF_A_UNIT * width + OF_A_SET * set_size))


def free_bytes(device: torch.device) -> int:
    """What is free on a CUDA device, and what torch holds of it without use."""
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held


@contextmanager
def memory_errors_told(device: torch.device) -> Generator[None]:
    """Let a device that is full within the block end it with one line.

    Raises:
        RelubloomError: it is.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise RelubloomError(
            f"device '{device}' has no memory left: weights, a chunk of logits and the batch are "
            "there at once; lower --batch-size, train fewer networks at once, or use --device cpu"
        ) from None


@contextmanager
def products_as(products: Products, device: torch.device) -> Generator[None]:
    """Let matrix products within the block be of float32, or of TF32 where it is asked for.

    Raises:
        UsageError: TF32 is asked for and the device has none.
    """
    check_products(products, device)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if products == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def check_products(products: Products, device: torch.device) -> None:
    """Refuse products that a device does not have.

    Raises:
        UsageError: TF32 is asked for and the device has none.
    """
    if products == "tf32" and not _has_tf32(device):
        raise UsageError(
            f"products is 'tf32' and device is '{device}': NVIDIA GPUs since 2020 have it; use "
            "--device cuda there, or leave it out"
        )


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= TF32_SINCE


def _named(device: torch.device | str) -> torch.device:
    """Refuses what networks are not trained on."""
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError, ValueError):  # a name that torch does not know, another type
        place = None
    if place is None or place.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"device is {str(device)!r}: choose cpu, cuda or mps")
    return place
