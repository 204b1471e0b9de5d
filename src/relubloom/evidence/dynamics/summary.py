"""The film of W_in read as a story: when the modes split, and how the hashes settle."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.dynamics.for_good import for_good
from relubloom.evidence.dynamics.foretelling import foretell
from relubloom.evidence.dynamics.order import explain_order
from relubloom.evidence.dynamics.settling import follow_hashes
from relubloom.evidence.dynamics.splitting import follow_modes
from relubloom.network.extract import extract_with_modes
from relubloom.network.modes import TwoModes
from relubloom.network.relu_net import ReluNet
from relubloom.records.dynamics import Dynamics


def measure_dynamics(
    film: NDArray[np.float32], steps: list[int], code: Code, unit_modes: TwoModes
) -> Dynamics:
    """Read the film [snapshots, tokens, width], whose last snapshot is the trained W_in.

    `code` and `unit_modes` are those of the trained network (`extraction.extract_with_modes`); a
    film of the first tokens only is read with the thresholds of all. An entry of an earlier
    snapshot is held against the *final* threshold of its unit, so that a bit that moves is an
    entry that moves.

    Cost: see `follow_modes` and `explain_order`; about 2 s for 40 snapshots of 1,000 tokens.
    Memory: a few arrays of the size of the film in bytes, and of W_in in float64.
    """
    bits = code.bits[: film.shape[1]]
    constant = unit_modes.distinct == 1
    on_final_side = ((film < unit_modes.midpoint) == bits) | constant
    return Dynamics(
        steps=steps,
        tokens=film.shape[1],
        constant_units=int(constant.sum()),
        splitting=follow_modes(film, steps),
        settling=follow_hashes(on_final_side, steps),
        foretelling=foretell(film, bits),
        order=explain_order(
            for_good(on_final_side.all(2)),
            film[0],
            (~on_final_side[0]).sum(1),
            bits,
            np.where(constant, np.inf, np.abs(film[-1] - unit_modes.midpoint)),
        ),
    )


def dynamics_of(
    net: ReluNet, film: Float[Tensor, "snapshots tokens width"], steps: list[int]
) -> Dynamics:
    """Extract the trained network's code and read its film, as a run folder holds both.

    Raises:
        UsageError: the weights hold NaN or infinity.
    """
    return measure_dynamics(film.float().numpy(), steps, *extract_with_modes(net))
