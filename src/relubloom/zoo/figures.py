"""What the card of a network says in figures: computations, errors, verdict, and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.code import Code
from relubloom.code.graded import as_graded
from relubloom.evidence import gather_evidence
from relubloom.network.imports.verify import indicator
from relubloom.records.verdict import Reading, Verdict
from relubloom.zoo.catalogue import SET_SIZE
from relubloom.zoo.planted import hinges_of

if TYPE_CHECKING:
    from relubloom.zoo.known import KnownNetwork

SETS = 10_000
NOISE = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Noisy:
    """How a network does with normal noise on each unit after the ReLU.

    `noise` is its standard deviation in shares of the unit's own over the sets. `right` is the
    share of sets ranked exactly, of planted functions the share of (set, function) read rightly.
    """

    noise: float
    right: float
    error: float


@dataclass(frozen=True)
class Figures:
    """Figures over `sets` drawn sets.

    Attributes:
        computations: distinct functions of the set that are not linear: tokens with a hash of their
            own; planted functions; 0 of a linear network.
        neurons: hidden units.
        error: sum over tokens of (p - target)^2, mean over sets; of planted functions the sum over
            functions of (read - planted)^2.
        naive_error: of computing as many tokens as there are neurons, without error, and spreading
            the rest evenly over all others; None of planted functions, which are fewer.
        linear_error: of the zoo's network without a ReLU of the same sizes and source, seed 0; of
            planted functions, of the best affine map of the indicator (least squares, these sets).
        better: tokens whose own share of the error is below their share in that network; of
            planted functions likewise.
        verdict, reading: of the evidence on these sets.
        agreement: share of (set, unit) pairs in which the unit is what the code read off the
            network says: 0 just where it is covered; with half bits, in the state it should be in.
        noise: at each level of noise.
    """

    sets: int
    computations: int
    neurons: int
    error: float
    naive_error: float | None
    linear_error: float
    better: int
    verdict: Verdict
    reading: Reading | None
    agreement: float
    noise: tuple[Noisy, ...]


def measure(known: KnownNetwork, sets: int = SETS) -> Figures:
    """Measure a network of the zoo; the linear one that it is held against is loaded.

    Cost: that of `gather_evidence` on so many sets and of a few forward passes; on first use that
    of training the linear network, or of a least squares fit with `vocab` columns.
    """
    ids = known.sets(sets)
    post = known.activations(ids)
    planted = known.kind.startswith("planted")
    outputs = _Functions(known, ids) if planted else _Tokens(known, ids)
    error, linear = outputs.errors(outputs.read(post)), outputs.linear_errors()
    mechanism = gather_evidence(known.net, ids).mechanism
    states = mechanism.strengths
    return Figures(
        sets=sets,
        computations=outputs.computations,
        neurons=known.net.width,
        error=float(error.sum()),
        naive_error=None if planted else naive_error(ids, known.net.vocab_size, known.net.width),
        linear_error=float(linear.sum()),
        better=int((error < linear).sum()),
        verdict=mechanism.verdict,
        reading=mechanism.reading,
        agreement=mechanism.unit_agreement if states is None else states.state_agreement,
        noise=tuple(_with_noise(post, outputs)),
    )


def naive_error(ids: Int64[Tensor, "sets set_size"], vocab_size: int, width: int) -> float:
    """Mean mse of knowing the tokens 0 .. width - 1 and nothing of the others.

    u unknown members of a set of k are answered with u / k spread evenly over all unknown tokens.
    """
    unknown = (ids >= width).sum(1).double() / SET_SIZE
    others = max(1, vocab_size - width)
    return float((unknown / SET_SIZE - unknown.square() / others).mean())


def _with_noise(post: Float[Tensor, "sets width"], outputs: _Tokens | _Functions) -> list[Noisy]:
    generator = torch.Generator().manual_seed(0)
    each, sd = torch.randn(post.shape, generator=generator), post.std(0)
    found: list[Noisy] = []
    for noise in NOISE:
        read = outputs.read(post + noise * sd * each)
        found.append(Noisy(noise, outputs.right(read), float(outputs.errors(read).sum())))
    return found


class _Tokens:
    """Answers to the task: a probability for each token."""

    def __init__(self, known: KnownNetwork, ids: Int64[Tensor, "sets set_size"]) -> None:
        self.known, self.ids = known, ids
        self.member = indicator(ids, known.net.vocab_size).float()

    @property
    def computations(self) -> int:
        code = self.known.code
        if code is None:
            return 0
        hashes = as_graded(code).strengths
        return len(np.unique(hashes[hashes.any(1)], axis=0))

    def read(self, post: Float[Tensor, "sets width"]) -> Float[Tensor, "sets vocab"]:
        """The logits."""
        net = self.known.net
        return torch.addmm(net.b_out, post, net.W_out)

    def errors(self, logits: Float[Tensor, "sets vocab"]) -> Float[Tensor, " vocab"]:
        """Mean squared error of each token's probability."""
        error = logits.softmax(1).sub_(self.member, alpha=1 / SET_SIZE)
        return error.square_().mean(0, dtype=torch.float64)

    def right(self, logits: Float[Tensor, "sets vocab"]) -> float:
        """Share of the sets whose members are strictly above all others."""
        lowest = logits.masked_fill(self.member == 0, torch.inf).amin(1)
        highest = logits.masked_fill(self.member == 1, -torch.inf).amax(1)
        return float((lowest > highest).double().mean())

    def linear_errors(self) -> Float[Tensor, " vocab"]:
        """Those of the network without a ReLU."""
        return self.errors(self.known.linear.net(self.ids))


class _Functions:
    """What planted units compute: a number for each function, 0 or 1 where nothing disturbs it."""

    def __init__(self, known: KnownNetwork, ids: Int64[Tensor, "sets set_size"]) -> None:
        assert isinstance(known.code, Code)
        self.hinges = hinges_of(known.kind, SET_SIZE)
        self.computations = known.net.width // len(self.hinges)
        bits = torch.tensor(known.code.bits[:, : self.computations], dtype=torch.float64)
        self.indicators = indicator(ids, known.net.vocab_size)
        counts = self.indicators @ bits
        majority = known.kind == "planted-majority"
        self.truth = (counts >= 2 if majority else counts % 2 == 1).double()

    def read(self, post: Float[Tensor, "sets width"]) -> Float[Tensor, "sets functions"]:
        """The value of each function, from its units."""
        hinges = post.double().split(self.computations, dim=1)
        slopes = zip(self.hinges.values(), hinges, strict=True)
        return torch.stack([slope * each for slope, each in slopes]).sum(0)

    def errors(self, values: Float[Tensor, "sets functions"]) -> Float[Tensor, " functions"]:
        """Mean squared error of each function."""
        return (values - self.truth).square().mean(0)

    def right(self, values: Float[Tensor, "sets functions"]) -> float:
        """Share of the functions on all sets that are on the right side of 1/2."""
        return float(((values > 0.5) == (self.truth > 0)).double().mean())

    def linear_errors(self) -> Float[Tensor, " functions"]:
        """Of the best affine map of the indicator; sets of one size need no constant."""
        x, y = self.indicators, self.truth  # normal equations: a vocab x vocab system
        fitted = torch.linalg.lstsq(x.T @ x, x.T @ y, driver="gelsd").solution
        return self.errors(x @ fitted)
