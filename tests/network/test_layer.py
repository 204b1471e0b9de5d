"""Layers found in modules of several kinds, and those that are refused, each in one line."""

import pytest
import torch
from torch import Tensor, nn

from build.layers import HookedMlp, Wrapped, relu_layer
from relubloom.errors import UsageError
from relubloom.network.layer import find_layer

INPUTS, WIDTH = 6, 4


def dense(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return module(x).double()


@pytest.mark.parametrize(
    "made",
    [
        relu_layer(INPUTS, WIDTH),
        relu_layer(INPUTS, WIDTH, bias=False),
        relu_layer(INPUTS, WIDTH).double(),
        HookedMlp(INPUTS, WIDTH, torch.relu),
        Wrapped(relu_layer(INPUTS, WIDTH)),
        relu_layer(INPUTS, WIDTH).train(),
    ],
    ids=["sequential", "no biases", "float64", "TransformerLens", "nnsight", "in training"],
)
def test_a_layer_computes_what_its_module_does(made: nn.Module | Wrapped) -> None:
    layer = find_layer(made)
    x = torch.randn(1, 5, INPUTS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    post = (x @ layer.W_in + layer.b_in).relu()
    module = made._module if isinstance(made, Wrapped) else made
    expected = dense(module, x.to(next(module.parameters()).dtype))
    torch.testing.assert_close(post @ layer.W_out + layer.b_out, expected, rtol=1e-5, atol=1e-5)


def test_looking_leaves_no_hook_and_no_mode_behind() -> None:
    module = relu_layer(INPUTS, WIDTH).train()
    find_layer(module)
    assert module.training and not module[0]._forward_hooks and not module[2]._forward_pre_hooks


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (relu_layer(INPUTS, WIDTH, nn.GELU()), "the layer turns .* into .*: only a ReLU between"),
        (relu_layer(INPUTS, WIDTH, nn.LeakyReLU()), "only a ReLU between the two linear maps"),
        (relu_layer(INPUTS, WIDTH, nn.Identity()), "only a ReLU between the two linear maps"),
        (HookedMlp(INPUTS, WIDTH, torch.sigmoid), "only a ReLU between the two linear maps"),
        (
            nn.Sequential(nn.LayerNorm(INPUTS), *relu_layer(INPUTS, WIDTH)),
            "Sequential does something to its inputs before the first linear map: give the pair",
        ),
        (
            nn.Sequential(*relu_layer(INPUTS, WIDTH), nn.LayerNorm(INPUTS)),
            "Sequential does something to the outputs of its readout: give the pair",
        ),
        (nn.Sequential(nn.Linear(3, 3)), r"Sequential has 1 linear maps \(0\): a layer has two"),
        (
            nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(3, 5)),
            r"the layer's maps are \(6, 4\) and \(3, 5\) \(inputs, outputs\): the second must take",
        ),
        ("mlp", r"the layer is 'mlp' \(str\): give a module with two linear maps"),
        ((nn.Linear(2, 2), nn.ReLU()), r"the layer is \(a Linear, a ReLU\): give two nn.Linear"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_is_no_layer_is_refused(module: object, text: str) -> None:
    with pytest.raises(UsageError, match=text) as refused:
        find_layer(module)
    assert "\n" not in str(refused.value)


def test_a_hook_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(
        UsageError, match=r"hook is 'mlp\.act': Sequential has no such module; it has"
    ):
        find_layer(relu_layer(INPUTS, WIDTH), "mlp.act")
