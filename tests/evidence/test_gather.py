"""Evidence where the weights are: on an accelerator, which a CPU plays, as on the CPU; and weights
of which there is none."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch

from build.elsewhere import play_cuda
from build.graded import noisy_filter
from relubloom.code import make_graded
from relubloom.errors import UsageError
from relubloom.evidence import gather_evidence
from relubloom.evidence.certificate import certify
from relubloom.evidence.certificate.by_method import Effort
from relubloom.measure.forward import placed
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import as_json
from relubloom.task import KSparseTask
from relubloom.training import Recipe, train


def trained() -> ReluNet:
    return train(KSparseTask(20, 2), 10, Recipe(steps=200, batch_size=64), seed=0)[0]


def graded() -> ReluNet:
    return noisy_filter(make_graded("graded", 20, 12, 2, half=3, full=3), seed=0)


@pytest.mark.parametrize(
    ("make", "task"), [(trained, KSparseTask(20, 2)), (graded, KSparseTask(20, (1, 2)))]
)
def test_all_evidence_is_that_of_the_cpu(
    make: Callable[[], ReluNet], task: KSparseTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    interventions = import_module("relubloom.evidence.interventions.intervene")
    monkeypatch.setattr(interventions, "MOST", 200)
    net, there = make(), play_cuda(monkeypatch)
    own = gather_evidence(net, task, depth="full")
    assert there.on == 0
    other = gather_evidence(placed(net, "cuda"), task, depth="full")
    assert there.on > 0
    for name in ("behaviour", "mechanism", "interventions", "ladder", "certificate"):
        assert said(getattr(own, name)) == said(getattr(other, name)), name
    assert own.graded == other.graded


@pytest.mark.parametrize("method", ["enumeration", "sampled"])
@pytest.mark.parametrize("float64", [10**12, 0])
def test_a_certificate_is_that_of_the_cpu(
    method: str, float64: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, there = trained(), play_cuda(monkeypatch)
    effort = Effort(float64=float64, draws=500)
    own = certify(net, 3, method=method, effort=effort)
    other = certify(placed(net, "cuda"), 3, method=method, effort=effort)
    assert there.on > 0
    assert said(own) == said(other)


@pytest.mark.parametrize("name", ["W_in", "b_in", "W_out", "b_out"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_refused(name: str, value: float) -> None:
    net = graded()
    net.state_dict()[name].view(-1)[0] = value
    with pytest.raises(UsageError, match=f"^{name} holds NaN or infinity; train again"):
        gather_evidence(net, KSparseTask(20, 2))


def test_weights_whose_figures_would_overflow_are_refused() -> None:
    net = graded()
    for name in ("W_in", "W_out"):
        net.state_dict()[name].mul_(1e20)
    with pytest.raises(UsageError, match=r"^W_in or b_in reaches .* are at most 1e\+34; scale"):
        gather_evidence(net, KSparseTask(20, 2), depth="study")


def said(record: Any) -> Any:
    """What its file holds, but the time it took."""
    return None if record is None else as_json(record) | {"seconds": None}
