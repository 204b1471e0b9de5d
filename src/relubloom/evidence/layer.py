"""A layer inside a model, read as a network on tokens, and how far that reading is the layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from relubloom.errors import UsageError, described
from relubloom.evidence.gather import Depth, Evidence, gather_evidence
from relubloom.measure.one_pass import one_of_each_part
from relubloom.network.given_weights import as_tensor
from relubloom.network.layer import Layer, catching, find_layer, nothing, refuse_other_activation
from relubloom.network.relu_net import ReluNet
from relubloom.records.verdict import AGREEMENT_BLOOM, Verdict
from relubloom.shown import Shown
from relubloom.task import KSparseTask, SetCollection, SetsLike, as_collection

UNITS_ALIKE_LEAST = AGREEMENT_BLOOM  # what a `bloom` verdict asks of units beside their union
ERROR_MOST = 0.2  # of the hidden layer's norm: 96 % of its squares are accounted for
MOST_SCORED = 2_048  # sets that the model is run on to score the reading
FITTED_A_TOKEN = 4  # sets a token that directions are fitted on, and at least 2,048 in all
RUN_TOGETHER = 256  # sets in a run of the model

Inputs = Callable[[Int64[Tensor, "batch set_size"]], Any]
"""Runs the model on sets (padding is vocab), or gives the layer's inputs [batch, inputs]."""


@dataclass(frozen=True)
class LayerAgreement:
    """The additive network beside the layer's true hidden activations.

    Args:
        sets: how many sets both were run on; none of them was fitted on.
        units_alike: share of (set, unit) pairs in which both are above 0, or both are not.
        constant_alike: that share for the better constant answer of each unit, on or off.
        relative_error: norm of the activations' difference over the norm of the true ones.
        fitted_on: sets that directions were fitted on; 0 where they were given.
    """

    sets: int
    units_alike: float
    constant_alike: float
    relative_error: float
    fitted_on: int = 0

    @property
    def reproduces(self) -> bool:
        """Whether the network may stand for the layer: at least 97 % of the units are alike, and
        the relative error is at most 0.2."""
        return self.units_alike >= UNITS_ALIKE_LEAST and self.relative_error <= ERROR_MOST


@dataclass(frozen=True, repr=False)
class LayerEvidence(Shown):
    """What was found out about a layer.

    `net` is the layer as a network on sets of tokens, and `evidence` is about that. `agreement` is
    None where no model was run: then the network is the layer, by algebra, for inputs that are sums
    of the given directions.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        "verdict",
        "net",
        "agreement.units_alike",
        "agreement.relative_error",
    )

    net: ReluNet
    evidence: Evidence
    agreement: LayerAgreement | None

    @property
    def verdict(self) -> Verdict | None:
        """That of the network; None where it does not reproduce the layer."""
        if self.agreement is not None and not self.agreement.reproduces:
            return None
        return self.evidence.mechanism.verdict

    @property
    def says(self) -> str:
        """The verdict in one line, with what it rests on."""
        if self.agreement is None:
            return f"{self.verdict}: exact for inputs that are sums of the tokens' directions"
        found = self.agreement
        figures = (
            f"{found.units_alike:.1%} of the units alike (a constant answer: "
            f"{found.constant_alike:.1%}), relative error {found.relative_error:.3g}, on "
            f"{found.sets:,} sets"
        )
        if self.verdict is None:
            return (
                f"no verdict: the additive reading is not the layer; {figures}; needed are "
                f"{UNITS_ALIKE_LEAST:.0%} and {ERROR_MOST}"
            )
        return f"{self.verdict}: the additive reading reproduces the layer; {figures}"


def examine_layer(
    module: object,
    sets: SetCollection | KSparseTask | SetsLike,
    *,
    inputs: object = None,
    hook: object = None,
    readout: object = None,
    base: object = None,
    directions: object = None,
    position: int = -1,
    workers: int = 1,
    depth: Depth = "quick",
) -> LayerEvidence:
    """Read a layer of a bigger model as a network on sets of tokens, and gather its evidence.

    A token is whatever the layer is asked about: one of its inputs, a word, a feature. The layer is
    x @ W_in + b_in, a ReLU, and a second linear map. Where its input x is a base plus a direction
    for each token of a set, it is a `ReluNet` whose rows are the directions times W_in.

    Args:
        module: the layer (`network.layer.find_layer`): a module with two `nn.Linear`, one with
            `W_in` and `W_out` as TransformerLens has it, an nnsight envoy of either, or the pair
            (first, readout).
        sets: what the figures are over; padding is the number of tokens.
        inputs: a matrix of directions [vocab, inputs], or a function of sets int64 [batch,
            set_size] that runs the model on them. What it returns counts only where the layer does
            not run in it: then it is the layer's inputs [batch, inputs]. None: tokens are the
            layer's inputs.
        hook: where the hidden layer is caught while the model runs: a module, or its dotted name
            in `module`, whose parent then is the layer ("blocks.0.mlp.hook_pre"). None: the first
            linear map, or `hook_pre`.
        readout: [outputs, vocab], what each token reads off the layer's outputs; None: tokens are
            the layer's outputs.
        base: [inputs], added to every input, such as the mean activation.
        directions: beside a function: the directions; None fits them by least squares on the
            activations before the ReLU, on sets that are not scored.
        position: which of the activations [batch, positions, width] is meant.
        workers: threads, as `gather_evidence`.
        depth: as `gather_evidence`.

    Raises:
        UsageError: no such layer is found, its activation is no ReLU, shapes do not fit, or there
            are too few sets to fit on.

    Cost: that of `gather_evidence`; with a function also the model on at most 2,048 sets, and on as
    many, or 4 a token, for a fit, which takes O(vocab^3).
    """
    layer = find_layer(module, hook)
    run, directions = _function_and_directions(inputs, directions)
    reads = _matrix("readout", readout, rows=len(layer.b_out))
    vocab = len(layer.b_out) if reads is None else reads.shape[1]
    given = _matrix("inputs", directions, columns=len(layer.W_in))
    mean = None if base is None else as_tensor("base", base).cpu().double()
    if mean is not None and mean.shape != layer.W_in.shape[:1]:
        raise UsageError(
            f"base has shape {tuple(mean.shape)}: it must be ({len(layer.W_in)},), the layer's "
            "inputs; give the mean of what comes into the layer"
        )
    _check_tokens(layer, vocab, run is not None, given)
    collection = as_collection(sets, vocab)
    if run is None:
        net = layer.on_tokens(given, reads, mean)
        return LayerEvidence(net, gather_evidence(net, collection, workers, depth=depth), None)
    to_fit, to_score = _split(len(collection), vocab, fit=given is None)
    watched = _Watched(layer, run, position, collection)
    if given is None:
        layer = _fitted(layer, *watched.at(to_fit), vocab)
    net = layer.on_tokens(given, reads, mean)
    agreement = _agreement(net, *watched.at(to_score), len(to_fit))
    return LayerEvidence(net, gather_evidence(net, collection, workers, depth=depth), agreement)


def _function_and_directions(inputs: object, directions: object) -> tuple[Inputs | None, object]:
    """`inputs` may be either; directions are given once."""
    if not callable(inputs):
        if inputs is not None and directions is not None:
            raise UsageError(
                f"inputs is {described(inputs)} and directions {described(directions)}: directions "
                "stand beside a function; give one of them"
            )
        return None, directions if inputs is None else inputs
    return inputs, directions


def _matrix(name: str, value: object, *, rows: int = 0, columns: int = 0) -> Tensor | None:
    """A float64 matrix with so many rows or columns."""
    if value is None:
        return None
    matrix = as_tensor(name, value).cpu().double()
    wanted = f"[{rows or 'vocab'}, {columns or 'vocab'}]"
    if (
        matrix.ndim != 2
        or (rows and len(matrix) != rows)
        or (columns and matrix.shape[1] != columns)
    ):
        raise UsageError(
            f"{name} has shape {tuple(matrix.shape)}: beside this layer it must be {wanted}; "
            "transpose it, or give that of this layer"
        )
    return matrix


def _check_tokens(layer: Layer, vocab: int, runs: bool, given: Tensor | None) -> None:
    coming = None if runs and given is None else len(layer.W_in if given is None else given)
    if coming is not None and coming != vocab:
        raise UsageError(
            f"{coming} tokens go into the layer and {vocab} come out: they must be the same; give "
            f"inputs, a direction [tokens, {len(layer.W_in)}] for each, and readout "
            f"[{len(layer.b_out)}, tokens]"
        )


def _split(
    count: int, vocab: int, *, fit: bool
) -> tuple[Int64[np.ndarray, " fitted"], Int64[np.ndarray, " scored"]]:
    """Numbers of the sets to fit on, and of those to score on: disjoint."""
    if not fit:
        return np.zeros(0, dtype=np.int64), one_of_each_part(count, MOST_SCORED)
    wanted = max(MOST_SCORED, FITTED_A_TOKEN * vocab)
    chosen = np.random.default_rng(0).permutation(one_of_each_part(count, wanted + MOST_SCORED))
    score = min(MOST_SCORED, len(chosen) // 4)
    if len(chosen) - score <= vocab:
        raise UsageError(
            f"there are {count} sets and {vocab} tokens: to fit a direction for each, {vocab + 1} "
            "sets are needed besides a quarter to score on; give more sets, or directions"
        )
    return np.sort(chosen[score:]), np.sort(chosen[:score])


@dataclass(frozen=True)
class _Watched:
    """A model that is run on sets, and what its layer's hidden units do meanwhile."""

    layer: Layer
    run: Inputs
    position: int
    sets: SetCollection

    def at(
        self, numbers: Int64[np.ndarray, " sets"]
    ) -> tuple[Int64[Tensor, "sets set_size"], Float64[Tensor, "sets width"]]:
        """Those sets, and the hidden layer on them, before the ReLU where that can be seen."""
        ids = torch.cat([self.sets.chunk(n, n + 1) for n in numbers.tolist()])
        with torch.no_grad():
            found = [self._hidden(part) for part in ids.split(RUN_TOGETHER)]
        return ids, torch.cat(found)

    def _hidden(self, ids: Int64[Tensor, "batch set_size"]) -> Float64[Tensor, "batch width"]:
        with catching(self.layer) as (outputs, given):
            answer = self.run(ids)
        if not outputs:
            coming = as_tensor("what inputs returns", answer).cpu().double()
            return self._placed(coming, ids, len(self.layer.W_in)) @ self.layer.W_in + (
                self.layer.b_in
            )
        if len(outputs) != 1:
            raise UsageError(
                f"the layer ran {len(outputs)} times on one batch of sets: it must run once; let "
                "inputs return its inputs [batch, inputs] from a run of its own"
            )
        pre = self._placed(outputs[0].cpu().double(), ids, len(self.layer.b_in))
        if len(given) == 1 and bool((pre < 0).any()):
            refuse_other_activation(
                pre, self._placed(given[0].cpu().double(), ids, len(self.layer.b_in))
            )
        return pre

    def _placed(self, found: Tensor, ids: Tensor, width: int) -> Tensor:
        """The rows of the sets, at the position asked for."""
        if found.ndim == 3 and -found.shape[1] <= self.position < found.shape[1]:
            found = found[:, self.position]
        if tuple(found.shape) != (len(ids), width):
            raise UsageError(
                f"the model gave activations of shape {tuple(found.shape)} for {len(ids)} sets: "
                f"they must be [batch, {width}], or [batch, positions, {width}]; mend inputs, hook "
                "or position"
            )
        return found


def _fitted(
    layer: Layer,
    ids: Int64[Tensor, "sets set_size"],
    pre: Float64[Tensor, "sets width"],
    vocab: int,
) -> Layer:
    """The layer on tokens: the least squares of `pre` in the sets' indicators and a constant."""
    if not bool((pre < 0).any()):
        raise UsageError(
            "the hidden activations have no negative entry: directions are fitted before the ReLU; "
            "hook the first linear map (hook_pre), or give directions"
        )
    design = _indicators(ids, vocab)
    found = torch.linalg.lstsq(design, pre, driver="gelsd").solution
    W_in, b_in = found[:-1], found[-1]
    return Layer(W_in, b_in - nothing(W_in, b_in), layer.W_out, layer.b_out)


def _indicators(ids: Int64[Tensor, "sets set_size"], vocab: int) -> Float64[Tensor, "sets columns"]:
    """A row a set: 1 at its tokens, and a last column of ones."""
    ones = torch.ones(len(ids), vocab + 1, dtype=torch.float64)
    marked = torch.zeros_like(ones).scatter_(1, ids, 1.0)
    return torch.cat([marked[:, :vocab], ones[:, :1]], dim=1)


def _agreement(
    net: ReluNet,
    ids: Int64[Tensor, "sets set_size"],
    true: Float64[Tensor, "sets width"],
    fitted_on: int,
) -> LayerAgreement:
    W_in, b_in = net.W_in.detach().double(), net.b_in.detach().double()
    post = (_indicators(ids, net.vocab_size) @ torch.cat([W_in, b_in[None]])).relu()
    meant = (true - nothing(W_in, b_in)).relu()
    on = (meant > 0).double().mean(0)
    norm = float(meant.norm())
    return LayerAgreement(
        sets=len(ids),
        units_alike=float(((post > 0) == (meant > 0)).double().mean()),
        constant_alike=float(torch.maximum(on, 1 - on).mean()),
        relative_error=float((post - meant).norm()) / norm if norm else float(post.norm() > 0),
        fitted_on=fitted_on,
    )
