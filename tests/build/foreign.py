"""Networks of other origins: the same weights in every format, and what their source answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from relubloom.network.relu_net import ReluNet

TWO = ("0.weight", "0.bias", "2.weight", "2.bias")
OURS = ("W_in", "b_in", "W_out", "b_out")


@dataclass(frozen=True)
class Weights:
    """W_in [vocab, width], W_out [width, vocab], biases, and what inputs are multiplied by."""

    tensors: dict[str, Tensor]
    scale: float = 1.0
    linear: bool = False

    def logits(self, sets: Tensor) -> Tensor:
        """What the source answers: by its definition, in float64, on rows of indicators."""
        W_in, b_in, W_out, b_out = (self.tensors[role].double() for role in OURS)
        pre = self.scale * one_hot(sets, len(W_in)) @ W_in + b_in
        return (pre if self.linear else pre.clamp(min=0)) @ W_out + b_out


def one_hot(sets: Tensor, vocab: int) -> Tensor:
    return nn.functional.one_hot(sets, vocab).sum(1).double()


def weights(
    vocab: int = 12,
    width: int = 5,
    *,
    biases: str = "both",
    dtype: torch.dtype = torch.float32,
    reverse: bool = False,
    scale: float = 1.0,
    linear: bool = False,
    tied: bool = False,
) -> Weights:
    """A noisy Bloom filter; `reverse` has units that are on where the union has the bit."""
    draw = torch.Generator().manual_seed(7)
    sign = 1.0 if reverse else -1.0
    bits = (torch.rand(vocab, width, generator=draw) < 0.4).double()
    W_in = sign * bits + 0.1 * torch.randn(vocab, width, generator=draw, dtype=torch.float64)
    W_out = sign * 4 * bits.T + 0.1 * torch.randn(width, vocab, generator=draw, dtype=torch.float64)
    b_in = (0.0 if reverse else 1.0) + 0.1 * torch.randn(width, generator=draw, dtype=torch.float64)
    b_out = 0.1 * torch.randn(vocab, generator=draw, dtype=torch.float64)
    if tied:
        W_out = W_in.T
    if biases in ("none", "out"):
        b_in = torch.zeros(width, dtype=torch.float64)
    if biases in ("none", "in"):
        b_out = torch.zeros(vocab, dtype=torch.float64)
    found = zip(OURS, (W_in, b_in, W_out, b_out), strict=True)
    return Weights({role: value.to(dtype) for role, value in found}, scale, linear)


def named(
    source: Weights, names: tuple[str | None, ...], layout: str = "linear"
) -> dict[str, Tensor]:
    """The tensors as a file has them: by those names (None leaves one out), lying so."""
    turned = dict(source.tensors)
    if layout in ("linear", "tied"):
        turned["W_in"] = turned["W_in"].T
    if layout in ("linear", "embedding"):
        turned["W_out"] = turned["W_out"].T
    pairs = zip(OURS, names, strict=True)
    return {name: turned[role].contiguous() for role, name in pairs if name is not None}


Write = Callable[[Path, dict[str, Tensor]], Path]


def torch_file(suffix: str = ".pt", nest: str | None = None, prefix: str = "") -> Write:
    def write(at: Path, tensors: dict[str, Tensor]) -> Path:
        state: Any = {prefix + name: value for name, value in tensors.items()}
        torch.save({"epoch": 3, nest: state} if nest else state, at / f"model{suffix}")
        return at / f"model{suffix}"

    return write


def safetensors_file(at: Path, tensors: dict[str, Tensor]) -> Path:
    save_file(tensors, at / "weights.safetensors")
    return at / "weights.safetensors"


def npz_file(at: Path, tensors: dict[str, Tensor]) -> Path:
    np.savez(at / "weights.npz", **{name: value.numpy() for name, value in tensors.items()})
    return at / "weights.npz"


def hugging_face(config: dict[str, Any], *, pickled: bool = False) -> Write:
    def write(at: Path, tensors: dict[str, Tensor]) -> Path:
        folder = at / "hub"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        if pickled:
            torch.save(tensors, folder / "pytorch_model.bin")
        else:
            whole = {name: value.contiguous() for name, value in tensors.items()}
            save_file(whole, folder / "model.safetensors")
        return folder

    return write


def run_folder(at: Path, tensors: dict[str, Tensor]) -> Path:
    ReluNet(**tensors).save_pretrained(at / "run")
    return at / "run"


def onnx_file(
    at: Path, nodes: list[Any], tensors: dict[str, Tensor], vocab: int = 12, kind: int = 1
) -> Path:
    """A graph from `x` to `y`; `tensors` are its initialisers."""
    from onnx import helper, numpy_helper, save

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", kind, ["n", vocab])],
        [value("y", kind, ["n", vocab])],
        [numpy_helper.from_array(each.numpy(), name) for name, each in tensors.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), at / "model.onnx")
    return at / "model.onnx"


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs.split(), [output], **attributes)


def gemm(softmax: str | None = None, scaled: float | None = None) -> Write:
    """Gemm, Relu, Gemm, as torch.onnx exports nn.Linear; perhaps between a Mul and a softmax."""

    def write(at: Path, tensors: dict[str, Tensor]) -> Path:
        start, end = ("s" if scaled else "x"), ("z" if softmax else "y")
        nodes = [
            node("Gemm", f"{start} 0.weight 0.bias", "h", transB=1),
            node("Relu", "h", "r"),
            node("Gemm", "r 2.weight 2.bias", end, transB=1),
        ]
        if scaled:
            nodes.insert(0, node("Mul", "x scale", "s"))
            tensors = tensors | {"scale": torch.tensor(scaled)}
        if softmax:
            nodes.append(node(softmax, "z", "y", axis=-1))
        return onnx_file(at, nodes, tensors)

    return write


def matmul(*, transpose: bool = False) -> Write:
    """MatMul, Add where there is a bias, Relu, MatMul, Add; a Transpose of constants perhaps."""

    def write(at: Path, tensors: dict[str, Tensor]) -> Path:
        nodes: list[Any] = []
        at_value = "x"

        def follow(kind: str, inputs: str) -> None:
            nonlocal at_value
            nodes.append(node(kind, inputs, f"{kind}{len(nodes)}"))
            at_value = f"{kind}{len(nodes) - 1}"

        for matrix, bias in (("W_in", "b_in"), ("W_out", "b_out")):
            used = matrix
            if transpose:
                nodes.append(node("Transpose", matrix, f"{matrix}.T", perm=[1, 0]))
                used = f"{matrix}.T"
            follow("MatMul", f"{at_value} {used}")
            if bias in tensors:
                follow("Add", f"{bias} {at_value}")
            if matrix == "W_in":
                follow("Relu", at_value)
        nodes.append(node("Identity", at_value, "y"))
        return onnx_file(at, nodes, tensors)

    return write


def sequential(*between: nn.Module, dtype: torch.dtype = torch.float32, after: Any = ()) -> Any:
    """A function from weights to an nn.Sequential of two nn.Linear with modules between."""

    def build(tensors: dict[str, Tensor]) -> nn.Module:
        vocab, width = tensors["W_in"].shape
        layers = nn.Linear(vocab, width, dtype=dtype), nn.Linear(width, vocab, dtype=dtype)
        state = {"weight": tensors["W_in"].T, "bias": tensors["b_in"]}
        layers[0].load_state_dict(state)
        layers[1].load_state_dict({"weight": tensors["W_out"].T, "bias": tensors["b_out"]})
        return nn.Sequential(layers[0], *(between or (nn.ReLU(),)), layers[1], *after)

    return build


class Bag(nn.Module):
    """EmbeddingBag of the ids, ReLU, Linear, as a network of sets is written in PyTorch."""

    def __init__(self, tensors: dict[str, Tensor], mode: str = "sum") -> None:
        super().__init__()
        vocab, width = tensors["W_in"].shape
        self.embedding = nn.EmbeddingBag(vocab, width, mode=mode)
        self.out = nn.Linear(width, vocab)
        self.embedding.load_state_dict({"weight": tensors["W_in"]})
        self.out.load_state_dict({"weight": tensors["W_out"].T, "bias": tensors["b_out"]})

    def forward(self, sets: Tensor) -> Tensor:
        return self.out(self.embedding(sets).relu())


class Lens(nn.Module):
    """Parameters named and multiplied as in TransformerLens; what happens between is given."""

    def __init__(
        self, tensors: dict[str, Tensor], act: Callable[[Tensor], Tensor] = torch.relu
    ) -> None:
        super().__init__()
        for name, value in tensors.items():
            setattr(self, name, nn.Parameter(value))
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x @ self.W_in + self.b_in) @ self.W_out + self.b_out


@dataclass(frozen=True)
class Variant:
    """A row of the matrix: a network, how it is written, and what is said of it on import."""

    format: str
    biases: str
    precision: str
    layout: str
    scale: str
    polarity: str
    source: Weights
    make: Callable[[Path, Weights], Any]  # a path, or a module
    given: dict[str, Any] = field(default_factory=dict)
    set_size: int = 3

    @property
    def cells(self) -> tuple[str, ...]:
        return self.format, self.biases, self.precision, self.layout, self.scale, self.polarity


def variant(
    format: str,
    write: Any,
    names: tuple[str | None, ...] = TWO,
    *,
    layout: str = "linear",
    precision: str = "float32",
    scale: str = "1",
    factor: float = 1.0,
    mixed: str | None = None,
    module: bool = False,
    given: dict[str, Any] | None = None,
    linear: bool = False,
    **how: Any,
) -> Variant:
    source = weights(dtype=getattr(torch, precision), scale=factor, linear=linear, **how)
    if mixed is not None:
        source.tensors["W_in"] = source.tensors["W_in"].to(getattr(torch, mixed))

    def make(at: Path, source: Weights) -> Any:
        return write(source.tensors) if module else write(at, named(source, names, layout))

    return Variant(
        format,
        how.get("biases", "both"),
        precision + (f" and {mixed}" if mixed else ""),
        layout if how.get("vocab", 12) != how.get("width", 5) else f"{layout}, square",
        scale,
        "no ReLU" if linear else "reverse" if how.get("reverse") else "usual",
        source,
        make,
        {"activation": "relu"} if given is None else given,
    )


NO_BIAS = ("fc1.weight", None, "fc2.weight", None)
SQUARE = {"vocab": 6, "width": 6}
SAYS = {"given": {}}  # the source says its activation
RELU = {"hidden_act": "relu"}

MATRIX = (
    variant("state dict, .pt", torch_file()),
    variant("state dict, .pth", torch_file(".pth"), NO_BIAS, biases="none"),
    variant("nested checkpoint, .ckpt", torch_file(".ckpt", "state_dict", "module.")),
    variant("state dict, .bin", torch_file(".bin"), precision="float16"),
    variant("state dict, .pt", torch_file(), precision="bfloat16", reverse=True),
    variant("state dict, .pt", torch_file(), precision="float64"),
    variant(
        "state dict, .pt", torch_file(), given={"activation": "relu", "layout": "linear"}, **SQUARE
    ),
    variant(
        "nn.Embedding and nn.Linear, .pt",
        torch_file(),
        ("emb.weight", None, "out.weight", "out.bias"),
        layout="embedding",
        biases="out",
    ),
    variant(
        "one tied matrix, .pt",
        torch_file(),
        ("W", "b", None, None),
        layout="tied",
        biases="in",
        tied=True,
        given={
            "activation": "relu",
            "layout": "tied",
            "names": {"W_in": "W", "W_out": "W", "b_in": "b"},
        },
    ),
    variant("no ReLU, .pt", torch_file(), linear=True, given={"activation": "none", "set_size": 3}),
    variant("safetensors", safetensors_file, OURS, layout="matmul"),
    variant("safetensors", safetensors_file, precision="bfloat16", reverse=True),
    variant("safetensors", safetensors_file, mixed="float16"),
    variant(
        "safetensors",
        safetensors_file,
        ("up.weight", None, "down.weight", "down.bias"),
        biases="out",
    ),
    variant("npz", npz_file, ("w1", "b1", "w2", "b2"), layout="matmul", precision="float64"),
    variant(
        "npz",
        npz_file,
        ("p", "q", "r", "s"),
        reverse=True,
        given={
            "activation": "relu",
            "names": {"W_in": "p", "b_in": "q", "W_out": "r", "b_out": "s"},
        },
    ),
    variant(
        "npz",
        npz_file,
        OURS,
        layout="matmul",
        precision="float16",
        scale="0.25",
        factor=0.25,
        given={"activation": "relu", "input_scale": 0.25},
    ),
    variant(
        "npz",
        npz_file,
        OURS,
        layout="matmul",
        scale="mean",
        factor=1 / 3,
        given={"activation": "relu", "input_scale": "mean", "set_size": 3},
    ),
    variant(
        "npz",
        npz_file,
        OURS,
        layout="matmul",
        scale="l2",
        factor=3**-0.5,
        precision="float64",
        given={"activation": "relu", "input_scale": "l2", "set_size": 3},
    ),
    variant(
        "npz",
        npz_file,
        OURS,
        layout="matmul",
        given={"activation": "relu", "layout": "matmul"},
        **SQUARE,
    ),
    variant("ONNX, Gemm", gemm(), **SAYS),
    variant("ONNX, Gemm and Softmax", gemm("Softmax"), reverse=True, **SAYS),
    variant("ONNX, Mul before", gemm(scaled=0.5), scale="0.5", factor=0.5, **SAYS),
    variant("ONNX, MatMul and Add", matmul(), OURS, layout="matmul", **SAYS),
    variant(
        "ONNX, MatMul alone",
        matmul(),
        ("W_in", None, "W_out", None),
        layout="matmul",
        biases="none",
        **SAYS,
    ),
    variant("ONNX, Transpose", matmul(transpose=True), OURS, **SAYS),
    variant("Hugging Face, safetensors", hugging_face(RELU), **SAYS),
    variant(
        "Hugging Face, .bin",
        hugging_face({"activation": "ReLU"}, pickled=True),
        reverse=True,
        **SAYS,
    ),
    variant("run folder", run_folder, OURS, layout="matmul", **SAYS),
    variant("nn.Sequential", sequential(nn.ReLU(), nn.Dropout(0.5)), module=True, **SAYS),
    variant(
        "nn.Sequential", sequential(dtype=torch.float16), module=True, precision="float16", **SAYS
    ),
    variant("module with EmbeddingBag", Bag, module=True, layout="embedding", biases="out", **SAYS),
    variant("module with W_in, W_out", Lens, module=True, layout="matmul", reverse=True, **SAYS),
)


def matrix_table() -> str:
    """The matrix as a table of Markdown."""
    head = ("format", "biases", "precision", "layout", "input scale", "polarity")
    rows = [head, ("---",) * len(head), *(each.cells for each in MATRIX)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
