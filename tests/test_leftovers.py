"""What a user keeps beside our files stays; what would be mixed up is refused."""

import pytest
import torch

from build.small_study import small_study
from relubloom import KSparseTask, ReluNet, certify
from relubloom.errors import UsageError
from relubloom.records.labels import default_labels
from relubloom.study.study import run_study


@pytest.mark.usefixtures("no_page")
def test_force_keeps_what_relubloom_did_not_write(tmp_path):
    out = tmp_path / "study"
    run_study(small_study(default_labels(12)), out)
    (out / "seed-0" / "notes.txt").write_text("mine")
    (out / "seed-backup").mkdir()
    (out / "seed-backup" / "config.json").write_text("{}")
    run_study(small_study(default_labels(12)), out, force=True)
    assert (out / "seed-0" / "notes.txt").read_text() == "mine"
    assert (out / "seed-backup" / "config.json").read_text() == "{}"


@pytest.mark.usefixtures("no_page")
def test_resume_refuses_other_token_labels(tmp_path):
    labels = default_labels(12)
    run_study(small_study(labels), tmp_path / "study")
    with pytest.raises(UsageError, match="holds a study of other settings"):
        run_study(small_study(labels[::-1]), tmp_path / "study", resume=True)


def test_certify_says_nothing_where_weights_are_huge():
    generator = torch.Generator().manual_seed(0)
    for exponent in (15 + tenth / 10 for tenth in range(40)):  # 2E from under 1 to over 10^3
        W_in = torch.randn(6, 3, generator=generator) * 10.0**exponent
        W_out = torch.randn(3, 6, generator=generator)
        net = ReluNet(W_in, torch.zeros(3), W_out, torch.zeros(6))
        found = certify(net, KSparseTask(6, 2))
        assert found.mse.lower <= found.mse.upper
