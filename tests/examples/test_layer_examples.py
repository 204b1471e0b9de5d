"""The examples of a layer and of a readout, on small files with the structure of the real ones."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import relubloom as rb

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def examples_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


def tagger_folder(folder: Path) -> Path:
    """Files as g2pM has them: 12 characters, 8 inputs, LSTMs of 3, 5 units, 4 pronunciations."""
    draw = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (16, 8)}
    for way in ("", "_reverse"):
        shapes |= {f"lstm.weight_ih_l0{way}": (12, 8), f"lstm.weight_hh_l0{way}": (12, 3)}
        shapes |= {f"lstm.bias_ih_l0{way}": (12,), f"lstm.bias_hh_l0{way}": (12,)}
    shapes |= {"logit_layer.0.weight": (5, 6), "logit_layer.0.bias": (5,)}
    shapes |= {"logit_layer.2.weight": (4, 5), "logit_layer.2.bias": (4,)}
    weights = {n: draw.standard_normal(shape).astype(np.float32) for n, shape in shapes.items()}
    characters = {f"c{i}": i for i in range(16)}
    for name, value in (("np_ckpt", weights), ("char2idx", characters)):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value))
    return folder


def test_the_layer_of_a_tagger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import g2pm_layer  # pyright: ignore[reportMissingImports] - in examples/

    folder = str(tagger_folder(tmp_path))
    monkeypatch.setattr(sys, "argv", ["g2pm_layer.py", folder, "--contexts", "300"])
    g2pm_layer.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pronunciations that were answered: ")
    assert lines[1].startswith("no verdict: the additive reading is not the layer; ")


def test_the_tagger_is_the_packages_own_arithmetic(tmp_path: Path) -> None:
    # Gates i, f, g, o as in the package; one step of one cell, by hand.
    import torch

    import g2pm_layer  # pyright: ignore[reportMissingImports]

    weights = g2pm_layer.read(tagger_folder(tmp_path) / "np_ckpt.pkl")
    x = weights["embedding.weight"][7]
    gates = weights["lstm.weight_ih_l0"] @ x + weights["lstm.bias_ih_l0"]
    i, _, g, o = np.split(gates + weights["lstm.bias_hh_l0"], 4)
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    h = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))
    with torch.no_grad():
        found = g2pm_layer.Tagger(weights).inputs(torch.tensor([[7]]))[0, :3].numpy()
    np.testing.assert_allclose(found, h, rtol=1e-5)


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    import g2pm_layer  # pyright: ignore[reportMissingImports]

    class Hostile:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "touched",))

    (tmp_path / "np_ckpt.pkl").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(pickle.UnpicklingError, match="only arrays are read"):
        g2pm_layer.read(tmp_path / "np_ckpt.pkl")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("stored", ["initializer", "constant"])
def test_the_readout_of_an_onnx_file(
    stored: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    onnx = pytest.importorskip("onnx")
    import onnx_readout  # pyright: ignore[reportMissingImports]

    readout = rb.construct(rb.random_constant_weight(30, 12, 3), 8.0).W_out.detach().numpy()
    tensor = onnx.numpy_helper.from_array(readout, "w")
    make = onnx.helper
    nodes = [make.make_node("MatMul", ["x", "w"], ["m"]), make.make_node("Softmax", ["m"], ["y"])]
    if stored == "constant":
        nodes.insert(0, make.make_node("Constant", [], ["w"], value=tensor))
    ends = [
        make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size])
        for name, size in (("x", 12), ("y", 30))
    ]
    held = [tensor] if stored == "initializer" else []
    model = make.make_model(make.make_graph(nodes, "readout", ends[:1], ends[1:], held))
    onnx.save(model, str(tmp_path / "model.onnx"))
    monkeypatch.setattr(sys, "argv", ["onnx_readout.py", str(tmp_path / "model.onnx")])
    onnx_readout.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "units 12, tokens 30"
    assert lines[1].startswith("two kinds of entries, as bits would be: 0.0%")
