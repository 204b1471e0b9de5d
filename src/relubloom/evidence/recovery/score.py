"""How much of a network's known mechanism a method found, up to permutation, sign and scale."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.errors import UsageError, check_choice
from relubloom.evidence.recovery.atoms import Atoms, Found, as_atoms, finite_matrix, read_strengths
from relubloom.measure.statistics import agreement, f1
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Agreement

DUPLICATE = 0.99  # |cosine| with an earlier atom
PART = 1024  # atoms that are compared with all earlier ones at a time
TIE = 1e-9  # of cosines
SPANS = 1e-10  # of the largest singular value
TINY = 1e-300  # what a row of zeros is divided by


@dataclass(frozen=True)
class Truth:
    """What is known of a network, and the sets that figures are over.

    Args:
        net: the network.
        code: the hashes of its tokens; None where it has none, as a linear one.
        sets: int64 [sets, set_size]; None leaves out what needs sets.
    """

    net: ReluNet
    code: Code | GradedCode | None
    sets: Int64[Tensor, "sets set_size"] | None


@dataclass(frozen=True, repr=False)
class Score:
    """What a method found, beside the truth; `docs/ground-truth.md` says each figure in full.

    Every figure stays the same when atoms are put in another order or multiplied by any number
    but 0. Shares are from 0 to 1. Figures of bits are null for a network without a code, those
    of sets without sets.

    Keys:
        atoms: directions given
        dead: atoms that are 0 everywhere, or in no code; they count nowhere else
        duplicates: live atoms within an absolute cosine of 0.99 of an earlier one
        mcc: mean over tokens of the absolute cosine between a token's direction and its atom, for
            the one-to-one matching that makes it largest; a token without an atom counts 0
        uniqueness: distinct tokens among the live atoms' nearest, before any matching, as a share
            of the live atoms
        bit_precision: bits found that are bits of their token, for the one-to-one matching that
            makes them most; bits of an atom without a token are wrong
        bit_recall: bits of the code that are found
        bit_f1: harmonic mean of the two
        strength_precision: as `bit_precision`, and the strength is right; null with one strength
        strength_recall: as `bit_recall`, and the strength is right
        strength_f1: harmonic mean of the two
        exact_hashes: tokens whose hash is found, every bit and strength of it
        explained_variance: share of the variance of the activations that codes times atoms explain,
            up to a constant; without codes, the share within the span of the atoms
        failing_sets_f1: how well the hashes found, put back as a filter, say on which sets the
            code has a false positive; null where neither has one
        failing_sets: share of the sets on which the filter of what was found has a false positive
        failing_sets_of_code: share of the sets on which the code has one
        false_positives: a set, of the filter of what was found
        false_positives_of_code: a set, of the code
    """

    atoms: int
    dead: int
    duplicates: int
    mcc: float | None
    uniqueness: float | None
    bit_precision: float | None = None
    bit_recall: float | None = None
    bit_f1: float | None = None
    strength_precision: float | None = None
    strength_recall: float | None = None
    strength_f1: float | None = None
    exact_hashes: float | None = None
    explained_variance: float | None = None
    failing_sets_f1: float | None = None
    failing_sets: float | None = None
    failing_sets_of_code: float | None = None
    false_positives: float | None = None
    false_positives_of_code: float | None = None

    @property
    def figures(self) -> dict[str, int | float | None]:
        """Every figure by name, as JSON takes them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __repr__(self) -> str:
        shown = {
            "mcc": self.mcc,
            "uniqueness": self.uniqueness,
            "bits F1": self.bit_f1,
            "exact hashes": self.exact_hashes,
            "failing sets F1": self.failing_sets_f1,
        }
        known = ", ".join(
            f"{name} {value:.3f}" for name, value in shown.items() if value is not None
        )
        return f"Score({self.atoms} atoms: {known})"


def score_against(truth: Truth, found: Found, codes: Any = None, hook: str = "hook_post") -> Score:
    """Every figure of what was found.

    Args:
        truth: the network.
        found: directions [atoms, width].
        codes: how much of each atom is in each of the truth's sets [sets, atoms].
        hook: the activations that codes times atoms stand for.

    Raises:
        UsageError: as `as_atoms`; codes without sets, or of another shape.

    Cost: O(atoms vocab width) and three assignments of atoms to tokens, each O(n^3) at worst; on
    2,000 sets of 256 tokens in all about 0.1 s.
    """
    levels = truth.code.levels if isinstance(truth.code, GradedCode) else 1
    if codes is not None:
        if truth.sets is None:
            raise UsageError("codes are given without sets: give the sets that they are of")
        codes = finite_matrix("codes", codes)
        if len(codes) != len(truth.sets):
            raise UsageError(
                f"codes have {len(codes)} rows for {len(truth.sets)} sets: a row is a set; give "
                "the codes of these sets"
            )
    atoms = as_atoms(found, truth.net.width, codes)
    W_in = as_array(truth.net.W_in)
    figures: dict[str, Any] = _of_directions(atoms.scaled, W_in, truth.code)
    if truth.code is not None:
        hashes = as_graded(truth.code)
        side = np.where((W_in * truth.code.bits).sum(0) > 0, 1.0, -1.0)
        readings = read_strengths(atoms.scaled, levels, side)
        figures |= _of_hashes(readings, hashes, truth.sets)
    if truth.sets is not None:
        figures["explained_variance"] = _explained(atoms, codes, truth.net, truth.sets, hook)
    return Score(atoms=len(atoms.dead), dead=int(atoms.dead.sum()), **figures)


def _of_directions(
    live: NDArray[np.float64], W_in: NDArray[np.float64], code: Code | GradedCode | None
) -> dict[str, Any]:
    """A token's direction is its row of W_in or its hash, whichever is nearer to the atom.

    Tokens that have neither are left out.
    """
    cosines = _cosines(live, W_in)
    known = W_in.any(1)
    if code is not None:
        hashes = as_graded(code).strengths
        cosines = np.maximum(cosines, _cosines(live, hashes.astype(np.float64)))
        known |= hashes.any(1)
    cosines = cosines[:, known]
    found: dict[str, Any] = {"duplicates": _repeats(live), "mcc": None, "uniqueness": None}
    if known.any():
        found["mcc"] = float(cosines[linear_sum_assignment(cosines, maximize=True)].sum()) / int(
            known.sum()
        )
        if len(live):
            nearest = cosines >= cosines.max(1, keepdims=True) - TIE
            found["uniqueness"] = _most_pairs(nearest) / len(live)
    return found


def _repeats(live: NDArray[np.float64]) -> int:
    """Atoms that point where an earlier one does; in parts, as dictionaries may be large."""
    count = 0
    for start in range(0, len(live), PART):
        part = live[start : start + PART]
        alike = _cosines(part, live[: start + PART]) >= DUPLICATE
        count += int(np.tril(alike, k=start - 1).any(1).sum())
    return count


def _cosines(atoms: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute cosines [atoms, directions]; 0 with a direction that is 0."""
    scaled = [
        each / np.abs(each).max(1, keepdims=True).clip(min=TINY) for each in (atoms, directions)
    ]
    one, other = (
        each / np.linalg.norm(each, axis=1, keepdims=True).clip(min=TINY) for each in scaled
    )
    return np.abs(one @ other.T).clip(max=1.0)


def _most_pairs(allowed: NDArray[np.bool_]) -> int:
    """The most one-to-one pairs of a row and a column among those allowed."""
    return int((maximum_bipartite_matching(csr_array(allowed)) >= 0).sum())


def _of_hashes(
    readings: NDArray[np.uint8], code: GradedCode, sets: Int64[Tensor, "sets set_size"] | None
) -> dict[str, Any]:
    """Figures of bits, of strengths, and of the filter; `readings` [levels, atoms, width]."""
    bits = (readings[0] > 0).astype(np.float64)
    shared = bits @ code.bits.T
    right = np.stack([_agreeing(reading, code.strengths) for reading in readings])
    best = right.max(0)
    pairs = linear_sum_assignment(best, maximize=True)
    given, wanted = float(bits.sum()), float(code.bits.sum())
    overlap = float(shared[linear_sum_assignment(shared, maximize=True)].sum())
    found: dict[str, Any] = _named("bit", agreement(given, wanted, overlap))
    if code.levels > 1:
        found |= _named("strength", agreement(given, wanted, float(best[pairs].sum())))
    some = code.weights > 0
    if some.any():
        exact = (best == code.weights) & (bits.sum(1)[:, None] == code.weights)
        found["exact_hashes"] = _most_pairs(exact[:, some]) / int(some.sum())
    if sets is not None:
        atom, token = pairs
        strengths = np.zeros_like(code.strengths)
        strengths[token] = readings[right[:, atom, token].argmax(0), atom]
        found |= _of_filter(GradedCode(strengths, code.levels), code, sets)
    return found


def _agreeing(found: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Bits of the same unit and strength, [atoms, vocab]."""
    strengths = range(1, int(true.max()) + 1)
    return sum(
        ((found == each).astype(np.float64) @ (true == each).T for each in strengths),
        start=np.zeros((len(found), len(true))),
    )


def _named(what: str, agreed: Agreement) -> dict[str, float | None]:
    return {f"{what}_{name}": getattr(agreed, name) for name in ("precision", "recall", "f1")}


def _of_filter(
    found: GradedCode, code: GradedCode, sets: Int64[Tensor, "sets set_size"]
) -> dict[str, Any]:
    """Which sets fail: with the hashes found, put back as a filter, and with the code."""
    ids = sets.numpy()
    given, wanted = (
        (each if each.levels > 1 else Code(each.bits)).false_positives(ids)
        for each in (found, code)
    )
    return {
        "failing_sets_f1": f1(given > 0, wanted > 0, np.ones(len(ids))),
        "failing_sets": float((given > 0).mean()),
        "failing_sets_of_code": float((wanted > 0).mean()),
        "false_positives": float(given.mean()),
        "false_positives_of_code": float(wanted.mean()),
    }


def _explained(
    atoms: Atoms,
    codes: NDArray[np.float64] | None,
    net: ReluNet,
    sets: Int64[Tensor, "sets set_size"],
    hook: str,
) -> float | None:
    """Share of the variance of the activations at `hook`; null where they do not vary."""
    check_choice("hook", hook, "hook_pre", "hook_post")
    _, cache = net.run_with_cache(sets, names_filter=hook)
    activations = cache[hook].cpu().double().numpy()
    activations -= activations.mean(0)
    if codes is not None:
        rest = activations - codes[:, ~atoms.dead] @ atoms.directions[~atoms.dead]
        rest -= rest.mean(0)
    else:
        _, sizes, axes = np.linalg.svd(atoms.scaled, full_matrices=False)
        axes = axes[sizes > SPANS * sizes.max(initial=0.0)]
        rest = activations - activations @ axes.T @ axes
    total = float((activations**2).sum())
    return 1 - float((rest**2).sum()) / total if total > 0 else None
