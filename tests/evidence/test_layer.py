"""A planted Bloom filter inside a model: found exactly, by fit and by hook."""

import pytest
import torch
from torch import Tensor

import relubloom as rb
from build.layers import Hosting, Wrapped, relu_layer
from relubloom.errors import UsageError

VOCAB, WIDTH, INPUTS = 32, 24, 48
TASK = rb.KSparseTask(VOCAB, 2)


def planted(mix: float | None = None) -> tuple[Hosting, Tensor, rb.Code]:
    """A filter behind 48 inputs, in which each token has a direction of its own."""
    code = rb.random_constant_weight(VOCAB, WIDTH, 5, seed=1)
    draw = torch.Generator().manual_seed(0)
    square = torch.randn(INPUTS, INPUTS, generator=draw, dtype=torch.float64)
    directions = torch.linalg.qr(square)[0][:VOCAB]
    return Hosting(rb.construct(code, 16.0), directions, mix), directions, code


def test_directions_give_the_filter_that_was_planted() -> None:
    model, directions, code = planted()
    found = rb.examine_layer(model.mlp, TASK, inputs=directions)
    assert found.agreement is None and found.verdict == "bloom"
    assert found.evidence.code == code
    assert found.says == "bloom: exact for inputs that are sums of the tokens' directions"
    # The bare filter's own figures: its exact sets are those without a false positive.
    exact = rb.gather_evidence(rb.construct(code, 16.0), TASK).behaviour.p_exact
    assert found.evidence.behaviour.p_exact == exact


@pytest.mark.parametrize("way", ["fitted", "directions", "by name", "envoy", "activations"])
def test_a_model_that_runs_shows_that_the_reading_is_the_layer(way: str) -> None:
    model, directions, code = planted()
    layer, asked = model.mlp, {"inputs": model}
    if way == "directions":
        asked |= {"directions": directions}
    elif way == "by name":
        layer, asked = model, {"inputs": model, "hook": "mlp.hook_pre"}
    elif way == "envoy":
        layer, asked = Wrapped(model.mlp), {"inputs": model}
    elif way == "activations":
        asked = {"inputs": lambda sets: model.embed(sets).sum(1)}
    found = rb.examine_layer(layer, TASK, **asked)
    assert found.verdict == "bloom" and found.evidence.code == code
    assert found.agreement.units_alike == 1 and found.agreement.relative_error < 1e-5
    assert (found.agreement.fitted_on > 0) == (way != "directions")


def test_another_activation_is_seen_as_the_model_runs() -> None:
    # Of a pair nothing is known before.
    layer = relu_layer(VOCAB, WIDTH, torch.nn.GELU())
    rows = torch.cat([torch.eye(VOCAB), torch.zeros(1, VOCAB)])
    with pytest.raises(UsageError, match="only a ReLU between the two linear maps"):
        rb.examine_layer((layer[0], layer[2]), TASK, inputs=lambda sets: layer(rows[sets].sum(1)))


def test_no_verdict_where_the_inputs_do_not_add_up() -> None:
    model, directions, _ = planted(mix=4.0)
    found = rb.examine_layer(model.mlp, TASK, inputs=model, directions=directions)
    assert found.verdict is None and not found.agreement.reproduces
    assert found.evidence.mechanism.verdict == "bloom"  # of the reading, which is not the layer
    assert found.says.startswith("no verdict: the additive reading is not the layer; ")


def test_base_and_readout_are_folded_in() -> None:
    # x = base + d_s + d_t; a readout that permutes the outputs permutes the tokens that are read.
    model, directions, _ = planted()
    base = torch.linspace(-0.1, 0.1, INPUTS)
    order = torch.arange(VOCAB).flip(0)
    swap = torch.eye(VOCAB)[order]
    net = rb.examine_layer(model.mlp, TASK, inputs=directions, base=base, readout=swap).net
    x = (base + directions[3].float() + directions[7].float())[None, None]
    with torch.no_grad():
        torch.testing.assert_close(net([3, 7])[0], model.mlp(x)[0, 0][order], rtol=1e-3, atol=1e-3)


def test_tokens_may_be_the_layers_own_inputs() -> None:
    layer = relu_layer(VOCAB, WIDTH)
    net = rb.examine_layer(layer, [[0, 1], [2, 3, 4]]).net
    rows = torch.zeros(2, VOCAB)
    rows[0, :2] = rows[1, 2:5] = 1
    torch.testing.assert_close(net([[0, 1], [2, 3, 4]]), layer(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({}, r"48 tokens go into the layer and 32 come out: they must be the same; give inputs"),
        ({"inputs": torch.zeros(VOCAB, 3)}, r"inputs has shape \(32, 3\): .* \[vocab, 48\]; trans"),
        ({"readout": torch.zeros(3, 4)}, r"readout has shape \(3, 4\): .* must be \[32, vocab\]"),
        ({"base": [1.0]}, r"base has shape \(1,\): it must be \(48,\), the layer's inputs"),
        (
            {"inputs": torch.zeros(VOCAB, INPUTS), "directions": torch.zeros(VOCAB, INPUTS)},
            "directions stand beside a function; give one of them",
        ),
        (
            {"inputs": lambda sets: torch.zeros(1, 2)},
            r"the model gave activations of shape \(1, 2\) for \d+ sets: they must be \[batch",
        ),
    ],
)
def test_what_does_not_fit_is_refused(asked: dict, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        rb.examine_layer(planted()[0].mlp, TASK, **asked)


def test_too_few_sets_to_fit_on_are_refused() -> None:
    model = planted()[0]
    with pytest.raises(UsageError, match="there are 2 sets and 32 tokens: to fit a direction"):
        rb.examine_layer(model.mlp, [[0, 1], [2, 3]], inputs=model)
