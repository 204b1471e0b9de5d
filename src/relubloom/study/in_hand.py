"""What lies in memory, a network or its evidence, becomes a run folder and a page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from relubloom import atomic
from relubloom.code import Code, GradedCode
from relubloom.errors import RelubloomError, UsageError, as_path
from relubloom.evidence import Evidence, gather_evidence
from relubloom.evidence.gather import Depth
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, WEIGHTS, read_config
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.files import read_record
from relubloom.records.folder_task import EXAMINED, read_task, remember, task_of
from relubloom.records.interventions import Interventions
from relubloom.records.labels import labels_of
from relubloom.records.ladder import Ladder
from relubloom.records.run_folder import Origin, read_graded_code, write_labels, write_network
from relubloom.report.page import write_report
from relubloom.study.folders import alone_in, prepare_run, refuse_study
from relubloom.study.steps import examined_files, write_evidence
from relubloom.task import KSparseTask, SetCollection, SetsLike
from relubloom.tokens_file import as_labels, check_labels


def save_evidence(
    evidence: Evidence, folder: Path | str, *, tokens: Sequence[str], force: bool
) -> Path:
    """`Evidence.save`; returns the folder."""
    folder, net, labels = as_path("folder", folder), evidence.net, as_labels("tokens", tokens)
    if labels:
        check_labels(labels, net.vocab_size)
    with alone_in(folder):
        if not _holds(folder, net):
            file = None if evidence.task is None else evidence.task.file
            named = labels or (labels_of(net) if file is None else file.tokens)
            prepare_run(folder, force=force)
            write_network(folder, net, Origin(net.task), named)
        elif labels:
            write_labels(folder, labels)
        if evidence.task is not None:
            remember(folder, evidence.task)
        elif (config := read_config(folder)).get("task") is None:
            config[EXAMINED] = {"set_size": list(evidence.behaviour.sizes)}
            atomic.write_json(folder / CONFIG, config)
        write_evidence(folder, evidence)
    return folder


def load_evidence(folder: Path | str) -> Evidence:
    """`Evidence.load`."""
    folder = as_path("folder", folder)
    refuse_study(folder)
    net = ReluNet.from_pretrained(folder)
    behaviour, mechanism = examined_files(folder)
    graded = read_graded_code(folder) or GradedCode(extract_code(net).bits)
    try:
        task = read_task(folder, net)
    except RelubloomError:
        task = None
    if task is not None and not _are_of(behaviour, task):
        task = None
    return Evidence(
        code=Code(graded.bits),
        graded=graded,
        behaviour=behaviour,
        mechanism=mechanism,
        interventions=read_record(folder, Interventions),
        ladder=read_record(folder, Ladder),
        certificate=read_record(folder, Certificate),
        net=net,
        task=task,
    )


def _are_of(behaviour: Behaviour, task: KSparseTask) -> bool:
    """Whether the sets that figures are over may be the task's."""
    (low, high), (least, most) = behaviour.sizes, task.sizes
    return behaviour.source in (None, task.source) and least <= low <= high <= most


def report_evidence(
    evidence: Evidence, folder: Path | str, *, tokens: Sequence[str], force: bool
) -> Path:
    """`Evidence.report`."""
    return write_report(save_evidence(evidence, folder, tokens=tokens, force=force))


def report_network(
    net: ReluNet,
    folder: Path | str | None,
    sets: KSparseTask | SetCollection | SetsLike | None,
    *,
    tokens: Sequence[str],
    depth: Depth,
    force: bool,
) -> Path:
    """`ReluNet.report`."""
    sets = task_of(net) if sets is None else sets
    if sets is None:
        raise UsageError(
            "the network does not say what it was made for: its report is about some sets; give "
            f"sets=KSparseTask({net.vocab_size}, set_size)"
        )
    if folder is None:
        weights = b"".join(value.detach().cpu().numpy().tobytes() for value in net.parameters())
        name = hashlib.sha256(weights).hexdigest()[:8]
        folder = Path("runs") / f"N{net.vocab_size}-d{net.width}-{name}"
    evidence = gather_evidence(net, sets, depth=depth)
    return report_evidence(evidence, folder, tokens=tokens, force=force)


def _holds(folder: Path, net: ReluNet) -> bool:
    """Whether the run folder is one of this very network."""
    if not (folder / WEIGHTS).exists():
        return False
    there = ReluNet.from_pretrained(folder).state_dict()
    return all(
        there[name].dtype == value.dtype and torch.equal(there[name], value.cpu())
        for name, value in net.state_dict().items()
    )
