"""Devices: refuse one that computes other numbers than the CPU."""

import torch

from relubloom.code import random_constant_weight
from relubloom.errors import RelubloomError, UsageError
from relubloom.network.construct import construct
from relubloom.task.sampling import draw_sets, seeded_generator


def check_device(device: str) -> None:
    """Run a constructed network, whose logits are known exactly, on the device.

    Raises:
        UsageError: there is no such device here.
        RelubloomError: its logits differ from the CPU's.
    """
    if device == "cpu":
        return
    if device.split(":")[0] not in ("cuda", "mps"):
        raise UsageError(f"device is {device!r}: choose cpu, cuda or mps")
    net = construct(random_constant_weight(64, 24, 6), sharpness=16.0)
    sets = draw_sets(seeded_generator(0, "device-check", 0), 256, 64, (3, 3))
    expected = net(sets)
    try:
        found = net.to(device)(sets.to(device)).cpu()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device is {device!r}: not usable here ({reason}); try cpu") from None
    if not torch.equal(found, expected):
        raise RelubloomError(
            f"device {device!r} computes other logits than the CPU for a network whose logits are "
            "known exactly; use --device cpu"
        )
