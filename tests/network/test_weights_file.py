"""Networks on disk: a round trip that keeps every bit, and one clear line for a damaged folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from relubloom.errors import FileError, UsageError
from relubloom.network.relu_net import ReluNet


def saved(folder: Path) -> tuple[ReluNet, dict[str, Tensor]]:
    tensors = {
        "W_in": torch.randn(5, 3),
        "b_in": torch.randn(3),
        "W_out": torch.randn(3, 5),
        "b_out": torch.randn(5),
    }
    net = ReluNet(**tensors)
    net.save_pretrained(folder, {"seed": 7})
    return net, tensors


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_round_trip_keeps_every_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    net = ReluNet(*(torch.randn(s).to(dtype) for s in ((5, 3), (3,), (3, 5), (5,))))
    net.save_pretrained(tmp_path / "new" / "folder")
    again = ReluNet.from_pretrained(tmp_path / "new" / "folder")
    for (name, value), (twin, found) in zip(
        net.named_parameters(), again.named_parameters(), strict=True
    ):
        assert name == twin
        assert torch.equal(value, found)
        assert found.dtype == dtype


def test_the_folder_is_in_the_hugging_face_layout(tmp_path: Path) -> None:
    _, tensors = saved(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["schema_version"] == 1
    assert config["network"] == {"vocab_size": 5, "width": 3}
    assert config["seed"] == 7
    assert config["relubloom_version"]
    found = load_file(tmp_path / "model.safetensors")
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in tensors.items()
    }


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"tokens": {"a"}}, "set is not JSON serializable"),
        ({"seed": float("nan")}, "not JSON compliant"),
        ({"steps": {(1, 2): 3}}, "not tuple"),
    ],
)
def test_a_config_that_is_no_json_is_refused_before_anything_is_written(
    tmp_path: Path, config: dict[str, Any], why: str
) -> None:
    net, _ = saved(tmp_path / "there")
    before = {path: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    for folder in (tmp_path / "there", tmp_path / "new"):
        with pytest.raises(UsageError, match=f"config cannot be written as JSON .*{why}.*; give"):
            net.double().save_pretrained(folder, config)
    assert before == {path: path.read_bytes() for path in (tmp_path / "there").iterdir()}
    assert not (tmp_path / "new").exists()


def test_a_transposed_view_is_saved_as_it_reads(tmp_path: Path) -> None:
    net = ReluNet(torch.randn(3, 5).T, torch.zeros(3), torch.randn(5, 3).T, torch.zeros(5))
    net.save_pretrained(tmp_path)
    assert torch.equal(ReluNet.from_pretrained(tmp_path).W_out, net.W_out)


def test_a_config_without_sizes_and_versions_will_do(tmp_path: Path) -> None:
    net, _ = saved(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert torch.equal(ReluNet.from_pretrained(tmp_path).W_in, net.W_in)


def rewrite(folder: Path, **changes: Tensor | None) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path) | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, path)


def reconfigure(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGE = {
    "no config": (
        lambda at: (at / "config.json").unlink(),
        r"config.json is not there; give a run folder that holds it",
    ),
    "no weights": (
        lambda at: (at / "model.safetensors").unlink(),
        r"has no model.safetensors; give a run folder, as `relubloom train` writes it",
    ),
    "config is no JSON": (
        lambda at: (at / "config.json").write_text('{"seed": '),
        r"config.json is not readable JSON .*; restore or remake it",
    ),
    "config is no text": (
        lambda at: (at / "config.json").write_bytes(b"\xff\xfe"),
        r"config.json is not readable JSON",
    ),
    "config is a list": (
        lambda at: (at / "config.json").write_text("[1]"),
        r"config.json holds no JSON object",
    ),
    "newer schema": (
        lambda at: reconfigure(at, schema_version=2),
        r"schema_version 2: this relubloom \(.*\) reads up to 1; install a newer",
    ),
    "odd schema": (
        lambda at: reconfigure(at, schema_version="one"),
        r"schema_version 'one'",
    ),
    "truncated weights": (
        lambda at: (at / "model.safetensors").write_bytes(
            (at / "model.safetensors").read_bytes()[:-4]
        ),
        r"model.safetensors is not a safetensors file",
    ),
    "weights are a pickle": (
        lambda at: torch.save({"W_in": torch.zeros(5, 3)}, at / "model.safetensors"),
        r"model.safetensors is not a safetensors file",
    ),
    "empty weights": (
        lambda at: (at / "model.safetensors").write_bytes(b""),
        r"model.safetensors is not a safetensors file",
    ),
    "a tensor is missing": (
        lambda at: rewrite(at, b_out=None),
        r"has no tensor b_out: a network has W_in, b_in, W_out, b_out; found W_in, W_out, b_in",
    ),
    "NaN": (
        lambda at: rewrite(at, W_out=torch.full((3, 5), torch.nan)),
        r"W_out holds NaN or infinity; train again or restore it",
    ),
    "infinity": (
        lambda at: rewrite(at, b_in=torch.tensor([0.0, torch.inf, 0.0])),
        r"b_in holds NaN or infinity",
    ),
    "integers": (
        lambda at: rewrite(at, b_in=torch.zeros(3, dtype=torch.int32)),
        r"b_in is int32: weights are float16, bfloat16, float32, float64; convert it",
    ),
    "float8": (
        lambda at: rewrite(at, b_in=torch.zeros(3).to(torch.float8_e4m3fn)),
        r"b_in is float8_e4m3fn: weights are float16, bfloat16, float32, float64; convert it",
    ),
    "transposed": (
        lambda at: rewrite(at, W_in=torch.zeros(3, 5)),
        r"b_in has shape \(3,\): beside W_in \(3, 5\) it must be \(5,\)",
    ),
    "wrong rank": (
        lambda at: rewrite(at, W_in=torch.zeros(15)),
        r"W_in has shape \(15,\): it must be \[vocab, width\]",
    ),
    "mixed precision": (
        lambda at: rewrite(at, W_out=torch.zeros(3, 5, dtype=torch.float64)),
        r"W_out is float64 and W_in float32; give all four the same precision",
    ),
    "other sizes than the config": (
        lambda at: reconfigure(at, network={"vocab_size": 6, "width": 3}),
        r"config.json says vocab_size 6 and the weights have 5; restore the pair",
    ),
}


@pytest.mark.parametrize(("damage", "text"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_one_clear_line(tmp_path: Path, damage: object, text: str) -> None:
    saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(FileError, match=text) as caught:
        ReluNet.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere is no folder; give a run folder"):
        ReluNet.from_pretrained(tmp_path / "nowhere")
