"""Which tensor of a file is which, and which way it lies: guessed where names and shapes agree."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from relubloom.errors import FileError, UsageError
from relubloom.network.imports.source import LAYOUTS, Given, Placed
from relubloom.network.weights_file import NAMES, PRECISIONS, precision_of

NO_BIAS = "none"  # in place of a bias's name
FIRST_WORDS = {
    *("in", "input", "enc", "encoder", "embed", "embedding", "embeddings", "emb", "up", "hidden"),
    *("c_fc", "read"),
}
LAST_WORDS = {
    *("out", "output", "dec", "decoder", "unembed", "unembedding", "down", "head", "readout"),
    *("logits", "logit", "classifier"),
}
FOREIGN = (
    (r"running_(mean|var)|batch_?norm|(^|\.)bn\d*\.", "batch normalisation"),
    (r"layer_?norm|(^|\.)ln(_\w+)?\d*\.|rms_?norm|(^|[._])norm\d*\.", "a normalisation layer"),
    (r"in_proj|[qkv]_proj|attn|attention", "attention"),
    (r"weight_[ih]h_l", "a recurrent layer"),
    (r"lora_", "LoRA adapters"),
    (r"weight_[gv]$|parametrizations|weight_orig|weight_mask", "a reparametrised weight"),
)


def place(tensors: Mapping[str, Tensor], given: Given, name: str) -> Placed:
    """Find the four tensors among those of a file, and turn the matrices as ReluNet has them.

    Raises:
        FileError: they are not those of one network with two linear layers.
        UsageError: a name that was given is not there, or several readings are possible.
    """
    names, ignored = _names(tensors, given.names or {}, name)
    found = {role: tensors[at] for role, at in names.items()}
    layout = _layout(found, names, given, name)
    turned = {role: found[role] for role in found if role.startswith("b")}
    turned |= _turned(found, layout)
    return Placed({role: turned[role] for role in NAMES if role in turned}, names, layout, ignored)


def _names(
    tensors: Mapping[str, Tensor], given: Mapping[str, str], name: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The tensors' names by role, and those of the tensors that no role takes."""
    without = {role for role in ("b_in", "b_out") if given.get(role) == NO_BIAS}
    given = {role: wanted for role, wanted in given.items() if role not in without}
    for role, wanted in given.items():
        if wanted not in tensors:
            raise UsageError(
                f"names says {role}={wanted} and {name} has no such tensor; it has "
                f"{', '.join(tensors) or 'none'}"
            )
    names = dict(given)
    if "W_in" not in names or "W_out" not in names:
        if not given:
            _refuse_foreign(tensors, name)
        taken = set(names.values())
        matrices = [at for at, value in tensors.items() if value.ndim == 2 and at not in taken]
        names |= _two_layers(matrices, names, name)
    free = [at for at in tensors if at not in names.values()]
    for bias, matrix in (("b_in", "W_in"), ("b_out", "W_out")):
        if bias not in names and bias not in without:
            twins = [at for at in free if at in _bias_names(names[matrix])]
            if twins and names["W_in"] == names["W_out"]:
                raise UsageError(
                    f"{name} has one matrix for both layers, and {twins[0]} beside it may be "
                    f"either's bias; give b_in={twins[0]} or b_out={twins[0]} with --names"
                )
            names.update({bias: at} if (at := next(iter(twins), None)) else {})
    free = [at for at in free if at not in names.values()]
    _refuse_forgotten_bias(tensors, names, free, without, name)
    if free and not given:
        shape = tuple(tensors[free[0]].shape)
        raise FileError(
            f"{name}: tensor {free[0]} {shape} belongs to neither of two linear layers "
            f"({names['W_in']}, {names['W_out']}); leave it out with --names W_in=...,W_out=..., "
            "if the network computes nothing with it"
        )
    return {role: names[role] for role in NAMES if role in names}, tuple(free)


def _refuse_forgotten_bias(
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    free: list[str],
    without: set[str],
    name: str,
) -> None:
    """A vector as long as a bias is not left out unasked: zeros in its place are another network.

    Raises:
        UsageError: there is one, and a bias that nothing was said of.
    """
    open_roles = [role for role in ("b_in", "b_out") if role not in {*names, *without}]
    sizes = tensors[names["W_in"]].shape
    fit = [at for at in free if tensors[at].ndim == 1 and len(tensors[at]) in sizes]
    if open_roles and fit:
        raise UsageError(
            f"{name} has {', '.join(fit)} as long as a bias, and nothing says what "
            f"{' and '.join(open_roles)} {'is' if len(open_roles) == 1 else 'are'}; add to --names "
            f"{open_roles[0]}={fit[0]}, or {open_roles[0]}={NO_BIAS} where there is none"
        )


def _refuse_foreign(tensors: Mapping[str, Tensor], name: str) -> None:
    for at, value in tensors.items():
        for pattern, what in FOREIGN:
            if re.search(pattern, at.lower()):
                raise FileError(
                    f"{name} has {what} (tensor {at}): a network here is two linear layers with "
                    "a ReLU between; choose two with --names W_in=...,W_out=... if it sits beside"
                )
        if value.ndim > 2:
            raise FileError(
                f"{name}: tensor {at} has shape {tuple(value.shape)}, as in a convolution: a "
                "network here is two linear layers with a ReLU between"
            )
        if not value.is_floating_point():
            raise FileError(
                f"{name}: tensor {at} is {precision_of(value)}: weights are floating point; leave "
                "it out with --names W_in=...,W_out=... if it sits beside"
            )


def _two_layers(matrices: list[str], names: Mapping[str, str], name: str) -> dict[str, str]:
    """Roles of the matrices that have none; needs exactly as many as are missing."""
    missing = [role for role in ("W_in", "W_out") if role not in names]
    if len(matrices) != len(missing):
        every = [*(names[role] for role in ("W_in", "W_out") if role in names), *matrices]
        listed = f" ({', '.join(every)})" if every else ""
        what, remedy = "matrices", "choose two with --names W_in=...,W_out=..."
        if len(every) == 1:
            what = "matrix"
            remedy = f"for tied weights give --names W_in={every[0]},W_out={every[0]}"
        raise FileError(
            f"{name} has {len(every)} weight {what}{listed}: a network here has two linear "
            f"layers; {remedy if every else 'give a file of weights'}"
        )
    if len(missing) == 1:
        return {missing[0]: matrices[0]}
    first, second = matrices
    sides = [_side(first), _side(second)]
    if sides in ([1, 2], [1, 0], [0, 2]):
        return {"W_in": first, "W_out": second}
    if sides in ([2, 1], [0, 1], [2, 0]):
        return {"W_in": second, "W_out": first}
    numbers = [[int(n) for n in re.findall(r"\d+", at)] for at in matrices]
    if sides == [0, 0] and numbers[0] != numbers[1]:
        ordered = sorted(matrices, key=lambda at: numbers[matrices.index(at)])
        return {"W_in": ordered[0], "W_out": ordered[1]}
    raise UsageError(
        f"{name} has the matrices {first} and {second}, and their names do not say which comes "
        f"first; give --names W_in={first},W_out={second} or the reverse"
    )


def _side(name: str) -> int:
    """1 where a name speaks of the first layer, 2 of the last, 0 of neither."""
    words = set(re.split(r"[._/]|(?<=[a-z])(?=[A-Z])", name)) | {name.split(".")[0]}
    words = {word.lower().rstrip("0123456789") for word in words}
    first, last = bool(words & FIRST_WORDS), bool(words & LAST_WORDS)
    return 0 if first == last else 1 if first else 2


def _bias_names(matrix: str) -> set[str]:
    """What the bias beside a matrix of that name is called."""
    stem, dot, last = matrix.rpartition(".")
    pairs = (("weight", "bias"), ("W", "b"), ("w", "b"), ("kernel", "bias"), ("weights", "biases"))
    return {
        stem + dot + re.sub(rf"(?<![a-zA-Z]){ours}(?![a-zA-Z])", theirs, last)
        for ours, theirs in pairs
    } - {matrix}


def _layout(found: Mapping[str, Tensor], names: Mapping[str, str], given: Given, name: str) -> str:
    """How both matrices lie: the only way that fits, or the one that is said.

    Raises:
        FileError: no way fits, or not the one that is said.
        UsageError: several fit, and names do not settle it.
    """
    for role in ("W_in", "W_out"):
        if found[role].ndim != 2 or 0 in found[role].shape:
            raise FileError(
                f"{name}: {_called(role, names[role])} has shape {tuple(found[role].shape)}: "
                "it must be a matrix"
            )
    fitting: list[str] = [layout for layout in LAYOUTS if _fits(found, layout)]
    shapes = ", ".join(f"{_called(r, names[r])} {tuple(v.shape)}" for r, v in found.items())
    if not fitting:
        raise FileError(
            f"{name}: {shapes} fit no network, whichever way the matrices lie; name the four "
            "tensors of one network with --names"
        )
    if given.layout is not None:
        if given.layout not in fitting:
            raise FileError(
                f"{name}: {shapes} do not fit in the layout {given.layout} "
                f"({LAYOUTS[given.layout]}); they do as {' or '.join(fitting)}"
            )
        return given.layout
    likely = [layout for layout in fitting if _is_likely(found, names, layout)]
    for settled in (fitting, likely):
        if len(settled) == 1:
            return settled[0]
    ways = "; ".join(f"{layout}: {LAYOUTS[layout]}" for layout in fitting)
    raise UsageError(
        f"{name}: {shapes} fit in several ways; give --layout (in Python layout=), one of {ways}"
    )


def _is_likely(found: Mapping[str, Tensor], names: Mapping[str, str], layout: str) -> bool:
    """Whether the names speak for a layout that makes the vocabulary larger than the width.

    Square matrices are never settled by their names.
    """
    vocab, width = _turned(found, layout)["W_in"].shape
    weights = all(names[role].split(".")[-1] == "weight" for role in ("W_in", "W_out"))
    if layout == "matmul":
        named = all(re.match(r"[Ww]", names[role].split(".")[-1]) for role in ("W_in", "W_out"))
        said = named and not weights
    else:
        said = weights if layout == "linear" else layout == "embedding"
    return vocab > width and bool(said)


def _fits(found: Mapping[str, Tensor], layout: str) -> bool:
    turned = _turned(found, layout)
    vocab, width = turned["W_in"].shape
    wanted = {"W_out": (width, vocab), "b_in": (width,), "b_out": (vocab,)}
    return all(
        tuple(turned.get(role, found[role]).shape) == shape
        for role, shape in wanted.items()
        if role in found
    )


def _turned(found: Mapping[str, Tensor], layout: str) -> dict[str, Tensor]:
    """Both matrices as ReluNet has them, from how they lie."""
    W_in, W_out = found["W_in"], found["W_out"]
    return {
        "W_in": W_in.T if layout in ("linear", "tied") else W_in,
        "W_out": W_out.T if layout in ("linear", "embedding") else W_out,
    }


def check_values(tensors: Mapping[str, Tensor], names: Mapping[str, str], name: str) -> None:
    """Refuse tensors that are no finite numbers of a known precision.

    Raises:
        FileError: one is not.
    """
    for role, value in tensors.items():
        called = f"{name}: {_called(role, names.get(role, role))}"
        if precision_of(value) not in PRECISIONS:
            raise FileError(
                f"{called} is {precision_of(value)}: weights are {', '.join(PRECISIONS)}; "
                "convert it"
            )
        if not bool(torch.isfinite(value).all()):
            raise FileError(f"{called} holds NaN or infinity; train again or restore it")


def _called(role: str, name: str) -> str:
    return role if role == name else f"{role}={name}"
