"""The region: classes of networks made by hand, and its page."""

import csv
from pathlib import Path

import pytest
import torch

import region
import relubloom as rb
from region_map.classes import Kind, figures_of, kind_of

TASK = rb.KSparseTask(vocab_size=24, set_size=2)


def graded_network() -> rb.ReluNet:
    """Full bits at -1, half bits at -0.9: a leak of a tenth costs a full bit 2 logits."""
    code = torch.tensor(rb.random_constant_weight(24, 16, 4, seed=0).bits)
    half = code & (code.cumsum(1) <= 2)
    full = code & ~half
    W_in = -full.float() - 0.9 * half.float()
    W_out = -20.0 * full.float() - 2.0 * half.float()
    return rb.ReluNet(W_in, torch.ones(16), W_out.T.contiguous(), torch.zeros(24))


@pytest.mark.parametrize(
    ("off", "failures", "binary", "graded", "kind"),
    [
        (0.04, 0.01, 1.0, 1.0, "nearly linear"),
        (0.4, 0.51, 1.0, 1.0, "neither"),
        (0.4, 0.1, 0.8, 0.85, "binary"),
        (0.4, 0.1, 0.79, 0.85, "graded"),
        (0.4, 0.1, 0.79, 0.8, "neither"),
        (0.2, 0.1, 0.1, 0.8, "graded"),
    ],
)
def test_classes_by_the_rule(
    off: float, failures: float, binary: float, graded: float, kind: Kind
) -> None:
    assert kind_of(off, failures, binary, graded) == kind


def test_constructed_networks_are_what_they_were_made_as() -> None:
    sets = TASK.evaluation_sets(100)
    binary = figures_of(rb.construct(rb.random_constant_weight(24, 16, 5), sharpness=20.0), sets)
    assert (binary["kind"], binary["binary_f1"], binary["half"]) == ("binary", 1.0, 0.0)
    graded = figures_of(graded_network(), sets)
    assert (graded["kind"], graded["half"], graded["bits"]) == ("graded", 0.5, 4.0)
    assert graded["graded_f1"] == 1.0


def test_a_network_that_never_switches_off_is_nearly_linear() -> None:
    net = rb.ReluNet(torch.eye(24), torch.ones(24), torch.eye(24), torch.zeros(24))
    found = figures_of(net, TASK.evaluation_sets(100))
    assert (found["kind"], found["off"]) == ("nearly linear", 0.0)


def test_the_page_lists_every_network(tmp_path: Path) -> None:
    settings = dict(zip(region.COLUMNS, (24, 16, 2, "pytorch", "kl", "adam"), strict=False))
    settings |= {"adam_beta2": 0.999, "weight_decay": 0.0, "learning_rate": 1e-3, "steps": 50}
    figures = figures_of(graded_network(), TASK.evaluation_sets(100))
    page = region.write_page([settings | {"seed": 0} | figures], tmp_path)
    assert "| `kl` | 50 | graded |" in page.read_text()
    assert "| kl | pytorch | 0.001 | 50 | 1 graded |" in page.read_text()
    with (tmp_path / "region.csv").open() as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["graded"]
    assert "<svg" in (tmp_path / "region.svg").read_text()
