"""Every format and variant of docs/own-network.md comes in with the logits of its source."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from build.foreign import MATRIX, Variant, matrix_table
from build.process import DATA
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
