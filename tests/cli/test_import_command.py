"""`relubloom import` and `examine FILE`: what is understood, what is refused in one line."""

import hashlib
import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from build.foreign import (
    OURS,
    TWO,
    Weights,
    gemm,
    hugging_face,
    named,
    node,
    npz_file,
    one_hot,
    onnx_file,
    safetensors_file,
    torch_file,
    weights,
)
from build.process import Outcome
from relubloom.network.relu_net import ReluNet

Run = Callable[..., Outcome]
PLAIN = weights()
SQUARE = weights(6, 6)
RELU = ("--activation", "relu")


def saved(at: Path, source: Weights = PLAIN) -> Path:
    return torch_file()(at, named(source, TWO))


def state(at: Path, **changes: Any) -> Path:
    """A state dict with tensors added, or taken out by None."""
    found = named(PLAIN, TWO) | {name.replace("__", "."): value for name, value in changes.items()}
    return torch_file()(at, {name: value for name, value in found.items() if value is not None})


def check_file(at: Path, source: Weights, scale: float = 1.0, **changes: Any) -> Path:
    sets = torch.tensor([[0, 1, 2], [2, 4, 5], [1, 3, 5]])
    vocab = len(source.tensors["W_in"])
    found: dict[str, Any] = {
        "inputs": (scale * one_hot(sets, vocab)).numpy(),
        "outputs": source.logits(sets).float().numpy(),
    } | changes
    np.savez(
        at / "check.npz", **{name: value for name, value in found.items() if value is not None}
    )
    return at / "check.npz"


class Marker:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.at / "it-ran"),)


def hostile(at: Path, name: str) -> Path:
    if name.endswith(".npz"):
        np.savez(at / name, W_in=np.array([Marker(at)], dtype=object))
    elif name == "raw.pt":
        (at / name).write_bytes(pickle.dumps(Marker(at)))
    elif name == "hub":
        (at / name).mkdir()
        (at / name / "config.json").write_text('{"hidden_act": "relu"}')
        torch.save({"0.weight": Marker(at)}, at / name / "pytorch_model.bin")
    else:
        torch.save({"0.weight": torch.zeros(5, 12), "extra": Marker(at)}, at / name)
    return at / name


@pytest.mark.parametrize("name", ["model.pt", "raw.pt", "model.ckpt", "arrays.npz", "hub"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    relubloom: Run, tmp_path: Path, name: str
) -> None:
    done = relubloom("import", hostile(tmp_path, name), "--out", tmp_path / "out", *RELU)
    assert done.status == 1
    assert "run code" in done.error or "more than tensors" in done.error
    assert not (tmp_path / "it-ran").exists()
    assert not (tmp_path / "out").exists()


def cut(path: Path, keep: float = 0.6) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    return path


def text(at: Path, name: str, content: bytes = b"not weights") -> Path:
    (at / name).write_bytes(content)
    return at / name


def one_tensor(at: Path) -> Path:
    torch.save(torch.zeros(3), at / "model.pt")
    return at / "model.pt"


def whole_module(at: Path) -> Path:
    torch.save(nn.Sequential(nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 12)), at / "model.pt")
    return at / "model.pt"


def graph(at: Path, *nodes: Any, **tensors: Tensor) -> Path:
    found = {"a": PLAIN.tensors["W_in"], "b": PLAIN.tensors["W_out"], "c": PLAIN.tensors["b_out"]}
    return onnx_file(at, list(nodes), found | tensors)


def activation_graph(kind: str) -> Callable[[Path], Path]:
    return lambda at: graph(
        at, node("MatMul", "x a", "h"), node(kind, "h", "r"), node("MatMul", "r b", "y")
    )


def other_config(**config: Any) -> Callable[[Path], Path]:
    return lambda at: hugging_face(config)(at, named(PLAIN, TWO))


def empty_folder(at: Path) -> Path:
    (at / "hub").mkdir()
    (at / "hub" / "config.json").write_text("{}")
    return at / "hub"


def with_nan() -> Tensor:
    return torch.full((5,), torch.nan)


Case = tuple[Callable[[Path], Path], tuple[Any, ...], int, str]
# fmt: off
REFUSED: dict[str, Case] = {
    # the activation
    "none is said": (saved, (), 2, "model.pt does not say its activation; give --activation relu"),
    "GELU is said": (saved, ("--activation", "gelu"), 2, "activation is 'gelu': relubloom"),
    "config: GELU": (other_config(hidden_act="gelu"), (), 1, "has the activation gelu"),
    "config: SiLU": (other_config(activation="silu"), (), 1, "has the activation silu"),
    "config: gelu_new": (
        other_config(activation_function="gelu_new"), RELU, 1, "has the activation gelu_new",
    ),
    "config: LeakyReLU": (other_config(act_fn="LeakyReLU"), (), 1, "the activation LeakyReLU"),
    "config: relu, said none": (
        other_config(hidden_act="relu"), ("--activation", "none", "-k", 2), 2,
        "says relu: leave it out",
    ),
    "config: nothing": (other_config(hidden_act=None), (), 2, "hub does not say its activation"),
    "ONNX: Gelu-like Erf": (activation_graph("Erf"), (), 1, "model.onnx has Erf: a network here"),
    "ONNX: Tanh": (activation_graph("Tanh"), (), 1, "has Tanh: a network here"),
    "ONNX: LeakyRelu": (activation_graph("LeakyRelu"), (), 1, "has LeakyRelu: a network here"),
    "linear of no size": (saved, ("--activation", "none"), 2, "give --set-size k"),
    # what else the network is
    "three layers": (
        lambda at: state(at, **{"4__weight": torch.zeros(12, 12)}), RELU, 1,
        "has 3 weight matrices (0.weight, 2.weight, 4.weight): a network here has two",
    ),
    "one layer": (
        lambda at: state(at, **{"2__weight": None, "2__bias": None}), RELU, 1,
        "has 1 weight matrix (0.weight): a network here has two linear layers; for tied weights",
    ),
    "one layer, named": (
        lambda at: state(at, **{"2__weight": None, "2__bias": None}),
        (*RELU, "--names", "W_in=0.weight"), 1,
        "has 1 weight matrix (0.weight): a network here has two linear layers; for tied weights",
    ),
    "layer norm": (
        lambda at: state(at, **{"ln_1__weight": torch.ones(5)}), RELU, 1,
        "has a normalisation layer (tensor ln_1.weight)",
    ),
    "batch norm": (
        lambda at: state(at, **{"1__running_mean": torch.ones(5)}), RELU, 1,
        "has batch normalisation (tensor 1.running_mean)",
    ),
    "a convolution": (
        lambda at: state(at, **{"conv__weight": torch.zeros(3, 3, 2, 2)}), RELU, 1,
        "conv.weight has shape (3, 3, 2, 2), as in a convolution",
    ),
    "attention": (
        lambda at: state(at, **{"attn__in_proj_weight": torch.zeros(5, 5)}), RELU, 1,
        "has attention",
    ),
    "a recurrent layer": (
        lambda at: state(at, **{"rnn__weight_hh_l0": torch.zeros(5, 5)}), RELU, 1,
        "a recurrent layer",
    ),
    "a tensor too many": (
        lambda at: state(at, temperature=torch.ones(1)), RELU, 1,
        "tensor temperature (1,) belongs to neither of two linear layers",
    ),
    "ONNX: a third layer": (
        lambda at: graph(
            at, node("MatMul", "x a", "h"), node("Relu", "h", "r"), node("MatMul", "r b", "z"),
            node("MatMul", "z a", "w"), node("MatMul", "w b", "y"),
        ), (), 1, "has a third linear layer (MatMul)",
    ),
    "ONNX: a residual": (
        lambda at: graph(
            at, node("MatMul", "x a", "h"), node("Relu", "h", "r"), node("MatMul", "r b", "z"),
            node("Add", "z x", "y"),
        ), (), 1, "has a branch at Add (y), as a residual has",
    ),
    "ONNX: Relu at the end": (
        lambda at: graph(
            at, node("MatMul", "x a", "h"), node("MatMul", "h b", "z"), node("Relu", "z", "y"),
        ), (), 1, "has a Relu that is not between its two layers",
    ),
    "ONNX: layer norm": (
        lambda at: graph(
            at, node("MatMul", "x a", "h"), node("LayerNormalization", "h s", "n", axis=-1),
            node("Relu", "n", "r"), node("MatMul", "r b", "y"), s=torch.ones(5),
        ), (), 1, "has LayerNormalization",
    ),
    # names, shapes and layout
    "a name that is not there": (
        saved, (*RELU, "--names", "W_in=fc9.weight"), 2,
        "names says W_in=fc9.weight and",
    ),
    "a role that is none": (saved, (*RELU, "--names", "W_mid=0.weight"), 2, "names has 'W_mid'"),
    "names of no form": (saved, (*RELU, "--names", "0.weight"), 2, "--names has '0.weight'"),
    "names in no order": (
        lambda at: npz_file(at, {"red": torch.zeros(12, 5), "blue": torch.zeros(5, 12)}), RELU, 2,
        "their names do not say which comes first",
    ),
    "square": (
        lambda at: saved(at, SQUARE), RELU, 2, "fit in several ways; give --layout",
    ),
    "no biases, no names": (
        lambda at: npz_file(at, {"1": torch.zeros(12, 5), "2": torch.zeros(5, 12)}), RELU, 2,
        "fit in several ways; give --layout",
    ),
    "biases of odd names": (
        lambda at: npz_file(at, named(PLAIN, ("red", "pale", "blue", "dim"))),
        (*RELU, "--names", "W_in=red,W_out=blue"), 2,
        "has pale, dim as long as a bias, and nothing says what b_in and b_out are; add to --names "
        "b_in=pale, or b_in=none where there is none",
    ),
    "the other layout": (
        saved, (*RELU, "--layout", "matmul"), 1, "do not fit in the layout matmul",
    ),
    "an odd layout": (saved, (*RELU, "--layout", "keras"), 2, "layout is 'keras': choose linear"),
    "shapes of two networks": (
        lambda at: state(at, **{"2__weight": torch.zeros(12, 4)}), RELU, 1, "fit no network",
    ),
    "a bias of another size": (
        lambda at: state(at, **{"0__bias": torch.zeros(7)}), RELU, 1, "fit no network",
    ),
    "NaN": (lambda at: state(at, **{"0__bias": with_nan()}), RELU, 1, "b_in=0.bias holds NaN or"),
    "integers": (
        lambda at: state(at, **{"0__bias": torch.ones(5, dtype=torch.int64)}), RELU, 1,
        "tensor 0.bias is int64: weights are floating point; leave it out with --names",
    ),
    "said of an ONNX graph": (
        lambda at: gemm()(at, named(PLAIN, TWO)), ("--layout", "linear"), 2,
        "says itself which tensor",
    ),
    # inputs that are scaled
    "mean of no size": (saved, (*RELU, "--input-scale", "mean"), 2, "give --set-size k, one size"),
    "mean of sizes": (
        saved, (*RELU, "--input-scale", "l2", "-k", "2..3"), 2, "give --set-size k, one size",
    ),
    "scale 0": (saved, (*RELU, "--input-scale", "0"), 2, "input_scale is '0': give a number"),
    "scale beyond float32": (
        saved, (*RELU, "--input-scale", "1e300"), 2,
        "model.pt: float32 does not hold its weights with input_scale 1e+300 and activation relu",
    ),
    "scale below float32": (saved, (*RELU, "--input-scale", "1e-60"), 2, "with input_scale 1e-60"),
    "biases beyond float32": (
        lambda at: state(at, **{"0__weight": torch.full((5, 12), -3e38)}),
        ("--activation", "none", "-k", 2), 2,
        "float32 does not hold its weights with input_scale 1 and activation none",
    ),
    "a role twice": (
        saved, (*RELU, "--names", "W_in=0.weight,W_out=2.weight,W_in=2.weight"), 2,
        "--names has W_in twice",
    ),
    "scale of a word": (saved, (*RELU, "--input-scale", "big"), 2, "input_scale is 'big'"),
    # files
    "truncated .pt": (lambda at: cut(saved(at)), RELU, 1, "is no whole PyTorch file"),
    "truncated .safetensors": (
        lambda at: cut(safetensors_file(at, named(PLAIN, TWO))), RELU, 1,
        "is not a safetensors file",
    ),
    "truncated .npz": (
        lambda at: cut(npz_file(at, named(PLAIN, TWO))), RELU, 1, "is not an npz file",
    ),
    "truncated .onnx": (
        lambda at: cut(gemm()(at, named(PLAIN, TWO))), (), 1, "is no whole ONNX file",
    ),
    "text as .pt": (lambda at: text(at, "model.pt"), RELU, 1, "model.pt"),
    "empty .pt": (lambda at: text(at, "model.pt", b""), RELU, 1, "is no whole PyTorch file"),
    "a whole module": (whole_module, RELU, 1, "holds Python objects"),
    "one array": (
        one_tensor, RELU, 1, "holds Tensor and no tensors by name",
    ),
    "an unknown suffix": (
        lambda at: text(at, "model.h5"), RELU, 1, "has the suffix '.h5': weights come as .pt",
    ),
    "no file": (lambda at: at / "gone.pt", RELU, 1, "gone.pt: No such file"),
    "a folder without weights": (
        empty_folder, RELU, 1, "has neither model.safetensors nor pytorch_model.bin",
    ),
    "labels of another number": (
        saved, (*RELU, "--tokens", "TOKENS"), 1, "lists 2 tokens and",
    ),
}
# fmt: on


@pytest.mark.parametrize(("make", "options", "status", "text"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("unchecked")
def test_a_wrong_thing_is_refused_in_one_line(
    relubloom: Run,
    tmp_path: Path,
    make: Callable[[Path], Path],
    options: tuple[Any, ...],
    status: int,
    text: str,
) -> None:
    (tmp_path / "tokens.txt").write_text("a\nb\n")
    given = [tmp_path / "tokens.txt" if option == "TOKENS" else option for option in options]
    done = relubloom("import", make(tmp_path), "--out", tmp_path / "out", *given, "--json")
    assert (done.status, done.out) == (status, "")
    assert text in done.error
    assert not (tmp_path / "out").exists()


def failed_check(relubloom: Run, at: Path, source: Weights, check: Path, *options: Any) -> Outcome:
    at.joinpath("out").mkdir(exist_ok=True)
    done = relubloom(
        *("import", saved(at, source), "--out", at / "out", *RELU, "--check", check, *options)
    )
    assert not any((at / "out").iterdir())
    return done


def gelu_logits(sets: Tensor, source: Weights) -> Tensor:
    W_in, b_in, W_out, b_out = (source.tensors[role].double() for role in OURS)
    x = one_hot(sets, len(W_in))
    return nn.functional.gelu(x @ W_in + b_in) @ W_out + b_out


SETS = torch.tensor([[0, 1, 2], [2, 4, 5], [1, 3, 5]])


def test_swapped_tensors_of_square_shape_fail_the_check(relubloom: Run, tmp_path: Path) -> None:
    tensors = SQUARE.tensors | {"W_in": SQUARE.tensors["W_out"], "W_out": SQUARE.tensors["W_in"]}
    check = check_file(tmp_path, SQUARE)
    done = failed_check(relubloom, tmp_path, Weights(tensors), check, "--layout", "linear")
    assert done.status == 1
    assert "the logits differ by" in done.error
    assert "where rounding explains" in done.error


def test_matrices_read_the_wrong_way_fail_the_check(relubloom: Run, tmp_path: Path) -> None:
    check = check_file(tmp_path, SQUARE)
    done = failed_check(relubloom, tmp_path, SQUARE, check, "--layout", "matmul")
    assert done.status == 1
    assert "differ by" in done.error


def test_a_check_tells_another_activation_by_name(relubloom: Run, tmp_path: Path) -> None:
    outputs = gelu_logits(SETS, PLAIN).float().numpy()
    done = failed_check(relubloom, tmp_path, PLAIN, check_file(tmp_path, PLAIN, outputs=outputs))
    assert done.status == 1
    assert "they are those of a network with GELU between its layers" in done.error


def test_a_check_tells_inputs_that_are_scaled(relubloom: Run, tmp_path: Path) -> None:
    """Trial 2: inputs scaled by 1/k passed in silence."""
    source = Weights(PLAIN.tensors, scale=1 / 3)
    plain_rows = failed_check(relubloom, tmp_path, source, check_file(tmp_path, source))
    assert "they agree where inputs are scaled: give --input-scale mean" in plain_rows.error
    scaled_rows = failed_check(relubloom, tmp_path, source, check_file(tmp_path, source, 1 / 3))
    assert "inputs hold 0.333333: a row is 1 at its set's tokens" in scaled_rows.error
    said = ("--input-scale", "mean", "-k", 3)
    check = check_file(tmp_path, source, 1 / 3)
    done = relubloom(
        *("import", saved(tmp_path), "--out", tmp_path / "out", *RELU, *said, "--check", check)
    )
    assert done.status == 0, done.err
    assert "verified     yes: logits of 3 sets" in done.out


BAD_CHECKS: dict[str, tuple[dict[str, Any], str]] = {
    "no inputs": ({"inputs": None}, "has no tensor inputs"),
    "no outputs": ({"outputs": None}, "has inputs and no outputs"),
    "other shapes": ({"outputs": np.zeros((3, 5))}, "are no pair"),
    "no pairs": ({"inputs": np.zeros((0, 12)), "outputs": np.zeros((0, 12))}, "are no pair"),
    "NaN out": ({"outputs": np.full((3, 12), np.nan)}, "outputs hold NaN"),
    "NaN in": ({"inputs": np.full((3, 12), np.nan)}, "inputs hold nan"),
    "ids too large": ({"inputs": np.full((3, 2), 13)}, "inputs hold ids from 13 to 13"),
    "ids as floats": ({"inputs": np.ones((3, 2))}, "give ids as int64"),
}


@pytest.mark.parametrize(("changes", "text"), BAD_CHECKS.values(), ids=BAD_CHECKS)
def test_a_check_that_is_none_is_refused(
    relubloom: Run, tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    check = check_file(tmp_path, PLAIN, **changes)
    done = failed_check(relubloom, tmp_path, PLAIN, check)
    assert done.status == 1
    assert text in done.error


@pytest.mark.parametrize("kind", ["logits", "probabilities", "log-probabilities"])
def test_a_check_is_read_as_what_it_is(relubloom: Run, tmp_path: Path, kind: str) -> None:
    logits = PLAIN.logits(SETS)
    outputs = {
        "logits": logits,
        "probabilities": logits.softmax(1),
        "log-probabilities": logits.log_softmax(1),
    }[kind].float()
    single = PLAIN.logits(torch.tensor([[7], [3]])).float()
    save_file(
        {"inputs": SETS, "outputs": outputs, "inputs_2": torch.tensor([[7, 12], [3, 12]]),
         "outputs_2": single},
        tmp_path / "check.safetensors",
    )  # fmt: skip
    done = relubloom(
        *("import", saved(tmp_path), "--out", tmp_path / "out", *RELU, "--json"),
        *("--check", tmp_path / "check.safetensors"),
    )
    assert done.json["verified"] is True
    assert done.json["check"]["sets"] == 5
    assert done.json["check"]["outputs"].startswith(kind)
    assert done.json["check"]["worst"] < 1e-5


def test_what_was_understood_is_printed_and_recorded(relubloom: Run, tmp_path: Path) -> None:
    """Trial 6: a plain.pt was "no folder"; nn.Linear's layout and missing biases were errors."""
    path = torch_file()(tmp_path, named(weights(biases="out"), ("0.weight", None, *TWO[2:])))
    shown = relubloom("import", path, "--out", tmp_path / "a", *RELU)
    assert shown.status == 0, shown.err
    for line in (
        "network      12 tokens, 5 units",
        "W_in         0.weight",
        "b_in         none in the file: zeros",
        "layout       linear: both [out, in], as in nn.Linear",
        "activation   relu",
        "precision    float32",
        "verified     NO: nothing was compared with the original; give --check FILE",
    ):
        assert line in shown.out.splitlines()
    found = relubloom("import", path, "--out", tmp_path / "b", *RELU, "-k", 2, "--json").json
    assert found["file"] == str(path)
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found["vocab_size"], found["width"], found["format"]) == (12, 5, "torch")
    assert found["names"] == {"W_in": "0.weight", "W_out": "2.weight", "b_out": "2.bias"}
    assert (found["missing_biases"], found["verified"]) == (["b_in"], False)
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert {name: found[name] for name in config["import"]} == config["import"]
    assert config["examined"] == {"source": "uniform", "vocab_size": 12, "set_size": 2}
    assert ReluNet.from_pretrained(tmp_path / "b").vocab_size == 12


def test_a_page_and_a_comparison_say_where_a_network_came_from(
    relubloom: Run, tmp_path: Path
) -> None:
    path, linear = saved(tmp_path), tmp_path / "linear"
    checked, out = ("--check", check_file(tmp_path, PLAIN)), tmp_path / "out"
    relubloom("import", path, "--out", out, *RELU, *checked)
    relubloom("import", path, "--out", linear, "--activation", "none", "-k", 2)
    relubloom("report", linear)
    page = (linear / "report.html").read_text(encoding="utf-8")
    assert f"brought in from {path}; it is <strong>not verified</strong>: nothing was" in page
    assert "The original is linear: biases were raised so that the ReLU clips nothing." in page
    shown = relubloom("compare", out, linear, "-k", 2, "-q")
    assert f"brought in from {path} (verified)" in shown.out
    assert f"brought in from {path} (NOT verified)" in shown.out


def test_tensors_that_are_left_out_are_named(relubloom: Run, tmp_path: Path) -> None:
    path = state(tmp_path, **{"ln__weight": torch.ones(5)})
    names = "W_in=0.weight,b_in=0.bias,W_out=2.weight,b_out=2.bias"
    done = relubloom("import", path, "--out", tmp_path / "out", *RELU, "--names", names)
    assert "left out     ln.weight" in done.out.splitlines()


def test_a_vector_is_left_out_where_there_is_said_to_be_no_bias(
    relubloom: Run, tmp_path: Path
) -> None:
    names = "W_in=0.weight,W_out=2.weight,b_in=none"
    path = torch_file()(tmp_path, named(PLAIN, ("0.weight", "odd", *TWO[2:])))
    done = relubloom("import", path, "--out", tmp_path / "out", *RELU, "--names", names, "--json")
    assert (done.json["missing_biases"], done.json["ignored"]) == (["b_in"], ["odd"])
    assert done.json["names"]["b_out"] == "2.bias"


def test_an_out_folder_is_not_overwritten(relubloom: Run, tmp_path: Path) -> None:
    path, out = saved(tmp_path), tmp_path / "out"
    assert relubloom("import", path, "--out", out, *RELU).status == 0
    again = relubloom("import", path, "--out", out, *RELU)
    assert (again.status, "replace it with --force" in again.error) == (2, True)
    assert relubloom("import", path, "--out", out, *RELU, "--force").status == 0
    hub = other_config(hidden_act="relu")(tmp_path)
    for source in (hub, hub / "model.safetensors"):
        own = relubloom("import", source, "--out", hub, *RELU, "--force")
        assert "holds what is brought in" in own.error
    assert (hub / "model.safetensors").exists()


def test_onnx_without_its_extra_says_what_to_install(
    relubloom: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gemm()(tmp_path, named(PLAIN, TWO))
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = relubloom("import", path, "--out", tmp_path / "out")
    assert done.status == 2
    assert "run pip install 'relubloom[onnx]'" in done.error


def test_from_a_file_to_the_page_in_one_command(
    relubloom: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = weights(6, 3)
    saved(tmp_path, source)
    asked = ("examine", "model.pt", *RELU, "-k", 2, "-q", "--threads", 1)
    done = relubloom(*asked, "--check", check_file(tmp_path, source))
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == "report: model-run/report.html"
    page = " ".join(Path("model-run/report.html").read_text(encoding="utf-8").split())
    assert "brought in from model.pt; its outputs were compared with those of the original" in page
    assert "verified     yes: logits of 3 sets" in done.out
    certified = json.loads(Path("model-run/certificate.json").read_text())["imported"]
    sha256 = hashlib.sha256(Path("model.pt").read_bytes()).hexdigest()
    assert certified == {"file": "model.pt", "sha256": sha256, "verified": True}
    text = relubloom("certify", "model-run", "-q", "--threads", 1).out
    assert f"model.pt (SHA-256 {sha256[:12]}...), verified against the original" in text


def test_examine_refuses_what_it_cannot_honour(relubloom: Run, tmp_path: Path) -> None:
    path = saved(tmp_path)
    folder = tmp_path / "model-run"
    assert relubloom("import", path, "--out", folder, *RELU).status == 0
    other = relubloom("examine", path, *RELU, "--input-scale", 2, "-k", 2)
    assert "model-run is not empty; replace it with --force" in other.error
    on_folder = relubloom("examine", folder, *RELU)
    assert "model-run is a run folder and --activation is for a file" in on_folder.error
    sizeless = relubloom("examine", path, *RELU)
    assert "model.pt does not say its set_size; pass --set-size" in sizeless.error
    gone = relubloom("examine", tmp_path / "gone.pt", *RELU)
    assert "gone.pt is not there" in gone.error


def test_a_folder_that_is_the_working_directory_has_a_name(
    relubloom: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    saved(folder).rename(folder / "pytorch_model.bin")
    (folder / "config.json").write_text('{"hidden_act": "relu"}')
    monkeypatch.chdir(folder)
    done = relubloom("examine", ".", "-k", 2, "-q", "--json")
    assert (done.status, done.err) == (0, "")
    assert (tmp_path / "mine-run" / "report.html").exists()


def test_a_certificate_says_that_an_import_was_not_verified(relubloom: Run, tmp_path: Path) -> None:
    relubloom("import", saved(tmp_path), "--out", tmp_path / "out", *RELU, "-k", 2)
    done = relubloom("certify", tmp_path / "out", "-q", "--threads", 1)
    assert "NOT verified against the original" in done.out


def test_sets_on_which_an_import_does_not_hold_are_refused(relubloom: Run, tmp_path: Path) -> None:
    path = saved(tmp_path)
    for name, options, asked, text in (
        ("mean", (*RELU, "--input-scale", "mean", "-k", 3), 2, "brought in for sets of 3 tokens"),
        ("linear", ("--activation", "none", "-k", 2), 3, "brought in for sets of 0..2 tokens"),
    ):
        out = tmp_path / name
        assert relubloom("import", path, "--out", out, *options).status == 0
        for command in ("certify", "examine"):
            done = relubloom(command, out, "-k", asked)
            assert (done.status, text in done.error) == (2, True)
        done = relubloom("query", out, *range(asked))
        assert (done.status, text in done.error) == (2, True)
        done = relubloom("import", out, "--out", tmp_path / "again", "-k", asked)
        assert (done.status, text in done.error) == (2, True)
        assert not (tmp_path / "again").exists()


def test_a_config_of_two_activations_is_not_read_as_relu(relubloom: Run, tmp_path: Path) -> None:
    folder = other_config(hidden_act="relu", activation="gelu")(tmp_path)
    done = relubloom("import", folder, "--out", tmp_path / "new")
    assert (done.status, "has the activation gelu" in done.error) == (1, True)


GELU = ({"hidden_act": "gelu"}, {"activation": "gelu"}, {"activation_function": "gelu_new"})


@pytest.mark.parametrize("config", GELU)
@pytest.mark.parametrize("command", ["examine", "certify"])
def test_a_folder_whose_config_names_gelu_is_not_certified_as_relu(
    relubloom: Run, tmp_path: Path, config: dict[str, str], command: str
) -> None:
    """Trial 2: weights of a GELU network, whose config said so, were certified as of ReLU."""
    folder = hugging_face(config)(tmp_path, PLAIN.tensors)
    done = relubloom(command, folder, "-k", 2)
    assert done.status == 1
    assert f"says that the activation is {next(iter(config.values()))}" in done.error
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}


def test_a_folder_of_another_layout_says_what_to_do(relubloom: Run, tmp_path: Path) -> None:
    """Trial 6: nn.Linear's layout blamed the bias."""
    folder = hugging_face({})(tmp_path, named(PLAIN, OURS))
    done = relubloom("certify", folder, "-k", 2)
    assert "lie as in nn.Linear, [out, in]; bring them in with `relubloom import" in done.error
    for names, text in ((TWO, "has no tensor W_in"), (("W_in", None, "W_out", None), "b_in")):
        save_file(named(PLAIN, names), folder / "model.safetensors")
        done = relubloom("certify", folder, "-k", 2)
        assert text in done.error
        assert f"bring other networks in with `relubloom import {folder} --out NEW`" in done.error
    file = relubloom("certify", folder / "model.safetensors", "-k", 2)
    assert "is no folder; bring a network's file in with `relubloom import" in file.error
    assert load_file(folder / "model.safetensors")
