"""Every format and variant of docs/own-network.md comes in with the logits of its source."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from build.foreign import (
    MATRIX,
    OURS,
    TWO,
    Bag,
    Lens,
    Variant,
    matrix_table,
    named,
    node,
    npz_file,
    onnx_file,
    weights,
)
from build.process import DATA
from relubloom.errors import FileError, RelubloomError, UsageError
from relubloom.network.imports.bringing import import_file, import_module
from relubloom.network.imports.source import Given
from relubloom.network.relu_net import ReluNet

DOCS = DATA.parents[1] / "docs" / "own-network.md"
EXACT = {"float64": 1e-13}  # what rounding leaves of a logit


def sets_of(vocab: int, size: int) -> Tensor:
    return torch.tensor(list(itertools.combinations(range(vocab), size)))


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "; ".join(row.cells))
def test_logits_are_those_of_the_source(tmp_path: Path, row: Variant) -> None:
    made = row.make(tmp_path, row.source)
    read = ReluNet.from_file if isinstance(made, Path) else ReluNet.from_module
    net = read(made, **row.given)
    sets = sets_of(net.vocab_size, row.set_size)
    found, wanted = net.double()(sets), row.source.logits(sets)
    near = EXACT.get(row.precision, 1e-6)
    torch.testing.assert_close(found, wanted, rtol=near, atol=8 * near)


def test_the_page_shows_the_matrix() -> None:
    assert matrix_table() in DOCS.read_text(encoding="utf-8")
    assert len(MATRIX) >= 20


PLAIN, SQUARE = weights(), weights(6, 6)


def test_a_module_goes_out_and_comes_in_with_equal_logits() -> None:
    net = ReluNet(**PLAIN.tensors)
    module = net.to_module()
    sets = sets_of(12, 3)
    rows = nn.functional.one_hot(sets, 12).sum(1).float()
    torch.testing.assert_close(module(rows), net(sets))
    again = ReluNet.from_module(module)
    state = ReluNet.from_state_dict(module.state_dict(), activation="relu")
    for role in OURS:
        assert torch.equal(getattr(again, role), getattr(net, role))
        assert torch.equal(getattr(state, role), getattr(net, role))
    module[0].weight.data.zero_()  # a copy
    assert bool(net.W_in.any())


def test_a_module_is_as_it_was_after_it_was_run() -> None:
    module = nn.Sequential(*net_layers(), nn.Dropout(0.5)).train()
    module[0].eval()
    found = import_module(module, Given())
    assert found.record.verified
    assert (module.training, module[0].training, module[3].training) == (True, False, True)
    assert all(parameter.grad is None for parameter in module.parameters())


def net_layers(source: dict[str, Tensor] = PLAIN.tensors) -> list[nn.Module]:
    return list(ReluNet(**source).to_module())


class Wrapped(nn.Module):
    """Two layers, defined in the order given, and what `forward` makes of them."""

    def __init__(self, forward: object, *, reverse: bool = False) -> None:
        super().__init__()
        first, _, second = net_layers()
        for name, layer in (
            (("b", second), ("a", first)) if reverse else (("a", first), ("b", second))
        ):
            setattr(self, name, layer)
        self.steps = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(self, x)


def test_layers_defined_in_the_other_order_are_told_by_running() -> None:
    found = import_module(Wrapped(lambda m, x: m.b(m.a(x).relu()), reverse=True), Given())
    assert found.record.names == {
        "W_in": "a.weight", "b_in": "a.bias", "W_out": "b.weight", "b_out": "b.bias",
    }  # fmt: skip
    square = nn.Sequential(*net_layers(SQUARE.tensors))
    assert import_module(square, Given()).record.names["W_in"] == "0.weight"


def silu(module: Wrapped, x: Tensor) -> Tensor:
    return module.b(nn.functional.silu(module.a(x)))


def mean_fed(module: Wrapped, x: Tensor) -> Tensor:
    return module.b(module.a(x / x.sum(1, keepdim=True).clamp(min=1)).relu())


WRONG_MODULES = {
    "GELU": (nn.Sequential(nn.Linear(9, 4), nn.GELU(), nn.Linear(4, 9)), "has a GELU"),
    "LeakyReLU": (nn.Sequential(nn.Linear(9, 4), nn.LeakyReLU(), nn.Linear(4, 9)), "a LeakyReLU"),
    "LayerNorm": (
        nn.Sequential(nn.Linear(9, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 9)),
        "has a LayerNorm",
    ),
    "Conv1d": (nn.Sequential(nn.Conv1d(9, 4, 1), nn.ReLU(), nn.Linear(4, 9)), "has a Conv1d"),
    "three layers": (
        nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 9)),
        "has 3 linear layers",
    ),
    "one layer": (nn.Sequential(nn.Linear(9, 9), nn.ReLU()), "has 1 linear layers"),
    "two ReLUs": (
        nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 9), nn.ReLU()),
        "has 2 ReLUs",
    ),
    "other outputs": (
        nn.Sequential(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 7)),
        "9 -> 4 and 4 -> 7",
    ),
    "linear of no size": (nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 9)), "give set_size=k"),
    "ReLU at the end": (
        nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 9), nn.ReLU()),
        "the logits differ by",
    ),
    "SiLU in forward": (Wrapped(silu), "a network with SiLU between its layers"),
    "a residual": (Wrapped(lambda m, x: x + m.b(m.a(x).relu())), "besides its two layers"),
    "no ReLU in forward": (Wrapped(lambda m, x: m.b(m.a(x))), "it is linear: give activation none"),
    "inputs divided": (Wrapped(mean_fed), "give input_scale mean"),
    "it cannot be run": (Wrapped(lambda m, x: m.gone(x)), "cannot be run on sets"),
    "EmbeddingBag, mean": (Bag(PLAIN.tensors, "mean"), "divides its inputs by k (mean)"),
    "EmbeddingBag, max": (Bag(PLAIN.tensors, "max"), "an EmbeddingBag with mode 'max'"),
    "GELU by parameters": (Lens(PLAIN.tensors, nn.functional.gelu), "GELU between its layers"),
    "NaN": (Lens(PLAIN.tensors | {"b_in": torch.full((5,), torch.nan)}), "b_in holds NaN"),
}


@pytest.mark.parametrize(("module", "text"), WRONG_MODULES.values(), ids=WRONG_MODULES)
def test_a_module_that_computes_something_else_is_refused(module: nn.Module, text: str) -> None:
    with pytest.raises(RelubloomError) as caught:
        ReluNet.from_module(module)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "given", "holds"),
    [
        (Wrapped(mean_fed), Given(input_scale="mean", set_size=3), (3, 3)),
        (Bag(PLAIN.tensors | {"b_in": torch.zeros(5)}, "mean"), Given(set_size=2), (2, 2)),
        (Wrapped(lambda m, x: m.b(m.a(x))), Given(activation="none", set_size=(2, 4)), (0, 4)),
    ],
)
def test_what_a_module_needs_said(module: nn.Module, given: Given, holds: tuple[int, int]) -> None:
    record = import_module(module, given).record
    assert (record.verified, record.holds_for) == (True, holds)


def test_a_certified_bound_is_kept_by_a_single_wrong_weight(tmp_path: Path) -> None:
    """A weight that is wrong by 1e-4 is far from what rounding explains."""
    sets = sets_of(12, 3)
    np.savez(
        tmp_path / "check.npz", inputs=sets.numpy(), outputs=PLAIN.logits(sets).float().numpy()
    )
    path = npz_file(tmp_path, named(PLAIN, OURS, "matmul"))
    assert import_file(path, Given(activation="relu"), tmp_path / "check.npz").record.verified
    wrong = PLAIN.tensors["W_out"].clone()
    wrong[2, 3] += 1e-4
    npz_file(tmp_path, PLAIN.tensors | {"W_out": wrong})
    with pytest.raises(FileError, match="the logits differ by"):
        import_file(path, Given(activation="relu"), tmp_path / "check.npz")


def test_a_state_dict_of_arrays_comes_in() -> None:
    state = {
        at: value.numpy() for at, value in ReluNet(**PLAIN.tensors).to_module().state_dict().items()
    }
    net = ReluNet.from_state_dict(state, activation="relu")
    assert all(torch.equal(getattr(net, role), PLAIN.tensors[role]) for role in OURS)


def test_one_unit_is_a_network_and_none_is_not() -> None:
    for width in (1, 0):
        tensors = weights(width=width).tensors
        if width:
            net = ReluNet.from_state_dict(tensors, activation="relu")
            assert all(torch.equal(getattr(net, role), tensors[role]) for role in OURS)
        else:
            with pytest.raises(FileError, match=r"has shape \(12, 0\): it must be a matrix"):
                ReluNet.from_state_dict(tensors, activation="relu")


def test_nodes_that_pass_everything_on_need_no_axis(tmp_path: Path) -> None:
    nodes = [
        node("Flatten", "x", "f"),
        node("Gemm", "f 0.weight 0.bias", "h", transB=1),
        node("Relu", "h", "r"),
        node("Gemm", "r 2.weight 2.bias", "z", transB=1),
        node("Softmax", "z", "y"),
    ]
    net = ReluNet.from_file(onnx_file(tmp_path, nodes, named(PLAIN, TWO)))
    assert all(torch.equal(getattr(net, role), PLAIN.tensors[role]) for role in OURS)


def test_what_rounding_explains_grows_with_the_logits() -> None:
    large = Lens(PLAIN.tensors | {at: 1024 * PLAIN.tensors[at] for at in ("W_out", "b_out")})
    small, found = (
        import_module(each, Given()).record.check for each in (Lens(PLAIN.tensors), large)
    )
    assert found.tolerance == 1024 * small.tolerance


def test_a_state_dict_of_words_is_refused() -> None:
    with pytest.raises(UsageError, match="of <U1: give numbers"):
        ReluNet.from_state_dict({"fc1.weight": np.array(["a"])}, activation="relu")


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda m, x: (m.b(torch.relu(m.a(x))), x), "(it answers a tuple, not a tensor)"),
        (
            lambda m, x: m.b(torch.relu(m.a(x / x.sum(1, keepdim=True)))),
            "on the set []; where it divides by k, say input_scale='mean' and set_size=k",
        ),
    ],
)
def test_a_module_that_cannot_be_compared_says_why(forward: Any, text: str) -> None:
    """What rows of 0 and 1 came to is said, not that ids do not fit a Linear."""
    with pytest.raises(FileError, match=re.escape(text)):
        ReluNet.from_module(Wrapped(forward))
