"""A network that was trained to the end, from its weights to its page."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from relubloom.code import Code, GradedCode
from relubloom.evidence import gather_evidence
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import extract_graded_code, extract_with_drops
from relubloom.records.run_folder import read_code, read_graded_code
from relubloom.records.shortfall import filter_words
from relubloom.report.page import write_report
from relubloom.study.compare import compare_runs, read_figures
from relubloom.study.query import ask, code_of
from relubloom.study.steps import examine_network, row_of
from relubloom.task import KSparseTask

STORED = Path(__file__).parents[1] / "data" / "graded"
SETS = KSparseTask(256, 3).evaluation_sets(10_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, examined on 10,000 sets."""
    path = tmp_path_factory.mktemp("graded") / "run"
    shutil.copytree(STORED, path)
    examine_network(path, SETS, "quick")
    return path


def test_its_states_and_its_hash_hold(folder: Path) -> None:
    row = row_of(folder, 3)
    assert row.verdict == "graded-bloom"
    assert row.reading is None
    found = row.graded
    assert found is not None
    assert found.levels == 2
    assert found.half_share == pytest.approx(0.22, abs=0.01)
    assert found.state_agreement > 0.995
    assert row.extracted.loss_failure_f1 is not None
    assert row.extracted.loss_failure_f1 < 0.3
    assert found.extracted.loss_failure_f1 is not None
    assert found.extracted.loss_failure_f1 > 0.97
    assert found.called_precision is not None
    assert found.called_precision > 0.95
    assert found.called_recall is not None
    assert found.called_recall > 0.95
    assert found.leaking_on is not None
    assert found.leaking_on > 0.99
    assert found.false_positives is not None
    mean, bare = found.false_positives.mean, row.hash_false_positives
    assert bare is not None
    assert mean < bare / 5
    assert filter_words(bare, None, found) == f"its hash {mean:.4g}"


def test_the_strengths_say_it_and_not_the_bits_alone() -> None:
    """The same network with the rows of W_out dealt to other tokens has no half bits of its own."""
    net = ReluNet.from_pretrained(STORED)
    order = torch.from_numpy(np.random.default_rng(0).permutation(256))
    mixed = ReluNet(net.W_in, net.b_in, net.W_out.detach()[:, order], net.b_out)
    assert extract_graded_code(mixed, 3) == GradedCode(extract_code(mixed).bits)
    assert gather_evidence(mixed, SETS).mechanism.verdict in ("partly", "not-bloom")


def test_its_folder_keeps_the_strengths(folder: Path) -> None:
    net = ReluNet.from_pretrained(folder)
    graded = extract_with_drops(net, extract_code(net), 3)[0]
    assert read_graded_code(folder) == graded == code_of(folder, net, 3)
    assert read_code(folder) == Code(graded.bits)
    figures = read_figures(folder)
    assert figures["verdict"] == "graded-bloom"
    assert figures["mechanism"]["strengths"]["levels"] == 2
    compared = compare_runs(folder, folder, set_size=1)
    assert compared["differences"]["mechanism"]["strengths"]["half_share"] == 0


def test_its_page_speaks_of_half_bits(folder: Path) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    assert "works as a graded Bloom filter" in text
    assert "It is a graded Bloom filter" in text
    assert "graded bloom asks for" in text
    assert "code = rb.GradedCode.load(" in text
    assert "its graded hash predicts" in text
    assert "covered half" in text


def test_a_question_is_answered_by_states(folder: Path) -> None:
    net = ReluNet.from_pretrained(folder)
    graded = code_of(folder, net, 3)
    sets = SETS.chunk(0, 2000).numpy()
    failing = sets[graded.false_positives(sets) > 0][0].tolist()
    labels = tuple(map(str, range(256)))
    answer = ask(net, graded, labels, [str(token) for token in failing])
    (wrong,) = (each for each in answer.false_positives if each.covered)
    assert wrong.called
    states = graded.states([failing])[0]
    assert answer.leaking == np.flatnonzero(states == 1).tolist()
    assert set(wrong.half_bits) < set(wrong.covered_by)
    assert all(state == "covered" or bit in wrong.half_bits for bit, state in wrong.states.items())
