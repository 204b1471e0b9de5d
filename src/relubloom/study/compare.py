"""Two run folders side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from relubloom.errors import UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import read_config
from relubloom.progress import Watch, unwatched
from relubloom.reading import sha256_of
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.files import as_json, read_record
from relubloom.records.folder_task import read_task, said_task
from relubloom.records.interventions import Interventions
from relubloom.records.labels import given_labels
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.run_folder import TOKENS, described_task, imported_from
from relubloom.records.study import RunRow
from relubloom.study.agreement import measure_agreement
from relubloom.task import KSparseTask

KINDS: tuple[type, ...] = (Behaviour, Mechanism, Interventions, Ladder, Certificate)
NOT_COMPARED = ("dir", "seed", "task", "recipe", "construction", "imported")


@dataclass(frozen=True)
class Figure:
    """A number of a comparison: its keys there, its words and its format.

    Its file is `file`.json, where it has the same keys, and the first of them in a comparison;
    but a figure of a row of study.json (`in_row`) stands at the top level.
    """

    file: str
    path: tuple[str, ...]
    title: str
    form: str
    in_row: bool = False

    @property
    def place(self) -> tuple[str, ...]:
        """Its keys in a comparison."""
        return self.path if self.in_row else (self.file, *self.path)


def _listed(file: str, *lines: tuple[str, str, str]) -> list[Figure]:
    paths = [tuple(keys.split(".")) for keys, _, _ in lines]
    return [
        Figure(file, path, title, form, path[0] in IN_ROW)
        for path, (_, title, form) in zip(paths, lines, strict=True)
    ]


IN_ROW = {field.name for field in fields(RunRow)}
FIGURES = sorted(
    [
        *_listed("mechanism", ("verdict", "verdict", ""), ("reading", "reading", "")),
        *_listed(
            "behaviour",
            ("mse", "mse", ".6f"),
            ("kl", "kl", ".6f"),
            ("p_exact", "exact sets", ".4%"),
            ("ranking_failures", "ranking failures", ".3%"),
            ("loss_failures", "loss failures", ".3%"),
            ("miss_share", "sets with a miss", ".3%"),
            ("false_positive_share", "sets with a false positive", ".3%"),
            ("false_positives.network_mean", "false positives per set", ".4f"),
            ("false_positives.code_mean", "false positives, of its hash", ".4f"),
            ("false_positives.correlation", "these two, correlation", ".3f"),
            ("repeated_token.same_calls", "repeated token, same calls", ".2%"),
            ("growth.kept_members", "added token, members kept", ".2%"),
            ("growth.kept_false_positives", "added token, false positives kept", ".2%"),
            ("member_mass.mean", "mass on members", ".4f"),
            ("member_mass.uniformity.mean", "uniformity of members", ".4f"),
            ("confusion.correlation", "confusions against hash", ".3f"),
        ),
        *_listed(
            "mechanism",
            ("mode_gap", "mode gap", ".2f"),
            ("two_valued", "two exact values", ""),
            ("near_threshold", "entries near threshold", ".2%"),
            ("bits_per_token.mean", "bits per token", ".2f"),
            ("bits_per_token.sd", "bits per token, sd", ".2f"),
            ("unit_agreement", "units agree with union", ".2%"),
            ("extracted.mse", "mse of its hash", ".6f"),
            ("extracted.kl", "kl of its hash", ".6f"),
            ("extracted.p_exact", "exact sets of its hash", ".4%"),
            ("extracted.loss_failure_f1", "loss failures predicted, F1", ".3f"),
            ("units_off", "units off", ".2%"),
            ("hash_false_positives", "false positives per set, of its hash", ".4f"),
            ("random_code_false_positives", "false positives, best random code", ".4f"),
            ("code_failure_share", "sets where the hash fails", ".2%"),
            ("failures_explained", "ranking failures where the hash fails", ".2%"),
            ("failures_explained_by_loss", "loss failures where the hash fails", ".2%"),
            ("hash_weight.variance_ratio", "hash weight, variance to binomial", ".3f"),
            ("overlaps.sd_ratio", "overlaps, sd to random", ".3f"),
            ("unit_and_union.covered_on", "covered and on", ".3%"),
            ("unit_and_union.uncovered_off", "not covered and off", ".3%"),
            ("readout.r2", "logit on missing bits, R2", ".4f"),
            ("readout.slope", "logit per missing bit", ".3f"),
            ("readout.W_out.correlation", "W_out against hash", ".3f"),
            ("constant_units", "constant units", "d"),
            ("strengths.levels", "strengths of bits", "d"),
            ("strengths.half_share", "half bits", ".1%"),
            ("strengths.state_agreement", "units agree with states", ".2%"),
            ("strengths.extracted.mse", "mse of its graded hash", ".6f"),
            ("strengths.extracted.loss_failure_f1", "loss failures by graded hash, F1", ".3f"),
            ("strengths.called_precision", "wrong calls by graded hash, precision", ".3f"),
            ("strengths.called_recall", "wrong calls by graded hash, recall", ".3f"),
        ),
        *_listed("certificate", ("exact_sets", "exact sets, certified", ",d")),
    ],
    key=lambda figure: not figure.in_row,  # those of a row first
)


def compare_runs(
    first: Path,
    second: Path,
    *,
    set_size: int | tuple[int, int] | None = None,
    sets: Path | None = None,
    tokens: Path | None = None,
    skip_bad: bool = False,
    threads: int = 1,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """Compare the networks of two run folders, a and b; nothing is written.

    Returns {"a", "b": `read_figures` of each, "differences": b - a of every number that
    both have (null elsewhere), "agreement"}. The agreement is null where the vocabularies differ;
    else it holds the keys of `Likeness` and "task" (whose sets they are: the first folder's that
    says its sizes), "task_of" (those of "a", "b" that were made for that task) and "same_tokens"
    (whether their tokens have the same labels in the same order, or neither has any). `set_size`,
    `sets`, `tokens` and `skip_bad` are those of `folder_task.read_task`; `sets` is read as by the
    folder that was made from that file, and `tokens` names the tokens of both.

    Raises:
        UsageError: the vocabularies are the same and no set_size is said anywhere; or they differ,
            and something is said of the sets.
        FileError: a folder is no run folder, or a file is damaged or gone.
    """
    nets = ReluNet.from_pretrained(first), ReluNet.from_pretrained(second)
    shared: KSparseTask | None = None
    if nets[0].vocab_size == nets[1].vocab_size:
        folder = _whose_sets((first, second), sets)
        net = nets[0 if folder == first else 1]
        shared = read_task(folder, net, set_size, sets, tokens=tokens, skip_bad=skip_bad)
    elif skip_bad or set_size is not None or sets is not None or tokens is not None:
        raise UsageError(
            f"the networks have {nets[0].vocab_size:,} and {nets[1].vocab_size:,} tokens: no set "
            "can be given to both; leave out --set-size, --sets and --tokens"
        )
    a, b = read_figures(first), read_figures(second)
    for found, net in ((a, nets[0]), (b, nets[1])):
        found["network"] = {"vocab_size": net.vocab_size, "width": net.width}
    compared: list[Any] = [
        {key: value for key, value in found.items() if key not in NOT_COMPARED} for found in (a, b)
    ]
    return {
        "a": a,
        "b": b,
        "differences": difference(*compared),
        "agreement": None
        if shared is None
        else _agreement((first, second), nets, shared, tokens, threads, watch),
    }


def difference(a: Any, b: Any) -> Any:
    """b - a of every number in nested objects of the same shape; null where one is no number."""
    if isinstance(a, dict) or isinstance(b, dict):
        inside_a: dict[str, Any] = a if isinstance(a, dict) else {}
        inside_b: dict[str, Any] = b if isinstance(b, dict) else {}
        keys = [*inside_a, *(key for key in inside_b if key not in inside_a)]
        return {key: difference(inside_a.get(key), inside_b.get(key)) for key in keys}
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b))
    return b - a if numbers else None


def read_figures(folder: Path) -> dict[str, Any]:
    """What a run folder's files say; null for what does not stand there.

    Keys: `dir`, `seed`, `task`, `recipe`, `construction`, `network`; `imported` as in
    `certificate.json`; the figures of a row of `study.json`; `behaviour`, `mechanism`,
    `certificate` with the further figures of `FIGURES`, by their keys in the file; `interventions`
    (by name: f1, exact_match, control_f1, explained_f1) and `ladder` (by name of each explanation:
    bits, mse, log_gap_closed, loss_failures_f1, ranking_failures_f1). Each of these five is null
    where the file is absent.

    Raises:
        FileError: `config.json` is missing, or a file is damaged.
    """
    config = read_config(folder)
    records = {kind: read_record(folder, kind) for kind in KINDS}
    files = {
        kind.__name__.lower(): None if record is None else as_json(record)
        for kind, record in records.items()
    }
    origin = ("seed", "task", "recipe", "construction", "network")
    found: dict[str, Any] = {"dir": str(folder)} | {name: config.get(name) for name in origin}
    imported = imported_from(folder)
    found["imported"] = None if imported is None else asdict(imported)
    found |= {name: None if file is None else {} for name, file in files.items()}
    for figure in FIGURES:
        if figure.in_row or found[figure.file] is not None:
            _put(found, figure.place, value_at(files[figure.file], figure.path))
    if (interventions := records[Interventions]) is not None:
        found["interventions"] = _interventions(interventions)
    if (ladder := records[Ladder]) is not None:
        found["ladder"] = _explanations(ladder)
    return found


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    """The value at nested keys; None where one is missing."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _agreement(
    folders: tuple[Path, Path],
    nets: tuple[ReluNet, ReluNet],
    task: KSparseTask,
    tokens: Path | None,
    threads: int,
    watch: Watch,
) -> dict[str, Any]:
    found = measure_agreement(
        *nets,
        task.evaluation_sets(),
        threads,
        lambda done, total: watch("comparing", done, total, ""),
    )
    labels = [given_labels(folder, nets[0].vocab_size) for folder in folders]
    return {
        "task": task.describe(),
        "task_of": [
            name for name, folder in zip("ab", folders, strict=True) if _is_task_of(task, folder)
        ],
        "same_tokens": tokens is not None or labels[0] == labels[1],
    } | asdict(found)


def _whose_sets(folders: tuple[Path, Path], sets: Path | None) -> Path:
    """The folder by which the sets are read: that of the file, else one that says most of it."""
    digest = None if sets is None else sha256_of(sets)

    def says(folder: Path) -> tuple[bool, bool]:
        of_the_file = digest is not None and described_task(folder).get("sha256") == digest
        named = (folder / TOKENS).exists()
        return of_the_file, named if sets else said_task(folder).get("set_size") is not None

    return max(folders, key=says)


def _is_task_of(task: KSparseTask, folder: Path) -> bool:
    """Whether the folder was made for this task; where its sets file lay does not matter."""
    ours, theirs = task.describe(), described_task(folder)
    return {**ours, "sets": None} == {**theirs, "sets": None}


def _put(inside: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        inside = inside.setdefault(key, {})
    inside[path[-1]] = value


def _interventions(record: Interventions) -> dict[str, Any]:
    return {
        each.name: {
            "f1": each.f1,
            "exact_match": each.exact_match,
            "control_f1": each.control.f1,
            "explained_f1": None if each.explained is None else each.explained.f1,
        }
        for each in record.interventions
    }


def _explanations(record: Ladder) -> dict[str, Any]:
    return {
        rung.name: {
            "bits": rung.bits,
            "mse": rung.mse,
            "log_gap_closed": rung.log_gap_closed,
            "loss_failures_f1": rung.loss_failures.f1,
            "ranking_failures_f1": rung.ranking_failures.f1,
        }
        for rung in record.rungs
        if rung.kind == "explanation"
    }
