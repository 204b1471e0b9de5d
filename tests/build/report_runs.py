"""Folders of studies and runs, as reports read them."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import torch

from build.graded import noisy_filter
from relubloom import atomic, reading
from relubloom.code import Code, GradedCode, random_constant_weight, random_graded
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import write_record
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import CODE, Origin, write_network, write_training
from relubloom.records.study import RandomCodeFigures, StudyRecord
from relubloom.report.page import write_report
from relubloom.study.steps import row_of, write_evidence
from relubloom.task import KSparseTask
from relubloom.training import Recipe

TASK = KSparseTask(16, 2)


VOID = {"meta", "br", "img", "link", "hr", "input", "path", "use", "rect", "image"}


def noisy(code: Code, seed: int) -> ReluNet:
    """A network near the exact one of `code`, as training would leave it."""
    exact = construct(code, 12.0)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(exact.W_in.shape, generator=generator) * 0.05
    return ReluNet(exact.W_in.detach() + noise, exact.b_in, exact.W_out, exact.b_out)


def graded_run(folder: Path) -> GradedCode:
    """A run with half bits, not examined; its code, which leaves false positives on sets of 3."""
    task, code = KSparseTask(64, 3), random_graded(64, 24, 3, 3)
    write_network(folder, noisy_filter(code, 0), Origin(task, 0), default_labels(64))
    code.save(folder / CODE)
    return code


def history(steps: int = 10, second: str = "mse") -> list[dict[str, object]]:
    return [
        {
            "step": step,
            "objective": "kl" if step <= steps // 2 and second != "mse" else "mse",
            "learning_rate": 0.01,
            "loss": 1.0 / step,
        }
        for step in range(1, steps + 1)
    ]


def trained_run(
    folder: Path,
    seed: int = 0,
    task: KSparseTask = TASK,
    width: int = 12,
    labels: tuple[str, ...] | None = None,
    draw: int | None = None,
) -> None:
    net = noisy(random_constant_weight(task.vocab_size, width, 3, seed), seed)
    recipe = Recipe(objective="kl-then-mse", steps=10, polish_share=0.5)
    names = labels or default_labels(task.vocab_size)
    write_network(folder, net, Origin(task, seed, recipe=recipe), names)
    film = torch.randn((2, *net.W_in.shape), generator=torch.Generator().manual_seed(seed))
    write_training(folder, history(second="both"), film, [0, 10])
    write_evidence(folder, gather_evidence(net, task.evaluation_sets(draw)))


def constructed_run(folder: Path, task: KSparseTask = TASK, width: int = 12) -> None:
    net = construct(random_constant_weight(task.vocab_size, width, 3, 5), 20.0)
    built = {"family": "constant-weight", "weight": 3, "code_seed": 5, "sharpness": 20.0}
    labels = default_labels(task.vocab_size)
    write_network(folder, net, Origin(task, 5, construction=built), labels)
    draw = None if task.vocab_size < 100 else 300
    write_evidence(folder, gather_evidence(net, task.evaluation_sets(draw)))


def study(folder: Path, seeds: int = 3, task: KSparseTask = TASK, width: int = 12) -> None:
    draw = None if task.vocab_size < 100 else 300
    for seed in range(seeds):
        trained_run(folder / f"seed-{seed}", seed, task, width, draw=draw)
    constructed_run(folder / "constructed", task, width)
    rows = [row_of(folder / f"seed-{seed}", seed) for seed in range(seeds)]
    record = StudyRecord(
        relubloom_version="0.0",
        command="relubloom study --out <here>",
        configuration={"task": task.describe(), "width": width, "seeds": list(range(seeds))},
        runs=[replace(row, dir="/moved/away") for row in rows],
        best_random_code=RandomCodeFigures(weight=3, mse=0.0123, kl=0.0456, p_exact=0.789),
        verdict=rows[0].verdict,
        report="/moved/away/report.html",
    )
    write_record(folder, record)


def edited(folder: Path, name: str, **changes: object) -> None:
    found = reading.read_json(folder / name)
    atomic.write_json(folder / name, found | changes)


def page(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def unscripted(html: str) -> str:
    """The page without its styles, scripts and their data."""
    return re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)


def words(html: str) -> str:
    """The text of a page with its white space made single."""
    text = re.sub(r"<svg.*?</svg>", "", unscripted(html), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", " ", text).replace("\u00a0", " ")
    return re.sub(r"\s+", " ", text)


class Balance(HTMLParser):
    """Collects ids, and checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
