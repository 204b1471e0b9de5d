"""Checkpoints: a changed bit or a lie is found before a step is trained on it."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from build.process import DATA, Outcome
from relubloom.errors import FileError
from relubloom.task import KSparseTask
from relubloom.training import Recipe, TrainedNetwork, train_stack
from relubloom.training.checkpoint import digest_of, save_checkpoint
from relubloom.training.run import TrainingRun

TASK, RECIPE, SEEDS = KSparseTask(12, 2), Recipe(steps=20, batch_size=16), (0, 3)
FLIPS = 200
Change = Callable[[dict[str, Tensor], dict[str, Any]], Any]


@pytest.fixture
def half_done(tmp_path: Path) -> Path:
    """The state after 8 of 20 steps."""
    run = TrainingRun(TASK, 4, RECIPE, SEEDS, "cpu", None)
    for _ in range(8):
        run.advance()
    run.save(tmp_path / "checkpoint.safetensors")
    return tmp_path / "checkpoint.safetensors"


def resumed(at: Path) -> list[TrainedNetwork]:
    return train_stack(TASK, 4, RECIPE, SEEDS, checkpoint=at, resume=True)


def content(at: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(at, framework="pt") as archive:
        return {name: archive.get_tensor(name) for name in archive.keys()}, archive.metadata()  # noqa: SIM118


def test_no_flipped_bit_leads_to_other_weights(half_done: Path) -> None:
    whole, places = half_done.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    wanted = train_stack(TASK, 4, RECIPE, SEEDS)
    refused = 0
    for flip in range(FLIPS):
        byte = places.randrange(*((0, header) if flip % 2 else (header, len(whole))))
        damaged = bytearray(whole)
        damaged[byte] ^= 1 << places.randrange(8)
        half_done.write_bytes(damaged)
        try:
            found = resumed(half_done)
        except FileError as error:
            refused += 1
            assert str(error).startswith(f"{half_done} is "), byte
            assert str(error).endswith("start anew with force=True"), byte
            assert "\n" not in str(error)
            assert half_done.read_bytes() == damaged  # nothing is lost
            continue
        for one, other in zip(wanted, found, strict=True):  # a blank that means nothing
            assert one.history == other.history
            assert torch.equal(one.film, other.film)
            for p, q in zip(one.net.parameters(), other.net.parameters(), strict=True):
                assert torch.equal(p, q), byte
    assert refused > 0.95 * FLIPS


def test_a_damaged_one_is_one_line_of_the_command_and_force_starts_anew(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    command = ("train", "-N", 12, "-d", 4, "-k", 2, "--steps", 20, "--out", out, "--quiet")
    monkeypatch.setattr("relubloom.study.steps.write_training", lambda *_: 1 / 0)
    assert relubloom(*command).status == 1  # as if killed between training and writing
    monkeypatch.undo()
    at = out / "checkpoint.safetensors"
    damaged = bytearray(at.read_bytes())
    damaged[-100] ^= 16
    at.write_bytes(damaged)
    found = relubloom(*command, "--resume")
    assert (found.status, found.error) == (
        1,
        f"{at} is no readable checkpoint (its content is not what its digest is of); start anew "
        "with --force",
    )
    assert at.read_bytes() == damaged
    assert relubloom(*command, "--force").status == 0


def test_an_unknown_schema_is_refused(half_done: Path) -> None:
    tensors, header = content(half_done)
    header |= {"schema_version": "99"}
    save_file(tensors, half_done, header | {"digest": digest_of(tensors, header)})
    with pytest.raises(
        FileError, match="is of schema version '99', and this relubloom reads 1 to 2; use the relu"
    ):
        resumed(half_done)


def told(key: str, value: Any) -> Change:
    return lambda _tensors, progress: progress.update({key: value})


def entry(name: str, value: float) -> Change:
    return lambda tensors, _progress: tensors[name].view(-1)[1].fill_(value)


def other(name: str, make: Callable[[Tensor], Tensor]) -> Change:
    return lambda tensors, _progress: tensors.update({name: make(tensors[name])})


def lost_record(_tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
    del progress["history"][1][3]


def a_loss(value: Any) -> Change:
    return lambda _tensors, progress: progress["history"][0][2].update({"loss": value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (told("done", 10**9), "its header says no step from 0 to 20"),
        (told("done", -1), "its header says no step"),
        (told("done", 8.0), "its header says no step"),
        (told("done", "8"), "its header says no step"),
        (told("done", 9), "its history is none of 9 steps"),
        (told("loss_steps", 1), "its history is none of 8 steps"),
        (told("history", []), "its history is none of 8 steps"),
        (told("history", [[None] * 8] * 2), "its history is none of 8 steps"),
        (lost_record, "its history is none of 8 steps"),
        (a_loss("0.1"), "its history is none of 8 steps"),
        (a_loss(10**400), "its history is none of 8 steps"),
        (lambda _, progress: progress.clear(), "its header says no step"),
        (entry("W_in", float("nan")), "W_in holds NaN or infinity"),
        (entry("adam.b_out.exp_avg_sq", float("inf")), "adam.b_out.exp_avg_sq holds NaN"),
        (entry("film", float("nan")), "film holds NaN"),
        (lambda tensors, _: tensors.pop("b_in"), "it holds other tensors than this training"),
        (other("b_in", lambda b: b[:, :1]), r"b_in is float32 of shape \(2, 1\) and not float32"),
        (other("W_out", Tensor.double), "W_out is float64 of shape .* and not float32"),
        (other("film", lambda film: film[1:]), r"film is float32 of shape \(8, 2, 12, 4\) and not"),
    ],
)
@pytest.mark.parametrize("schema", ["1", "2"])
def test_what_no_state_of_this_training_holds_is_refused(
    half_done: Path, change: Change, reason: str, schema: str
) -> None:
    # With a digest that fits, and as a file of the first schema, which has none.
    tensors, header = content(half_done)
    progress = json.loads(header["progress"])
    change(tensors, progress)
    save_checkpoint(half_done, tensors, header["fingerprint"], progress)
    if schema == "1":
        tensors, header = content(half_done)
        del header["digest"]
        save_file(tensors, half_done, header | {"schema_version": "1"})
    with pytest.raises(FileError, match=rf"is no readable checkpoint \({reason}.*; start anew"):
        resumed(half_done)


def test_a_number_that_is_none_is_not_written(half_done: Path) -> None:
    tensors, header = content(half_done)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_checkpoint(half_done, tensors, header["fingerprint"], {"loss": float("nan")})


def test_a_file_without_a_digest_is_of_the_first_schema(half_done: Path) -> None:
    tensors, header = content(half_done)
    del header["digest"]
    save_file(tensors, half_done, header)
    with pytest.raises(FileError, match=r"is no readable checkpoint \('digest'\); start anew"):
        resumed(half_done)
    _, old = content(DATA / "schema-1" / "checkpoint.safetensors")
    assert old["schema_version"] == "1"
    assert "digest" not in old


def test_the_digest_is_of_names_types_shapes_and_bytes() -> None:
    base = {"a": torch.zeros(2, 3), "b": torch.ones(2)}
    others: list[tuple[dict[str, Tensor], dict[str, str]]] = [
        ({"a": base["a"], "c": base["b"]}, {}),
        ({"a": base["a"].int(), "b": base["b"]}, {}),
        ({"a": base["a"].view(3, 2), "b": base["b"]}, {}),
        ({"a": base["a"], "b": base["b"] + 1}, {}),
        (base, {"done": "1"}),
    ]
    digests = {digest_of(tensors, header) for tensors, header in [(base, {}), *others]}
    assert len(digests) == 6
    assert digest_of({"b": base["b"], "a": base["a"].T.contiguous().T}, {}) in digests


def test_a_training_of_one_more_step_is_another(half_done: Path) -> None:
    with pytest.raises(FileError, match="is of another task, recipe or seeds"):
        train_stack(TASK, 4, replace(RECIPE, steps=21), SEEDS, checkpoint=half_done, resume=True)
