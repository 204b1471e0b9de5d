"""Exact networks in run folders."""

from pathlib import Path
from typing import Any

import pytest

import relubloom as rb
from relubloom.records.labels import default_labels
from relubloom.study.constructing import construct_run

TASK = rb.KSparseTask(12, 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"family": "graded", "weight": 3}, "weight is 3: a graded code has half and full bits"),
        ({"family": "learned", "weight": 3}, "weight is 3: a learned code has weights by"),
        ({"half": 1}, "half is 1, full is None and leak is None: a constant-weight code has full"),
    ],
)
def test_what_a_family_does_not_take_replaces_nothing(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    out = tmp_path / "run"
    construct_run(TASK, 8, default_labels(12), out)
    before = (out / "model.safetensors").read_bytes()
    with pytest.raises(rb.UsageError, match=said):
        construct_run(TASK, 8, default_labels(12), out, force=True, **options)
    assert (out / "model.safetensors").read_bytes() == before
