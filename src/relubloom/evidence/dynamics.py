"""How the network came about: when the modes of W_in part, and in what order hashes settle.

Everything is read from the film of W_in, float32 [snapshots, tokens, width], whose last snapshot is
the trained network's.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.mechanism.units import BIT_GAP, share_near
from relubloom.measure.statistics import pearson
from relubloom.network.extract import extract_with_modes, reversed_units
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.dynamics import Dynamics, Foretelling, Order, Settling, Splitting

Film = NDArray[np.float32]
Bits = NDArray[np.bool_]

GROUPS = 1 << 12  # neighbours that share a posterior: a gap is then off by less than 1 %
LISTED_UP_TO = 10_000  # tokens; above, only shares are given
CHUNK = 1 << 10  # rows compared with all others at a time


def dynamics_of(
    net: ReluNet, film: Float[Tensor, "snapshots tokens width"], steps: list[int]
) -> Dynamics:
    """Extract the trained network's code and read its film, as a run folder holds both.

    Raises:
        UsageError: the weights hold NaN or infinity.
    """
    code, unit_modes = extract_with_modes(net)
    turned = reversed_units(net, code)
    return measure_dynamics(film.float().numpy(), steps, code, unit_modes, turned)


def measure_dynamics(
    film: Film,
    steps: list[int],
    code: Code,
    unit_modes: TwoModes,
    turned: NDArray[np.bool_] | None = None,
) -> Dynamics:
    """Read the film, whose snapshots were taken after these numbers of training steps.

    `code` and `unit_modes` are those of the trained network (`extraction.extract_with_modes`); a
    film of the first tokens only is read with the thresholds of all. An entry of an earlier
    snapshot is held against the *final* threshold of its unit, so that a bit that moves is an
    entry that moves. `turned` marks reversed units, bool [width], whose entries are read negated.

    Cost: see `follow_modes` and `explain_order`; about 2 s for 40 snapshots of 1,000 tokens.
    Memory: a few arrays of the size of the film in bytes, and of W_in in float64.
    """
    bits = code.bits[: film.shape[1]]
    constant = unit_modes.distinct == 1
    threshold = unit_modes.midpoint
    if turned is not None and turned.any():
        film, threshold = np.where(turned, -film, film), np.where(turned, -threshold, threshold)
    on_final_side = ((film < threshold) == bits) | constant
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
            np.where(constant, np.inf, np.abs(film[-1] - threshold)),
        ),
    )


def follow_modes(film: Film, steps: list[int]) -> Splitting:
    """When the entries part: the mixture of two normals, fitted to each snapshot.

    Cost: O(tokens width log) for sorting, and up to 500 iterations of EM on 4,096 groups, a
    snapshot: about 2 s for 40 snapshots.
    """
    entries = [frame.reshape(-1, 1).astype(np.float64) for frame in film]
    fits = [fit_two_modes(each, GROUPS) for each in entries]
    gaps = np.array([fit.gap[0] for fit in fits])
    two_valued = np.array([fit.distinct[0] == 2 for fit in fits])
    two_modes = np.array([fit.bic_gain[0] > 0 for fit in fits])
    apart = two_modes & (two_valued | (gaps >= BIT_GAP))
    return Splitting(
        gap=[None if np.isnan(gap) else float(gap) for gap in gaps],
        two_modes=two_modes.tolist(),
        near_threshold=[
            float(share_near(each, fit)[0]) for each, fit in zip(entries, fits, strict=True)
        ],
        low=[float(fit.mean[0, 0]) for fit in fits],
        high=[float(fit.mean[1, 0]) for fit in fits],
        two_modes_step=_step_of(for_good(two_modes), steps),
        split_step=_step_of(for_good(apart), steps),
    )


def follow_hashes(on_final_side: Bits, steps: list[int]) -> Settling:
    """When each token has the hash that it ends with.

    `on_final_side`: bool [snapshots, tokens, units], true at the last snapshot. Cost: O(its size).
    """
    wrong = (~on_final_side).sum(2)
    bits, tokens = for_good(on_final_side), for_good(wrong == 0)
    nearly = for_good(wrong <= 1)
    times = np.array(steps)
    listed = len(tokens) <= LISTED_UP_TO
    return Settling(
        settled_bits=_share_by(bits, len(steps)),
        final_side=on_final_side.mean((1, 2)).tolist(),
        settled_tokens=_share_by(tokens, len(steps)),
        all_but_one=_share_by(nearly, len(steps)),
        token_steps=times[tokens].tolist() if listed else None,
        token_steps_all_but_one=times[nearly].tolist() if listed else None,
        half_settled_step=steps[_half(tokens)],
        half_all_but_one_step=steps[_half(nearly)],
    )


def foretell(film: Film, bits: Bits) -> Foretelling:
    """How far the weights of each snapshot foretell the final `bits` [tokens, units].

    Cost: a sort of the tokens for each unit and snapshot.
    """
    ones = bits.sum(0)
    zeros = len(bits) - ones
    pairs = int((ones * zeros).sum())
    if pairs == 0:
        return Foretelling([None] * len(film), None, None)
    marked = np.argsort(film[0], axis=0, kind="stable").argsort(0) < ones
    both = (ones > 0) & (zeros > 0)
    total = int(ones[both].sum())
    return Foretelling(
        auc=[_auc(rankdata(frame, axis=0), bits, pairs) for frame in film],
        initial_hits=float((marked & bits)[:, both].sum() / total),
        chance_hits=float((ones[both] ** 2).sum() / len(bits) / total),
    )


def explain_order(
    settled: NDArray[np.int64],
    initial: Film,
    wrong_bits: NDArray[np.int64],
    bits: Bits,
    distance: NDArray[np.float64],
) -> Order:
    """What goes with a token's place in the order of settling: rank correlations of `settled`.

    `settled` and `wrong_bits` are [tokens]; `initial` [tokens, units] is W_in before training,
    `distance` of its last entries from their thresholds. Cost: O(tokens^2 units) for the nearest
    rows and hashes, in chunks.
    """
    rows = initial.astype(np.float64)
    norm = np.linalg.norm(rows, axis=1)
    unit_rows = rows / np.where(norm > 0, norm, 1)[:, None]
    figures = {
        "norm": norm,
        "mean": rows.mean(1),
        "nearest": largest_product(unit_rows),
        "wrong_bits": wrong_bits,
        "weight": bits.sum(1),
        "weakest": distance.min(1),
        "overlap": largest_product(bits.astype(np.float64)),
    }
    return Order(**{name: spearman(settled, found) for name, found in figures.items()})


def for_good(true: Bits) -> NDArray[np.int64]:
    """The first snapshot from which on the flags [snapshots, ...] stay true, int64 [...].

    It is the number of snapshots where the last flag is false.
    """
    false_last = np.argmin(true[::-1], axis=0)  # the first false from the end
    return np.where(true.all(0), 0, len(true) - false_last)


def spearman(x: NDArray[np.generic], y: NDArray[np.generic]) -> float | None:
    """Correlation of the ranks, ties at their mean rank; None where a side is constant."""
    return pearson(rankdata(x), rankdata(y))


def largest_product(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest inner product of each row with another; 0 where there is no other."""
    if len(rows) < 2:
        return np.zeros(len(rows))
    largest = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        products = rows[start : start + CHUNK] @ rows.T
        own = np.arange(len(products))
        products[own, start + own] = -np.inf
        largest[start : start + CHUNK] = products.max(1)
    return largest


def _step_of(snapshot: NDArray[np.int64], steps: list[int]) -> int | None:
    """The training step of a snapshot; None for one past the end."""
    return steps[int(snapshot)] if snapshot < len(steps) else None


def _share_by(snapshot: NDArray[np.int64], snapshots: int) -> list[float]:
    """The share of entries whose snapshot is at most 0, 1, ..."""
    counts = np.bincount(snapshot.ravel(), minlength=snapshots)
    return (np.cumsum(counts) / snapshot.size).tolist()


def _half(snapshot: NDArray[np.int64]) -> int:
    """The first snapshot that at least half of the entries are at or before."""
    return int(np.sort(snapshot)[(len(snapshot) - 1) // 2])


def _auc(ranks: NDArray[np.float64], bits: Bits, pairs: int) -> float:
    """Mann-Whitney: the bits' ranks above the least they can have count the pairs won by others."""
    ones = bits.sum(0)
    lost = (ranks * bits).sum() - (ones * (ones + 1) / 2).sum()
    return float(1 - lost / pairs)
