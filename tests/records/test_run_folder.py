"""Run folders: what is written and read back, one clear line for what is damaged."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from relubloom.code import Code
from relubloom.errors import FileError
from relubloom.records.run_folder import read_code, read_film, read_history, write_training


def test_history_and_film(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    assert read_film(tmp_path) is None
    history = [
        {"step": step, "loss": loss, "objective": "mse"}
        for step, loss in ((1, 0.1 + 0.2), (2, 1e-300))
    ]
    film = torch.randn(2, 4, 3)
    write_training(tmp_path, history, film.transpose(1, 2), [0, 7])
    assert read_history(tmp_path) == history
    again, steps = read_film(tmp_path)
    assert torch.equal(again, film.transpose(1, 2))
    assert steps == [0, 7]


def film_of(W_in: Tensor, steps: list[int]) -> bytes:
    return save({"W_in": W_in, "step": torch.tensor(steps)})


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("history.jsonl", b'{"step": 1}\n{"st', read_history),
        ("history.jsonl", b"\xff\n", read_history),
        ("snapshots.safetensors", b"not tensors", read_film),
        ("snapshots.safetensors", b"", read_film),
        ("snapshots.safetensors", film_of(torch.zeros(2, 4), [0, 7]), read_film),
        ("snapshots.safetensors", film_of(torch.zeros(2, 4, 3).long(), [0, 7]), read_film),
        ("snapshots.safetensors", film_of(torch.zeros(2, 4, 3), [0, 7, 9]), read_film),
    ],
)
def test_a_damaged_file_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes, read: object
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=r"is damaged \(.*\); remove it or train again"):
        read(tmp_path)


def test_the_code_is_read_where_there_is_one(tmp_path: Path) -> None:
    assert read_code(tmp_path) is None
    code = Code(torch.eye(4).bool().numpy())
    code.save(tmp_path / "code.npz")
    assert read_code(tmp_path) == code
