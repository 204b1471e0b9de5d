"""What is known of a network that comes from elsewhere: what its user says, what its file says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from torch import Tensor

from relubloom.errors import FileError, UsageError, check_dict
from relubloom.network.weights_file import NAMES, canonical_activation
from relubloom.task import parse_sizes

Norm = Literal["mean", "l2"]
Sizes = int | tuple[int, int]
LAYOUTS: dict[str, str] = {
    "linear": "both [out, in], as in nn.Linear",
    "matmul": "both [in, out], as in x @ W",
    "embedding": "both [vocab, width], as in nn.Embedding and nn.Linear",
    "tied": "both [width, vocab]",
}
NORMS: dict[str, Norm] = {"mean": "mean", "1/k": "mean", "l2": "l2", "1/sqrt(k)": "l2"}


@dataclass(frozen=True)
class Given:
    """What the user says of a network; None where the source is to say it.

    Args:
        names: which tensor is `W_in`, `b_in`, `W_out`, `b_out`.
        layout: how both matrices lie; see `LAYOUTS`.
        activation: `relu`, or `none` for a linear network.
        input_scale: what the network's inputs are multiplied by: a number, `mean` (1/k) or `l2`
            (1/sqrt(k)), as a text or a number.
        set_size: k or (a, b); needed by `mean`, `l2` and linear networks.
    """

    names: Mapping[str, str] | None = None
    layout: str | None = None
    activation: str | None = None
    input_scale: str | float | None = None
    set_size: Sizes | None = None

    def __post_init__(self) -> None:
        if self.layout is not None and str(self.layout) not in LAYOUTS:
            known = ", ".join(f"{name} ({what})" for name, what in LAYOUTS.items())
            raise UsageError(f"layout is {self.layout!r}: choose {known}")
        if self.names is not None:
            check_dict("names", self.names)
        for role in self.names or {}:
            if role not in NAMES:
                raise UsageError(f"names has {role!r}: name {', '.join(NAMES)}, as W_in=fc1.weight")
        if self.activation is not None and canonical_activation(str(self.activation)) is None:
            raise UsageError(
                f"activation is {self.activation!r}: relubloom examines ReLU networks (relu) and "
                "linear ones (none); a network with another activation cannot come in"
            )
        scale_of(self.input_scale)
        if self.set_size is not None:
            object.__setattr__(self, "set_size", parse_sizes(self.set_size))

    @property
    def sizes(self) -> tuple[int, int] | None:
        """Smallest and largest set size, where they are given."""
        size = self.set_size
        return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True)
class Placed:
    """The tensors of a network by role: W_in [vocab, width], W_out [width, vocab], and the biases
    that there are; with the names that they had, how they lay, and what was left out."""

    tensors: dict[str, Tensor]
    names: dict[str, str]
    layout: str
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A network as its file or module holds it.

    Args:
        format: what it is, for the record.
        tensors: by name, to be placed; or
        placed: already placed, where the source itself says how.
        activation: as the source calls it; None where it says nothing.
        input_scale: as `Given.input_scale`, where the source says it.
        run: the source itself, on indicator rows [sets, vocab] -> outputs [sets, vocab].
    """

    format: str
    tensors: dict[str, Tensor]
    placed: Placed | None = None
    activation: str | None = None
    input_scale: str | float | None = None
    sha256: str | None = None
    run: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Check:
    """How an import was verified.

    Keys:
        by: the file of inputs and outputs, or what was run: a class of module, `onnx.reference`.
        sets: how many sets were compared.
        outputs: `logits`, `probabilities` or `log-probabilities`.
        worst: the largest difference.
        tolerance: what rounding explains, where the difference is closest to it or beyond.
    """

    by: str
    sets: int
    outputs: str
    worst: float
    tolerance: float


@dataclass(frozen=True)
class ImportRecord:
    """What `config.json` says of a network that was brought in, under `import`.

    Keys:
        file: where it came from.
        format: `torch`, `safetensors`, `npz`, `onnx`, `hugging-face`, `relubloom` or `module`.
        sha256: of the file that holds the weights; null for a module.
        names: the tensors' names in the file, by role.
        layout: how both matrices lay: `linear` is [out, in], `matmul` [in, out], `embedding`
            [vocab, width], `tied` [width, vocab]; `graph` where each lay as its graph or module
            said.
        activation: `relu`; or `none` for a linear network, whose b_in was raised so that the
            ReLU clips nothing.
        input_scale: what W_in was multiplied by; 1 where inputs are 0 and 1.
        normalised: `mean` or `l2` where inputs are divided by k or sqrt(k); else null.
        holds_for: the set sizes, from and to, on which the network here is the one of the file;
            null for all.
        missing_biases: the biases that the file has not; they are zeros.
        precision: of the weights here.
        source_precisions: those of the weights in the file.
        ignored: tensors of the file that were left out.
        verified: whether outputs of the original were compared.
        check: how; null where they were not.
    """

    file: str | None
    format: str
    sha256: str | None
    names: dict[str, str]
    layout: str
    activation: str
    input_scale: float
    normalised: str | None
    holds_for: tuple[int, int] | None
    missing_biases: list[str]
    precision: str
    source_precisions: list[str]
    ignored: list[str]
    verified: bool
    check: Check | None


def scale_of(said: str | float | None) -> float | Norm:
    """The input scale of a text or number: `mean`, `l2`, or a factor.

    Raises:
        UsageError: it is none of them.
    """
    if said is None:
        return 1.0
    if isinstance(said, str) and said in NORMS:
        return NORMS[said]
    parts = re.fullmatch(r"\s*([^/]+?)\s*(?:/\s*([^/]+?)\s*)?", str(said))
    try:
        factor = float(cast(Any, parts)[1]) / float(cast(Any, parts)[2] or 1)
    except (TypeError, ValueError, ZeroDivisionError):
        factor = math.nan
    if not math.isfinite(factor) or factor == 0:
        raise UsageError(
            f"input_scale is {said!r}: give a number such as 0.25 or 1/3, mean (inputs divided by "
            "the set's size) or l2 (by its root)"
        )
    return factor


def decided_activation(source: Source, given: Given, name: str) -> str:
    """`relu` or `none`: what the source says, or else the user.

    Raises:
        FileError: the source says another activation.
        UsageError: neither says it, or they contradict each other.
    """
    said = None if source.activation is None else canonical_activation(source.activation)
    if source.activation is not None and said is None:
        raise FileError(
            f"{name} has the activation {source.activation}: relubloom examines ReLU networks; "
            "train it with ReLU"
        )
    wanted = None if given.activation is None else canonical_activation(given.activation)
    if said is not None and wanted not in (None, said):
        raise UsageError(
            f"activation is {given.activation!r} and {name} says {source.activation}: leave it out"
        )
    decided = said or wanted
    if decided is None:
        raise UsageError(
            f"{name} does not say its activation; give --activation relu (in Python "
            "activation='relu') if a ReLU stands between its layers, none if nothing does"
        )
    return decided
