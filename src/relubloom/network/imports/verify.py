"""Whether an imported network answers as the original does, up to what rounding explains."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from relubloom.errors import FileError
from relubloom.network.imports.source import Check
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import precision_of

SUSPECTS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": torch.relu,
    "nothing": lambda pre: pre,
    "GELU": torch.nn.functional.gelu,
    "GELU (tanh)": lambda pre: torch.nn.functional.gelu(pre, approximate="tanh"),
    "SiLU": torch.nn.functional.silu,
    "LeakyReLU": torch.nn.functional.leaky_relu,
    "ELU": torch.nn.functional.elu,
    "ReLU6": torch.nn.functional.relu6,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "Softplus": torch.nn.functional.softplus,
}
SAFETY = 2.0  # on the bound: the original may round once more than we know
SURE = 1e-3  # how near to 1 probabilities sum that are given in float16
ROUNDOFF = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8, torch.float64: 2.0**-53}
SINGLE = 2.0**-24


@dataclass(frozen=True)
class Pair:
    """Sets as indicator rows, and what the original answers to them.

    Args:
        rows: [sets, vocab], 0 and 1 (a token given twice is 2).
        outputs: [sets, vocab], as they came.
    """

    rows: Tensor
    outputs: Tensor


def verify(
    net: ReluNet, plain: ReluNet, pairs: list[Pair], source: torch.dtype, by: str, remedy: str
) -> Check:
    """Compare a network with pairs of inputs and outputs of the original.

    `plain` is the network before its biases were raised, where it is linear; it tells what
    outputs that disagree are those of.

    The bound: each of the original's sums of n terms errs by at most gamma_n of their sizes
    (Higham 2002, section 3.1; as in docs/certificates.md), with the roundoff of the coarser of
    `source`, the precision of its weights, and its outputs; half precisions are taken to add in
    float32 and to round what they store. Doubled.

    Raises:
        FileError: an answer differs by more; what the outputs look like instead is said.

    Cost: O(sets vocab width).
    """
    kinds = [outputs_kind(pair.outputs) for pair in pairs]
    found = [
        _difference(net, pair, kind, source, torch.relu)
        for pair, kind in zip(pairs, kinds, strict=True)
    ]
    worst = max(float(difference.max()) for difference, _ in found)
    excess = [(difference / bound.clamp(min=1e-300)).amax(1) for difference, bound in found]
    at = max(range(len(found)), key=lambda index: float(excess[index].max()))
    row = int(excess[at].argmax())
    difference, bound = found[at][0][row], found[at][1][row]
    column = int((difference / bound.clamp(min=1e-300)).argmax())
    tolerance = float(bound[column])
    if not float(difference[column]) <= tolerance:  # NaN is no agreement
        tokens = pairs[at].rows[row].nonzero().flatten().tolist()
        raise FileError(
            f"{by}: on the set {tokens} the {kinds[at]} differ by {float(difference[column]):.3g} "
            f"where rounding explains {tolerance:.1g} (worst of all: {worst:.3g}); "
            f"{_what_fits(plain, pairs, kinds, source) or remedy}"
        )
    sets = sum(len(pair.rows) for pair in pairs)
    return Check(by, sets, " and ".join(dict.fromkeys(kinds)), worst, tolerance)


def outputs_kind(outputs: Tensor) -> str:
    """What the rows are: probabilities sum to 1, log-probabilities do after exp."""
    values = outputs.double()
    one = torch.ones(len(values), dtype=torch.float64)
    if bool((values >= 0).all()) and torch.allclose(values.sum(1), one, atol=SURE):
        return "probabilities"
    if bool((values <= 0).all()) and torch.allclose(values.exp().sum(1), one, atol=SURE):
        return "log-probabilities"
    return "logits"


def _difference(
    net: ReluNet,
    pair: Pair,
    kind: str,
    source: torch.dtype,
    activation: Callable[[Tensor], Tensor],
    scale: Tensor | float = 1.0,
) -> tuple[Tensor, Tensor]:
    """|answer - output| and its bound, both [sets, vocab], in float64."""
    W_in, b_in, W_out, b_out = (value.detach().double() for value in net.parameters())
    rows, outputs = pair.rows.double(), pair.outputs.double()
    stored = max(_roundoff(source), _roundoff(pair.outputs.dtype))
    adding = min(stored, SINGLE)
    inner = _gamma(float(rows.sum(1).max()) + 4, adding) + 4 * stored
    outer = _gamma(net.width + 4, adding) + 4 * stored
    pre = rows * scale @ W_in + b_in
    unit_error = inner * (rows @ W_in.abs() + b_in.abs())
    post = activation(pre)
    logits = post @ W_out + b_out
    passed = unit_error @ W_out.abs()
    error = passed + outer * (post.abs() @ W_out.abs() + b_out.abs() + passed)
    error = SAFETY * error
    if kind == "logits":
        return (logits - outputs).abs(), error
    row = 2 * error.amax(1, keepdim=True) + (net.vocab_size + 100) * stored
    logs = logits.log_softmax(1)
    if kind == "log-probabilities":
        return (logs - outputs).abs(), row + stored * logs.abs()
    shares = logs.exp()
    return (shares - outputs).abs(), shares * torch.expm1(row) + stored * torch.finfo(
        torch.float32
    ).tiny ** 0.5


def _what_fits(net: ReluNet, pairs: list[Pair], kinds: list[str], source: torch.dtype) -> str:
    """What the outputs are those of instead, where one guess explains all of them."""

    def fits(activation: Callable[[Tensor], Tensor], power: float) -> bool:
        for pair, kind in zip(pairs, kinds, strict=True):
            scale = pair.rows.double().sum(1, keepdim=True).clamp(min=1) ** -power
            difference, bound = _difference(net, pair, kind, source, activation, scale)
            if not bool((difference <= bound).all()):
                return False
        return True

    for name, activation in SUSPECTS.items():
        if fits(activation, 0):
            remedy = "; it is linear: give activation none" if name == "nothing" else ""
            return f"they are those of a network with {name} between its layers{remedy}"
    for name, power in (("mean", 1.0), ("l2", 0.5)):
        if fits(torch.relu, power):
            return f"they agree where inputs are scaled: give --input-scale {name} and --set-size k"
    return ""


def _roundoff(dtype: torch.dtype) -> float:
    return ROUNDOFF.get(dtype, SINGLE)


def _gamma(terms: float, roundoff: float) -> float:
    product = terms * roundoff
    return product / (1 - product) if product < 0.5 else math.inf


def read_pairs(tensors: dict[str, Tensor], net: ReluNet, scale: float, path: Path) -> list[Pair]:
    """The pairs of a file: `inputs` with `outputs`, `inputs_2` with `outputs_2`, and so on.

    Inputs are sets as int64 ids [sets, set_size] (vocab_size pads), or rows [sets, vocab] that
    are 0 outside a set and 1, or the network's input scale, inside.

    Raises:
        FileError: a tensor of a pair is missing, has another shape, holds NaN, or is no set.
    """
    ends = sorted(name.removeprefix("inputs") for name in tensors if name.startswith("inputs"))
    if not ends:
        raise FileError(
            f"{path} has no tensor inputs: a check holds inputs and outputs; found "
            f"{', '.join(sorted(tensors)) or 'none'}"
        )
    pairs: list[Pair] = []
    for end in ends:
        if f"outputs{end}" not in tensors:
            raise FileError(f"{path} has inputs{end} and no outputs{end}; store what came out too")
        inputs, outputs = tensors[f"inputs{end}"], tensors[f"outputs{end}"]
        if inputs.ndim != 2 or outputs.shape != (len(inputs), net.vocab_size) or not len(inputs):
            raise FileError(
                f"{path}: inputs{end} {tuple(inputs.shape)} and outputs{end} "
                f"{tuple(outputs.shape)} are no pair: they must be [sets, {net.vocab_size}] or "
                f"ids [sets, set_size], and [sets, {net.vocab_size}]"
            )
        if not outputs.is_floating_point() or not bool(torch.isfinite(outputs).all()):
            raise FileError(
                f"{path}: outputs{end} hold NaN, infinity or no numbers; store them anew"
            )
        rows = _rows(inputs, net.vocab_size, scale, f"{path}: inputs{end}")
        pairs.append(Pair(rows, outputs))
    return pairs


def _rows(inputs: Tensor, vocab_size: int, scale: float, called: str) -> Tensor:
    whole = not inputs.is_floating_point()
    binary = bool(((inputs == 0) | (inputs == 1)).all())
    if inputs.shape[1] == vocab_size and binary:
        return inputs.double()
    if whole:
        if inputs.numel() and not 0 <= int(inputs.min()) <= int(inputs.max()) <= vocab_size:
            raise FileError(
                f"{called} hold ids from {int(inputs.min())} to {int(inputs.max())}: ids are 0 to "
                f"{vocab_size - 1} ({vocab_size} is padding)"
            )
        return indicator(inputs.long(), vocab_size)
    if inputs.shape[1] != vocab_size:
        raise FileError(
            f"{called} are {precision_of(inputs)} {tuple(inputs.shape)}: rows "
            f"have {vocab_size} entries, one a token; give ids as int64"
        )
    marked = inputs != 0
    tolerance = abs(scale) * 2.0**-7 if inputs.dtype in ROUNDOFF else abs(scale) * 1e-5
    odd = marked & ~((inputs.double() - scale).abs() <= tolerance)  # NaN is odd too
    if bool(odd.any()):
        raise FileError(
            f"{called} hold {float(inputs[odd][0]):.6g}: a row is 1 at its set's tokens and 0 "
            "elsewhere; where the network is fed scaled sets, give --input-scale"
        )
    return marked.double()


def indicator(sets: Tensor, vocab_size: int) -> Tensor:
    """How often each token stands in each set: float64 [sets, vocab]; vocab_size is padding."""
    rows = torch.zeros(len(sets), vocab_size + 1, dtype=torch.float64)
    return rows.scatter_add_(1, sets, torch.ones(sets.shape, dtype=torch.float64))[:, :-1]


def trial_sets(vocab_size: int, sizes: tuple[int, int] | None, exact: bool) -> list[Tensor]:
    """Indicator rows of random sets on which a module is compared, by size.

    `exact` keeps to the sizes given; else the empty set, single tokens and pairs are there too.
    """
    low, high = (0, 5) if sizes is None else sizes if exact else (0, sizes[1])
    draw = torch.Generator().manual_seed(0)
    found: list[Tensor] = []
    for size in sorted({low, min(low + 1, high), min(low + 2, high), (low + high) // 2, high}):
        taken = min(size, vocab_size)
        rows = [torch.randperm(vocab_size, generator=draw)[:taken] for _ in range(8 if size else 1)]
        found.append(indicator(torch.stack(rows), vocab_size))
    return found


def run_pair(run: Callable[[Tensor], Any], rows: list[Tensor]) -> Pair:
    """What the original answers to rows.

    Raises:
        FileError: what comes out is no matrix of numbers, a row for each set.
    """
    outputs = [run(part) for part in rows]
    together = torch.cat(rows)
    answers = torch.cat(outputs).detach().cpu()
    if answers.shape != together.shape or not bool(torch.isfinite(answers).all()):
        raise FileError(
            f"the original answers {tuple(answers.shape)} to {tuple(together.shape)}: a network "
            "answers a finite logit for each token"
        )
    return Pair(together, answers)
