"""ONNX graphs: a chain of two matrix products with a ReLU between, and what may stand around it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relubloom import reading
from relubloom.errors import FileError, UsageError, first_line
from relubloom.network.imports.source import Placed, Source

PASSED_OVER = ("Identity", "Dropout", "Flatten", "Cast", "Softmax", "LogSoftmax")
Array = NDArray[Any]


@dataclass
class _Chain:
    """What was met on the way from the graph's input to its output."""

    name: str
    tensors: dict[str, Array] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    scale: float = 1.0
    activation: str | None = None
    ended: bool = False

    def refuse(self, what: str) -> FileError:
        return FileError(
            f"{self.name} has {what}: a network here is two linear layers (Gemm, or MatMul and "
            "Add) with a Relu between, and at most a softmax after; export that part alone"
        )


def read_onnx(path: Path) -> Source:
    """The network of an ONNX graph.

    Raises:
        UsageError: the extra is not installed.
        FileError: the file is damaged, or the graph computes something else; its operation is
            named.
    """
    try:
        onnx: Any = importlib.import_module("onnx")
    except ImportError:
        raise UsageError(
            f"{path} is ONNX, which needs the extra `onnx`; run pip install 'relubloom[onnx]'"
        ) from None
    reading.check(path, reading.ARRAYS)
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001 - protobuf's and the checker's have no common base
        said = first_line(error)
        raise FileError(f"{path} is no whole ONNX file ({said}); export it again") from None
    chain = _followed(model.graph, onnx.numpy_helper.to_array, str(path))
    tensors = {role: _tensor(value) for role, value in chain.tensors.items()}
    placed = Placed(tensors, chain.names, "graph")
    activation = chain.activation or "none"
    run = _runner(model, path)
    return Source("onnx", {}, placed, activation, chain.scale, run=run)


def _followed(graph: Any, to_array: Callable[[Any], Array], name: str) -> _Chain:
    """Follow the graph's nodes, which stand in order, from its input."""
    constants: dict[str, Array] = {each.name: to_array(each) for each in graph.initializer}
    inputs = [each.name for each in graph.input if each.name not in constants]
    chain = _Chain(name)
    if len(inputs) != 1 or len(graph.output) != 1:
        raise chain.refuse(f"{len(inputs)} inputs and {len(graph.output)} outputs")
    at = inputs[0]
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = to_array(node.attribute[0].t)
            continue
        known = [value for value in node.input if value in constants]
        if known and len(known) == len([value for value in node.input if value]):
            constants[node.output[0]] = _folded(node, constants, chain)
            continue
        if [value for value in node.input if value and value not in constants] != [at]:
            raise chain.refuse(f"a branch at {node.op_type} ({node.output[0]}), as a residual has")
        _step(node, at, constants, chain)
        at = node.output[0]
    if at != graph.output[0].name or not {"W_in", "W_out"} <= chain.tensors.keys():
        raise chain.refuse(f"{len(chain.tensors.keys() & {'W_in', 'W_out'})} linear layers")
    return chain


def _folded(node: Any, constants: dict[str, Array], chain: _Chain) -> Array:
    """What a node makes of constants alone."""
    value = constants[node.input[0]]
    if node.op_type == "Identity":
        return value
    if node.op_type == "Transpose":
        return value.transpose(_attributes(node).get("perm"))
    if node.op_type == "Cast":
        onnx: Any = importlib.import_module("onnx")
        return value.astype(onnx.helper.tensor_dtype_to_np_dtype(_attributes(node)["to"]))
    raise chain.refuse(f"{node.op_type} of constants")


def _step(node: Any, at: str, constants: dict[str, Array], chain: _Chain) -> None:
    """Take one node into the chain.

    Raises:
        FileError: it has no place there.
    """
    kind = node.op_type
    started, half = "W_in" in chain.tensors, "W_out" not in chain.tensors
    if chain.ended:
        raise chain.refuse(f"{kind} after its softmax")
    if kind in PASSED_OVER:
        chain.ended = kind in ("Softmax", "LogSoftmax")
        _check_passed(node, chain)
    elif kind == "Relu":
        if not started or not half or chain.activation is not None:
            raise chain.refuse("a Relu that is not between its two layers")
        chain.activation = "relu"
    elif kind in ("Gemm", "MatMul"):
        if not half:
            raise chain.refuse(f"a third linear layer ({kind})")
        role = "W_out" if started else "W_in"
        bias = "b_out" if started else "b_in"
        _product(node, at, constants, chain, role, bias)
    elif kind == "Add" and started:
        role = "b_in" if half else "b_out"
        name = next(value for value in node.input if value != at)
        if role in chain.tensors or (half and chain.activation):
            raise chain.refuse(f"an Add ({name}) that is no layer's bias")
        chain.tensors[role] = constants[name].reshape(-1)
        chain.names[role] = name
    elif kind in ("Mul", "Div") and not started:
        chain.scale *= _factor(node, at, constants, chain)
    else:
        raise chain.refuse(kind)


def _check_passed(node: Any, chain: _Chain) -> None:
    attributes = _attributes(node)
    axis = attributes.get("axis", -1 if node.op_type != "Flatten" else 1)
    if node.op_type in ("Softmax", "LogSoftmax", "Flatten") and axis not in (1, -1):
        raise chain.refuse(f"{node.op_type} along axis {axis}")
    if node.op_type == "Cast" and attributes.get("to") not in (1, 10, 11, 16):
        raise chain.refuse("a Cast to no floating-point type")


def _product(
    node: Any, at: str, constants: dict[str, Array], chain: _Chain, role: str, bias: str
) -> None:
    attributes = _attributes(node)
    if node.input[0] != at:
        raise chain.refuse(f"{node.op_type} from the left (W @ x)")
    if attributes.get("transA", 0):
        raise chain.refuse("a Gemm with transA")
    matrix = constants[node.input[1]]
    if matrix.ndim != 2:
        raise chain.refuse(f"{node.op_type} with a tensor of shape {matrix.shape}")
    if node.op_type == "Gemm":
        matrix = matrix.T if attributes.get("transB", 0) else matrix
        matrix = _times(matrix, attributes.get("alpha", 1.0))
        if len(node.input) > 2 and node.input[2]:
            values = _times(constants[node.input[2]], attributes.get("beta", 1.0))
            chain.tensors[bias] = values.reshape(-1)
            chain.names[bias] = node.input[2]
    chain.tensors[role] = matrix
    chain.names[role] = node.input[1]


def _times(value: Array, factor: float) -> Array:
    return value if factor == 1.0 else value * value.dtype.type(factor)


def _factor(node: Any, at: str, constants: dict[str, Array], chain: _Chain) -> float:
    """What a node multiplies the input by."""
    name = next(value for value in node.input if value != at)
    value = constants[name]
    if value.size != 1 or (node.op_type == "Div" and node.input[0] != at):
        raise chain.refuse(f"{node.op_type} of its input by more than one number")
    number = float(value.reshape(-1)[0])
    return number if node.op_type == "Mul" else 1 / number


def _attributes(node: Any) -> dict[str, Any]:
    onnx: Any = importlib.import_module("onnx")
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _tensor(value: Array) -> Tensor:
    """The array as a tensor; NumPy has no bfloat16 of its own, and float32 holds it."""
    if value.dtype.name == "bfloat16":
        return torch.from_numpy(value.astype(np.float32)).bfloat16()
    return torch.from_numpy(np.ascontiguousarray(value).copy())


def _runner(model: Any, path: Path) -> Callable[[Tensor], Tensor]:
    """The graph run by ONNX's reference, on indicator rows."""
    onnx: Any = importlib.import_module("onnx")
    reference: Any = importlib.import_module("onnx.reference")
    given = next(
        each
        for each in model.graph.input
        if each.name not in {value.name for value in model.graph.initializer}
    )
    dtype = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)

    def run(rows: Tensor) -> Tensor:
        try:
            evaluator = reference.ReferenceEvaluator(model)
            (answer,) = evaluator.run(None, {given.name: rows.numpy().astype(dtype)})
        except Exception as error:  # noqa: BLE001 - the reference raises whatever NumPy does
            raise FileError(
                f"{path} cannot be run on rows of {rows.shape[1]} tokens ({first_line(error)}); "
                "export it anew"
            ) from None
        return _tensor(answer)

    return run
